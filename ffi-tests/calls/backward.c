/* Does an iterator that moves backward show what one that moves forward shows, in the other order, also
 * around damage, cuts and truncations? */
#include "check.h"

#define SEGMENT_ENTRIES 10

static ironwal_options *options_of(const char *name) {
    ironwal_options *options = options_for(name);
    OK(ironwal_options_set_max_entries_per_segment(options, SEGMENT_ENTRIES, &error));
    return options;
}

static void append(ironwal_wal *wal, int first, int end) {
    for (int number = first; number < end; number++)
        OK(ironwal_append(wal, TEXT("s"), &number, sizeof number, NULL, &error));
}

/* The entries from `from` down to `to`. */
static void expect_entries(ironwal_iter *iter, int from, int to) {
    for (int number = from; number >= to; number--) {
        uint64_t id = 0;
        ironwal_view view;
        OK(ironwal_iter_next(iter, &id, &view, &error));
        CHECK(id == (uint64_t)number && view_is(view, &number, sizeof number));
        OK(ironwal_iter_current(iter, id, &view, &error));
        CHECK(view_is(view, &number, sizeof number));
        EXPECT(IRONWAL_E_STALE_VIEW, ironwal_iter_current(iter, id + 1, &view, &error));
    }
}

static void expect_end(ironwal_iter *iter) {
    ironwal_view view;
    uint64_t id = 7;
    EXPECT(IRONWAL_E_END, ironwal_iter_next(iter, &id, &view, &error));
    CHECK(id == 7 && view.data == NULL && view.len == 0);
}

/* One error for the ids first..end. */
static void expect_error(ironwal_iter *iter, ironwal_status expected, uint64_t first, uint64_t end) {
    ironwal_error *details = NULL;
    ironwal_view view;
    uint64_t found_first = 0, found_end = 0;
    CHECK(ironwal_iter_next(iter, NULL, &view, &details) == expected);
    CHECK(ironwal_error_ids(details, &found_first, &found_end));
    CHECK(found_first == first && found_end == end);
    ironwal_error_free(details);
}

static void all_entries(ironwal_wal *wal, ironwal_wal *reader) {
    ironwal_iter *iters[4] = {NULL, NULL, NULL, NULL};
    ironwal_stream *stream = NULL;
    append(wal, 0, 35);
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    OK(ironwal_stream_iter_rev(stream, UINT64_MAX, &iters[0], &error));
    OK(ironwal_wal_iter_rev(wal, TEXT("s"), UINT64_MAX, &iters[1], &error));
    OK(ironwal_wal_iter_rev(reader, TEXT("s"), 1000, &iters[2], &error));
    OK(ironwal_stream_iter_rev(stream, 12, &iters[3], &error));
    for (int i = 0; i < 4; i++) expect_entries(iters[i], i == 3 ? 12 : 34, 5);
    /* It shows nothing that is appended later, also at its end. */
    append(wal, 35, 36);
    for (int i = 0; i < 4; i++) {
        expect_entries(iters[i], 4, 0);
        expect_end(iters[i]);
        expect_end(iters[i]);
        ironwal_iter_free(iters[i]);
    }
    /* Where it begins is decided by the first step. */
    OK(ironwal_stream_iter_rev(stream, UINT64_MAX, &iters[0], &error));
    append(wal, 36, 37);
    expect_entries(iters[0], 36, 30);
    ironwal_iter_free(iters[0]);
    OK(ironwal_wal_iter_rev(wal, TEXT("unknown"), UINT64_MAX, &iters[0], &error));
    expect_end(iters[0]);
    ironwal_iter_free(iters[0]);
    OK(ironwal_stream_iter_rev(stream, 0, &iters[0], &error));
    expect_entries(iters[0], 0, 0);
    expect_end(iters[0]);
    ironwal_iter_free(iters[0]);
    ironwal_stream_free(stream);
}

static void waits_are_refused(ironwal_wal *wal) {
    ironwal_iter *iter = NULL;
    ironwal_canceller *canceller = NULL;
    OK(ironwal_wal_iter_rev(wal, TEXT("s"), 3, &iter, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_iter_wait(iter, 0, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_iter_canceller(iter, &canceller, &error));
    CHECK(canceller == NULL);
    expect_entries(iter, 3, 0);
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_iter_wait(iter, UINT64_MAX, &error));
    ironwal_iter_free(iter);
}

static void bad_arguments(ironwal_wal *wal) {
    ironwal_iter *iter = NULL;
    ironwal_stream *stream = NULL;
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_wal_iter_rev(wal, TEXT(""), 0, &iter, &error));
    CHECK(iter == NULL);
    OK(ironwal_stream_iter_rev(stream, 0, &iter, NULL));
    ironwal_iter_free(iter);
    ironwal_stream_free(stream);
}

