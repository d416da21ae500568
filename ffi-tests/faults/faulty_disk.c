/* What does a program see when the disk fails? faulty_preload.c, loaded before libc, makes the
 * calls fail. */
#include "check.h"
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <time.h>

typedef void (*break_call)(const char *, int);
typedef int (*count_failed)(void);
static break_call break_disk;
static count_failed failed_calls;

static void mend(void) { break_disk("", 0); }

static ironwal_wal *wal;
static ironwal_stream *stream;

static void open_filled(const char *name, int32_t sync_mode) {
    ironwal_options *options = options_for(name);
    OK(ironwal_options_set_sync_mode(options, sync_mode, &error));
    OK(ironwal_options_set_no_background_sync(options, &error));
    wal = open_with(options);
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    OK(ironwal_stream_append(stream, TEXT("good"), NULL, &error));
}

static void check_good(void) {
    ironwal_buffer buffer;
    OK(ironwal_stream_get(stream, 0, &buffer, &error));
    CHECK(buffer_is(&buffer, "good", 4));
    ironwal_buffer_free(&buffer);
}

static void reopen(const char *name) {
    ironwal_stream_free(stream);
    wal = open_log(name);
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    check_good();
    OK(ironwal_stream_append(stream, TEXT("again"), NULL, &error));
    ironwal_stream_free(stream);
    OK(ironwal_wal_close(wal, &error));
}

/* D7: a failed sync latches, reads go on, and the cause is reported from then on. */
static void a_failed_sync_poisons(void) {
    open_filled("sync", IRONWAL_SYNC_STRICT);
    ironwal_error *details = NULL;
    break_disk("sync", EIO);
    ironwal_status status = ironwal_stream_append(stream, TEXT("lost"), NULL, &details);
    CHECK(failed_calls() > 0);
    CHECK(status == IRONWAL_E_IO || status == IRONWAL_E_POISONED);
    CHECK(ironwal_error_os_error(details) == EIO);
    CHECK(ironwal_error_message(details).len > 0);
    ironwal_error_free(details);
    mend();
    EXPECT(IRONWAL_E_POISONED, ironwal_stream_append(stream, TEXT("no"), NULL, &error));
    EXPECT(IRONWAL_E_POISONED, ironwal_stream_sync(stream, &error));
    check_good();
    ironwal_buffer buffer;
    EXPECT(IRONWAL_E_NOT_FOUND, ironwal_stream_get(stream, 1, &buffer, &error));
    /* Another stream of the same log is not concerned. */
    OK(ironwal_append(wal, TEXT("other"), TEXT("x"), NULL, &error));
    CHECK(ironwal_wal_close(wal, NULL) != IRONWAL_OK);
    reopen("sync");
}

/* Close reports that something could not be made durable, and takes the handle all the same. */
static void a_failed_flush_is_reported_by_close(void) {
    open_filled("close", IRONWAL_SYNC_ASYNC);
    break_disk("sync", EIO);
    ironwal_error *details = NULL;
    ironwal_status status = ironwal_wal_close(wal, &details);
    CHECK(failed_calls() > 0);
    CHECK(status == IRONWAL_E_IO || status == IRONWAL_E_POISONED);
    CHECK(ironwal_error_os_error(details) == EIO);
    ironwal_error_free(details);
    mend();
    EXPECT(IRONWAL_E_CLOSED, ironwal_stream_append(stream, TEXT("x"), NULL, &error));
    reopen("close");
}

/* D8: a full disk fails the append, which takes no id, and nothing else. */
static void a_full_disk_is_no_disaster(void) {
    open_filled("full", IRONWAL_SYNC_STRICT);
    static char large[1 << 20];
    uint64_t id = 77;
    break_disk("space", ENOSPC);
    EXPECT(IRONWAL_E_NO_SPACE,
           ironwal_stream_append(stream, large, sizeof large, &id, &error));
    CHECK(failed_calls() > 0 && id == 77);
    mend();
    check_good();
    OK(ironwal_stream_append(stream, large, sizeof large, &id, &error));
    CHECK(id == 1);
    OK(ironwal_wal_close(wal, &error));
    reopen("full");
}

/* A write that fails: that append fails; what was there is there, and after reopening it goes on. */
static void a_failed_write_harms_nothing_else(void) {
    open_filled("write", IRONWAL_SYNC_STRICT);
    break_disk("write", EIO);
    ironwal_error *details = NULL;
    ironwal_status status = ironwal_stream_append(stream, TEXT("lost"), NULL, &details);
    CHECK(failed_calls() > 0);
    CHECK(status == IRONWAL_E_IO || status == IRONWAL_E_POISONED);
    CHECK(ironwal_error_os_error(details) == EIO);
    ironwal_error_free(details);
    mend();
    check_good();
    ironwal_wal_close(wal, NULL);
    reopen("write");
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t heard = PTHREAD_COND_INITIALIZER;
static pthread_t teller;
static int errors_heard;

static void hear(uintptr_t ctx, int32_t level, const char *message, size_t len) {
    CHECK(ctx == 42 && strlen(message) == len);
    if (level != IRONWAL_LOG_ERROR) return;
    pthread_mutex_lock(&lock);
    errors_heard++;
    teller = pthread_self();
    pthread_cond_signal(&heard);
    pthread_mutex_unlock(&lock);
}

/* No caller waits for a background sync: its failure reaches the log callback, from a thread of the
 * library's own, and latches. */
static void a_failed_background_sync_is_reported_by_another_thread(void) {
    ironwal_options *options = options_for("background");
    OK(ironwal_options_set_sync_mode(options, IRONWAL_SYNC_ASYNC, &error));
    OK(ironwal_options_set_background_sync(options, 1000000, UINT64_MAX, &error));
    OK(ironwal_options_set_log(options, hear, 42, &error));
    wal = open_with(options);
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    OK(ironwal_stream_append(stream, TEXT("good"), NULL, &error));
    OK(ironwal_stream_sync(stream, &error));
    break_disk("sync", EIO);
    OK(ironwal_stream_append(stream, TEXT("unsynced"), NULL, &error));
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    pthread_mutex_lock(&lock);
    while (errors_heard == 0) CHECK(pthread_cond_timedwait(&heard, &lock, &until) == 0);
    CHECK(!pthread_equal(teller, pthread_self()));
    pthread_mutex_unlock(&lock);
    mend();
    EXPECT(IRONWAL_E_POISONED, ironwal_stream_append(stream, TEXT("no"), NULL, &error));
    check_good();
    CHECK(ironwal_wal_close(wal, NULL) != IRONWAL_OK);
    reopen("background");
}

int main(void) {
    /* Without the preload nothing would fail, and the test would mean nothing. */
    *(void **)&break_disk = dlsym(RTLD_DEFAULT, "faulty_break");
    *(void **)&failed_calls = dlsym(RTLD_DEFAULT, "faulty_failed");
    CHECK(break_disk != NULL && failed_calls != NULL);
    enter_directory();
    a_failed_sync_poisons();
    a_failed_flush_is_reported_by_close();
    a_full_disk_is_no_disaster();
    a_failed_write_harms_nothing_else();
    a_failed_background_sync_is_reported_by_another_thread();
    return 0;
}
