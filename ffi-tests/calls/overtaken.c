/* Does an iterator that a truncation overtakes go on behind one error, beside the writer and in a
 * log that is open read-only? */
#include "check.h"

static void append(ironwal_wal *wal, int first, int end) {
    for (int number = first; number < end; number++) {
        uint64_t id = 0;
        OK(ironwal_append(wal, TEXT("s"), &number, sizeof number, &id, &error));
        CHECK(id == (uint64_t)number);
    }
}

static void expect_entries(ironwal_iter *iter, int first, int end) {
    for (int number = first; number < end; number++) {
        uint64_t id = 0;
        ironwal_view view;
        OK(ironwal_iter_next(iter, &id, &view, &error));
        CHECK(id == (uint64_t)number && view_is(view, &number, sizeof number));
    }
}

static void expect_end(ironwal_iter *iter) {
    ironwal_view view;
    EXPECT(IRONWAL_E_END, ironwal_iter_next(iter, NULL, &view, &error));
}

int main(void) {
    enter_directory();
    ironwal_options *options = options_for("log");
    OK(ironwal_options_set_max_entries_per_segment(options, 10, &error));
    ironwal_wal *wal = NULL, *reader = NULL;
    ironwal_iter *iters[2] = {NULL, NULL};
    OK(ironwal_wal_open(options, &wal, &error));
    append(wal, 0, 100);
    OK(ironwal_wal_open_read_only(options, &reader, &error));
    OK(ironwal_wal_iter(wal, TEXT("s"), 0, &iters[0], &error));
    OK(ironwal_wal_iter(reader, TEXT("s"), 0, &iters[1], &error));
    for (int i = 0; i < 2; i++) expect_entries(iters[i], 0, 5);
    OK(ironwal_truncate(wal, TEXT("s"), 70, NULL, &error));
    for (int i = 0; i < 2; i++) {
        ironwal_view view;
        ironwal_error *gone = NULL;
        expect_entries(iters[i], 5, 10);
        CHECK(ironwal_iter_next(iters[i], NULL, &view, &gone) == IRONWAL_E_SEGMENT_NOT_FOUND);
        ironwal_error_free(gone);
        expect_entries(iters[i], 70, 100);
        expect_end(iters[i]);
    }
    append(wal, 100, 105);
    for (int i = 0; i < 2; i++) {
        expect_entries(iters[i], 100, 105);
        expect_end(iters[i]);
        ironwal_iter_free(iters[i]);
    }
    OK(ironwal_wal_close(reader, &error));
    OK(ironwal_wal_close(wal, &error));
    ironwal_options_free(options);
    return 0;
}
