/* Does every way of putting entries in and getting them out give the same bytes, also after
 * reopening? */
#include "check.h"

static void check_entry(ironwal_wal *wal, ironwal_stream *stream, uint64_t id, const char *data,
                        size_t len) {
    ironwal_buffer buffer = {NULL, 0};
    OK(ironwal_get(wal, TEXT("s"), id, &buffer, &error));
    CHECK(buffer_is(&buffer, data, len));
    ironwal_buffer_free(&buffer);
    CHECK(buffer.data == NULL && buffer.len == 0);
    ironwal_buffer_free(&buffer);

    OK(ironwal_stream_get(stream, id, &buffer, &error));
    CHECK(buffer_is(&buffer, data, len));
    ironwal_buffer_free(&buffer);

    char memory[64];
    size_t entry_len = 999;
    memset(memory, '#', sizeof memory);
    OK(ironwal_stream_get_into(stream, id, memory, len, &entry_len, &error));
    CHECK(entry_len == len && memcmp(memory, data, len) == 0 && memory[len] == '#');
    memset(memory, '#', sizeof memory);
    OK(ironwal_get_into(wal, TEXT("s"), id, memory, sizeof memory, &entry_len, &error));
    CHECK(entry_len == len && memcmp(memory, data, len) == 0 && memory[len] == '#');

    if (len > 0) {
        memset(memory, '#', sizeof memory);
        entry_len = 999;
        EXPECT(IRONWAL_E_BUFFER_TOO_SMALL,
               ironwal_stream_get_into(stream, id, memory, len - 1, &entry_len, &error));
        CHECK(entry_len == len && memory[0] == '#');
        entry_len = 999;
        EXPECT(IRONWAL_E_BUFFER_TOO_SMALL,
               ironwal_get_into(wal, TEXT("s"), id, NULL, 0, &entry_len, &error));
        CHECK(entry_len == len);
    }

    ironwal_view view;
    ironwal_view_pin *pin = NULL;
    OK(ironwal_stream_view(stream, id, &view, &pin, &error));
    CHECK(pin != NULL && view_is(view, data, len));
    ironwal_view_pin_free(pin);
}

/* Everything that the test appended, in order. */
static const struct {
    const char *data;
    size_t len;
} expected[] = {
    {"first", 5}, {"", 0}, {"two parts", 9}, {"", 0},   {"a", 1},
    {"", 0},      {"c", 1}, {"t1", 2},       {"t2", 2}, {"by handle", 9},
};
enum { COUNT = sizeof expected / sizeof expected[0] };

static void check_all(ironwal_wal *wal) {
    ironwal_stream *stream = NULL;
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    for (uint64_t id = 0; id < COUNT; id++)
        check_entry(wal, stream, id, expected[id].data, expected[id].len);

    uint64_t first = 99, next = 99, durable = 99, segment = 99;
    OK(ironwal_stream_first_id(stream, &first, &error));
    OK(ironwal_stream_next_id(stream, &next, &error));
    OK(ironwal_stream_durable_end(stream, &durable, &error));
    OK(ironwal_current_segment_start_id(wal, TEXT("s"), &segment, &error));
    CHECK(first == 0 && next == COUNT && durable == COUNT && segment == 0);

    ironwal_iter *iters[2] = {NULL, NULL};
    OK(ironwal_wal_iter(wal, TEXT("s"), 1, &iters[0], &error));
    OK(ironwal_stream_iter(stream, 1, &iters[1], &error));
    for (int which = 0; which < 2; which++) {
        uint64_t id = 0;
        ironwal_view view;
        for (uint64_t want = 1; want < COUNT; want++) {
            OK(ironwal_iter_next(iters[which], &id, &view, &error));
            CHECK(id == want && view_is(view, expected[id].data, expected[id].len));
            OK(ironwal_iter_current(iters[which], id, &view, &error));
            CHECK(view_is(view, expected[id].data, expected[id].len));
            EXPECT(IRONWAL_E_STALE_VIEW, ironwal_iter_current(iters[which], id - 1, &view, &error));
            CHECK(view.data == NULL && view.len == 0);
        }
        EXPECT(IRONWAL_E_END, ironwal_iter_next(iters[which], &id, &view, &error));
        CHECK(id == COUNT - 1 && view.data == NULL && view.len == 0);
        EXPECT(IRONWAL_E_STALE_VIEW, ironwal_iter_current(iters[which], id, &view, &error));
        EXPECT(IRONWAL_E_END, ironwal_iter_next(iters[which], NULL, &view, &error));
        ironwal_iter_free(iters[which]);
    }

    const uint64_t ids[] = {9, 0, 77, 0, 1};
    ironwal_entry_list *entries = NULL;
    OK(ironwal_get_batch(wal, TEXT("s"), ids, 5, &entries, &error));
    CHECK(ironwal_entry_list_count(entries) == 5);
    for (size_t at = 0; at < 5; at++) {
        ironwal_view view;
        if (ids[at] == 77) {
            EXPECT(IRONWAL_E_NOT_FOUND, ironwal_entry_list_get(entries, at, &view, &error));
            CHECK(view.data == NULL);
            continue;
        }
        OK(ironwal_entry_list_get(entries, at, &view, &error));
        CHECK(view_is(view, expected[ids[at]].data, expected[ids[at]].len));
    }
    ironwal_view past;
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_entry_list_get(entries, 5, &past, &error));
    ironwal_entry_list_free(entries);
    OK(ironwal_get_batch(wal, TEXT("s"), NULL, 0, &entries, &error));
    CHECK(ironwal_entry_list_count(entries) == 0);
    ironwal_entry_list_free(entries);
    ironwal_stream_free(stream);
}

