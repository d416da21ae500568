/* Does pthread_cancel wait until a call is over? fdatasync is a cancellation point: unwinding from
 * there through Rust would abort this program, and a half-done append would break the log. So are
 * open and pread: the same for calls that read. Those that find all in memory, and appends that are
 * stored, do not hold cancellation off. */
#include "check.h"
#include <pthread.h>
#ifdef __linux__
#include <sys/vfs.h>
#endif

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

static int has_read;

/* The request was made before the first call: the first point of cancellation would take it. */
static void *read_with_a_request_pending(void *unused) {
    (void)unused;
    CHECK(pthread_cancel(pthread_self()) == 0);
    ironwal_iter *iter = NULL;
    OK(ironwal_stream_iter(stream, 0, &iter, &error));
    for (int round = 0; round < 3; round++) {
        for (uint64_t id = 0; id < acknowledged; id++) {
            char byte = 0;
            size_t len = 0;
            ironwal_view view;
            ironwal_view_pin *pin = NULL;
            uint64_t found = 0;
            OK(ironwal_stream_get_into(stream, id, &byte, 1, &len, &error));
            CHECK(len == 1 && byte == 'x');
            OK(ironwal_stream_view(stream, id, &view, &pin, &error));
            CHECK(view.len == 1 && *view.data == 'x');
            ironwal_view_pin_free(pin);
            if (round > 0) continue;
            OK(ironwal_iter_next(iter, &found, &view, &error));
            CHECK(found == id && view.len == 1 && *view.data == 'x');
        }
    }
    ironwal_iter_free(iter);
    has_read = 1;
    pthread_testcancel();
    return &stream;
}

/* Enough to be stored into a mapped segment, where the file system lets that be, and to wake the
 * helpers many times. */
enum { STORED = 200000 };

static void *append_with_a_request_pending(void *unused) {
    (void)unused;
    static const char entry[64] = "stored";
    CHECK(pthread_cancel(pthread_self()) == 0);
    for (uint64_t appended = 0; appended < STORED; appended++) {
        uint64_t id = 0;
        OK(ironwal_stream_append(stream, entry, sizeof entry, &id, &error));
        CHECK(id == acknowledged);
        acknowledged = id + 1;
    }
    pthread_testcancel();
    return &stream;
}

/* Whether the log `name` has a segment mapped for storing; 1 also where Auto maps none. */
static int is_stored_into(const char *name) {
#ifdef __linux__
    struct statfs facts;
    CHECK(statfs(directory, &facts) == 0);
    const int maps = facts.f_type == 0xEF53 || facts.f_type == 0x01021994; /* ext4, tmpfs */
    FILE *file = fopen("/proc/self/maps", "r");
    CHECK(file != NULL);
    char line[1024];
    int found = 0;
    while (fgets(line, sizeof line, file))
        found |= strstr(line, " rw-s ") != NULL && strstr(line, path_of(name)) != NULL;
    fclose(file);
    if (!maps) printf("SKIPPED: nothing is mapped on this file system\n");
    return found || !maps;
#else
    (void)name;
    return 1;
#endif
}

static void appends_are_not_cut_short_by_a_request_made_before(void) {
    ironwal_options *options = options_for("stored");
    ironwal_wal *wal = NULL;
    pthread_t appender;
    void *result = NULL;
    uint64_t next = 0;
    OK(ironwal_options_set_sync_mode(options, IRONWAL_SYNC_ASYNC, &error));
    OK(ironwal_wal_open(options, &wal, &error));
    ironwal_options_free(options);
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    acknowledged = 0;
    CHECK(pthread_create(&appender, NULL, append_with_a_request_pending, NULL) == 0);
    CHECK(pthread_join(appender, &result) == 0);
    CHECK(result == PTHREAD_CANCELED && acknowledged == STORED);
    OK(ironwal_stream_next_id(stream, &next, &error));
    CHECK(next == STORED);
    CHECK(is_stored_into("stored"));
    ironwal_stream_free(stream);
    OK(ironwal_wal_close(wal, &error));
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
        /* Asleep in between: where threads run one at a time, as under valgrind, the other must. */
        while (next < before + 2) {
            usleep(100);
            OK(ironwal_stream_next_id(stream, &next, &error));
        }
        CHECK(pthread_cancel(thread) == 0);
        CHECK(pthread_join(thread, &result) == 0);
        CHECK(result == PTHREAD_CANCELED);
        OK(ironwal_stream_next_id(stream, &next, &error));
        CHECK(next == acknowledged);
    }
    pthread_t reader;
    void *result = NULL;
    CHECK(pthread_create(&reader, NULL, read_with_a_request_pending, NULL) == 0);
    CHECK(pthread_join(reader, &result) == 0);
    CHECK(has_read && result == PTHREAD_CANCELED);
    OK(ironwal_stream_append(stream, TEXT("still here"), NULL, &error));
    ironwal_stream_free(stream);
    OK(ironwal_wal_close(wal, &error));
    appends_are_not_cut_short_by_a_request_made_before();
    return 0;
}
