/* Does everything that must fail on a sharded log fail, with its own status? */
#include "sharded.h"

static ironwal_checkpoint *checkpoint;

static void counts_of_shards(void) {
    ironwal_sharded_options *options = (ironwal_sharded_options *)&options;
    uint32_t shard = 7;
    const uint32_t bad[] = {0, 65536, 65537, UINT32_MAX};
    for (size_t at = 0; at < sizeof bad / sizeof *bad; at++) {
        EXPECT(IRONWAL_E_CONFIG, ironwal_sharded_options_new(bad[at], &options, &error));
        CHECK(options == NULL);
        EXPECT(IRONWAL_E_CONFIG, ironwal_sharded_route(TEXT("k"), bad[at], &shard, &error));
        CHECK(shard == 7);
    }
    OK(ironwal_sharded_route(TEXT("k"), 65535, &shard, &error));
    OK(ironwal_sharded_options_new(65535, &options, &error));
    ironwal_sharded_options_free(options);

    /* Another count, before any append and any checkpoint. */
    OK(ironwal_sharded_close(open_sharded("count", 4), &error));
    ironwal_options *wal_options = options_for("count");
    ironwal_sharded *sharded = (ironwal_sharded *)&sharded;
    options = shards(5);
    EXPECT(IRONWAL_E_SHARD_COUNT_MISMATCH,
           ironwal_sharded_open(wal_options, options, &sharded, &error));
    CHECK(sharded == NULL);
    ironwal_sharded_options_free(options);
    options = shards(4);
    OK(ironwal_sharded_open(wal_options, options, &sharded, &error));
    ironwal_sharded *second = NULL;
    EXPECT(IRONWAL_E_LOCKED, ironwal_sharded_open(wal_options, options, &second, &error));
    OK(ironwal_sharded_close(sharded, &error));
    ironwal_sharded_options_free(options);
    ironwal_options_free(wal_options);
}

static void shards_out_of_range(void) {
    ironwal_sharded *sharded = open_sharded("range", 4);
    const uint32_t bad[] = {4, 65535, 65536, UINT32_MAX};
    OK(ironwal_sharded_create_checkpoint(sharded, TEXT("c"), &error));
    OK(ironwal_sharded_load_latest_checkpoint(sharded, &checkpoint, &error));
    for (size_t at = 0; at < sizeof bad / sizeof *bad; at++) {
        ironwal_iter *iter = (ironwal_iter *)&iter;
        uint64_t offset = 7;
        EXPECT(IRONWAL_E_CONFIG, ironwal_sharded_flush_shard(sharded, bad[at], &error));
        EXPECT(IRONWAL_E_CONFIG,
               ironwal_sharded_iter_shard(sharded, bad[at], 0, &iter, &error));
        EXPECT(IRONWAL_E_CONFIG,
               ironwal_checkpoint_offset(checkpoint, bad[at], &offset, &error));
        CHECK(iter == NULL && offset == 7);
    }
    ironwal_checkpoint_free(checkpoint);
    OK(ironwal_sharded_close(sharded, &error));
}

static void ids_of_checkpoints(void) {
    static char longest[65536];
    memset(longest, 'i', sizeof longest);
    ironwal_sharded *sharded = open_sharded("ids", 4);
    EXPECT(IRONWAL_E_NO_CHECKPOINTS,
           ironwal_sharded_load_latest_checkpoint(sharded, &checkpoint, &error));
    const size_t bad[] = {0, sizeof longest};
    for (size_t at = 0; at < 2; at++) {
        checkpoint = (ironwal_checkpoint *)&checkpoint;
        EXPECT(IRONWAL_E_INVALID_CHECKPOINT_ID,
               ironwal_sharded_create_checkpoint(sharded, longest, bad[at], &error));
        EXPECT(IRONWAL_E_INVALID_CHECKPOINT_ID,
               ironwal_sharded_load_checkpoint(sharded, longest, bad[at], &checkpoint, &error));
        CHECK(checkpoint == NULL);
        EXPECT(IRONWAL_E_INVALID_CHECKPOINT_ID,
               ironwal_sharded_prune_before_checkpoint(sharded, longest, bad[at], NULL, 0, &error));
    }
    OK(ironwal_sharded_create_checkpoint(sharded, longest, IRONWAL_CHECKPOINT_ID_MAX, &error));
    OK(ironwal_sharded_load_checkpoint(sharded, longest, IRONWAL_CHECKPOINT_ID_MAX, &checkpoint,
                                       &error));
    CHECK(view_is(ironwal_checkpoint_id(checkpoint), longest, 65535));
    ironwal_checkpoint_free(checkpoint);
    EXPECT(IRONWAL_E_CHECKPOINT_NOT_FOUND,
           ironwal_sharded_load_checkpoint(sharded, TEXT("unknown"), &checkpoint, &error));
    EXPECT(IRONWAL_E_CHECKPOINT_NOT_FOUND,
           ironwal_sharded_prune_before_checkpoint(sharded, TEXT("unknown"), NULL, 0, &error));

    ironwal_prune_stats pruned;
    ironwal_compaction_stats compacted;
    ironwal_automatic_status automatic;
    EXPECT(IRONWAL_E_INVALID_ARG,
           ironwal_sharded_prune_before_checkpoint(sharded, TEXT("x"), &pruned, 15, &error));
    EXPECT(IRONWAL_E_INVALID_ARG,
           ironwal_sharded_compact_checkpoints(sharded, 0, &compacted, 0, &error));
    CHECK(checkpoints_of(sharded) == 1);
    EXPECT(IRONWAL_E_INVALID_ARG,
           ironwal_sharded_automatic_status(sharded, &automatic, 8, NULL, &error));
    EXPECT(IRONWAL_E_NOT_FOUND, ironwal_sharded_automatic_status(sharded, &automatic,
                                                                 sizeof automatic, NULL, &error));
    OK(ironwal_sharded_close(sharded, &error));
}