static void fill(ironwal_wal *wal) {
    uint64_t id = 99, end = 99;
    ironwal_slice parts[] = {slice_of("two", 3), slice_of(NULL, 0), slice_of(" parts", 6)};
    ironwal_slice batch[] = {slice_of("a", 1), slice_of(NULL, 0), slice_of("c", 1)};

    EXPECT(IRONWAL_E_NOT_FOUND, ironwal_current_segment_start_id(wal, TEXT("s"), &id, &error));
    CHECK(id == 99);
    OK(ironwal_append(wal, TEXT("s"), TEXT("first"), &id, &error));
    CHECK(id == 0);
    OK(ironwal_append(wal, TEXT("s"), NULL, 0, NULL, &error));
    OK(ironwal_append_vectored(wal, TEXT("s"), parts, 3, &id, &error));
    CHECK(id == 2);
    OK(ironwal_append_vectored(wal, TEXT("s"), NULL, 0, &id, &error));
    CHECK(id == 3);
    OK(ironwal_append_batch(wal, TEXT("s"), batch, 3, &id, &end, &error));
    CHECK(id == 4 && end == 7);
    OK(ironwal_append_batch(wal, TEXT("s"), NULL, 0, &id, &end, &error));
    CHECK(id == 7 && end == 7);

    ironwal_txn *txn = NULL;
    OK(ironwal_txn_begin(wal, TEXT("s"), &txn, &error));
    OK(ironwal_txn_add(txn, TEXT("lost"), &error));
    ironwal_txn_abort(txn);
    OK(ironwal_txn_begin(wal, TEXT("s"), &txn, &error));
    OK(ironwal_txn_add(txn, TEXT("t1"), &error));
    OK(ironwal_txn_add(txn, TEXT("t2"), &error));
    OK(ironwal_txn_commit(txn, &id, &end, &error));
    CHECK(id == 7 && end == 9);
    OK(ironwal_txn_begin(wal, TEXT("s"), &txn, &error));
    OK(ironwal_txn_commit(txn, &id, &end, &error));
    CHECK(id == 0 && end == 0);

    ironwal_stream *stream = NULL;
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    OK(ironwal_stream_append(stream, TEXT("by handle"), &id, &error));
    CHECK(id == 9);
    OK(ironwal_stream_sync(stream, &error));
    OK(ironwal_stream_wait_durable(stream, 9, 0, &error));
    EXPECT(IRONWAL_E_TIMEOUT, ironwal_stream_wait_durable(stream, 10, 0, &error));
    EXPECT(IRONWAL_E_TIMEOUT, ironwal_stream_wait_durable(stream, 10, 1000000, &error));
    ironwal_stream_free(stream);

    OK(ironwal_sync(wal, TEXT("s"), &error));
    OK(ironwal_wal_sync_all(wal, &error));
}

int main(void) {
    enter_directory();
    ironwal_wal *wal = open_log("log");
    ironwal_buffer buffer;
    ironwal_iter *iter = NULL;
    ironwal_view view;
    EXPECT(IRONWAL_E_NOT_FOUND, ironwal_get(wal, TEXT("s"), 0, &buffer, &error));
    CHECK(buffer.data == NULL && buffer.len == 0);
    OK(ironwal_wal_iter(wal, TEXT("s"), 0, &iter, &error));
    EXPECT(IRONWAL_E_END, ironwal_iter_next(iter, NULL, &view, &error));
    ironwal_iter_free(iter);

    fill(wal);
    check_all(wal);
    OK(ironwal_wal_close(wal, &error));

    wal = open_log("log");
    check_all(wal);

    ironwal_name_list *names = NULL;
    OK(ironwal_append(wal, TEXT("another"), TEXT("x"), NULL, &error));
    OK(ironwal_wal_streams(wal, &names, &error));
    CHECK(ironwal_name_list_count(names) == 2);
    CHECK(strcmp(ironwal_name_list_get(names, 0).data, "another") == 0);
    CHECK(strcmp(ironwal_name_list_get(names, 1).data, "s") == 0);
    CHECK(ironwal_name_list_get(names, 2).data == NULL);
    ironwal_name_list_free(names);
    OK(ironwal_wal_close(wal, &error));
    return 0;
}
