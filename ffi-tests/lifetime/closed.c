/* Does everything that was made from a log answer CLOSED once it is closed, and does giving up
 * the handle leave its children working? */
#include "check.h"

#define CLOSED(call) EXPECT(IRONWAL_E_CLOSED, call)

static void children_of_a_closed_log(void) {
    ironwal_wal *wal = open_log("closed");
    ironwal_stream *stream = NULL;
    ironwal_txn *txn = NULL, *late = NULL;
    ironwal_iter *iter = NULL, *more = NULL;
    ironwal_view view;
    ironwal_view_pin *pin = NULL, *other = NULL;
    ironwal_buffer buffer;
    uint64_t id = 7;
    size_t len = 7;
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    OK(ironwal_stream_append(stream, TEXT("entry"), NULL, &error));
    OK(ironwal_stream_append(stream, TEXT("other"), NULL, &error));
    OK(ironwal_txn_begin(wal, TEXT("s"), &txn, &error));
    OK(ironwal_txn_begin(wal, TEXT("s"), &late, &error));
    OK(ironwal_txn_add(late, TEXT("late"), &error));
    OK(ironwal_stream_iter(stream, 0, &iter, &error));
    OK(ironwal_iter_next(iter, NULL, &view, &error));
    OK(ironwal_stream_view(stream, 0, &view, &pin, &error));
    OK(ironwal_wal_close(wal, &error));

    CLOSED(ironwal_stream_append(stream, TEXT("x"), &id, &error));
    CLOSED(ironwal_stream_append_batch(stream, NULL, 0, &id, &id, &error));
    CLOSED(ironwal_stream_append_vectored(stream, NULL, 0, &id, &error));
    CLOSED(ironwal_stream_get(stream, 0, &buffer, &error));
    CLOSED(ironwal_stream_get_into(stream, 0, &id, sizeof id, &len, &error));
    CLOSED(ironwal_stream_view(stream, 0, &view, &other, &error));
    CLOSED(ironwal_stream_iter(stream, 0, &more, &error));
    CLOSED(ironwal_stream_first_id(stream, &id, &error));
    CLOSED(ironwal_stream_next_id(stream, &id, &error));
    CLOSED(ironwal_stream_durable_end(stream, &id, &error));
    CLOSED(ironwal_stream_current_segment_start_id(stream, &id, &error));
    CLOSED(ironwal_stream_truncate(stream, 0, &len, &error));
    CLOSED(ironwal_stream_restore_archived(stream, &len, &error));
    CLOSED(ironwal_stream_delete(stream, &error));
    CLOSED(ironwal_stream_sync(stream, &error));
    CLOSED(ironwal_stream_wait_durable(stream, 0, 0, &error));
    CLOSED(ironwal_txn_add(txn, TEXT("x"), &error));
    CLOSED(ironwal_txn_commit(late, &id, &id, &error));
    ironwal_view none;
    CLOSED(ironwal_iter_next(iter, &id, &none, &error));
    CLOSED(ironwal_iter_current(iter, 0, &none, &error));
    CHECK(id == 7 && len == 7 && !other && !more);
    ironwal_txn_abort(txn);
    ironwal_iter_free(iter);
    ironwal_stream_free(stream);

    /* The log can be opened again while a pin of the old one lives, whose bytes stay. */
    wal = open_log("closed");
    OK(ironwal_get(wal, TEXT("s"), 1, &buffer, &error));
    CHECK(buffer_is(&buffer, "other", 5));
    ironwal_buffer_free(&buffer);
    EXPECT(IRONWAL_E_NOT_FOUND, ironwal_get(wal, TEXT("s"), 2, &buffer, &error));
    OK(ironwal_wal_close(wal, &error));
    ironwal_view_pin_free(pin);
}

static void children_of_a_log_given_up(void) {
    ironwal_options *options = options_for("freed");
    ironwal_wal *wal = NULL, *second = NULL;
    ironwal_stream *stream = NULL;
    ironwal_iter *iter = NULL;
    ironwal_view view;
    uint64_t id = 7;
    OK(ironwal_wal_open(options, &wal, &error));
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    ironwal_wal_free(wal);
    OK(ironwal_stream_append(stream, TEXT("x"), &id, &error));
    CHECK(id == 0);
    EXPECT(IRONWAL_E_LOCKED, ironwal_wal_open(options, &second, &error));
    OK(ironwal_stream_iter(stream, 0, &iter, &error));
    OK(ironwal_iter_next(iter, &id, &view, &error));
    ironwal_stream_free(stream);
    /* That was the last handle that keeps the log open: the iterator is of a closed log now. */
    CLOSED(ironwal_iter_next(iter, &id, &view, &error));
    OK(ironwal_wal_open(options, &second, &error));
    OK(ironwal_append(second, TEXT("s"), TEXT("of another opening"), NULL, &error));
    CLOSED(ironwal_iter_next(iter, &id, &view, &error));
    CLOSED(ironwal_iter_current(iter, 0, &view, &error));
    ironwal_iter_free(iter);
    OK(ironwal_wal_close(second, &error));
    ironwal_options_free(options);
}

/* A handle of another kind is distinguished from the right one. */
static void mixed_up_handles(void) {
    ironwal_wal *wal = open_log("mixed");
    ironwal_stream *stream = NULL;
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_wal_sync_all((ironwal_wal *)stream, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_stream_sync((ironwal_stream *)wal, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_wal_close((ironwal_wal *)stream, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_stream_sync((ironwal_stream *)((char *)stream + 1), &error));
    OK(ironwal_stream_append(stream, TEXT("x"), NULL, &error));
    ironwal_stream_free(stream);
    OK(ironwal_wal_close(wal, &error));
}

int main(void) {
    enter_directory();
    children_of_a_closed_log();
    children_of_a_log_given_up();
    mixed_up_handles();
    return 0;
}
