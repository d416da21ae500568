/* Does a sharded log end well: closed under its children, freed in any order, forked, and while its
 * own thread makes checkpoints and asks for their ids? */
#include "sharded.h"

#include <time.h>

#define CLOSED(call) EXPECT(IRONWAL_E_CLOSED, call)

static void children_of_a_closed_log(int by_its_wal) {
    ironwal_sharded *sharded = open_sharded(by_its_wal ? "by_wal" : "closed", 2);
    ironwal_wal *wal = NULL;
    ironwal_stream *stream = NULL;
    ironwal_iter *iter = NULL, *more = NULL;
    ironwal_checkpoint *checkpoint = NULL;
    ironwal_checkpoint_list *list = NULL;
    ironwal_view view;
    size_t count = 7;
    uint32_t shard_count = 7;
    uint64_t id = 7;
    OK(ironwal_sharded_append(sharded, TEXT("k"), TEXT("x"), NULL, NULL, &error));
    OK(ironwal_sharded_create_checkpoint(sharded, TEXT("c"), &error));
    OK(ironwal_sharded_load_latest_checkpoint(sharded, &checkpoint, &error));
    OK(ironwal_sharded_list_checkpoints(sharded, &list, &error));
    OK(ironwal_sharded_iter_shard(sharded, 0, 0, &iter, &error));
    OK(ironwal_sharded_wal(sharded, &wal, &error));
    OK(ironwal_stream_open(wal, TEXT("shard_00"), &stream, &error));
    if (by_its_wal) {
        OK(ironwal_wal_close(wal, &error));
        ironwal_checkpoint *none = NULL;
        CLOSED(ironwal_sharded_append(sharded, TEXT("k"), TEXT("x"), NULL, &id, &error));
        CLOSED(ironwal_sharded_append_batch(sharded, NULL, 0, NULL, NULL, &error));
        CLOSED(ironwal_sharded_append_batch_atomic(sharded, NULL, 0, NULL, NULL, &error));
        CLOSED(ironwal_sharded_append_batch_for_key(sharded, TEXT("k"), NULL, 0, NULL, NULL, NULL,
                                                    &error));
        CLOSED(ironwal_sharded_shard_count(sharded, &shard_count, &error));
        CLOSED(ironwal_sharded_iter_shard(sharded, 0, 0, &more, &error));
        CLOSED(ironwal_sharded_flush_shard(sharded, 0, &error));
        CLOSED(ironwal_sharded_flush_all(sharded, &error));
        CLOSED(ironwal_sharded_wal(sharded, &wal, &error));
        CLOSED(ironwal_sharded_create_checkpoint(sharded, TEXT("d"), &error));
        CLOSED(ironwal_sharded_load_checkpoint(sharded, TEXT("c"), &none, &error));
        CLOSED(ironwal_sharded_load_latest_checkpoint(sharded, &none, &error));
        CLOSED(ironwal_sharded_checkpoint_count(sharded, &count, &error));
        CLOSED(ironwal_sharded_prune_before_checkpoint(sharded, TEXT("c"), NULL, 0, &error));
        CLOSED(ironwal_sharded_compact_checkpoints(sharded, 0, NULL, 0, &error));
        CLOSED(ironwal_sharded_automatic_status(sharded, NULL, 0, NULL, &error));
        CHECK(id == 7 && count == 7 && shard_count == 7 && !none && !more);
        OK(ironwal_sharded_close(sharded, &error));
    } else {
        OK(ironwal_sharded_close(sharded, &error));
        CLOSED(ironwal_wal_sync_all(wal, &error));
        ironwal_wal_free(wal);
    }
    CLOSED(ironwal_stream_append(stream, TEXT("x"), &id, &error));
    CLOSED(ironwal_iter_next(iter, &id, &view, &error));
    /* Copies outlive the log. */
    CHECK(view_is(ironwal_checkpoint_id(checkpoint), "c", 1));
    CHECK(offset_of(checkpoint, 0) + offset_of(checkpoint, 1) == 1);
    OK(ironwal_checkpoint_list_get(list, 0, &view, &id, &error));
    CHECK(view_is(view, "c", 1));
    ironwal_checkpoint_list_free(list);
    ironwal_checkpoint_free(checkpoint);
    ironwal_iter_free(iter);
    ironwal_stream_free(stream);
}

