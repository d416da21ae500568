/* Does the library work in the last moments of a thread, when its thread-local storage is being
 * torn down? Hosts flush what a thread gathered from a destructor of pthread_key_create. */
#include "check.h"
#include <pthread.h>

static ironwal_wal *wal;
static ironwal_stream *stream;
static int calls;

static void at_thread_exit(void *unused) {
    (void)unused;
    uint64_t id = 0;
    size_t len = 0;
    char copy[8];
    ironwal_error *details = NULL;
    ironwal_buffer buffer;
    ironwal_view view;
    ironwal_view_pin *pin = NULL;
    CHECK(ironwal_stream_append(stream, TEXT("late"), &id, &details) == IRONWAL_OK);
    CHECK(ironwal_stream_get(stream, id, &buffer, &details) == IRONWAL_OK);
    CHECK(buffer_is(&buffer, "late", 4));
    ironwal_buffer_free(&buffer);
    CHECK(ironwal_stream_get_into(stream, id, copy, sizeof copy, &len, &details) == IRONWAL_OK);
    CHECK(len == 4 && memcmp(copy, "late", 4) == 0);
    CHECK(ironwal_stream_view(stream, id, &view, &pin, &details) == IRONWAL_OK);
    CHECK(view_is(view, "late", 4));
    ironwal_view_pin_free(pin);
    CHECK(ironwal_truncate(wal, TEXT("none"), 1, NULL, &details) == IRONWAL_E_STREAM_NOT_FOUND);
    CHECK(ironwal_error_message(details).len > 0);
    ironwal_error_free(details);
    calls++;
}

/* Uses the library first, so that its own thread-locals exist and are torn down before the key. */
static void *use_and_leave(void *key) {
    ironwal_buffer buffer;
    CHECK(ironwal_stream_get(stream, 0, &buffer, NULL) == IRONWAL_OK);
    ironwal_buffer_free(&buffer);
    CHECK(ironwal_truncate(wal, TEXT("none"), 1, NULL, NULL) == IRONWAL_E_STREAM_NOT_FOUND);
    CHECK(pthread_setspecific(*(pthread_key_t *)key, &calls) == 0);
    return NULL;
}

int main(void) {
    enter_directory();
    pthread_key_t key;
    CHECK(pthread_key_create(&key, at_thread_exit) == 0);
    wal = open_log("log");
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    OK(ironwal_stream_append(stream, TEXT("first"), NULL, &error));
    for (int n = 1; n <= 3; n++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, use_and_leave, &key) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
        CHECK(calls == n);
    }
    ironwal_stream_free(stream);
    OK(ironwal_wal_close(wal, &error));
    return 0;
}
