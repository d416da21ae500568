/* Does pthread_cancel wait until a call is over? fdatasync is a cancellation point: unwinding from
 * there through Rust would abort this program, and a half-done append would break the log. */
#include "check.h"
#include <pthread.h>

static ironwal_stream *stream;
static uint64_t acknowledged;

static void *append_for_ever(void *unused) {
    (void)unused;
    for (;;) {
        uint64_t id = 0;
        if (ironwal_stream_append(stream, TEXT("x"), &id, NULL) != IRONWAL_OK) return &stream;
        acknowledged = id + 1;
        pthread_testcancel();
    }
}

int main(void) {
    enter_directory();
    ironwal_wal *wal = open_log("log");
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    for (int round = 0; round < 20; round++) {
        pthread_t thread;
        void *result = NULL;
        const uint64_t before = acknowledged;
        CHECK(pthread_create(&thread, NULL, append_for_ever, NULL) == 0);
        uint64_t next = 0;
        do OK(ironwal_stream_next_id(stream, &next, &error));
        while (next < before + 2);
        CHECK(pthread_cancel(thread) == 0);
        CHECK(pthread_join(thread, &result) == 0);
        CHECK(result == PTHREAD_CANCELED);
        OK(ironwal_stream_next_id(stream, &next, &error));
        CHECK(next == acknowledged);
    }
    OK(ironwal_stream_append(stream, TEXT("still here"), NULL, &error));
    ironwal_stream_free(stream);
    OK(ironwal_wal_close(wal, &error));
    return 0;
}
