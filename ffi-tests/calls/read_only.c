/* Does a second process read what the first one writes, without changing anything, and is a log
 * verified? */
#include "check.h"

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

static ironwal_wal *open_reader(const char *name, int32_t mode, ironwal_status expected) {
    ironwal_options *options = NULL;
    ironwal_wal *wal = NULL;
    const char *path = path_of(name);
    OK(ironwal_options_new(path, strlen(path), &options, &error));
    OK(ironwal_options_set_sync_mode(options, mode, &error));
    EXPECT(expected, ironwal_wal_open_read_only(options, &wal, &error));
    CHECK((wal != NULL) == (expected == IRONWAL_OK));
    ironwal_options_free(options);
    return wal;
}

static void refuses_to_write(ironwal_wal *reader) {
    ironwal_stream *stream = NULL;
    ironwal_txn *txn = NULL;
    bool read_only = false;
    OK(ironwal_wal_is_read_only(reader, &read_only, &error));
    CHECK(read_only);
    EXPECT(IRONWAL_E_READ_ONLY, ironwal_append(reader, TEXT("s"), TEXT("x"), NULL, &error));
    EXPECT(IRONWAL_E_READ_ONLY, ironwal_wal_sync_all(reader, &error));
    EXPECT(IRONWAL_E_READ_ONLY, ironwal_truncate(reader, TEXT("s"), 1, NULL, &error));
    EXPECT(IRONWAL_E_READ_ONLY, ironwal_delete_stream(reader, TEXT("s"), &error));
    OK(ironwal_stream_open(reader, TEXT("s"), &stream, &error));
    EXPECT(IRONWAL_E_READ_ONLY, ironwal_stream_append(stream, TEXT("x"), NULL, &error));
    ironwal_stream_free(stream);
    OK(ironwal_txn_begin(reader, TEXT("s"), &txn, &error));
    OK(ironwal_txn_add(txn, TEXT("x"), &error));
    EXPECT(IRONWAL_E_READ_ONLY, ironwal_txn_commit(txn, NULL, NULL, &error));
}

/* Reads 200 entries that another process appends meanwhile. */
static int follow(void) {
    ironwal_wal *reader = open_reader("log", IRONWAL_SYNC_STRICT, IRONWAL_OK);
    ironwal_iter *iter = NULL;
    uint64_t next = 0;
    refuses_to_write(reader);
    OK(ironwal_wal_iter(reader, TEXT("s"), 0, &iter, &error));
    while (next < 200) {
        uint64_t id = 0;
        ironwal_view view;
        ironwal_status status = ironwal_iter_next(iter, &id, &view, &error);
        if (status == IRONWAL_E_END) {
            struct timespec pause = {0, 1000000};
            nanosleep(&pause, NULL);
            continue;
        }
        char expected[32];
        int len = snprintf(expected, sizeof expected, "entry %" PRIu64, next);
        CHECK(status == IRONWAL_OK && id == next && view.len == (size_t)len);
        CHECK(memcmp(view.data, expected, view.len) == 0);
        next++;
    }
    ironwal_iter_free(iter);
    OK(ironwal_wal_refresh(reader, &error));
    OK(ironwal_wal_close(reader, &error));
    return 0;
}

