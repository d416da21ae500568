/* May the handles of one log be freed in every order? All orders of six handles, with the log
 * closed and with it merely given up. valgrind shows what this program cannot see. */
#include "check.h"

enum { WAL, STREAM, TXN, ITER, PIN, ENTRIES, KINDS };

static void one_order(const int *order, int close) {
    ironwal_wal *wal = open_log("log");
    ironwal_stream *stream = NULL;
    ironwal_txn *txn = NULL;
    ironwal_iter *iter = NULL;
    ironwal_view view;
    ironwal_view_pin *pin = NULL;
    ironwal_entry_list *entries = NULL;
    const uint64_t ids[] = {0, 1};
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    OK(ironwal_stream_append(stream, TEXT("entry"), NULL, &error));
    OK(ironwal_txn_begin(wal, TEXT("s"), &txn, &error));
    OK(ironwal_txn_add(txn, TEXT("never"), &error));
    OK(ironwal_stream_iter(stream, 0, &iter, &error));
    OK(ironwal_iter_next(iter, NULL, &view, &error));
    OK(ironwal_stream_view(stream, 0, &view, &pin, &error));
    OK(ironwal_get_batch(wal, TEXT("s"), ids, 2, &entries, &error));
    for (int at = 0; at < KINDS; at++) {
        switch (order[at]) {
        case WAL:
            if (close)
                OK(ironwal_wal_close(wal, &error));
            else
                ironwal_wal_free(wal);
            break;
        case STREAM: ironwal_stream_free(stream); break;
        case TXN: ironwal_txn_abort(txn); break;
        case ITER: ironwal_iter_free(iter); break;
        case PIN:
            CHECK(view_is(view, "entry", 5));
            ironwal_view_pin_free(pin);
            break;
        case ENTRIES: ironwal_entry_list_free(entries); break;
        }
    }
}

static int orders;

static void all_orders(int *order, int fixed, int close) {
    if (fixed == KINDS) {
        one_order(order, close);
        orders++;
        return;
    }
    for (int at = fixed; at < KINDS; at++) {
        int chosen = order[at];
        order[at] = order[fixed];
        order[fixed] = chosen;
        all_orders(order, fixed + 1, close);
        order[fixed] = order[at];
        order[at] = chosen;
    }
}

int main(int argc, char **argv) {
    enter_directory();
    /* Under valgrind only some of the orders: WAL stays first or goes last. */
    int order[KINDS] = {WAL, STREAM, TXN, ITER, PIN, ENTRIES};
    int fixed = argc > 1 ? atoi(argv[1]) : 0;
    for (int close = 0; close < 2; close++) all_orders(order, fixed, close);
    CHECK(orders >= 2);

    /* Nothing of the aborted transactions, and every append of every order, is there. */
    ironwal_wal *wal = open_log("log");
    ironwal_stream *stream = NULL;
    uint64_t next = 0;
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    OK(ironwal_stream_next_id(stream, &next, &error));
    CHECK(next == (uint64_t)orders);
    OK(ironwal_wal_close(wal, &error));
    ironwal_stream_free(stream);
    return 0;
}
