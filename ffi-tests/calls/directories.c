/* Are directories of logs verified, counted, dumped and repaired with no log open, and can each be cancelled? */
#include "check.h"
#include "sharded.h"

enum { ENTRIES = 64, ENTRY_LEN = 100000, STREAMS = 2 };

/* What a progress callback saw, and when it cancels. */
struct seen {
    uint64_t calls, done, total, cancel_at;
    uint64_t entries, damaged, stop_after, next_id, bad;
};

#define CTX(seen) ((uintptr_t)(seen))

static int32_t on_progress(uintptr_t ctx, uint64_t done, uint64_t total) {
    struct seen *seen = (struct seen *)ctx;
    if (seen->calls == 0) {
        CHECK(done == 0);
    } else {
        CHECK(seen->total == total && done >= seen->done);
    }
    CHECK(done <= total);
    seen->done = done;
    seen->total = total;
    seen->calls++;
    CHECK(seen->cancel_at == 0 || seen->calls <= seen->cancel_at);
    return seen->calls == seen->cancel_at;
}

static int32_t on_entry(uintptr_t ctx, const ironwal_dumped_entry *entry, size_t size) {
    struct seen *seen = (struct seen *)ctx;
    CHECK(size >= sizeof *entry && entry->end_id > entry->first_id);
    CHECK(seen->stop_after == 0 || seen->entries + seen->damaged < seen->stop_after);
    CHECK(entry->stream.len > 0 && strlen(entry->stream.data) == entry->stream.len);
    CHECK(entry->path.len > 0 && entry->reserved == 0);
    if (entry->status == IRONWAL_OK) {
        CHECK(entry->message.data == NULL && entry->end_id == entry->first_id + 1);
        CHECK(entry->data.len == ENTRY_LEN && entry->data.data[7] == (uint8_t)entry->first_id);
        seen->entries++;
    } else {
        CHECK(entry->message.len > 0 && entry->data.data == NULL);
        seen->damaged += entry->end_id - entry->first_id;
    }
    seen->next_id = entry->end_id;
    return seen->entries + seen->damaged == seen->stop_after;
}

static struct seen none_seen(uint64_t cancel_at) {
    struct seen seen;
    memset(&seen, 0, sizeof seen);
    seen.cancel_at = cancel_at;
    return seen;
}

static int exists(const char *name) {
    struct stat status;
    return lstat(path_of(name), &status) == 0;
}

static const char *stream_names[STREAMS] = {"a", "b"};

static ironwal_wal *make_log(const char *name) {
    static uint8_t entry[ENTRY_LEN];
    ironwal_options *options = options_for(name);
    OK(ironwal_options_set_max_segment_size(options, 1 << 20, &error));
    OK(ironwal_options_set_compression(options, IRONWAL_COMPRESSION_NONE, &error));
    ironwal_wal *wal = open_with(options);
    for (int stream = 0; stream < STREAMS; stream++) {
        for (int id = 0; id < ENTRIES; id++) {
            memset(entry, 1, sizeof entry);
            entry[7] = (uint8_t)id;
            OK(ironwal_append(wal, stream_names[stream], 1, entry, sizeof entry, NULL, &error));
        }
    }
    return wal;
}

#define PATH(path) (path), strlen(path)