/* A flipped byte of the first entry must be reported with file, place and ids. */
static void verifies(ironwal_wal *wal, bool damaged) {
    ironwal_verify_report *report = NULL;
    ironwal_verify_report_totals totals;
    ironwal_finding finding;
    struct {
        ironwal_verify_report_totals known;
        uint64_t later[2];
    } newer;
    OK(ironwal_wal_verify(wal, &report, &error));
    OK(ironwal_verify_report_get_totals(report, &totals, sizeof totals, &error));
    CHECK(totals.streams == 1 && totals.segments == 1);
    CHECK(totals.entries == 200 - (uint64_t)damaged && totals.bytes > 1536);
    CHECK(totals.clean == !damaged && totals.findings == (uint64_t)damaged);
    memset(&newer, 0xff, sizeof newer);
    OK(ironwal_verify_report_get_totals(report, &newer.known, sizeof newer, &error));
    CHECK(newer.known.entries == totals.entries && newer.later[0] == 0 && newer.later[1] == 0);
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_verify_report_get_totals(report, &totals, 8, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_verify_report_get_totals(report, NULL, sizeof totals, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_verify_report_get_totals(NULL, &totals, sizeof totals, &error));
    if (damaged) {
        OK(ironwal_verify_report_get_finding(report, 0, &finding, sizeof finding, &error));
        CHECK(finding.severity == IRONWAL_SEVERITY_DAMAGE && finding.offset == 1536);
        CHECK(finding.first_id == 0 && finding.end_id == 1);
        CHECK(finding.stream.len == 1 && finding.stream.data[0] == 's');
        CHECK(strstr(finding.path.data, "00000000000000000000.wal") != NULL);
        CHECK(finding.what.len > 0 && finding.what.len == strlen(finding.what.data));
    }
    EXPECT(IRONWAL_E_NOT_FOUND,
           ironwal_verify_report_get_finding(report, damaged, &finding, sizeof finding, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_verify_report_get_finding(report, 0, &finding, 1, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_verify_report_get_finding(report, 0, NULL, 99, &error));
    EXPECT(IRONWAL_E_INVALID_ARG,
           ironwal_verify_report_get_finding(NULL, 0, &finding, sizeof finding, &error));
    ironwal_verify_report_free(report);
    ironwal_verify_report_free(NULL);
}

/* Waits without a limit for what is never appended. */
static void *wait_for_ever(void *stream) {
    ironwal_error *details = NULL;
    ironwal_status status =
        ironwal_stream_wait_durable((ironwal_stream *)stream, 7000, UINT64_MAX, &details);
    ironwal_error_free(details);
    CHECK(status == IRONWAL_E_CLOSED);
    return NULL;
}

/* A waiter in a read-only log that is closed gets IRONWAL_E_CLOSED. */
static void waiting_ends_with_the_reader(void) {
    ironwal_wal *reader = open_reader("log", IRONWAL_SYNC_ASYNC, IRONWAL_OK);
    ironwal_stream *stream = NULL;
    pthread_t waiter;
    OK(ironwal_stream_open(reader, TEXT("s"), &stream, &error));
    alarm(60);
    CHECK(pthread_create(&waiter, NULL, wait_for_ever, stream) == 0);
    /* It waits by then, most likely. */
    EXPECT(IRONWAL_E_TIMEOUT, ironwal_stream_wait_durable(stream, 7000, 50000000, &error));
    OK(ironwal_wal_close(reader, &error));
    CHECK(pthread_join(waiter, NULL) == 0);
    alarm(0);
    ironwal_stream_free(stream);
}

int main(int argc, char **argv) {
    bool read_only = true;
    if (argc > 2 && strcmp(argv[1], "follow") == 0) {
        snprintf(directory, sizeof directory, "%s", argv[2]);
        return follow();
    }
    enter_directory();
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_wal_open_read_only(NULL, NULL, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_wal_is_read_only(NULL, &read_only, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_wal_refresh(NULL, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_wal_verify(NULL, NULL, &error));
    open_reader("log", IRONWAL_SYNC_STRICT, IRONWAL_E_IO);
    ironwal_wal *wal = open_log("log");
    OK(ironwal_wal_is_read_only(wal, &read_only, &error));
    CHECK(!read_only);
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_wal_is_read_only(wal, NULL, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_wal_verify(wal, NULL, &error));
    child_process child = start_again(argv[0], "follow", directory);
    for (int number = 0; number < 200; number++) {
        char text[32];
        int len = snprintf(text, sizeof text, "entry %d", number);
        OK(ironwal_append(wal, TEXT("s"), text, (size_t)len, NULL, &error));
    }
    CHECK(exit_code_of(child) == 0);
    verifies(wal, false);
    OK(ironwal_wal_refresh(wal, &error));
    OK(ironwal_wal_close(wal, &error));
    ironwal_wal *reader = open_reader("log", IRONWAL_SYNC_ASYNC, IRONWAL_OK);
    verifies(reader, false);
    FILE *file = fopen(path_of("log/s/00000000000000000000.wal"), "r+b");
    CHECK(file && fseek(file, 1536 + 36, SEEK_SET) == 0 && fputc('X', file) == 'X');
    CHECK(fclose(file) == 0);
    verifies(reader, true);
    OK(ironwal_wal_close(reader, &error));
    waiting_ends_with_the_reader();
    return 0;
}