static void cuts_and_truncations(ironwal_wal *wal) {
    ironwal_iter *high = NULL, *low = NULL, *last = NULL;
    ironwal_view view;
    OK(ironwal_wal_iter_rev(wal, TEXT("s"), UINT64_MAX, &high, &error));
    OK(ironwal_wal_iter_rev(wal, TEXT("s"), 20, &low, &error));
    expect_entries(high, 36, 36);
    expect_entries(low, 20, 19);
    OK(ironwal_truncate_suffix(wal, TEXT("s"), 30, NULL, &error));
    /* The one that has returned an id that was cut ends; the one below continues. */
    expect_error(high, IRONWAL_E_SUFFIX_CUT, 30, UINT64_MAX);
    expect_end(high);
    expect_entries(low, 18, 16);
    /* A truncation ends it where its file begins, or earlier. */
    OK(ironwal_truncate(wal, TEXT("s"), 20, NULL, &error));
    uint64_t id = 16, before;
    ironwal_status status;
    do {
        before = id;
        status = ironwal_iter_next(low, &id, &view, &error);
        if (status == IRONWAL_OK) CHECK(id == before - 1 && id >= 10);
    } while (status == IRONWAL_OK);
    CHECK(status == IRONWAL_E_END && error == NULL);
    OK(ironwal_wal_iter_rev(wal, TEXT("s"), UINT64_MAX, &last, &error));
    expect_entries(last, 29, 20);
    expect_end(last);
    ironwal_iter_free(high);
    ironwal_iter_free(low);
    ironwal_iter_free(last);
}

static void deleted_and_closed(ironwal_wal *wal) {
    ironwal_stream *stream = NULL;
    ironwal_iter *of_deleted = NULL, *of_closed = NULL, *none = NULL;
    ironwal_view view;
    OK(ironwal_append(wal, TEXT("t"), TEXT("entry"), NULL, &error));
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    OK(ironwal_stream_iter_rev(stream, UINT64_MAX, &of_deleted, &error));
    OK(ironwal_wal_iter_rev(wal, TEXT("t"), UINT64_MAX, &of_closed, &error));
    OK(ironwal_stream_delete(stream, &error));
    EXPECT(IRONWAL_E_STREAM_NOT_FOUND, ironwal_stream_iter_rev(stream, 0, &none, &error));
    EXPECT(IRONWAL_E_STREAM_NOT_FOUND, ironwal_iter_next(of_deleted, NULL, &view, &error));
    expect_end(of_deleted);
    OK(ironwal_wal_close(wal, &error));
    EXPECT(IRONWAL_E_CLOSED, ironwal_stream_iter_rev(stream, 0, &none, &error));
    EXPECT(IRONWAL_E_CLOSED, ironwal_iter_next(of_closed, NULL, &view, &error));
    CHECK(none == NULL && view.data == NULL);
    ironwal_iter_free(of_deleted);
    ironwal_iter_free(of_closed);
    ironwal_stream_free(stream);
}

static void corrupt_byte(const char *name, const char *file, long at) {
    char path[600];
    snprintf(path, sizeof path, "%s/s/%s", path_of(name), file);
    FILE *opened = fopen(path, "r+b");
    CHECK(opened != NULL && fseek(opened, at, SEEK_SET) == 0);
    const int byte = fgetc(opened);
    CHECK(byte != EOF && fseek(opened, at, SEEK_SET) == 0 && fputc(byte ^ 1, opened) != EOF);
    CHECK(fclose(opened) == 0);
}

/* One damaged entry, then a whole segment that is gone: one error each, and what lies below is read. */
static void damage(void) {
    ironwal_options *options = options_of("damaged");
    ironwal_wal *wal = NULL;
    ironwal_iter *iter = NULL;
    char path[600];
    OK(ironwal_options_set_on_corruption(options, IRONWAL_CORRUPTION_TRUNCATE, &error));
    OK(ironwal_wal_open(options, &wal, &error));
    append(wal, 0, 40);
    OK(ironwal_wal_close(wal, &error));
    /* A byte of the first entry of the second segment. */
    corrupt_byte("damaged", "00000000000000000010.wal", 1536 + 37);
    snprintf(path, sizeof path, "%s/s/00000000000000000020.wal", path_of("damaged"));
    CHECK(remove(path) == 0);
    OK(ironwal_wal_open(options, &wal, &error));
    OK(ironwal_wal_iter_rev(wal, TEXT("s"), UINT64_MAX, &iter, &error));
    expect_entries(iter, 39, 30);
    expect_error(iter, IRONWAL_E_SEGMENT_NOT_FOUND, 20, 30);
    expect_entries(iter, 19, 11);
    expect_error(iter, IRONWAL_E_CRC_MISMATCH, 10, 11);
    expect_entries(iter, 9, 0);
    expect_end(iter);
    ironwal_iter_free(iter);
    OK(ironwal_wal_close(wal, &error));
    ironwal_options_free(options);
}

int main(void) {
    enter_directory();
    ironwal_options *options = options_of("log");
    ironwal_wal *wal = NULL, *reader = NULL;
    OK(ironwal_wal_open(options, &wal, &error));
    OK(ironwal_wal_open_read_only(options, &reader, &error));
    ironwal_options_free(options);
    all_entries(wal, reader);
    waits_are_refused(wal);
    bad_arguments(wal);
    cuts_and_truncations(wal);
    OK(ironwal_wal_close(reader, &error));
    deleted_and_closed(wal);
    damage();
    return 0;
}
