/* Is every option settable within its bounds, and every value beyond them refused? */
#include "check.h"

#include "every_constant.h" /* made by CMake from ironwal.h: every integer constant by name */

typedef ironwal_status (*mode_setter)(ironwal_options *, int32_t, ironwal_error **);

/* A setter takes the constants whose names begin with `family`, and no other constant there is. */
static void modes(ironwal_options *options, mode_setter set, const char *family, size_t count) {
    static const int32_t unknown[] = {INT32_MIN, -1000, 0, 1000, INT32_MAX};
    for (size_t at = 0; at < sizeof unknown / sizeof *unknown; at++)
        EXPECT(IRONWAL_E_INVALID_ARG, set(options, unknown[at], &error));
    size_t taken = 0, refused = 0;
    for (size_t at = 0; at < sizeof every_constant / sizeof *every_constant; at++) {
        const char *name = every_constant[at].name;
        const int ours = strncmp(name, family, strlen(family)) == 0;
        const ironwal_status got = set(options, every_constant[at].value, NULL);
        if (got != (ours ? IRONWAL_OK : IRONWAL_E_INVALID_ARG)) {
            fprintf(stderr, "the setter of %s answers %s to %s\n", family,
                    ironwal_status_name(got), name);
            exit(1);
        }
        *(ours ? &taken : &refused) += 1;
    }
    CHECK(taken == count && refused > 40);
}

static void refused_paths(void) {
    ironwal_options *options = NULL;
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_new("", 0, &options, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_new(NULL, 0, &options, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_new("a\0b", 3, &options, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_new("\xff\xfe", 2, &options, &error));
    CHECK(options == NULL);
}

static ironwal_status set_prefix_chat(ironwal_options *options, int32_t match_by, ironwal_error **out) {
    return ironwal_options_set_stream(options, match_by, TEXT("chat/"), TEXT("sync_mode=async"), out);
}

static int32_t mode_of_stream(ironwal_wal *wal, const char *key) {
    ironwal_stream *stream = NULL;
    int32_t mode = 0;
    OK(ironwal_stream_open(wal, key, strlen(key), &stream, &error));
    OK(ironwal_stream_sync_mode(stream, &mode, &error));
    ironwal_stream_free(stream);
    return mode;
}

/* Streams of one log have options of their own; what no stream can have is refused, and changes nothing. */
static void own_options(void) {
    ironwal_options *options = options_for("own");
    modes(options, set_prefix_chat, "IRONWAL_MATCH_", 2);
    OK(ironwal_options_set_stream(options, IRONWAL_MATCH_EXACT, TEXT("chat/"), TEXT("sync_mode=strict"), &error));
    OK(ironwal_options_set_stream(options, IRONWAL_MATCH_EXACT, TEXT("chat/audit"),
                                  TEXT("sync_mode=batch_only; max_segment_size=1M"), &error));
    static const char *const wrong[] = {"sync_threads=2", "max_segment_size=0", "sync_mode=fast", "sync_mode", "\xff"};
    for (size_t at = 0; at < sizeof wrong / sizeof *wrong; at++)
        EXPECT(IRONWAL_E_CONFIG, ironwal_options_set_stream(options, IRONWAL_MATCH_PREFIX, TEXT("chat/"), wrong[at],
                                                            strlen(wrong[at]), &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_set_stream(options, IRONWAL_MATCH_EXACT, "", 0, TEXT("sync_mode=async"), &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_set_stream(options, IRONWAL_MATCH_PREFIX, "a\0", 2, TEXT("sync_mode=async"), &error));
    ironwal_wal *wal = NULL;
    OK(ironwal_wal_open(options, &wal, &error));
    CHECK(mode_of_stream(wal, "ledger") == IRONWAL_SYNC_STRICT);
    CHECK(mode_of_stream(wal, "chat/") == IRONWAL_SYNC_STRICT);
    CHECK(mode_of_stream(wal, "chat/1") == IRONWAL_SYNC_ASYNC);
    CHECK(mode_of_stream(wal, "chat/audit") == IRONWAL_SYNC_BATCH_ONLY);
    OK(ironwal_wal_close(wal, &error));
    ironwal_options_free(options);
}

int main(void) {
    enter_directory();
    refused_paths();
    own_options();
    ironwal_options *options = options_for("log");

    modes(options, ironwal_options_set_sync_mode, "IRONWAL_SYNC_", 3);
    modes(options, ironwal_options_set_compression, "IRONWAL_COMPRESSION_", 2);
    modes(options, ironwal_options_set_read_strategy, "IRONWAL_READ_", 2);
    modes(options, ironwal_options_set_on_corruption, "IRONWAL_CORRUPTION_", 2);
    modes(options, ironwal_options_set_write_strategy, "IRONWAL_WRITE_", 3);
    modes(options, ironwal_options_set_commit_path, "IRONWAL_COMMIT_", 3);

    /* The defaults again, for the openings below. */
    OK(ironwal_options_set_sync_mode(options, IRONWAL_SYNC_STRICT, &error));
    OK(ironwal_options_set_compression(options, IRONWAL_COMPRESSION_NONE, &error));
    OK(ironwal_options_set_read_strategy(options, IRONWAL_READ_STANDARD_IO, &error));
    OK(ironwal_options_set_on_corruption(options, IRONWAL_CORRUPTION_TRUNCATE, &error));
    OK(ironwal_options_set_write_strategy(options, IRONWAL_WRITE_AUTO, &error));
    OK(ironwal_options_set_commit_path(options, IRONWAL_COMMIT_IN_PLACE, &error));

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
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_set_journal_size(options, (256 << 10) - 1, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_set_journal_size(options, gib + 1, &error));
    OK(ironwal_options_set_journal_size(options, 256 << 10, &error));
    OK(ironwal_options_set_journal_size(options, gib, &error));
    OK(ironwal_options_set_block_cache_size(options, 0, &error));
    OK(ironwal_options_set_block_cache_size(options, 1 << 20, &error));
    OK(ironwal_options_set_min_compression_size(options, 0, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_set_background_sync(options, 0, 1, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_set_background_sync(options, 1, 0, &error));
    OK(ironwal_options_set_background_sync(options, 1000000000, 1 << 20, &error));
    OK(ironwal_options_set_no_background_sync(options, &error));
    OK(ironwal_options_set_latencies(options, true, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_set_sync_threads(options, 0, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_set_sync_threads(options, 65, &error));
    OK(ironwal_options_set_sync_threads(options, 2, &error));
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
