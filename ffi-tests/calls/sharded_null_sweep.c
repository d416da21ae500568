/* Is every pointer argument of the functions of sharded logs checked? Each line passes one NULL. */
#include "sharded.h"

#define REFUSED(call) EXPECT(IRONWAL_E_INVALID_ARG, call)

static size_t never_called(uintptr_t ctx, uint64_t number, uint8_t *buffer, size_t capacity) {
    (void)ctx, (void)number, (void)buffer, (void)capacity;
    return 0;
}

static void options_and_opening(void) {
    ironwal_options *options = options_for("other");
    ironwal_sharded_options *sharded_options = shards(2);
    ironwal_sharded *sharded = (ironwal_sharded *)&sharded;
    uint32_t shard = 7;
    REFUSED(ironwal_sharded_options_new(2, NULL, &error));
    REFUSED(ironwal_sharded_options_set_checkpoint_every_entries(NULL, 1, &error));
    REFUSED(ironwal_sharded_options_set_checkpoint_interval(NULL, 1, &error));
    REFUSED(ironwal_sharded_options_set_checkpoint_prefix(NULL, TEXT("p"), &error));
    REFUSED(ironwal_sharded_options_set_checkpoint_prefix(sharded_options, NULL, 1, &error));
    REFUSED(ironwal_sharded_options_set_checkpoint_ids(NULL, never_called, 0, &error));
    REFUSED(ironwal_sharded_options_set_checkpoint_ids(sharded_options, NULL, 0, &error));
    REFUSED(ironwal_sharded_options_set_retention(NULL, 1, &error));
    REFUSED(ironwal_sharded_route(NULL, 1, 2, &shard, &error));
    REFUSED(ironwal_sharded_route(TEXT("k"), 2, NULL, &error));
    REFUSED(ironwal_sharded_open(NULL, sharded_options, &sharded, &error));
    CHECK(sharded == NULL);
    REFUSED(ironwal_sharded_open(options, NULL, &sharded, &error));
    REFUSED(ironwal_sharded_open(options, sharded_options, NULL, &error));
    REFUSED(ironwal_sharded_open((ironwal_options *)sharded_options, sharded_options, &sharded,
                                 &error));
    sharded = (ironwal_sharded *)&sharded;
    REFUSED(ironwal_sharded_open_read_only(NULL, 2, &sharded, &error));
    CHECK(sharded == NULL);
    REFUSED(ironwal_sharded_open_read_only(options, 2, NULL, &error));
    REFUSED(ironwal_sharded_open_read_only((ironwal_options *)sharded_options, 2, &sharded, &error));
    CHECK(ironwal_sharded_open_read_only(NULL, 2, NULL, NULL) == IRONWAL_E_INVALID_ARG);
    REFUSED(ironwal_sharded_refresh(NULL, &error));
    REFUSED(ironwal_sharded_close(NULL, &error));
    CHECK(ironwal_sharded_open(NULL, NULL, NULL, NULL) == IRONWAL_E_INVALID_ARG);
    ironwal_sharded_options_free(sharded_options);
    ironwal_options_free(options);
}

