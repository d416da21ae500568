/* Do many threads append, read, prune and delete on the same handles without losing or mixing
 * anything? */
#include "check.h"
#include <pthread.h>

enum { WRITERS = 4, EACH = 200 };

static ironwal_wal *wal;
static ironwal_stream *stream;

static void *write_some(void *number) {
    for (uint64_t n = 0; n < EACH; n++) {
        uint64_t entry[2] = {(uint64_t)(uintptr_t)number, n};
        uint64_t id = 0;
        size_t len = 0;
        uint64_t back[2] = {99, 99};
        CHECK(ironwal_stream_append(stream, entry, sizeof entry, &id, NULL) == IRONWAL_OK);
        CHECK(ironwal_stream_get_into(stream, id, back, sizeof back, &len, NULL) == IRONWAL_OK);
        CHECK(len == sizeof entry && memcmp(entry, back, len) == 0);
    }
    return NULL;
}

static void *churn(void *unused) {
    (void)unused;
    for (int n = 0; n < EACH; n++) {
        CHECK(ironwal_append(wal, TEXT("churn"), TEXT("x"), NULL, NULL) == IRONWAL_OK);
        ironwal_status status = ironwal_truncate(wal, TEXT("churn"), UINT64_MAX, NULL, NULL);
        CHECK(status == IRONWAL_OK || status == IRONWAL_E_STREAM_NOT_FOUND);
        if (n % 16 == 0)
            CHECK(ironwal_delete_stream(wal, TEXT("churn"), NULL) == IRONWAL_OK);
    }
    return NULL;
}

int main(void) {
    enter_directory();
    ironwal_options *options = options_for("log");
    OK(ironwal_options_set_max_entries_per_segment(options, 64, &error));
    OK(ironwal_options_set_max_open_segments(options, 1, &error));
    wal = open_with(options);
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    pthread_t threads[WRITERS + 2];
    for (uintptr_t n = 0; n < WRITERS; n++)
        CHECK(pthread_create(&threads[n], NULL, write_some, (void *)n) == 0);
    for (int n = 0; n < 2; n++)
        CHECK(pthread_create(&threads[WRITERS + n], NULL, churn, NULL) == 0);

    /* Meanwhile one reader sees every writer's entries in that writer's order. */
    uint64_t next_of[WRITERS] = {0};
    ironwal_iter *iter = NULL;
    OK(ironwal_stream_iter(stream, 0, &iter, &error));
    for (uint64_t want = 0; want < WRITERS * EACH;) {
        uint64_t id = 0, entry[2];
        ironwal_view view;
        ironwal_status status = ironwal_iter_next(iter, &id, &view, NULL);
        if (status == IRONWAL_E_END) {
            OK(ironwal_stream_wait_durable(stream, want, UINT64_MAX, &error));
            continue;
        }
        CHECK(status == IRONWAL_OK && id == want && view.len == sizeof entry);
        memcpy(entry, view.data, sizeof entry);
        CHECK(entry[0] < WRITERS && entry[1] == next_of[entry[0]]);
        next_of[entry[0]]++;
        want++;
    }
    for (int n = 0; n < WRITERS + 2; n++) CHECK(pthread_join(threads[n], NULL) == 0);
    ironwal_iter_free(iter);
    ironwal_stream_free(stream);
    OK(ironwal_wal_close(wal, &error));
    return 0;
}
