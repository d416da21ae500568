/* Does a read that there is no memory for answer an error, and leave the host and the log as they
 * were? */
#include "check.h"
#include <errno.h>
#include <sys/resource.h>

#define LARGE ((size_t)200 << 20)

/* Lets the process have so many more bytes of address space. */
static void limit_memory(struct rlimit limit, size_t more) {
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file && fscanf(file, "%lu", &pages) == 1);
    fclose(file);
    limit.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + more;
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

/* The call whose error is in `error` failed for lack of memory, and its message names the number of bytes. */
static void expect_no_memory(ironwal_status status, size_t bytes) {
    char number[32];
    CHECK(status == IRONWAL_E_IO);
    CHECK(ironwal_error_os_error(error) == ENOMEM);
    snprintf(number, sizeof number, "%zu", bytes);
    CHECK(strstr(ironwal_error_message(error).data, number) != NULL);
    ironwal_error_free(error);
    error = NULL;
}

#define PIECE ((size_t)8 << 20)
#define PIECES 9

/* Where there is memory for some entries of a call only, the others come with the next ones: none is passed over. */
static void expect_all_of_them(ironwal_stream *stream) {
    ironwal_iter *iter = NULL;
    uint64_t next = 0;
    OK(ironwal_stream_iter(stream, 0, &iter, &error));
    for (;;) {
        ironwal_entry entries[PIECES];
        size_t count = 0;
        const ironwal_status status = ironwal_iter_next_many(iter, entries, PIECES, SIZE_MAX, &count, &error);
        if (status == IRONWAL_E_END) break;
        CHECK(status == IRONWAL_OK && count < PIECES);
        for (size_t at = 0; at < count; at++, next++) {
            const char *bytes = (const char *)entries[at].view.data;
            CHECK(entries[at].id == next && entries[at].view.len == PIECE);
            CHECK(bytes[0] == (char)next && bytes[PIECE - 1] == (char)next);
        }
        if (next < PIECES) OK(ironwal_iter_wait(iter, 0, &error));
    }
    CHECK(next == PIECES);
    ironwal_iter_free(iter);
}

/* An entry of which there is memory for one copy alone is returned by the call that copies nothing. */
static void expect_one_that_is_left(ironwal_stream *stream, size_t len) {
    ironwal_iter *iter = NULL;
    ironwal_entry entry;
    ironwal_view view;
    size_t count = 0;
    uint64_t found = 7;
    OK(ironwal_stream_iter(stream, 0, &iter, &error));
    for (int turn = 0; turn < 2; turn++)
        expect_no_memory(ironwal_iter_next_many(iter, &entry, 1, 1, &count, &error), len);
    OK(ironwal_iter_wait(iter, 0, &error));
    OK(ironwal_iter_next(iter, &found, &view, &error));
    CHECK(found == 0 && view.len == len);
    EXPECT(IRONWAL_E_END, ironwal_iter_next_many(iter, &entry, 1, 1, &count, &error));
    ironwal_iter_free(iter);
}

int main(void) {
    struct rlimit before;
    uint64_t id = 7, end = 7;
    const uint64_t ids[] = {1, 0};
    size_t len = 7;
    ironwal_buffer buffer = {NULL, 0};
    ironwal_view view;
    ironwal_view_pin *pin = NULL;
    ironwal_iter *iter = NULL;
    ironwal_entry_list *entries = NULL;
    ironwal_txn *txn = NULL;
    ironwal_stream *stream = NULL;
    enter_directory();
    ironwal_options *options = options_for("log");
    OK(ironwal_options_set_sync_mode(options, IRONWAL_SYNC_ASYNC, &error));
    ironwal_wal *wal = open_with(options);
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    char *large = malloc(LARGE);
    CHECK(large);
    ironwal_stream *pieces = NULL, *one = NULL;
    OK(ironwal_stream_open(wal, TEXT("pieces"), &pieces, &error));
    for (int number = 0; number < PIECES; number++) {
        memset(large, number, PIECE);
        OK(ironwal_stream_append(pieces, large, PIECE, &id, &error));
    }
    OK(ironwal_stream_open(wal, TEXT("one"), &one, &error));
    OK(ironwal_stream_append(one, large, 5 * PIECE, &id, &error));
    memset(large, 7, LARGE);
    OK(ironwal_stream_append(stream, large, LARGE, &id, &error));
    OK(ironwal_stream_append(stream, "small", 5, &id, &error));
    CHECK(id == 1);
    CHECK(getrlimit(RLIMIT_AS, &before) == 0);
    OK(ironwal_txn_begin(wal, TEXT("t"), &txn, &error));
    limit_memory(before, (size_t)32 << 20);

    expect_no_memory(ironwal_get(wal, TEXT("s"), 0, &buffer, &error), LARGE);
    expect_no_memory(ironwal_stream_get(stream, 0, &buffer, &error), LARGE);
    CHECK(buffer.data == NULL && buffer.len == 0);
    expect_no_memory(ironwal_stream_get_into(stream, 0, large, LARGE, &len, &error), LARGE);
    expect_no_memory(ironwal_stream_view(stream, 0, &view, &pin, &error), LARGE);
    expect_no_memory(ironwal_get_batch(wal, TEXT("s"), ids, 2, &entries, &error), LARGE);
    CHECK(len == 7 && !pin && !entries);
    OK(ironwal_stream_iter(stream, 0, &iter, &error));
    expect_no_memory(ironwal_iter_next(iter, NULL, &view, &error), LARGE);
    EXPECT(IRONWAL_E_END, ironwal_iter_next(iter, NULL, &view, &error));
    ironwal_iter_free(iter);
    expect_no_memory(ironwal_txn_add(txn, large, LARGE, &error), LARGE);
    OK(ironwal_txn_add(txn, "added", 5, &error));

    limit_memory(before, 5 * PIECE);
    expect_all_of_them(pieces);
    limit_memory(before, 8 * PIECE);
    expect_one_that_is_left(one, 5 * PIECE);
    limit_memory(before, (size_t)32 << 20);
    ironwal_stream_free(pieces);
    ironwal_stream_free(one);

    /* What there is memory for is served meanwhile, and the rest once there is some. */
    OK(ironwal_stream_get(stream, 1, &buffer, &error));
    CHECK(buffer_is(&buffer, "small", 5));
    ironwal_buffer_free(&buffer);
    OK(ironwal_txn_commit(txn, &id, &end, &error));
    CHECK(id == 0 && end == 1);
    OK(ironwal_stream_append(stream, "behind", 6, &id, &error));
    CHECK(id == 2);
    CHECK(setrlimit(RLIMIT_AS, &before) == 0);
    OK(ironwal_stream_get(stream, 0, &buffer, &error));
    CHECK(buffer_is(&buffer, large, LARGE));
    ironwal_buffer_free(&buffer);
    free(large);
    ironwal_stream_free(stream);
    OK(ironwal_wal_close(wal, &error));
    return 0;
}
