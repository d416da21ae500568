/* Do callbacks, descriptors and waiting iterators report what has become durable, and can they be
 * cancelled? The log syncs nothing by itself. */
#include "check.h"
#ifndef _WIN32
#include <poll.h>
#endif
#include <pthread.h>

#define LONG_NS ((uint64_t)60 * 1000 * 1000 * 1000)

/* What a callback has seen, and whether it may return. */
struct call {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    ironwal_wal *wal;
    ironwal_stream *stream;
    ironwal_mark mark;
    ironwal_status status, close;
    int begun, held, ended;
};

static void begin(struct call *call, ironwal_wal *wal, ironwal_stream *stream) {
    memset(call, 0, sizeof *call);
    CHECK(pthread_mutex_init(&call->lock, NULL) == 0);
    CHECK(pthread_cond_init(&call->changed, NULL) == 0);
    call->wal = wal;
    call->stream = stream;
}

/* Appends and tries to close the log from within; returns when it is not held any more. */
static void on_durable(uintptr_t ctx, ironwal_mark mark, ironwal_status status) {
    struct call *call = (struct call *)ctx;
    const ironwal_status refused =
        call->wal ? ironwal_wal_close(call->wal, NULL) : IRONWAL_E_INVALID_ARG;
    const ironwal_status appended =
        call->wal ? ironwal_stream_append(call->stream, "in", 2, NULL, NULL) : IRONWAL_OK;
    pthread_mutex_lock(&call->lock);
    call->mark = mark;
    call->status = appended == IRONWAL_OK ? status : appended;
    call->close = refused;
    call->begun++;
    pthread_cond_broadcast(&call->changed);
    while (call->held) pthread_cond_wait(&call->changed, &call->lock);
    call->ended++;
    pthread_cond_broadcast(&call->changed);
    pthread_mutex_unlock(&call->lock);
}

static void wait_for(struct call *call, const int *what) {
    pthread_mutex_lock(&call->lock);
    while (!*what) pthread_cond_wait(&call->changed, &call->lock);
    pthread_mutex_unlock(&call->lock);
}

static int same(ironwal_mark a, ironwal_mark b) { return a.place == b.place && a.opening == b.opening; }

static ironwal_mark written(ironwal_stream *stream) {
    ironwal_mark mark;
    ironwal_slice one = slice_of("x", 1);
    OK(ironwal_stream_append_with(stream, IRONWAL_ANY_ID, &one, 1, NULL, 0,
                                  IRONWAL_DURABILITY_WRITTEN, NULL, NULL, &mark, &error));
    return mark;
}

static void callbacks(ironwal_wal *wal, ironwal_stream *stream) {
    struct call first, second;
    ironwal_ticket of_first, of_second;
    bool durable = false, cancelled = true;
    begin(&first, wal, stream);
    begin(&second, NULL, NULL);
    first.held = 1;
    ironwal_mark mark = written(stream);
    OK(ironwal_stream_on_durable(stream, mark, on_durable, (uintptr_t)&first, &of_first, &error));
    wait_for(&first, &first.begun);
    CHECK(same(first.mark, mark) && first.status == IRONWAL_OK && first.close == IRONWAL_E_INVALID_ARG);
    OK(ironwal_stream_is_durable(stream, mark, &durable, &error));
    CHECK(durable);

    /* The first is held, so the second has to wait for its turn: cancelled now, it is never called. */
    OK(ironwal_stream_on_durable(stream, mark, on_durable, (uintptr_t)&second, &of_second, &error));
    OK(ironwal_stream_cancel_durable(stream, &of_second, &cancelled, &error));
    CHECK(cancelled);
    OK(ironwal_stream_cancel_durable(stream, &of_second, &cancelled, &error));
    CHECK(!cancelled);
    pthread_mutex_lock(&first.lock);
    first.held = 0;
    pthread_cond_broadcast(&first.changed);
    pthread_mutex_unlock(&first.lock);
    /* Waits for the one that runs. */
    OK(ironwal_stream_cancel_durable(stream, &of_first, &cancelled, &error));
    CHECK(!cancelled && first.ended == 1 && first.begun == 1);

    OK(ironwal_stream_mark(stream, &mark, &error));
    mark.place++;
    EXPECT(IRONWAL_E_CONFIG, ironwal_stream_on_durable(stream, mark, on_durable,
                                                       (uintptr_t)&second, &of_second, &error));
    EXPECT(IRONWAL_E_INVALID_ARG,
           ironwal_stream_on_durable(stream, mark, NULL, 0, &of_second, &error));
    OK(ironwal_stream_sync(stream, &error));
    CHECK(second.begun == 0);
}

