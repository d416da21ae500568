/* Does one call that moves over several entries show what single steps show, also around damage, in both
 * directions, and mixed with them? */
#include "check.h"

#define SEGMENT_ENTRIES 10
#define CAPACITY 64

static ironwal_options *options_of(const char *name) {
    ironwal_options *options = options_for(name);
    OK(ironwal_options_set_max_entries_per_segment(options, SEGMENT_ENTRIES, &error));
    return options;
}

static ironwal_wal *opened(const ironwal_options *options) {
    ironwal_wal *wal = NULL;
    OK(ironwal_wal_open(options, &wal, &error));
    return wal;
}

/* Entry n has n % 7 bytes, each of the value n. */
static void append(ironwal_wal *wal, int first, int end) {
    for (int number = first; number < end; number++) {
        unsigned char bytes[7];
        memset(bytes, number, sizeof bytes);
        OK(ironwal_append(wal, TEXT("s"), bytes, (size_t)number % 7, NULL, &error));
    }
}

static void expect_entry(const ironwal_entry *entry, uint64_t id) {
    unsigned char bytes[7];
    memset(bytes, (int)id, sizeof bytes);
    CHECK(entry->id == id && view_is(entry->view, bytes, (size_t)id % 7));
}

/* The next entries come in one call, from `first` on by `step`. */
static void expect_many(ironwal_iter *iter, size_t capacity, size_t max_bytes, uint64_t first, int step, size_t expected) {
    ironwal_entry entries[CAPACITY];
    size_t count = 77;
    OK(ironwal_iter_next_many(iter, entries, capacity, max_bytes, &count, &error));
    CHECK(count == expected);
    for (size_t at = 0; at < count; at++) expect_entry(&entries[at], first + (uint64_t)((int)at * step));
}

static void expect_end(ironwal_iter *iter) {
    ironwal_entry entry;
    size_t count = 77;
    EXPECT(IRONWAL_E_END, ironwal_iter_next_many(iter, &entry, 1, 1, &count, &error));
    CHECK(count == 0);
}