/* Frees the four handles of a log in the order given; the last that keeps it open closes it. */
static void freed_in_this_order(const int order[4]) {
    ironwal_sharded *sharded = open_sharded("order", 2);
    ironwal_wal *wal = NULL;
    ironwal_stream *stream = NULL;
    ironwal_iter *iter = NULL;
    OK(ironwal_sharded_append(sharded, TEXT("k"), TEXT("x"), NULL, NULL, &error));
    OK(ironwal_sharded_wal(sharded, &wal, &error));
    OK(ironwal_stream_open(wal, TEXT("shard_01"), &stream, &error));
    OK(ironwal_sharded_iter_shard(sharded, 1, 0, &iter, &error));
    for (int at = 0; at < 4; at++) {
        switch (order[at]) {
        case 0: ironwal_sharded_free(sharded); break;
        case 1: ironwal_wal_free(wal); break;
        case 2: ironwal_stream_free(stream); break;
        default: ironwal_iter_free(iter); break;
        }
    }
    OK(ironwal_sharded_close(open_sharded("order", 2), &error));
}

static void freed_in_every_order(void) {
    for (int code = 0; code < 256; code++) {
        int order[4] = {code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6 & 3};
        int seen = 1 << order[0] | 1 << order[1] | 1 << order[2] | 1 << order[3];
        if (seen == 15) freed_in_this_order(order);
    }
}

/* The id is "at-" and the number; `refuse` first. The log may be used from within, but not closed;
 * what is not as it should be is kept. */
struct naming {
    ironwal_sharded *_Atomic sharded;
    _Atomic int refuse, called;
    _Atomic ironwal_status within;
};

static size_t name_it(uintptr_t ctx, uint64_t number, uint8_t *buffer, size_t capacity) {
    struct naming *naming = (struct naming *)ctx;
    ironwal_sharded *sharded = naming->sharded;
    naming->called++;
    if (sharded) {
        ironwal_status statuses[4] = {
            ironwal_sharded_create_checkpoint(sharded, "x", 1, NULL),
            ironwal_sharded_prune_before_checkpoint(sharded, "x", 1, NULL, 0, NULL),
            ironwal_sharded_compact_checkpoints(sharded, 1, NULL, 0, NULL),
            ironwal_sharded_append(sharded, "k", 1, "x", 1, NULL, NULL, NULL),
        };
        for (int at = 0; at < 4; at++)
            if (statuses[at] != IRONWAL_OK) naming->within = statuses[at];
        if (ironwal_sharded_close(sharded, NULL) != IRONWAL_E_INVALID_ARG)
            naming->within = IRONWAL_E_OTHER;
    }
    if (naming->refuse) {
        naming->refuse--;
        return naming->called % 2 ? 0 : capacity + 1;
    }
    return (size_t)snprintf((char *)buffer, capacity, "at-%04u", (unsigned)number);
}

static void until(ironwal_sharded *sharded, uint64_t created, uint64_t failed) {
    ironwal_automatic_status status = {0, 0};
    const struct timespec moment = {0, 1000000};
    for (int waited = 0; waited < 60000; waited++) {
        OK(ironwal_sharded_automatic_status(sharded, &status, sizeof status, NULL, &error));
        if (status.created >= created && status.failed >= failed) return;
        nanosleep(&moment, NULL);
    }
    CHECK(!"no checkpoint was made in a minute");
}

