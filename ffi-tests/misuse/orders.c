/* May the handles of everything be freed in any order, and used in between?
 *
 * lifetime/order.c tries all orders of six handles. Here is one of every kind, more than all orders could be tried of: so
 * each kind goes first or last once, and many orders by chance, always the same. Logs
 * are closed or only given up. Between any two frees a call on what is left must succeed, or say that the log is closed.
 *
 *     orders [ROUNDS]
 */
#include "misuse/given.h"

enum { KINDS = 20 };

static uint64_t seed = 1;

/* A number below `end`; xorshift64*, Vigna 2016. */
static unsigned below(unsigned end) {
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (unsigned)((seed * UINT64_C(2685821657736338717)) >> 33) % end;
}

static void free_one(struct given *g, int kind, int closes) {
    switch (kind) {
    case 0:
        if (closes) OK(ironwal_wal_close(g->wal, &error));
        else ironwal_wal_free(g->wal);
        g->wal = NULL;
        break;
    case 1:
        if (closes) OK(ironwal_sharded_close(g->sharded, &error));
        else ironwal_sharded_free(g->sharded);
        g->sharded = NULL;
        break;
    case 2: ironwal_stream_free(g->stream); g->stream = NULL; break;
    case 3: ironwal_iter_free(g->iter); g->iter = NULL; break;
    case 4: ironwal_txn_abort(g->txn); g->txn = NULL; break;
    case 5: ironwal_events_free(g->events); g->events = NULL; break;
    case 6: ironwal_canceller_free(g->canceller); g->canceller = NULL; break;
    case 7: ironwal_name_list_free(g->names); g->names = NULL; break;
    case 8: ironwal_entry_list_free(g->entries); g->entries = NULL; break;
    case 9: ironwal_property_list_free(g->properties); g->properties = NULL; break;
    case 10: ironwal_verify_report_free(g->verified); g->verified = NULL; break;
    case 11: ironwal_recovery_report_free(g->recovered); g->recovered = NULL; break;
    case 12: ironwal_view_pin_free(g->pin); g->pin = NULL; break;
    case 13: ironwal_options_free(g->options); g->options = NULL; break;
    case 14: ironwal_sharded_options_free(g->sharded_options); g->sharded_options = NULL; break;
    case 15: ironwal_checkpoint_free(g->checkpoint); g->checkpoint = NULL; break;
    case 16: ironwal_checkpoint_list_free(g->checkpoints); g->checkpoints = NULL; break;
    case 17: ironwal_error_free(g->error); g->error = NULL; break;
    case 18: ironwal_stat_report_free(g->counted); g->counted = NULL; break;
    case 19: ironwal_repair_report_free(g->repaired); g->repaired = NULL; break;
    default: CHECK(!"a kind");
    }
}

/* The answer of a call on a child: of an open log, or of one that is closed. */
static void open_or_closed(ironwal_status status) {
    CHECK(status == IRONWAL_OK || status == IRONWAL_E_CLOSED || status == IRONWAL_E_END || status == IRONWAL_E_TIMEOUT);
}

static void use_what_is_left(struct given *g) {
    uint64_t number = 0;
    ironwal_view view, value;
    if (g->wal) CHECK(ironwal_append(g->wal, TEXT("s"), TEXT("more"), NULL, NULL) == IRONWAL_OK);
    if (g->sharded) CHECK(ironwal_sharded_append(g->sharded, TEXT("k"), TEXT("x"), NULL, NULL, NULL) == IRONWAL_OK);
    if (g->stream) open_or_closed(ironwal_stream_append(g->stream, TEXT("more"), NULL, NULL));
    if (g->stream) open_or_closed(ironwal_stream_next_id(g->stream, &number, NULL));
    if (g->iter) open_or_closed(ironwal_iter_next(g->iter, &number, &view, NULL));
    if (g->txn) open_or_closed(ironwal_txn_add(g->txn, TEXT("never"), NULL));
    if (g->events) open_or_closed(ironwal_events_drain(g->events, &number, NULL));
    /* Memory of its own. */
    if (g->canceller) CHECK(ironwal_canceller_cancel(g->canceller, NULL) == IRONWAL_OK);
    if (g->names) CHECK(ironwal_name_list_get(g->names, 0).len == 1);
    if (g->entries) CHECK(ironwal_entry_list_get(g->entries, 0, &view, NULL) == IRONWAL_OK && view.len == 5);
    if (g->properties)
        CHECK(ironwal_property_list_get(g->properties, 0, &view, &value, NULL) == IRONWAL_OK && view_is(value, "v", 1));
    if (g->verified)
        CHECK(ironwal_verify_report_get_totals(g->verified, (void *)&g->room, sizeof(ironwal_verify_report_totals), NULL) ==
              IRONWAL_OK);
    if (g->recovered)
        CHECK(ironwal_recovery_report_get_totals(g->recovered, (void *)&g->room, sizeof(ironwal_recovery_report_totals),
                                                 NULL) == IRONWAL_OK);
    if (g->checkpoint) CHECK(view_is(ironwal_checkpoint_id(g->checkpoint), "c", 1));
    if (g->checkpoints) CHECK(ironwal_checkpoint_list_count(g->checkpoints) == 1);
    if (g->error) CHECK(ironwal_error_status(g->error) == IRONWAL_E_LOCKED && ironwal_error_message(g->error).len > 0);
}

static int orders;

static void one_order(const int *order) {
    struct given g;
    char place[300];
    const int closes = orders % 2;
    snprintf(place, sizeof place, "%s/%d", directory, orders++);
    CHECK(mkdir(place, 0700) == 0 && chdir(place) == 0);
    make_given(&g);
    for (int at = 0; at < KINDS; at++) {
        use_what_is_left(&g);
        free_one(&g, order[at], closes);
    }
    /* Nothing holds the logs any more. */
    ironwal_options *options = NULL;
    ironwal_wal *again = NULL;
    OK(ironwal_options_new(TEXT("log"), &options, &error));
    OK(ironwal_wal_open(options, &again, &error));
    OK(ironwal_wal_close(again, &error));
    ironwal_options_free(options);
    CHECK(chdir(directory) == 0);
    nftw(place, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(int argc, char **argv) {
    const int rounds = argc > 1 ? atoi(argv[1]) : 300;
    int order[KINDS];
    enter_directory();
    for (int kind = 0; kind < KINDS; kind++) order[kind] = kind;
    for (int round = 0; round < rounds; round++) {
        if (round < KINDS) {
            /* Each kind first; every second round backward, so that it is last. */
            for (int at = 0; at < KINDS; at++) {
                const int kind = (round + at) % KINDS;
                order[round % 2 ? KINDS - 1 - at : at] = kind;
            }
        } else {
            for (int at = KINDS - 1; at > 0; at--) {
                const int other = (int)below((unsigned)at + 1), kept = order[at];
                order[at] = order[other];
                order[other] = kept;
            }
        }
        one_order(order);
    }
    printf("%d orders\n", orders);
    return 0;
}
