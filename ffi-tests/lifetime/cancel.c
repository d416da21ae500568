/* Does pthread_cancel wait until a call is over? open, pread, fdatasync, close, a sleep, a join and a
 * print in the log callback are cancellation points: unwinding from there through Rust would abort
 * this program, and a half-done append would break the log. So each kind of call runs in a thread
 * whose cancellation was requested before: the first unguarded cancellation point would take it. */
#include "sharded.h"
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

static void (*body)(void);
static int is_over;

static void *run_with_a_request_pending(void *unused) {
    (void)unused;
    CHECK(pthread_cancel(pthread_self()) == 0);
    body();
    is_over = 1;
    pthread_testcancel();
    return &stream;
}

/* Runs calls, and nothing else that is a cancellation point, in a thread that is to be cancelled. */
static void with_a_request_pending(void (*calls)(void)) {
    pthread_t thread;
    void *result = NULL;
    body = calls;
    is_over = 0;
    CHECK(pthread_create(&thread, NULL, run_with_a_request_pending, NULL) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(is_over && result == PTHREAD_CANCELED);
}

/* More streams than one thread opens and closes alone. */
enum { STREAMS = 40, ENTRIES = 40 };

static const char *log_path, *archive_path;
static int32_t sync_mode, read_strategy, write_strategy;
static int heard;

static void print(uintptr_t ctx, int32_t level, const char *message, size_t len) {
    (void)ctx;
    (void)level;
    CHECK(write(STDERR_FILENO, message, len) == (ssize_t)len);
    heard++;
}

static ironwal_options *chosen_options(void) {
    ironwal_options *options = NULL;
    OK(ironwal_options_new(log_path, strlen(log_path), &options, &error));
    OK(ironwal_options_set_sync_mode(options, sync_mode, &error));
    OK(ironwal_options_set_read_strategy(options, read_strategy, &error));
    OK(ironwal_options_set_write_strategy(options, write_strategy, &error));
    OK(ironwal_options_set_max_entries_per_segment(options, 10, &error));
    OK(ironwal_options_set_max_open_read_segments(options, 1, &error));
    OK(ironwal_options_set_archive_path(options, archive_path, strlen(archive_path), &error));
    OK(ironwal_options_set_log(options, print, 0, &error));
    return options;
}

static void read_all(ironwal_stream *from) {
    ironwal_iter *iter = NULL;
    ironwal_view view;
    ironwal_view_pin *pin = NULL;
    char bytes[300];
    size_t len = 0;
    for (uint64_t id = 0; id < ENTRIES; id++) {
        ironwal_buffer buffer;
        OK(ironwal_stream_get(from, id, &buffer, &error));
        ironwal_buffer_free(&buffer);
        OK(ironwal_stream_get_into(from, id, bytes, sizeof bytes, &len, &error));
        OK(ironwal_stream_view(from, id, &view, &pin, &error));
        CHECK(view.len == len && memcmp(view.data, bytes, len) == 0);
        ironwal_view_pin_free(pin);
    }
    OK(ironwal_stream_iter(from, 0, &iter, &error));
    for (uint64_t id = 0; id < ENTRIES; id++) OK(ironwal_iter_next(iter, NULL, &view, &error));
    EXPECT(IRONWAL_E_END, ironwal_iter_next(iter, NULL, &view, &error));
    ironwal_iter_free(iter);
}

/* Opens, writes in every way, reads, syncs, truncates, deletes and closes. */
static void use_a_log(void) {
    ironwal_wal *wal = NULL;
    ironwal_stream *own = NULL;
    ironwal_txn *txn = NULL;
    ironwal_name_list *names = NULL;
    ironwal_verify_report *report = NULL;
    ironwal_options *options = chosen_options();
    static const char entry[200] = "entry";
    const ironwal_slice parts[] = {slice_of("a", 1), slice_of(entry, sizeof entry)};
    uint64_t id = 0;
    size_t segments = 0;
    OK(ironwal_wal_open(options, &wal, &error));
    for (int n = 0; n < STREAMS; n++) {
        const char name[] = {(char)('A' + n)};
        OK(ironwal_append(wal, name, 1, entry, sizeof entry, NULL, &error));
    }
    OK(ironwal_stream_open(wal, TEXT("own"), &own, &error));
    for (int n = 0; n < ENTRIES; n += 4) {
        OK(ironwal_stream_append(own, entry, sizeof entry, &id, &error));
        OK(ironwal_stream_append_vectored(own, parts, 2, NULL, &error));
        OK(ironwal_stream_append_batch(own, parts, 1, NULL, NULL, &error));
        OK(ironwal_txn_begin(wal, TEXT("own"), &txn, &error));
        OK(ironwal_txn_add(txn, TEXT("x"), &error));
        OK(ironwal_txn_commit(txn, NULL, NULL, &error));
    }
    CHECK(id == ENTRIES - 4);
    read_all(own);
    OK(ironwal_stream_sync(own, &error));
    OK(ironwal_stream_append(own, TEXT("last"), &id, &error));
    OK(ironwal_stream_wait_durable(own, id, UINT64_MAX, &error));
    EXPECT(IRONWAL_E_TIMEOUT, ironwal_stream_wait_durable(own, id + 1, 1000000, &error));
    OK(ironwal_wal_sync_all(wal, &error));
    OK(ironwal_wal_verify(wal, &report, &error));
    ironwal_verify_report_free(report);
    OK(ironwal_stream_truncate(own, 20, &segments, &error));
    CHECK(segments > 0);
    OK(ironwal_stream_restore_archived(own, &segments, &error));
    CHECK(segments > 0);
    OK(ironwal_stream_delete(own, &error));
    ironwal_stream_free(own);
    OK(ironwal_wal_streams(wal, &names, &error));
    CHECK(ironwal_name_list_count(names) == STREAMS);
    ironwal_name_list_free(names);
    OK(ironwal_wal_close(wal, &error));

    /* Again, to recover; and beside it for reading only, where a wait sleeps and looks. */
    ironwal_wal *reader = NULL;
    OK(ironwal_wal_open(options, &wal, &error));
    OK(ironwal_append(wal, TEXT("A"), TEXT("x"), &id, &error));
    OK(ironwal_wal_open_read_only(options, &reader, &error));
    OK(ironwal_stream_open(reader, TEXT("A"), &own, &error));
    EXPECT(IRONWAL_E_TIMEOUT, ironwal_stream_wait_durable(own, id + 1, 20000000, &error));
    OK(ironwal_wal_refresh(reader, &error));
    ironwal_stream_free(own);
    ironwal_wal_free(reader);
    ironwal_wal_free(wal);
    ironwal_options_free(options);
}

static void use_a_sharded_log(void) {
    ironwal_options *options = chosen_options();
    ironwal_sharded *sharded = open_sharded_with(options, shards(4));
    ironwal_checkpoint *checkpoint = NULL;
    for (uint32_t key = 0; key < 100; key++)
        OK(ironwal_sharded_append(sharded, &key, sizeof key, TEXT("x"), NULL, NULL, &error));
    OK(ironwal_sharded_create_checkpoint(sharded, TEXT("one"), &error));
    OK(ironwal_sharded_create_checkpoint(sharded, TEXT("two"), &error));
    OK(ironwal_sharded_load_checkpoint(sharded, TEXT("one"), &checkpoint, &error));
    ironwal_checkpoint_free(checkpoint);
    OK(ironwal_sharded_prune_before_checkpoint(sharded, TEXT("two"), NULL, 0, &error));
    OK(ironwal_sharded_compact_checkpoints(sharded, 1, NULL, 0, &error));
    CHECK(checkpoints_of(sharded) == 1);
    OK(ironwal_sharded_close(sharded, &error));
}

static void every_kind_of_call(void) {
    static const int32_t sync_modes[] = {IRONWAL_SYNC_STRICT, IRONWAL_SYNC_BATCH_ONLY,
                                         IRONWAL_SYNC_ASYNC};
    static char path[512], archive[512], name[32];
    for (int n = 0; n < 6; n++) {
        snprintf(name, sizeof name, "every%d", n);
        snprintf(path, sizeof path, "%s", path_of(name));
        /* Of this log only: an archive belongs to the log that pruned into it first. */
        snprintf(name, sizeof name, "every%d-archive", n);
        snprintf(archive, sizeof archive, "%s", path_of(name));
        log_path = path;
        archive_path = archive;
        sync_mode = sync_modes[n / 2];
        read_strategy = n % 2 ? IRONWAL_READ_MMAP : IRONWAL_READ_STANDARD_IO;
        write_strategy = n % 2 ? IRONWAL_WRITE_AUTO : IRONWAL_WRITE_STANDARD_IO;
        with_a_request_pending(use_a_log);
        snprintf(name, sizeof name, "every%d-sharded", n);
        snprintf(path, sizeof path, "%s", path_of(name));
        snprintf(name, sizeof name, "every%d-sharded-archive", n);
        snprintf(archive, sizeof archive, "%s", path_of(name));
        with_a_request_pending(use_a_sharded_log);
    }
    CHECK(heard > 0);
}

int main(void) {
    enter_directory();
    every_kind_of_call();
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
