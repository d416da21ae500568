/* A module with a copy of the library of its own, for reload.c: a plugin of a host that has another copy, or none. */
#include <ironwal.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

static void on_durable(uintptr_t ctx, ironwal_mark mark, ironwal_status status) {
    (void)mark;
    *(volatile int *)ctx += status == IRONWAL_OK;
}

/* Opens a log whose helper threads run from the first append on. */
EXPORTED ironwal_status plugin_open(const char *path, ironwal_wal **out_wal) {
    ironwal_options *options = NULL;
    ironwal_status status = ironwal_options_new(path, strlen(path), &options, NULL);
    if (status != IRONWAL_OK) return status;
    ironwal_options_set_sync_mode(options, IRONWAL_SYNC_ASYNC, NULL);
    status = ironwal_wal_open(options, out_wal, NULL);
    ironwal_options_free(options);
    return status;
}

/* Appends, learns of durability by a callback on a thread of the library, and reads. */
EXPORTED ironwal_status plugin_use(ironwal_wal *wal) {
    ironwal_stream *stream = NULL;
    ironwal_mark mark;
    ironwal_buffer buffer;
    uint64_t id = 0;
    volatile int called = 0;
    ironwal_status status = ironwal_stream_open(wal, IRONWAL_STR("s"), &stream, NULL);
    if (status != IRONWAL_OK) return status;
    status = ironwal_stream_append(stream, IRONWAL_STR("entry"), &id, NULL);
    if (status == IRONWAL_OK) status = ironwal_stream_mark(stream, &mark, NULL);
    if (status == IRONWAL_OK)
        status = ironwal_stream_on_durable(stream, mark, on_durable, (uintptr_t)&called, NULL, NULL);
    if (status == IRONWAL_OK) status = ironwal_stream_sync(stream, NULL);
    if (status == IRONWAL_OK) status = ironwal_stream_get(stream, id, &buffer, NULL);
    if (status == IRONWAL_OK) {
        if (buffer.len != 5) status = IRONWAL_E_CORRUPT;
        ironwal_buffer_free(&buffer);
    }
    /* The callback has a pointer into this frame. */
    while (status == IRONWAL_OK && !called) ironwal_stream_wait_durable(stream, id + 1, 1000000, NULL);
    ironwal_stream_free(stream);
    return status;
}

EXPORTED ironwal_status plugin_close(ironwal_wal *wal) { return ironwal_wal_close(wal, NULL); }