static void automatic_checkpoints(void) {
    static struct naming naming;
    ironwal_sharded_options *options = shards(2);
    EXPECT(IRONWAL_E_CONFIG,
           ironwal_sharded_options_set_checkpoint_every_entries(options, 0, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_sharded_options_set_checkpoint_interval(options, 0, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_sharded_options_set_retention(options, 0, &error));
    OK(ironwal_sharded_options_set_retention(options, 2, &error));
    /* Retention of what is never made is refused when the log is opened. */
    ironwal_options *wal_options = short_segments("automatic");
    ironwal_sharded *sharded = NULL;
    EXPECT(IRONWAL_E_CONFIG, ironwal_sharded_open(wal_options, options, &sharded, &error));
    OK(ironwal_sharded_options_set_checkpoint_every_entries(options, 2, &error));
    OK(ironwal_sharded_options_set_checkpoint_ids(options, name_it, (uintptr_t)&naming, &error));
    naming.refuse = 2;
    sharded = open_sharded_with(wal_options, options);
    naming.sharded = sharded;
    for (uint64_t round = 1; round <= 7; round++) {
        /* Two entries make a checkpoint due; the third is appended from within. */
        OK(ironwal_sharded_append(sharded, TEXT("k"), TEXT("x"), NULL, NULL, &error));
        if (round == 1)
            OK(ironwal_sharded_append(sharded, TEXT("k"), TEXT("x"), NULL, NULL, &error));
        until(sharded, round > 2 ? round - 2 : 0, round > 2 ? 2 : round);
        ironwal_buffer why;
        OK(ironwal_sharded_automatic_status(sharded, NULL, 0, &why, &error));
        CHECK((why.len > 0) == (round <= 2));
        ironwal_buffer_free(&why);
        CHECK(naming.called == (int)round && naming.within == IRONWAL_OK);
    }
    CHECK(checkpoints_of(sharded) == 2);
    ironwal_checkpoint *checkpoint = NULL;
    OK(ironwal_sharded_load_latest_checkpoint(sharded, &checkpoint, &error));
    CHECK(ironwal_checkpoint_id(checkpoint).len == 7);
    CHECK(memcmp(ironwal_checkpoint_id(checkpoint).data, "at-", 3) == 0);
    CHECK(offset_of(checkpoint, 0) + offset_of(checkpoint, 1) == 15);
    ironwal_checkpoint_free(checkpoint);
    OK(ironwal_sharded_close(sharded, &error));
}

static void checkpoints_by_time_with_a_counter(void) {
    static char prefix[65516];
    ironwal_sharded_options *options = shards(2);
    EXPECT(IRONWAL_E_INVALID_CHECKPOINT_ID,
           ironwal_sharded_options_set_checkpoint_prefix(options, prefix, sizeof prefix, &error));
    OK(ironwal_sharded_options_set_checkpoint_prefix(options, TEXT("by-time-"), &error));
    OK(ironwal_sharded_options_set_checkpoint_interval(options, 1000000, &error));
    ironwal_sharded *sharded = open_sharded_with(options_for("by_time"), options);
    OK(ironwal_sharded_append(sharded, TEXT("k"), TEXT("x"), NULL, NULL, &error));
    until(sharded, 1, 0);
    ironwal_checkpoint *checkpoint = NULL;
    OK(ironwal_sharded_load_checkpoint(sharded, TEXT("by-time-00000000000000000000"), &checkpoint,
                                       &error));
    ironwal_checkpoint_free(checkpoint);
    ironwal_sharded_free(sharded);
}

#ifndef _WIN32
static void forked_children(void) {
    ironwal_sharded_options *options = shards(2);
    OK(ironwal_sharded_options_set_checkpoint_every_entries(options, 1, &error));
    ironwal_sharded *sharded = open_sharded_with(options_for("forked"), options);
    ironwal_checkpoint *checkpoint = NULL;
    OK(ironwal_sharded_append(sharded, TEXT("k"), TEXT("x"), NULL, NULL, &error));
    until(sharded, 1, 0);
    OK(ironwal_sharded_load_latest_checkpoint(sharded, &checkpoint, &error));
    for (int by_close = 0; by_close < 2; by_close++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            ironwal_checkpoint *none = NULL;
            EXPECT(IRONWAL_E_FORKED,
                   ironwal_sharded_append(sharded, TEXT("k"), TEXT("x"), NULL, NULL, &error));
            EXPECT(IRONWAL_E_FORKED,
                   ironwal_sharded_create_checkpoint(sharded, TEXT("c"), &error));
            EXPECT(IRONWAL_E_FORKED,
                   ironwal_sharded_load_latest_checkpoint(sharded, &none, &error));
            CHECK(offset_of(checkpoint, 0) + offset_of(checkpoint, 1) == 1);
            if (by_close)
                EXPECT(IRONWAL_E_FORKED, ironwal_sharded_close(sharded, &error));
            else
                ironwal_sharded_free(sharded);
            _exit(0);
        }
        CHECK(exit_code_of(child) == 0);
    }
    OK(ironwal_sharded_append(sharded, TEXT("k"), TEXT("x"), NULL, NULL, &error));
    ironwal_checkpoint_free(checkpoint);
    OK(ironwal_sharded_close(sharded, &error));
}
#else
/* There is no fork. */
static void forked_children(void) {}
#endif

int main(void) {
    enter_directory();
    children_of_a_closed_log(0);
    children_of_a_closed_log(1);
    freed_in_every_order();
    automatic_checkpoints();
    checkpoints_by_time_with_a_counter();
    forked_children();
    return 0;
}