static void whole(const char *path) {
    struct seen seen = none_seen(0);
    ironwal_verify_report *report = NULL;
    ironwal_verify_report_totals totals;
    OK(ironwal_verify_directory(PATH(path), NULL, 0, on_progress, CTX(&seen), &report, &error));
    CHECK(seen.calls > 4 && seen.done == seen.total && seen.total > 0);
    OK(ironwal_verify_report_get_totals(report, &totals, sizeof totals, &error));
    CHECK(totals.streams == STREAMS && totals.entries == STREAMS * ENTRIES && totals.clean == 1);
    ironwal_verify_report_free(report);
    OK(ironwal_verify_directory(PATH(path), "b", 1, NULL, 0, &report, &error));
    OK(ironwal_verify_report_get_totals(report, &totals, sizeof totals, &error));
    CHECK(totals.streams == 1 && totals.entries == ENTRIES);
    ironwal_verify_report_free(report);

    ironwal_stat_report *stat = NULL;
    ironwal_stat_totals numbers;
    ironwal_stat_stream stream;
    ironwal_stat_segment segment;
    seen = none_seen(0);
    OK(ironwal_stat_directory(PATH(path), NULL, 0, on_progress, CTX(&seen), &stat, &error));
    CHECK(seen.calls == STREAMS + 1 && seen.done == STREAMS && seen.total == STREAMS);
    OK(ironwal_stat_report_get_totals(stat, &numbers, sizeof numbers, &error));
    CHECK(numbers.streams == STREAMS && numbers.unreadable_streams == 0 && numbers.damage == 0);
    CHECK(numbers.segments > STREAMS && numbers.bytes > (uint64_t)STREAMS * ENTRIES * ENTRY_LEN);
    uint64_t bytes = 0, sealed = 0;
    for (size_t at = 0; at < STREAMS; at++) {
        OK(ironwal_stat_report_get_stream(stat, at, &stream, sizeof stream, &error));
        CHECK(stream.stream.len == 1 && stream.message.data == NULL);
        CHECK(stream.first_id == 0 && stream.next_id == ENTRIES && stream.lost_ids == 0);
        CHECK(stream.listed_segments == stream.segments);
        uint64_t next = 0;
        for (size_t index = 0; index < stream.segments; index++) {
            OK(ironwal_stat_report_get_segment(stat, at, index, &segment, sizeof segment, &error));
            CHECK(segment.first_id == next && segment.frames_end <= segment.bytes && segment.path.len > 0);
            CHECK(segment.state == IRONWAL_SEGMENT_SEALED || segment.state == IRONWAL_SEGMENT_OPEN);
            sealed += segment.state == IRONWAL_SEGMENT_SEALED;
            bytes += segment.bytes;
            next = segment.end_id;
        }
        CHECK(next == ENTRIES);
        EXPECT(IRONWAL_E_NOT_FOUND, ironwal_stat_report_get_segment(stat, at, (size_t)stream.segments, &segment,
                                                                    sizeof segment, &error));
    }
    CHECK(bytes == numbers.bytes && sealed == numbers.sealed_segments && sealed > 0);
    EXPECT(IRONWAL_E_NOT_FOUND, ironwal_stat_report_get_stream(stat, STREAMS, &stream, sizeof stream, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_stat_report_get_stream(stat, 0, &stream, 1, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_stat_report_get_totals(stat, &numbers, 8, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_stat_report_get_totals(NULL, &numbers, sizeof numbers, &error));
    ironwal_stat_report_free(stat);

    seen = none_seen(0);
    OK(ironwal_dump_directory(PATH(path), NULL, 0, 0, UINT64_MAX, on_entry, on_progress, CTX(&seen), &error));
    CHECK(seen.entries == STREAMS * ENTRIES && seen.damaged == 0);
    CHECK(seen.calls > 4 && seen.done == seen.total);
    seen = none_seen(0);
    OK(ironwal_dump_directory(PATH(path), "a", 1, 5, 9, on_entry, NULL, CTX(&seen), &error));
    CHECK(seen.entries == 4 && seen.next_id == 9);
    seen = none_seen(0);
    seen.stop_after = 3;
    OK(ironwal_dump_directory(PATH(path), NULL, 0, 0, UINT64_MAX, on_entry, on_progress, CTX(&seen), &error));
    CHECK(seen.entries == 3 && seen.done < seen.total);
}

static ironwal_status repair(const char *from, const char *to, struct seen *seen, ironwal_repair_report **out) {
    char old[512];
    snprintf(old, sizeof old, "%s", path_of(from));
    const char *copy = path_of(to);
    return ironwal_repair_directory(PATH(old), PATH(copy), IRONWAL_COMPRESSION_NONE, on_progress, CTX(seen), out, &error);
}

/* Each at the first call, in the middle, and at the last one. */
static void cancelled(const char *name) {
    ironwal_verify_report *report = NULL;
    ironwal_stat_report *stat = NULL;
    ironwal_repair_report *repaired = NULL;
    struct seen seen = none_seen(0);
    OK(ironwal_verify_directory(PATH(path_of(name)), NULL, 0, on_progress, CTX(&seen), &report, &error));
    ironwal_verify_report_free(report);
    const uint64_t calls[3] = {1, 4, seen.calls};
    for (int at = 0; at < 3; at++) {
        seen = none_seen(calls[at]);
        EXPECT(IRONWAL_E_CANCELLED,
               ironwal_verify_directory(PATH(path_of(name)), NULL, 0, on_progress, CTX(&seen), &report, &error));
        CHECK(report == NULL && seen.calls == calls[at]);
    }
    for (uint64_t at = 1; at <= STREAMS + 1; at++) {
        seen = none_seen(at);
        EXPECT(IRONWAL_E_CANCELLED,
               ironwal_stat_directory(PATH(path_of(name)), NULL, 0, on_progress, CTX(&seen), &stat, &error));
        CHECK(stat == NULL && seen.calls == at);
    }
    seen = none_seen(0);
    OK(ironwal_dump_directory(PATH(path_of(name)), NULL, 0, 0, UINT64_MAX, on_entry, on_progress, CTX(&seen), &error));
    const uint64_t dump_calls[3] = {1, 4, seen.calls};
    for (int at = 0; at < 3; at++) {
        seen = none_seen(dump_calls[at]);
        EXPECT(IRONWAL_E_CANCELLED, ironwal_dump_directory(PATH(path_of(name)), NULL, 0, 0, UINT64_MAX, on_entry,
                                                           on_progress, CTX(&seen), &error));
        CHECK(seen.calls == dump_calls[at]);
        CHECK(at != 1 || (seen.entries > 0 && seen.entries < STREAMS * ENTRIES));
    }
    seen = none_seen(0);
    OK(repair(name, "counted", &seen, &repaired));
    ironwal_repair_report_free(repaired);
    const uint64_t repair_calls[3] = {1, 4, seen.calls};
    for (int at = 0; at < 3; at++) {
        seen = none_seen(repair_calls[at]);
        EXPECT(IRONWAL_E_CANCELLED, repair(name, "never", &seen, &repaired));
        CHECK(repaired == NULL && seen.calls == repair_calls[at]);
        CHECK(!exists("never") && !exists("never#new"));
    }
}

/* Changes bytes of a file in a directory whose name begins with `part`. */
static void change_bytes(const char *path, long offset, const void *bytes, size_t len) {
    FILE *file = fopen(path, "r+b");
    CHECK(file != NULL && fseek(file, offset, SEEK_SET) == 0);
    CHECK(fwrite(bytes, 1, len, file) == len && fclose(file) == 0);
}

static void segment_path(const char *name, size_t stream, size_t index, char *path, size_t len) {
    ironwal_stat_report *stat = NULL;
    ironwal_stat_segment segment;
    OK(ironwal_stat_directory(PATH(path_of(name)), NULL, 0, NULL, 0, &stat, &error));
    OK(ironwal_stat_report_get_segment(stat, stream, index, &segment, sizeof segment, &error));
    snprintf(path, len, "%s", segment.path.data);
    ironwal_stat_report_free(stat);
}

static void damaged(const char *name) {
    char path[512];
    ironwal_verify_report *report = NULL;
    ironwal_verify_report_totals totals;
    ironwal_finding finding;
    segment_path(name, 0, 1, path, sizeof path);
    change_bytes(path, 150000, "damage", 6);
    OK(ironwal_verify_directory(PATH(path_of(name)), NULL, 0, NULL, 0, &report, &error));
    OK(ironwal_verify_report_get_totals(report, &totals, sizeof totals, &error));
    CHECK(totals.clean == 0 && totals.findings > 0);
    OK(ironwal_verify_report_get_finding(report, 0, &finding, sizeof finding, &error));
    CHECK(finding.severity == IRONWAL_SEVERITY_DAMAGE && finding.end_id == finding.first_id + 1);
    const uint64_t lost_id = finding.first_id;
    ironwal_verify_report_free(report);

    struct seen seen = none_seen(0);
    OK(ironwal_dump_directory(PATH(path_of(name)), NULL, 0, 0, UINT64_MAX, on_entry, on_progress, CTX(&seen), &error));
    CHECK(seen.damaged == 1 && seen.entries == STREAMS * ENTRIES - 1 && seen.done == seen.total);

    ironwal_repair_report *repaired = NULL;
    ironwal_repair_totals numbers;
    ironwal_repaired_stream stream;
    ironwal_lost_ids lost;
    seen = none_seen(0);
    OK(repair(name, "mended", &seen, &repaired));
    CHECK(seen.calls > 4 && seen.done == seen.total);
    OK(ironwal_repair_report_get_totals(repaired, &numbers, sizeof numbers, &error));
    CHECK(numbers.streams == STREAMS && numbers.entries == STREAMS * ENTRIES - 1 && numbers.lost_ids == 1);
    CHECK(numbers.complete == 0 && numbers.unreadable_streams == 0 && numbers.journal_damage == 0);
    OK(ironwal_repair_report_get_stream(repaired, 0, &stream, sizeof stream, &error));
    CHECK(stream.lost_runs == 1 && stream.entries == ENTRIES - 1 && stream.message.data == NULL);
    CHECK(stream.next_id == ENTRIES && stream.old_next_id == ENTRIES);
    OK(ironwal_repair_report_get_lost(repaired, 0, 0, &lost, sizeof lost, &error));
    CHECK(lost.first_id == lost_id && lost.end_id == lost_id + 1 && lost.why.len > 0);
    EXPECT(IRONWAL_E_NOT_FOUND, ironwal_repair_report_get_lost(repaired, 0, 1, &lost, sizeof lost, &error));
    EXPECT(IRONWAL_E_NOT_FOUND, ironwal_repair_report_get_lost(repaired, 9, 0, &lost, sizeof lost, &error));
    EXPECT(IRONWAL_E_NOT_FOUND, ironwal_repair_report_get_stream(repaired, 2, &stream, sizeof stream, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_repair_report_get_stream(repaired, 0, &stream, 3, &error));
    ironwal_repair_report_free(repaired);

    OK(ironwal_verify_directory(PATH(path_of("mended")), NULL, 0, NULL, 0, &report, &error));
    OK(ironwal_verify_report_get_totals(report, &totals, sizeof totals, &error));
    CHECK(totals.clean == 1 && totals.entries == STREAMS * ENTRIES - 1);
    ironwal_verify_report_free(report);

    /* An existing directory is never written to. */
    seen = none_seen(0);
    EXPECT(IRONWAL_E_CONFIG, repair(name, "mended", &seen, &repaired));
    CHECK(repaired == NULL && seen.calls == 0 && !exists("mended#new"));
}

static void refused(const char *log) {
    char path[512];
    struct seen seen = none_seen(0);
    ironwal_verify_report *report = NULL;
    ironwal_stat_report *stat = NULL;
    ironwal_repair_report *repaired = NULL;
    CHECK(make_directory(path_of("empty")) == 0);
    const char *bad[2] = {"empty", "\xff"};
    for (int at = 0; at < 2; at++) {
        snprintf(path, sizeof path, "%s", path_of(bad[at]));
        EXPECT(IRONWAL_E_CONFIG, ironwal_verify_directory(PATH(path), NULL, 0, NULL, 0, &report, &error));
        EXPECT(IRONWAL_E_CONFIG, ironwal_stat_directory(PATH(path), NULL, 0, NULL, 0, &stat, &error));
        EXPECT(IRONWAL_E_CONFIG,
               ironwal_dump_directory(PATH(path), NULL, 0, 0, 1, on_entry, NULL, CTX(&seen), &error));
        EXPECT(IRONWAL_E_CONFIG, repair(bad[at], "other", &seen, &repaired));
    }
    EXPECT(IRONWAL_E_IO, ironwal_verify_directory(PATH(path_of("absent")), NULL, 0, NULL, 0, &report, &error));
    snprintf(path, sizeof path, "%s", path_of(log));
    EXPECT(IRONWAL_E_STREAM_NOT_FOUND, ironwal_verify_directory(PATH(path), "no", 2, NULL, 0, &report, &error));
    EXPECT(IRONWAL_E_STREAM_NOT_FOUND, ironwal_stat_directory(PATH(path), "no", 2, NULL, 0, &stat, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_verify_directory(PATH(path), NULL, 2, NULL, 0, &report, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_verify_directory(PATH(path), NULL, 0, NULL, 0, NULL, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_stat_directory(PATH(path), NULL, 0, NULL, 0, NULL, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_dump_directory(PATH(path), NULL, 0, 0, 1, NULL, NULL, 0, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_dump_directory(PATH(path), NULL, 0, 2, 1, on_entry, NULL, CTX(&seen), &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_repair_directory(PATH(path), PATH(path), IRONWAL_COMPRESSION_NONE, NULL, 0,
                                                           NULL, &error));
    EXPECT(IRONWAL_E_INVALID_ARG,
           ironwal_repair_directory(PATH(path), PATH(path), 7, NULL, 0, &repaired, &error));
    CHECK(report == NULL && stat == NULL && repaired == NULL && !exists("other"));
    ironwal_stat_report_free(NULL);
    ironwal_repair_report_free(NULL);
}

static void sharded_directory(void) {
    ironwal_sharded *sharded = open_sharded("sharded", 4);
    for (int at = 0; at < 20; at++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", at);
        OK(ironwal_sharded_append(sharded, key, strlen(key), "x", 1, NULL, NULL, &error));
    }
    OK(ironwal_sharded_close(sharded, &error));
    ironwal_verify_report *report = NULL;
    ironwal_verify_report_totals totals;
    ironwal_repair_report *repaired = NULL;
    ironwal_repair_totals numbers;
    struct seen seen = none_seen(0);
    OK(ironwal_verify_directory(PATH(path_of("sharded")), NULL, 0, on_progress, CTX(&seen), &report, &error));
    OK(ironwal_verify_report_get_totals(report, &totals, sizeof totals, &error));
    CHECK(totals.entries == 20 && totals.clean == 1 && seen.done == seen.total);
    ironwal_verify_report_free(report);
    seen = none_seen(0);
    OK(repair("sharded", "sharded_copy", &seen, &repaired));
    OK(ironwal_repair_report_get_totals(repaired, &numbers, sizeof numbers, &error));
    CHECK(numbers.entries == 20 && numbers.complete == 1);
    ironwal_repair_report_free(repaired);
    sharded = open_sharded("sharded_copy", 4);
    OK(ironwal_sharded_close(sharded, &error));
}

int main(void) {
    enter_directory();
    ironwal_wal *wal = make_log("log");
    struct seen seen = none_seen(0);
    ironwal_repair_report *repaired = NULL;
    OK(ironwal_wal_sync_all(wal, &error));
    /* Beside a writer: all but repair. */
    whole(path_of("log"));
    EXPECT(IRONWAL_E_LOCKED, repair("log", "never", &seen, &repaired));
    CHECK(!exists("never") && !exists("never#new"));
    OK(ironwal_wal_close(wal, &error));
    whole(path_of("log"));
    cancelled("log");
    damaged("log");
    refused("log");
    sharded_directory();
    return 0;
}