static void pruned_checkpoints(void) {
    ironwal_sharded *sharded = open_sharded_with(short_segments("pruned"), shards(1));
    for (int round = 0; round < 3; round++) {
        char id = (char)('a' + round);
        OK(ironwal_sharded_append(sharded, TEXT("k"), TEXT("x"), NULL, NULL, &error));
        OK(ironwal_sharded_create_checkpoint(sharded, &id, 1, &error));
    }
    OK(ironwal_sharded_prune_before_checkpoint(sharded, TEXT("b"), NULL, 0, &error));
    for (int opened = 0; opened < 2; opened++) {
        EXPECT(IRONWAL_E_CHECKPOINT_PRUNED,
               ironwal_sharded_load_checkpoint(sharded, TEXT("a"), &checkpoint, &error));
        EXPECT(IRONWAL_E_CHECKPOINT_PRUNED,
               ironwal_sharded_prune_before_checkpoint(sharded, TEXT("a"), NULL, 0, &error));
        OK(ironwal_sharded_close(sharded, &error));
        sharded = open_sharded_with(short_segments("pruned"), shards(1));
    }
    /* Truncated past a checkpoint behind the sharded log's back. */
    ironwal_wal *wal = NULL;
    OK(ironwal_sharded_append(sharded, TEXT("k"), TEXT("x"), NULL, NULL, &error));
    OK(ironwal_sharded_wal(sharded, &wal, &error));
    OK(ironwal_truncate(wal, TEXT("shard_00"), 3, NULL, &error));
    EXPECT(IRONWAL_E_CHECKPOINT_PRUNED,
           ironwal_sharded_load_checkpoint(sharded, TEXT("b"), &checkpoint, &error));
    ironwal_wal_free(wal);
    OK(ironwal_sharded_close(sharded, &error));
}

