/* Does a retention remove what it does not keep, and nothing that a cursor or a checkpoint needs? */
#include "sharded.h"

static void fill(ironwal_stream *stream, int count) {
    char entry[64] = {0};
    for (int i = 0; i < count; i++) OK(ironwal_stream_append(stream, entry, sizeof entry, NULL, &error));
}

static ironwal_options *small_segments(const char *name) {
    ironwal_options *options = options_for(name);
    OK(ironwal_options_set_max_entries_per_segment(options, 4, &error));
    OK(ironwal_options_set_sync_mode(options, IRONWAL_SYNC_ASYNC, &error));
    return options;
}

static void set_cursor(ironwal_stream *stream, const void *value, size_t len) {
    ironwal_property change;
    memset(&change, 0, sizeof change);
    change.key = slice_of("cursor/a", 8);
    change.value = slice_of(value, len);
    change.op = IRONWAL_PROPERTY_SET;
    OK(ironwal_stream_set_properties(stream, &change, 1, IRONWAL_DURABILITY_BY_MODE, NULL, &error));
}

static uint64_t first_of(ironwal_stream *stream) {
    ironwal_stream_stats_t stats;
    OK(ironwal_stream_stats(stream, &stats, sizeof stats, &error));
    return stats.first_id;
}

static void with_checkpoints(void) {
    ironwal_sharded *sharded = open_sharded("shards", 1);
    size_t removed = 7;
    OK(ironwal_sharded_append(sharded, TEXT("k"), TEXT("v"), NULL, NULL, &error));
    OK(ironwal_sharded_create_checkpoint(sharded, TEXT("c"), &error));
    OK(ironwal_sharded_close(sharded, &error));
    ironwal_options *options = options_for("shards");
    OK(ironwal_options_set_max_entries_per_segment(options, 1, &error));
    ironwal_wal *wal = open_with(options);
    ironwal_stream *shard = NULL;
    OK(ironwal_stream_open(wal, TEXT("shard_00"), &shard, &error));
    fill(shard, 3);
    EXPECT(IRONWAL_E_CONFIG, ironwal_stream_apply_retention(shard, 0, IRONWAL_NO_LIMIT, false, &removed, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_wal_apply_retention(wal, 0, IRONWAL_NO_LIMIT, false, &removed, &error));
    CHECK(removed == 7 && first_of(shard) == 0);
    ironwal_stream_free(shard);
    OK(ironwal_wal_close(wal, &error));
}

int main(void) {
    enter_directory();
    with_checkpoints();

    ironwal_wal *wal = open_with(small_segments("log"));
    ironwal_stream *stream = NULL;
    size_t removed = 7;
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    fill(stream, 18);
    OK(ironwal_stream_apply_retention(stream, IRONWAL_NO_LIMIT, IRONWAL_NO_LIMIT, true, &removed, &error));
    CHECK(removed == 0 && first_of(stream) == 0);
    OK(ironwal_stream_apply_retention(stream, IRONWAL_NO_LIMIT, UINT64_C(3600000000000), true, &removed, &error));
    CHECK(removed == 0);
    const unsigned char nine[8] = {9};
    set_cursor(stream, nine, 3);
    EXPECT(IRONWAL_E_CONFIG, ironwal_stream_apply_retention(stream, 0, IRONWAL_NO_LIMIT, true, &removed, &error));
    set_cursor(stream, nine, 8);
    OK(ironwal_stream_apply_retention(stream, 0, IRONWAL_NO_LIMIT, true, &removed, &error));
    CHECK(removed == 2 && first_of(stream) == 8);
    OK(ironwal_wal_apply_retention(wal, 0, IRONWAL_NO_LIMIT, false, &removed, &error));
    CHECK(removed == 2 && first_of(stream) == 16);
    OK(ironwal_stream_apply_retention(stream, 0, 0, false, NULL, &error));
    ironwal_stream_free(stream);
    OK(ironwal_wal_close(wal, &error));

    /* With the option a thread is there for it, and goes with the log. */
    ironwal_options *options = small_segments("log");
    OK(ironwal_options_set_retention(options, 1 << 20, IRONWAL_NO_LIMIT, true, &error));
    wal = open_with(options);
    OK(ironwal_append(wal, TEXT("s"), TEXT("x"), NULL, &error));
    OK(ironwal_wal_close(wal, &error));
    ironwal_options *none = options_for("log");
    OK(ironwal_options_set_retention(none, IRONWAL_NO_LIMIT, IRONWAL_NO_LIMIT, true, &error));
    OK(ironwal_wal_close(open_with(none), &error));
    return 0;
}
