/* Do the figures of a log say what was done, to callers whose struct is shorter or longer too? */
#include "sharded.h"

static ironwal_stream_stats_t of(ironwal_stream *stream) {
    ironwal_stream_stats_t stats;
    memset(&stats, 0xAB, sizeof stats);
    OK(ironwal_stream_stats(stream, &stats, sizeof stats, &error));
    return stats;
}

static void measured(int is_asked) {
    ironwal_options *options = options_for(is_asked ? "measured" : "not");
    OK(ironwal_options_set_sync_mode(options, IRONWAL_SYNC_ASYNC, &error));
    OK(ironwal_options_set_latencies(options, is_asked, &error));
    ironwal_wal *wal = open_with(options);
    for (int i = 0; i < 100; i++) OK(ironwal_append(wal, TEXT("s"), TEXT("x"), NULL, &error));
    ironwal_wal_stats_t stats;
    OK(ironwal_wal_stats(wal, &stats, sizeof stats, &error));
    CHECK(stats.appends == 100 && stats.measured_appends == (is_asked ? 100u : 0u));
    CHECK((stats.append_max_ns > 0) == is_asked);
    CHECK(stats.append_p50_ns <= stats.append_p99_ns && stats.append_p99_ns <= stats.append_p999_ns);
    CHECK(stats.append_p999_ns <= stats.append_max_ns);
    OK(ironwal_wal_close(wal, &error));
}

static void of_shards(void) {
    ironwal_sharded *sharded = open_sharded("shards", 2);
    ironwal_wal *inner = NULL;
    ironwal_wal_stats_t stats;
    OK(ironwal_sharded_append(sharded, TEXT("k"), TEXT("v"), NULL, NULL, &error));
    OK(ironwal_sharded_wal(sharded, &inner, &error));
    OK(ironwal_wal_stats(inner, &stats, sizeof stats, &error));
    CHECK(stats.appends == 1 && stats.streams == 2);
    ironwal_wal_free(inner);
    OK(ironwal_sharded_close(sharded, &error));
}

/* A helper makes the journal; from then on each sync is a record. */
static void of_journal(void) {
    ironwal_options *options = options_for("journal");
    OK(ironwal_options_set_commit_path(options, IRONWAL_COMMIT_JOURNAL, &error));
    ironwal_wal *wal = open_with(options);
    ironwal_wal_stats_t stats;
    do {
        OK(ironwal_append(wal, TEXT("s"), TEXT("x"), NULL, &error));
        OK(ironwal_wal_stats(wal, &stats, sizeof stats, &error));
    } while (stats.journal_records == 0);
    CHECK(stats.journal_items >= stats.journal_records && stats.journal_bytes >= 512);
    CHECK(stats.journal_files > 0 && stats.journal_file_bytes > 0 && stats.journal_files_aside == 0);
    CHECK(stats.journal_retired == 0);
    OK(ironwal_wal_close(wal, &error));
}

int main(void) {
    enter_directory();
    measured(0);
    measured(1);
    of_shards();
    of_journal();

    ironwal_wal *wal = open_log("log");
    ironwal_stream *stream = NULL;
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    CHECK(of(stream).appends == 0 && of(stream).next_id == 0);
    const ironwal_slice entries[] = {slice_of("a", 1), slice_of("bc", 2)};
    OK(ironwal_stream_append(stream, TEXT("12345"), NULL, &error));
    OK(ironwal_stream_append_batch(stream, entries, 2, NULL, NULL, &error));
    ironwal_stream_stats_t stats = of(stream);
    CHECK(stats.appends == 2 && stats.entries == 3 && stats.bytes >= 2 * 36 + 8);
    CHECK(stats.rounds == 2 && stats.callers == 2 && stats.syncs == 2 && stats.sync_ns > 0);
    CHECK(stats.next_id == 3 && stats.durable_end == 3 && stats.unsynced_bytes == 0);
    CHECK(stats.segments == 1 && !stats.poisoned && stats.measured_appends == 0);

    /* A caller with an older header gets what it knows, and nothing behind it is written. */
    uint64_t part[4] = {7, 7, 7, 7};
    OK(ironwal_stream_stats(stream, (ironwal_stream_stats_t *)part, 3 * sizeof *part, &error));
    CHECK(part[0] == 2 && part[1] == 3 && part[2] == stats.bytes && part[3] == 7);
    /* One with a newer header gets zeros for what this library does not know. */
    union {
        ironwal_wal_stats_t known;
        unsigned char bytes[sizeof(ironwal_wal_stats_t) + 16];
    } longer;
    memset(&longer, 0xAB, sizeof longer);
    OK(ironwal_wal_stats(wal, &longer.known, sizeof longer, &error));
    CHECK(longer.known.appends == 2 && longer.known.streams == 1 && longer.known.sync_max_ns > 0);
    for (size_t at = sizeof longer.known; at < sizeof longer; at++) CHECK(longer.bytes[at] == 0);
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_wal_stats(wal, &longer.known, 0, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_wal_stats(wal, &longer.known, 12, &error));

    OK(ironwal_delete_stream(wal, TEXT("s"), &error));
    EXPECT(IRONWAL_E_STREAM_NOT_FOUND, ironwal_stream_stats(stream, &stats, sizeof stats, &error));
    OK(ironwal_wal_stats(wal, &longer.known, sizeof longer, &error));
    CHECK(longer.known.appends == 2 && longer.known.streams == 0);
    ironwal_stream_free(stream);
    OK(ironwal_wal_close(wal, &error));
    return 0;
}