/* A shard's stream is deleted behind the sharded log's back: its shard fails, the others work. */
static void deleted_shards(void) {
    ironwal_sharded *sharded = open_sharded("deleted", 3);
    uint32_t keys[3] = {key_of(0, 3), key_of(1, 3), key_of(2, 3)};
    ironwal_keyed_slice batch[3];
    for (uint32_t shard = 0; shard < 3; shard++) {
        batch[shard].key = slice_of(&keys[shard], 4);
        batch[shard].value = slice_of("x", 1);
    }
    OK(ironwal_sharded_append_batch(sharded, batch, 3, NULL, NULL, &error));
    OK(ironwal_sharded_create_checkpoint(sharded, TEXT("c"), &error));
    ironwal_wal *wal = NULL;
    ironwal_iter *iter = NULL;
    OK(ironwal_sharded_wal(sharded, &wal, &error));
    OK(ironwal_delete_stream(wal, TEXT("shard_01"), &error));
    EXPECT(IRONWAL_E_STREAM_NOT_FOUND,
           ironwal_sharded_append(sharded, &keys[1], 4, TEXT("x"), NULL, NULL, &error));
    EXPECT(IRONWAL_E_STREAM_NOT_FOUND, ironwal_sharded_iter_shard(sharded, 1, 0, &iter, &error));
    EXPECT(IRONWAL_E_STREAM_NOT_FOUND, ironwal_sharded_flush_shard(sharded, 1, &error));
    EXPECT(IRONWAL_E_STREAM_NOT_FOUND, ironwal_sharded_flush_all(sharded, &error));
    EXPECT(IRONWAL_E_STREAM_NOT_FOUND,
           ironwal_sharded_create_checkpoint(sharded, TEXT("d"), &error));
    OK(ironwal_sharded_append(sharded, &keys[0], 4, TEXT("x"), NULL, NULL, &error));
    CHECK(checkpoints_of(sharded) == 1);

    /* A batch over all three says which shards have it. */
    uint32_t shards_of[3] = {7, 7, 7}, shard = 7;
    uint64_t ids[3] = {7, 7, 7}, first_id = 7, end_id = 7;
    ironwal_status status =
        ironwal_sharded_append_batch(sharded, batch, 3, shards_of, ids, &error);
    CHECK(status == IRONWAL_E_BATCH_INCOMPLETE && ironwal_error_status(error) == status);
    CHECK(shards_of[0] == 7 && ids[0] == 7);
    CHECK(ironwal_error_committed_count(error) == 1);
    CHECK(ironwal_error_committed_part(error, 0, &shard, &first_id, &end_id));
    CHECK(shard == 0 && first_id == 2 && end_id == 3);
    CHECK(ironwal_error_committed_part(error, 0, NULL, NULL, NULL));
    CHECK(!ironwal_error_committed_part(error, 1, &shard, NULL, NULL));
    ironwal_error_free(error);
    error = NULL;
    ironwal_wal_free(wal);
    OK(ironwal_sharded_close(sharded, &error));

    /* From the next opening on: a checkpoint counts on what the shard has not. */
    sharded = open_sharded("deleted", 3);
    EXPECT(IRONWAL_E_CORRUPT,
           ironwal_sharded_append(sharded, &keys[1], 4, TEXT("x"), NULL, NULL, &error));
    EXPECT(IRONWAL_E_CORRUPT, ironwal_sharded_iter_shard(sharded, 1, 0, &iter, &error));
    OK(ironwal_sharded_append(sharded, &keys[2], 4, TEXT("x"), NULL, NULL, &error));
    OK(ironwal_sharded_close(sharded, &error));
    ironwal_options *options = options_for("deleted");
    OK(ironwal_options_set_on_corruption(options, IRONWAL_CORRUPTION_ERROR, &error));
    ironwal_sharded_options *three = shards(3);
    EXPECT(IRONWAL_E_CORRUPT, ironwal_sharded_open(options, three, &sharded, &error));
    ironwal_sharded_options_free(three);
    ironwal_options_free(options);
}

static void flip_a_byte(const char *path, long at) {
    FILE *file = fopen(path, "r+b");
    CHECK(file && fseek(file, at, SEEK_SET) == 0);
    int byte = fgetc(file);
    CHECK(byte != EOF && fseek(file, at, SEEK_SET) == 0);
    CHECK(fputc(byte ^ 1, file) != EOF && fclose(file) == 0);
}

static void damaged_files(void) {
    ironwal_sharded *sharded = open_sharded("damaged", 2);
    OK(ironwal_sharded_create_checkpoint(sharded, TEXT("c"), &error));
    OK(ironwal_sharded_close(sharded, &error));
    /* The last byte of the only record: 1,536 of header area, a frame header, the record. */
    char path[600];
    struct stat status;
    snprintf(path, sizeof path, "%s/checkpoints.log", path_of("damaged"));
    CHECK(stat(path, &status) == 0);
    flip_a_byte(path, (long)status.st_size - 1);
    sharded = open_sharded("damaged", 2);
    EXPECT(IRONWAL_E_CHECKPOINT_CORRUPTED,
           ironwal_sharded_load_latest_checkpoint(sharded, &checkpoint, &error));
    OK(ironwal_sharded_close(sharded, &error));

    snprintf(path, sizeof path, "%s/shards.meta", path_of("damaged"));
    flip_a_byte(path, 20);
    ironwal_options *options = options_for("damaged");
    ironwal_sharded_options *two = shards(2);
    EXPECT(IRONWAL_E_CORRUPT, ironwal_sharded_open(options, two, &sharded, &error));
    ironwal_sharded_options_free(two);
    ironwal_options_free(options);
}

int main(void) {
    enter_directory();
    counts_of_shards();
    shards_out_of_range();
    ids_of_checkpoints();
    pruned_checkpoints();
    deleted_shards();
    damaged_files();
    return 0;
}