static void forward(ironwal_wal *wal) {
    ironwal_iter *iter = NULL;
    OK(ironwal_wal_iter(wal, TEXT("s"), 0, &iter, &error));
    expect_many(iter, CAPACITY, SIZE_MAX, 0, 1, 35);
    expect_end(iter);
    append(wal, 35, 40);
    OK(ironwal_iter_wait(iter, 0, &error));
    expect_many(iter, 2, SIZE_MAX, 35, 1, 2);
    ironwal_view view;
    uint64_t id = 0;
    OK(ironwal_iter_next(iter, &id, &view, &error));
    CHECK(id == 37 && view.len == 2);
    /* 38 has 3 bytes: a single one where the limit is reached, or exceeded, by the first. */
    expect_many(iter, CAPACITY, 0, 38, 1, 1);
    EXPECT(IRONWAL_E_STALE_VIEW, ironwal_iter_current(iter, 38, &view, &error));
    expect_many(iter, CAPACITY, 1, 39, 1, 1);
    expect_end(iter);
    ironwal_iter_free(iter);

    OK(ironwal_wal_iter(wal, TEXT("s"), 1, &iter, &error));
    /* 1 + 2 + 3 bytes are 6, which is the limit. */
    expect_many(iter, CAPACITY, 6, 1, 1, 3);
    expect_many(iter, CAPACITY, 5, 4, 1, 2);
    ironwal_entry entry;
    size_t count = 0;
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_iter_next_many(iter, &entry, 0, 1, &count, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_iter_next_many(iter, NULL, 1, 1, &count, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_iter_next_many(iter, &entry, SIZE_MAX, 1, &count, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_iter_next_many(iter, &entry, 1, 1, NULL, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_iter_next_many(NULL, &entry, 1, 1, &count, &error));
    expect_many(iter, 1, 1, 6, 1, 1);
    ironwal_iter_free(iter);
}

static void backward(ironwal_wal *wal) {
    ironwal_iter *iter = NULL;
    OK(ironwal_wal_iter_rev(wal, TEXT("s"), UINT64_MAX, &iter, &error));
    expect_many(iter, 30, SIZE_MAX, 39, -1, 30);
    expect_many(iter, 30, SIZE_MAX, 9, -1, 10);
    expect_end(iter);
    ironwal_iter_free(iter);
}

/* The entries before damage come first, then the error with its ids, then the rest. */
static void around_damage(void) {
    ironwal_options *options = options_of("damaged");
    ironwal_wal *wal = opened(options);
    append(wal, 0, 35);
    OK(ironwal_wal_close(wal, &error));
    char path[600];
    snprintf(path, sizeof path, "%s/s/00000000000000000010.wal", path_of("damaged"));
    /* A byte of the first entry of the second segment. */
    FILE *file = fopen(path, "r+b");
    CHECK(file != NULL && fseek(file, 1536 + 37, SEEK_SET) == 0);
    const int byte = fgetc(file);
    CHECK(byte != EOF && fseek(file, 1536 + 37, SEEK_SET) == 0 && fputc(byte ^ 1, file) != EOF);
    CHECK(fclose(file) == 0);

    wal = opened(options);
    ironwal_iter *iter = NULL;
    OK(ironwal_wal_iter(wal, TEXT("s"), 0, &iter, &error));
    uint64_t next = 0;
    int failures = 0;
    for (;;) {
        ironwal_entry entries[CAPACITY];
        size_t count = 0;
        ironwal_error *details = NULL;
        const ironwal_status status = ironwal_iter_next_many(iter, entries, CAPACITY, SIZE_MAX, &count, &details);
        if (status == IRONWAL_E_END) break;
        if (status != IRONWAL_OK) {
            uint64_t first = 0, end = 0;
            /* It is there at once for the one that waits. */
            CHECK(count == 0 && details != NULL && ironwal_error_ids(details, &first, &end));
            CHECK(status == IRONWAL_E_CRC_MISMATCH && next == 10 && first == 10 && end == 11);
            CHECK(strstr(ironwal_error_path(details).data, "00000000000000000010.wal") != NULL);
            ironwal_error_free(details);
            next = end;
            failures++;
        }
        for (size_t at = 0; at < count; at++, next++) expect_entry(&entries[at], next);
        if (status == IRONWAL_OK && next == 10) OK(ironwal_iter_wait(iter, 0, &error));
    }
    CHECK(next == 35 && failures == 1);
    ironwal_iter_free(iter);
    OK(ironwal_wal_close(wal, &error));
    ironwal_options_free(options);
}

/* A transaction of a handle goes to the stream of the handle, not to a later one of its name. */
static void transactions_of_a_handle(ironwal_wal *wal) {
    ironwal_stream *stream = NULL;
    ironwal_txn *txn = NULL;
    uint64_t first = 7, end = 7;
    OK(ironwal_stream_open(wal, TEXT("t"), &stream, &error));
    OK(ironwal_stream_begin(stream, &txn, &error));
    OK(ironwal_txn_add(txn, TEXT("a"), &error));
    OK(ironwal_txn_add(txn, TEXT("b"), &error));
    OK(ironwal_txn_commit(txn, &first, &end, &error));
    CHECK(first == 0 && end == 2);
    OK(ironwal_stream_begin(stream, &txn, &error));
    OK(ironwal_txn_commit(txn, &first, &end, &error));
    CHECK(first == 0 && end == 0);
    OK(ironwal_stream_begin(stream, &txn, &error));
    OK(ironwal_txn_add(txn, TEXT("c"), &error));
    OK(ironwal_stream_delete(stream, &error));
    OK(ironwal_append(wal, IRONWAL_STR("t"), IRONWAL_STR("new"), NULL, &error));
    EXPECT(IRONWAL_E_STREAM_NOT_FOUND, ironwal_txn_commit(txn, &first, &end, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_stream_begin(NULL, &txn, &error));
    CHECK(txn == NULL);
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_stream_begin(stream, NULL, &error));
    ironwal_stream_free(stream);
}

int main(void) {
    enter_directory();
    ironwal_options *options = options_of("log");
    ironwal_wal *wal = opened(options);
    append(wal, 0, 35);
    forward(wal);
    backward(wal);
    transactions_of_a_handle(wal);
    OK(ironwal_wal_close(wal, &error));
    ironwal_options_free(options);
    around_damage();
    return 0;
}