#ifndef _WIN32
static void descriptors(ironwal_stream *stream) {
    ironwal_events *events = NULL;
    uint64_t end = 0, next = 0, before = 0;
    struct pollfd polled;
    static const int32_t bad[] = {0, 1, IRONWAL_VIEW_DURABLE, 1003};
    for (int at = 0; at < 4; at++)
        EXPECT(IRONWAL_E_INVALID_ARG, ironwal_stream_events(stream, bad[at], &events, &error));
    CHECK(events == NULL);
    OK(ironwal_stream_events(stream, IRONWAL_EVENT_DURABLE, &events, &error));
    OK(ironwal_events_fd(events, &polled.fd, &error));
    polled.events = POLLIN;
    OK(ironwal_events_drain(events, &before, &error));
    CHECK(poll(&polled, 1, 0) == 0);
    written(stream);
    OK(ironwal_stream_next_id(stream, &next, &error));
    while (end < next) {
        CHECK(poll(&polled, 1, 60000) == 1);
        OK(ironwal_events_drain(events, &end, &error));
    }
    CHECK(before < end && end == next);
    CHECK(poll(&polled, 1, 0) == 0);
    ironwal_events_free(events);
}
#else
/* There is nothing to poll. */
static void descriptors(ironwal_stream *stream) {
    ironwal_events *events = NULL;
    EXPECT(IRONWAL_E_OTHER, ironwal_stream_events(stream, IRONWAL_EVENT_DURABLE, &events, &error));
    CHECK(events == NULL);
}
#endif

static void *append_later(void *stream) {
    written((ironwal_stream *)stream);
    return NULL;
}

static void *cancel(void *canceller) {
    ironwal_error *details = NULL;
    CHECK(ironwal_canceller_cancel((ironwal_canceller *)canceller, &details) == IRONWAL_OK);
    return NULL;
}

static void following(ironwal_stream *stream) {
    ironwal_iter *iter = NULL;
    ironwal_canceller *canceller = NULL;
    ironwal_view view;
    uint64_t next = 0, id = 0, end = 0;
    pthread_t thread;
    static const int32_t bad[] = {0, 1, IRONWAL_EVENT_DURABLE, 904};
    for (int at = 0; at < 4; at++)
        EXPECT(IRONWAL_E_INVALID_ARG, ironwal_stream_follow(stream, 0, bad[at], &iter, &error));
    CHECK(iter == NULL);
    OK(ironwal_stream_next_id(stream, &next, &error));
    OK(ironwal_stream_follow(stream, next, IRONWAL_VIEW_DURABLE, &iter, &error));
    EXPECT(IRONWAL_E_TIMEOUT, ironwal_iter_wait(iter, 0, &error));
    EXPECT(IRONWAL_E_END, ironwal_iter_next(iter, &id, &view, &error));
    CHECK(pthread_create(&thread, NULL, append_later, stream) == 0);
    OK(ironwal_iter_wait(iter, LONG_NS, &error));
    OK(ironwal_iter_next(iter, &id, &view, &error));
    CHECK(id == next && view_is(view, "x", 1));
    OK(ironwal_stream_durable_end(stream, &end, &error));
    CHECK(end == next + 1);
    CHECK(pthread_join(thread, NULL) == 0);

    OK(ironwal_iter_canceller(iter, &canceller, &error));
    CHECK(pthread_create(&thread, NULL, cancel, canceller) == 0);
    EXPECT(IRONWAL_E_CANCELLED, ironwal_iter_wait(iter, LONG_NS, &error));
    CHECK(pthread_join(thread, NULL) == 0);
    EXPECT(IRONWAL_E_TIMEOUT, ironwal_iter_wait(iter, 0, &error));
    ironwal_iter_free(iter);
    OK(ironwal_canceller_cancel(canceller, &error));
    ironwal_canceller_free(canceller);

    /* Without a sync: what is written is shown, what is durable is not. */
    OK(ironwal_stream_next_id(stream, &next, &error));
    OK(ironwal_stream_follow(stream, next, IRONWAL_VIEW_WRITTEN, &iter, &error));
    written(stream);
    OK(ironwal_iter_wait(iter, 0, &error));
    OK(ironwal_iter_next(iter, &id, &view, &error));
    CHECK(id == next);
    ironwal_iter_free(iter);
    OK(ironwal_stream_follow(stream, next, IRONWAL_VIEW_DURABLE, &iter, &error));
    EXPECT(IRONWAL_E_END, ironwal_iter_next(iter, &id, &view, &error));
    ironwal_iter_free(iter);
}

int main(void) {
    enter_directory();
    ironwal_options *options = options_for("log");
    OK(ironwal_options_set_sync_mode(options, IRONWAL_SYNC_ASYNC, &error));
    OK(ironwal_options_set_no_background_sync(options, &error));
    ironwal_wal *wal = open_with(options);
    ironwal_stream *stream = NULL;
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    callbacks(wal, stream);
    descriptors(stream);
    following(stream);

    /* Closing completes what is registered before it returns, also with a handle alive. */
    struct call last;
    ironwal_events *events = NULL;
    uint64_t end = 0;
    begin(&last, NULL, NULL);
#ifndef _WIN32
    OK(ironwal_stream_events(stream, IRONWAL_EVENT_WRITTEN, &events, &error));
#endif
    const ironwal_mark mark = written(stream);
    OK(ironwal_stream_on_durable(stream, mark, on_durable, (uintptr_t)&last, NULL, &error));
    OK(ironwal_wal_close(wal, &error));
    CHECK(last.ended == 1 && last.status == IRONWAL_OK && same(last.mark, mark));
    EXPECT(IRONWAL_E_CLOSED,
           ironwal_stream_on_durable(stream, mark, on_durable, (uintptr_t)&last, NULL, &error));
    EXPECT(events ? IRONWAL_E_CLOSED : IRONWAL_E_INVALID_ARG, ironwal_events_drain(events, &end, &error));
    CHECK(last.ended == 1);
    ironwal_events_free(events);
    ironwal_stream_free(stream);
    return 0;
}
