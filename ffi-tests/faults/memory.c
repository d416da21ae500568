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