static void calls(ironwal_sharded *sharded) {
    uint32_t number = 7;
    uint64_t id = 7;
    size_t count = 7;
    ironwal_wal *wal = (ironwal_wal *)&wal;
    ironwal_iter *iter = (ironwal_iter *)&iter;
    ironwal_checkpoint *checkpoint = (ironwal_checkpoint *)&checkpoint;
    ironwal_checkpoint_list *list = (ironwal_checkpoint_list *)&list;
    ironwal_slice bad = slice_of(NULL, 1);
    ironwal_keyed_slice bad_key, bad_value;
    bad_key.key = bad_value.value = bad;
    bad_key.value = bad_value.key = slice_of("x", 1);

    REFUSED(ironwal_sharded_shard_count(NULL, &number, &error));
    REFUSED(ironwal_sharded_shard_count(sharded, NULL, &error));
    REFUSED(ironwal_sharded_wal(NULL, &wal, &error));
    CHECK(wal == NULL);
    REFUSED(ironwal_sharded_wal(sharded, NULL, &error));
    REFUSED(ironwal_sharded_append(NULL, TEXT("k"), TEXT("x"), &number, &id, &error));
    REFUSED(ironwal_sharded_append(sharded, NULL, 1, TEXT("x"), &number, &id, &error));
    REFUSED(ironwal_sharded_append(sharded, TEXT("k"), NULL, 1, &number, &id, &error));
    OK(ironwal_sharded_append(sharded, NULL, 0, NULL, 0, NULL, NULL, &error));
    REFUSED(ironwal_sharded_append_batch(NULL, NULL, 0, NULL, NULL, &error));
    REFUSED(ironwal_sharded_append_batch(sharded, NULL, 1, NULL, NULL, &error));
    REFUSED(ironwal_sharded_append_batch(sharded, &bad_key, 1, &number, &id, &error));
    REFUSED(ironwal_sharded_append_batch(sharded, &bad_value, 1, &number, &id, &error));
    REFUSED(ironwal_sharded_append_batch_atomic(NULL, NULL, 0, NULL, NULL, &error));
    REFUSED(ironwal_sharded_append_batch_atomic(sharded, NULL, 1, NULL, NULL, &error));
    REFUSED(ironwal_sharded_append_batch_atomic(sharded, &bad_key, 1, &number, &id, &error));
    REFUSED(ironwal_sharded_append_batch_atomic(sharded, &bad_value, 1, &number, &id, &error));
    OK(ironwal_sharded_append_batch_atomic(sharded, NULL, 0, NULL, NULL, &error));
    REFUSED(ironwal_sharded_append_batch_for_key(NULL, TEXT("k"), NULL, 0, &number, &id, &id,
                                                 &error));
    REFUSED(ironwal_sharded_append_batch_for_key(sharded, NULL, 1, NULL, 0, &number, &id, &id,
                                                 &error));
    REFUSED(ironwal_sharded_append_batch_for_key(sharded, TEXT("k"), NULL, 1, &number, &id, &id,
                                                 &error));
    REFUSED(ironwal_sharded_append_batch_for_key(sharded, TEXT("k"), &bad, 1, &number, &id, &id,
                                                 &error));
    REFUSED(ironwal_sharded_iter_shard(NULL, 0, 0, &iter, &error));
    CHECK(iter == NULL);
    REFUSED(ironwal_sharded_iter_shard(sharded, 0, 0, NULL, &error));
    REFUSED(ironwal_sharded_flush_shard(NULL, 0, &error));
    REFUSED(ironwal_sharded_flush_all(NULL, &error));

    REFUSED(ironwal_sharded_create_checkpoint(NULL, TEXT("c"), &error));
    REFUSED(ironwal_sharded_create_checkpoint(sharded, NULL, 1, &error));
    REFUSED(ironwal_sharded_load_checkpoint(NULL, TEXT("c"), &checkpoint, &error));
    CHECK(checkpoint == NULL);
    REFUSED(ironwal_sharded_load_checkpoint(sharded, NULL, 1, &checkpoint, &error));
    REFUSED(ironwal_sharded_load_checkpoint(sharded, TEXT("c"), NULL, &error));
    REFUSED(ironwal_sharded_load_latest_checkpoint(NULL, &checkpoint, &error));
    REFUSED(ironwal_sharded_load_latest_checkpoint(sharded, NULL, &error));
    REFUSED(ironwal_sharded_checkpoint_count(NULL, &count, &error));
    REFUSED(ironwal_sharded_checkpoint_count(sharded, NULL, &error));
    REFUSED(ironwal_sharded_list_checkpoints(NULL, &list, &error));
    CHECK(list == NULL);
    REFUSED(ironwal_sharded_list_checkpoints(sharded, NULL, &error));
    REFUSED(ironwal_sharded_prune_before_checkpoint(NULL, TEXT("c"), NULL, 0, &error));
    REFUSED(ironwal_sharded_prune_before_checkpoint(sharded, NULL, 1, NULL, 0, &error));
    REFUSED(ironwal_sharded_rollback_to_checkpoint(NULL, TEXT("c"), &error));
    REFUSED(ironwal_sharded_rollback_to_checkpoint(sharded, NULL, 1, &error));
    REFUSED(ironwal_sharded_compact_checkpoints(NULL, 0, NULL, 0, &error));
    REFUSED(ironwal_sharded_automatic_status(NULL, NULL, 0, NULL, &error));
    CHECK(number == 7 && id == 7 && count == 7);
}

static void checkpoints(ironwal_sharded *sharded) {
    ironwal_checkpoint *checkpoint = NULL;
    ironwal_checkpoint_list *list = NULL;
    ironwal_view view;
    uint64_t id = 7;
    OK(ironwal_sharded_create_checkpoint(sharded, TEXT("c"), &error));
    OK(ironwal_sharded_load_latest_checkpoint(sharded, &checkpoint, &error));
    OK(ironwal_sharded_list_checkpoints(sharded, &list, &error));
    REFUSED(ironwal_checkpoint_offset(NULL, 0, &id, &error));
    REFUSED(ironwal_checkpoint_offset(checkpoint, 0, NULL, &error));
    REFUSED(ironwal_checkpoint_list_get(NULL, 0, &view, NULL, &error));
    CHECK(view.data == NULL && view.len == 0);
    REFUSED(ironwal_checkpoint_list_get(list, 0, NULL, NULL, &error));
    REFUSED(ironwal_checkpoint_list_get(list, 1, &view, NULL, &error));
    OK(ironwal_checkpoint_list_get(list, 0, &view, NULL, &error));
    CHECK(view_is(ironwal_checkpoint_id(NULL), NULL, 0));
    CHECK(ironwal_checkpoint_timestamp_ns(NULL) == 0);
    CHECK(ironwal_checkpoint_shard_count(NULL) == 0);
    CHECK(ironwal_checkpoint_list_count(NULL) == 0);
    CHECK(ironwal_error_committed_count(NULL) == 0);
    CHECK(!ironwal_error_committed_part(NULL, 0, NULL, NULL, NULL));
    ironwal_checkpoint_free(checkpoint);
    ironwal_checkpoint_list_free(list);
}

int main(void) {
    enter_directory();
    options_and_opening();
    ironwal_sharded *sharded = open_sharded("log", 2);
    calls(sharded);
    checkpoints(sharded);
    OK(ironwal_sharded_close(sharded, &error));
    ironwal_sharded_options_free(NULL);
    ironwal_sharded_free(NULL);
    ironwal_checkpoint_free(NULL);
    ironwal_checkpoint_list_free(NULL);
    return 0;
}
