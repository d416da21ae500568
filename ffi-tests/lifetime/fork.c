/* Does a forked child get FORKED from everything it inherited, free it without harm, and leave the
 * parent's log alone? */
#include "check.h"
#include <pthread.h>

#define FORKED(call) EXPECT(IRONWAL_E_FORKED, call)

static ironwal_wal *wal;
static ironwal_stream *stream;
static ironwal_txn *txn, *other_txn;
static ironwal_iter *iter;
static ironwal_view view;
static ironwal_view_pin *pin;
static volatile int stop;

/* Keeps the library's locks busy while the parent forks. */
static void *append_until_stopped(void *unused) {
    (void)unused;
    while (!stop) CHECK(ironwal_append(wal, TEXT("busy"), TEXT("x"), NULL, NULL) == IRONWAL_OK);
    return NULL;
}

static void child(int frees) {
    uint64_t id = 7;
    ironwal_buffer buffer;
    ironwal_name_list *names = NULL;
    ironwal_stream *late = NULL;
    ironwal_txn *begun = NULL;
    ironwal_view none;
    alarm(60); /* A child that waits for a lock of the parent's is ended by the signal. */
    FORKED(ironwal_append(wal, TEXT("s"), TEXT("x"), &id, &error));
    FORKED(ironwal_stream_append(stream, TEXT("x"), &id, &error));
    FORKED(ironwal_get(wal, TEXT("s"), 0, &buffer, &error));
    FORKED(ironwal_stream_get(stream, 0, &buffer, &error));
    FORKED(ironwal_stream_next_id(stream, &id, &error));
    FORKED(ironwal_stream_open(wal, TEXT("s"), &late, &error));
    FORKED(ironwal_current_segment_start_id(wal, TEXT("s"), &id, &error));
    FORKED(ironwal_wal_streams(wal, &names, &error));
    FORKED(ironwal_wal_sync_all(wal, &error));
    FORKED(ironwal_stream_wait_durable(stream, 0, 0, &error));
    FORKED(ironwal_delete_stream(wal, TEXT("s"), &error));
    FORKED(ironwal_txn_begin(wal, TEXT("s"), &begun, &error));
    FORKED(ironwal_txn_add(other_txn, TEXT("x"), &error));
    FORKED(ironwal_txn_commit(txn, &id, &id, &error));
    FORKED(ironwal_iter_next(iter, &id, &none, &error));
    FORKED(ironwal_iter_current(iter, 0, &none, &error));
    CHECK(id == 7 && names == NULL && late == NULL && begun == NULL && none.data == NULL);
    CHECK(view_is(view, "entry", 5));
    if (frees) {
        ironwal_txn_abort(other_txn);
        ironwal_iter_free(iter);
        ironwal_view_pin_free(pin);
        ironwal_stream_free(stream);
        if (frees == 1)
            ironwal_wal_free(wal);
        else
            FORKED(ironwal_wal_close(wal, &error));

        /* A log of the child's own works as ever. */
        ironwal_wal *own = open_log(frees == 1 ? "own1" : "own2");
        OK(ironwal_append(own, TEXT("s"), TEXT("x"), NULL, &error));
        OK(ironwal_wal_close(own, &error));
    }
    _exit(0);
}

int main(void) {
    enter_directory();
    pthread_t thread;
    wal = open_log("log");
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    OK(ironwal_stream_append(stream, TEXT("entry"), NULL, &error));
    OK(ironwal_txn_begin(wal, TEXT("s"), &txn, &error));
    OK(ironwal_txn_add(txn, TEXT("of the parent"), &error));
    OK(ironwal_txn_begin(wal, TEXT("s"), &other_txn, &error));
    OK(ironwal_stream_iter(stream, 0, &iter, &error));
    OK(ironwal_stream_view(stream, 0, &view, &pin, &error));
    CHECK(pthread_create(&thread, NULL, append_until_stopped, NULL) == 0);
    for (int frees = 0; frees < 3; frees++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) child(frees);
        CHECK(exit_code_of(pid) == 0);
    }
    stop = 1;
    CHECK(pthread_join(thread, NULL) == 0);

    /* The parent goes on as if nothing had been: the lock is still its own, too. */
    uint64_t id = 0;
    ironwal_options *options = options_for("log");
    ironwal_wal *second = NULL;
    EXPECT(IRONWAL_E_LOCKED, ironwal_wal_open(options, &second, &error));
    ironwal_options_free(options);
    OK(ironwal_txn_commit(txn, &id, NULL, &error));
    CHECK(id == 1);
    OK(ironwal_iter_next(iter, &id, &view, &error));
    ironwal_txn_abort(other_txn);
    ironwal_iter_free(iter);
    ironwal_view_pin_free(pin);
    ironwal_stream_free(stream);
    OK(ironwal_wal_close(wal, &error));
    wal = open_log("log");
    ironwal_buffer buffer;
    OK(ironwal_get(wal, TEXT("s"), 1, &buffer, &error));
    CHECK(buffer_is(&buffer, "of the parent", 13));
    ironwal_buffer_free(&buffer);
    OK(ironwal_wal_close(wal, &error));
    return 0;
}
