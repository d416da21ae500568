/* Is every option settable within its bounds, and every value beyond them refused? */
#include "check.h"

typedef ironwal_status (*mode_setter)(ironwal_options *, int32_t, ironwal_error **);

static void modes(ironwal_options *options, mode_setter set, int32_t count) {
    static const int32_t unknown[] = {INT32_MIN, -1, 1000, INT32_MAX};
    for (int32_t mode = 0; mode < count; mode++) OK(set(options, mode, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, set(options, count, &error));
    for (size_t at = 0; at < 4; at++)
        EXPECT(IRONWAL_E_INVALID_ARG, set(options, unknown[at], &error));
    OK(set(options, 0, &error));
}

static void refused_paths(void) {
    ironwal_options *options = NULL;
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_new("", 0, &options, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_new(NULL, 0, &options, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_new("a\0b", 3, &options, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_new("\xff\xfe", 2, &options, &error));
    CHECK(options == NULL);
}

int main(void) {
    enter_directory();
    refused_paths();
    ironwal_options *options = options_for("log");

    modes(options, ironwal_options_set_sync_mode, 3);
    modes(options, ironwal_options_set_compression, 2);
    modes(options, ironwal_options_set_read_strategy, 2);
    modes(options, ironwal_options_set_on_corruption, 2);
    modes(options, ironwal_options_set_write_strategy, 3);

    const size_t gib = (size_t)1 << 30;
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_set_max_segment_size(options, 0, &error));
    OK(ironwal_options_set_max_segment_size(options, 1, &error));
    OK(ironwal_options_set_max_segment_size(options, UINT64_MAX, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_set_max_entries_per_segment(options, 0, &error));
    OK(ironwal_options_set_max_entries_per_segment(options, 1, &error));
    OK(ironwal_options_set_max_entries_per_segment(options, UINT64_MAX, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_set_max_open_segments(options, 0, &error));
    OK(ironwal_options_set_max_open_segments(options, 1, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_set_max_open_read_segments(options, 0, &error));
    OK(ironwal_options_set_max_open_read_segments(options, 1, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_set_write_buffer_size(options, gib + 1, &error));
    OK(ironwal_options_set_write_buffer_size(options, 0, &error));
    OK(ironwal_options_set_write_buffer_size(options, 65536, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_set_read_buffer_size(options, 0, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_set_read_buffer_size(options, gib + 1, &error));
    OK(ironwal_options_set_read_buffer_size(options, 4096, &error));
    OK(ironwal_options_set_block_cache_size(options, 0, &error));
    OK(ironwal_options_set_block_cache_size(options, 1 << 20, &error));
    OK(ironwal_options_set_min_compression_size(options, 0, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_set_background_sync(options, 0, 1, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_set_background_sync(options, 1, 0, &error));
    OK(ironwal_options_set_background_sync(options, 1000000000, 1 << 20, &error));
    OK(ironwal_options_set_no_background_sync(options, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_set_archive_path(options, "a\0b", 3, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_set_archive_path(options, "\xff", 1, &error));

    /* The options outlive an opening, and serve a second one after a close. */
    ironwal_wal *wal = NULL;
    for (int round = 0; round < 2; round++) {
        OK(ironwal_wal_open(options, &wal, &error));
        OK(ironwal_append(wal, TEXT("s"), TEXT("x"), NULL, &error));
        OK(ironwal_wal_close(wal, &error));
    }
    ironwal_options_free(options);
    return 0;
}
