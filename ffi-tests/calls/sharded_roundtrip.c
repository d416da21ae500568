/* Does a sharded log give back what went in, shard by shard, and its checkpoints with their
 * offsets, after reopening too? */
#include "sharded.h"

static void keys_are_routed_as_published(void) {
    static const unsigned char ones[33] = {
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    static const unsigned char zeros[8] = {0};
    /* The table of docs/FORMAT.md, "Routing". */
    const struct {
        const void *key;
        size_t len;
        uint32_t of_16, of_1000;
    } vectors[] = {
        {NULL, 0, 5, 413},
        {"a", 1, 4, 684},
        {"user_123", 8, 3, 643},
        {"account/0000000000000042", 24, 14, 758},
        {zeros, sizeof zeros, 14, 902},
        {ones, sizeof ones, 2, 898},
    };
    for (size_t at = 0; at < sizeof vectors / sizeof *vectors; at++) {
        uint32_t shard = 0;
        OK(ironwal_sharded_route(vectors[at].key, vectors[at].len, 16, &shard, &error));
        CHECK(shard == vectors[at].of_16);
        OK(ironwal_sharded_route(vectors[at].key, vectors[at].len, 1000, &shard, &error));
        CHECK(shard == vectors[at].of_1000);
    }
}

static void expect_entry(ironwal_iter *iter, uint64_t id, const void *data, size_t len) {
    uint64_t found = 0;
    ironwal_view view;
    OK(ironwal_iter_next(iter, &found, &view, &error));
    CHECK(found == id && view_is(view, data, len));
}

/* What `write` left: "one" and a batch of two in shard 3, an empty entry in shard 5. */
static void read_back(ironwal_sharded *sharded) {
    ironwal_iter *iter = NULL;
    ironwal_view view;
    OK(ironwal_sharded_iter_shard(sharded, 3, 0, &iter, &error));
    expect_entry(iter, 0, "one", 3);
    expect_entry(iter, 1, "two", 3);
    expect_entry(iter, 2, "three", 5);
    expect_entry(iter, 3, "four", 4);
    EXPECT(IRONWAL_E_END, ironwal_iter_next(iter, NULL, &view, &error));
    ironwal_iter_free(iter);
    OK(ironwal_sharded_iter_shard(sharded, 5, 0, &iter, &error));
    expect_entry(iter, 0, NULL, 0);
    ironwal_iter_free(iter);
    OK(ironwal_sharded_iter_shard(sharded, 0, 0, &iter, &error));
    EXPECT(IRONWAL_E_END, ironwal_iter_next(iter, NULL, &view, &error));
    ironwal_iter_free(iter);

    ironwal_checkpoint *checkpoint = NULL;
    OK(ironwal_sharded_load_checkpoint(sharded, TEXT("first"), &checkpoint, &error));
    CHECK(view_is(ironwal_checkpoint_id(checkpoint), "first", 5));
    CHECK(ironwal_checkpoint_shard_count(checkpoint) == 16);
    uint64_t first_ns = ironwal_checkpoint_timestamp_ns(checkpoint);
    CHECK(first_ns > UINT64_C(1600000000000000000));
    CHECK(offset_of(checkpoint, 3) == 1 && offset_of(checkpoint, 5) == 0);
    ironwal_checkpoint_free(checkpoint);
    OK(ironwal_sharded_load_latest_checkpoint(sharded, &checkpoint, &error));
    CHECK(view_is(ironwal_checkpoint_id(checkpoint), "\0latest", 7));
    CHECK(offset_of(checkpoint, 3) == 4 && offset_of(checkpoint, 5) == 1);
    CHECK(offset_of(checkpoint, 15) == 0);

    ironwal_checkpoint_list *list = NULL;
    uint64_t timestamp_ns = 0;
    OK(ironwal_sharded_list_checkpoints(sharded, &list, &error));
    CHECK(checkpoints_of(sharded) == 2 && ironwal_checkpoint_list_count(list) == 2);
    OK(ironwal_checkpoint_list_get(list, 0, &view, &timestamp_ns, &error));
    CHECK(view_is(view, "first", 5) && timestamp_ns == first_ns);
    OK(ironwal_checkpoint_list_get(list, 1, &view, &timestamp_ns, &error));
    CHECK(view_is(view, "\0latest", 7));
    CHECK(timestamp_ns == ironwal_checkpoint_timestamp_ns(checkpoint));
    ironwal_checkpoint_free(checkpoint);
    ironwal_checkpoint_list_free(list);
}

static void what_goes_in_comes_out(void) {
    ironwal_sharded *sharded = open_sharded("roundtrip", 16);
    uint32_t count = 0, shard = 99, shards_of[3] = {0};
    uint64_t id = 99, end_id = 99, ids[3] = {0};
    OK(ironwal_sharded_shard_count(sharded, &count, &error));
    CHECK(count == 16);
    OK(ironwal_sharded_append(sharded, TEXT("user_123"), TEXT("one"), &shard, &id, &error));
    CHECK(shard == 3 && id == 0);
    OK(ironwal_sharded_create_checkpoint(sharded, TEXT("first"), &error));

    /* An empty key goes to shard 5; between them the two of shard 3 keep their order. */
    ironwal_keyed_slice batch[3];
    batch[0].key = batch[2].key = slice_of("user_123", 8);
    batch[0].value = slice_of("two", 3);
    batch[1].key = batch[1].value = slice_of(NULL, 0);
    batch[2].value = slice_of("three", 5);
    OK(ironwal_sharded_append_batch(sharded, batch, 3, shards_of, ids, &error));
    CHECK(shards_of[0] == 3 && shards_of[1] == 5 && shards_of[2] == 3);
    CHECK(ids[0] == 1 && ids[1] == 0 && ids[2] == 2);
    OK(ironwal_sharded_append_batch(sharded, NULL, 0, NULL, NULL, &error));

    ironwal_slice four = slice_of("four", 4);
    OK(ironwal_sharded_append_batch_for_key(sharded, TEXT("user_123"), &four, 1, &shard, &id,
                                            &end_id, &error));
    CHECK(shard == 3 && id == 3 && end_id == 4);
    OK(ironwal_sharded_append_batch_for_key(sharded, NULL, 0, NULL, 0, &shard, &id, &end_id,
                                            &error));
    CHECK(shard == 5 && id == 0 && end_id == 0);
    OK(ironwal_sharded_flush_shard(sharded, 3, &error));
    OK(ironwal_sharded_flush_shard(sharded, 0, &error));
    OK(ironwal_sharded_flush_all(sharded, &error));
    OK(ironwal_sharded_create_checkpoint(sharded, "\0latest", 7, &error));
    read_back(sharded);
    OK(ironwal_sharded_close(sharded, &error));

    sharded = open_sharded("roundtrip", 16);
    read_back(sharded);
    OK(ironwal_sharded_close(sharded, &error));
}

/* A checkpoint makes durable what it counts on, in a mode that syncs nothing by itself. */
static void a_checkpoint_makes_durable(void) {
    ironwal_options *options = options_for("async");
    OK(ironwal_options_set_sync_mode(options, IRONWAL_SYNC_ASYNC, &error));
    OK(ironwal_options_set_no_background_sync(options, &error));
    ironwal_sharded *sharded = open_sharded_with(options, shards(4));
    uint32_t key = key_of(2, 4);
    uint64_t end_id = 0;
    ironwal_wal *wal = NULL;
    ironwal_stream *stream = NULL;
    OK(ironwal_sharded_wal(sharded, &wal, &error));
    OK(ironwal_stream_open(wal, TEXT("shard_02"), &stream, &error));
    OK(ironwal_sharded_append(sharded, &key, sizeof key, TEXT("x"), NULL, NULL, &error));
    OK(ironwal_stream_durable_end(stream, &end_id, &error));
    CHECK(end_id == 0);
    OK(ironwal_sharded_create_checkpoint(sharded, TEXT("c"), &error));
    OK(ironwal_stream_durable_end(stream, &end_id, &error));
    CHECK(end_id == 1);
    OK(ironwal_sharded_append(sharded, &key, sizeof key, TEXT("y"), NULL, NULL, &error));
    OK(ironwal_sharded_flush_shard(sharded, 2, &error));
    OK(ironwal_stream_durable_end(stream, &end_id, &error));
    CHECK(end_id == 2);
    ironwal_stream_free(stream);
    ironwal_wal_free(wal);
    OK(ironwal_sharded_close(sharded, &error));
}

static void old_entries_and_checkpoints_are_removed(void) {
    ironwal_sharded *sharded = open_sharded_with(short_segments("prune"), shards(2));
    uint32_t keys[2] = {key_of(0, 2), key_of(1, 2)};
    for (int round = 0; round < 4; round++) {
        char id[2] = {'c', (char)('0' + round)};
        OK(ironwal_sharded_append(sharded, &keys[0], 4, TEXT("x"), NULL, NULL, &error));
        OK(ironwal_sharded_append(sharded, &keys[1], 4, TEXT("x"), NULL, NULL, &error));
        OK(ironwal_sharded_create_checkpoint(sharded, id, 2, &error));
    }
    ironwal_prune_stats pruned;
    OK(ironwal_sharded_prune_before_checkpoint(sharded, TEXT("c1"), &pruned, sizeof pruned, &error));
    CHECK(pruned.shards_pruned == 2 && pruned.segments_deleted == 4);
    OK(ironwal_sharded_prune_before_checkpoint(sharded, TEXT("c1"), NULL, 0, &error));
    CHECK(checkpoints_of(sharded) == 3);

    /* A caller of a later version has a longer struct: what we do not know becomes 0. */
    struct {
        ironwal_compaction_stats known;
        uint64_t later;
    } longer;
    memset(&longer, 0xEE, sizeof longer);
    OK(ironwal_sharded_compact_checkpoints(sharded, 1, &longer.known, sizeof longer, &error));
    CHECK(longer.known.checkpoints_before == 3 && longer.known.checkpoints_after == 1);
    CHECK(longer.known.bytes_reclaimed > 0 && longer.later == 0);
    ironwal_checkpoint *checkpoint = NULL;
    OK(ironwal_sharded_load_latest_checkpoint(sharded, &checkpoint, &error));
    CHECK(view_is(ironwal_checkpoint_id(checkpoint), "c3", 2));
    ironwal_checkpoint_free(checkpoint);
    OK(ironwal_sharded_compact_checkpoints(sharded, 0, NULL, 0, &error));
    CHECK(checkpoints_of(sharded) == 0);
    OK(ironwal_sharded_close(sharded, &error));
}

int main(void) {
    enter_directory();
    keys_are_routed_as_published();
    what_goes_in_comes_out();
    a_checkpoint_makes_durable();
    old_entries_and_checkpoints_are_removed();
    return 0;
}
