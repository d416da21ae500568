/* What holds where the system gives the library no thread? faulty_preload.c, loaded before libc,
 * makes pthread_create fail. And may the callback for messages read from the log it hears? */
#include "check.h"
#include <dlfcn.h>
#include <errno.h>

typedef void (*break_call)(const char *, int);

static ironwal_wal *wal;
static ironwal_stream *stream;
static int heard;

/* All that the header allows. */
static void hear(uintptr_t ctx, int32_t level, const char *message, size_t len) {
    ironwal_error *none = NULL;
    ironwal_buffer buffer;
    ironwal_iter *iter = NULL;
    ironwal_view view;
    uint64_t id = 0;
    (void)ctx;
    (void)level;
    /* Others say that the log was opened or closed. */
    if (len == 0 || strstr(message, "no thread ") == NULL) return;
    heard += strstr(message, "ironwal-sync") != NULL;
    CHECK(ironwal_stream_next_id(stream, &id, &none) == IRONWAL_OK && id > 0);
    CHECK(ironwal_stream_first_id(stream, &id, &none) == IRONWAL_OK && id == 0);
    CHECK(ironwal_stream_durable_end(stream, &id, &none) == IRONWAL_OK);
    CHECK(ironwal_stream_get(stream, 0, &buffer, &none) == IRONWAL_OK);
    ironwal_buffer_free(&buffer);
    CHECK(ironwal_wal_iter(wal, TEXT("s"), 0, &iter, &none) == IRONWAL_OK);
    CHECK(ironwal_iter_next(iter, &id, &view, &none) == IRONWAL_OK && id == 0);
    ironwal_iter_free(iter);
}

int main(void) {
    break_call break_calls;
    void *found = dlsym(RTLD_DEFAULT, "faulty_break");
    CHECK(found != NULL);
    memcpy(&break_calls, &found, sizeof found);
    enter_directory();
    /* A hang ends the test. */
    alarm(60);
    ironwal_options *options = options_for("log");
    OK(ironwal_options_set_sync_mode(options, IRONWAL_SYNC_ASYNC, &error));
    OK(ironwal_options_set_log(options, hear, 0, &error));
    wal = open_with(options);
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    break_calls("threads", EAGAIN);
    OK(ironwal_stream_append(stream, TEXT("entry"), NULL, &error));
    CHECK(heard == 1);
    OK(ironwal_stream_wait_durable(stream, 0, UINT64_MAX, &error));
    break_calls("", 0);
    OK(ironwal_stream_append(stream, TEXT("entry"), NULL, &error));
    OK(ironwal_stream_wait_durable(stream, 1, UINT64_MAX, &error));
    CHECK(heard == 1);
    OK(ironwal_wal_close(wal, &error));
    ironwal_stream_free(stream);
    return 0;
}
