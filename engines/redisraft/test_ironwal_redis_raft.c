/* Does the log keep what raft asked it to keep, when it is opened again after each call? Does a raft server
 * go on where it ended? */
#define _GNU_SOURCE /* mkdtemp */
#include "ironwal_redis_raft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what)                                                             \
    do {                                                                        \
        if (!(what)) {                                                          \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #what); \
            exit(1);                                                            \
        }                                                                       \
    } while (0)

static const raft_log_impl_t *const impl = &ironwal_redis_raft_impl;
static char base[] = "/tmp/ironwal-redis-raft-XXXXXX", dir[sizeof base + 16];
static ironwal_wal *wal;

/* The tests from here on have a log of their own. */
static void use_dir(const char *name) { snprintf(dir, sizeof dir, "%s/%s", base, name); }

static ironwal_redis_raft *open_log(size_t kept) {
    ironwal_options *options = NULL;
    ironwal_redis_raft *log = NULL;
    CHECK(ironwal_options_new(dir, strlen(dir), &options, NULL) == IRONWAL_OK);
    CHECK(ironwal_options_set_sync_mode(options, IRONWAL_SYNC_ASYNC, NULL) == IRONWAL_OK);
    CHECK(ironwal_options_set_on_corruption(options, IRONWAL_CORRUPTION_ERROR, NULL) == IRONWAL_OK);
    CHECK(ironwal_options_set_max_segment_size(options, 1000, NULL) == IRONWAL_OK);
    CHECK(ironwal_wal_open(options, &wal, NULL) == IRONWAL_OK);
    ironwal_options_free(options);
    CHECK(ironwal_redis_raft_open(wal, "node", 4, kept, &log, NULL) == IRONWAL_OK);
    CHECK(impl->init(NULL, log) == log);
    return log;
}

static ironwal_redis_raft *reopen(ironwal_redis_raft *log, size_t kept) {
    impl->free(log);
    CHECK(ironwal_wal_close(wal, NULL) == IRONWAL_OK);
    return open_log(kept);
}

static void append(ironwal_redis_raft *log, int id, raft_term_t term) {
    char data[64];
    int len = snprintf(data, sizeof data, "data of %d in term %ld", id, term);
    raft_entry_t *entry = raft_entry_new((raft_size_t)len);
    entry->id = id;
    entry->term = term;
    entry->type = RAFT_LOGTYPE_NORMAL;
    entry->session = 1ULL << 63 | (unsigned)id;
    entry->user_data = &wal;
    memcpy(entry->data, data, (size_t)len);
    CHECK(impl->append(log, entry) == 0);
    raft_entry_release(entry);
}

/* The log holds first to current, whose ids are the indexes, except where the term is that of a cut. */
static void expect(ironwal_redis_raft *log, raft_index_t first, raft_index_t current) {
    CHECK(impl->first_idx(log) == first);
    CHECK(impl->current_idx(log) == current);
    CHECK(impl->count(log) == current - first + 1);
    CHECK(!impl->get(log, first - 1) && !impl->get(log, current + 1) && !impl->get(log, -1));
    for (raft_index_t index = first; index <= current; index++) {
        raft_entry_t *entry = impl->get(log, index);
        char data[64];
        int len = snprintf(data, sizeof data, "data of %d in term %ld", (int)index, entry->term);
        CHECK(entry && entry->id == (int)index && entry->type == RAFT_LOGTYPE_NORMAL);
        CHECK(entry->session == (1ULL << 63 | (unsigned)index));
        CHECK(entry->data_len == (raft_size_t)len && memcmp(entry->data, data, (size_t)len) == 0);
        raft_entry_release(entry);
    }
    raft_entry_t *batch[64];
    raft_index_t count = impl->get_batch(log, first, 64, batch);
    CHECK(count == (current - first + 1 < 64 ? current - first + 1 : 64));
    for (raft_index_t i = 0; i < count; i++) raft_entry_release(batch[i]);
    CHECK(!ironwal_redis_raft_failure(log));
}

/* Whether all that was written is durable. */
static bool is_durable(void) {
    ironwal_stream *stream = NULL;
    ironwal_mark mark;
    bool durable = false;
    CHECK(ironwal_stream_open(wal, "node", 4, &stream, NULL) == IRONWAL_OK);
    CHECK(ironwal_stream_mark(stream, &mark, NULL) == IRONWAL_OK);
    CHECK(ironwal_stream_is_durable(stream, mark, &durable, NULL) == IRONWAL_OK);
    ironwal_stream_free(stream);
    return durable;
}

static void the_log_is_the_same_after_each_call_when_it_is_opened_again(size_t kept) {
    raft_term_t term = 0;
    raft_node_id_t vote = 0;
    raft_index_t snapshot = 0;
    ironwal_redis_raft *log = open_log(kept);
    expect(log, 1, 0);
    CHECK(!ironwal_redis_raft_metadata(log, &term, &vote) && !ironwal_redis_raft_snapshot(log, &snapshot, &term));
    log = reopen(log, kept);
    expect(log, 1, 0);
    for (int id = 1; id <= 100; id++) append(log, id, 1);
    expect(log, 1, 100);
    CHECK(impl->sync(log) == 0 && is_durable());
    log = reopen(log, kept);
    expect(log, 1, 100);

    CHECK(ironwal_redis_raft_set_metadata(log, 7, -1) == 0 && is_durable());
    log = reopen(log, kept);
    CHECK(ironwal_redis_raft_metadata(log, &term, &vote) && term == 7 && vote == -1);

    CHECK(impl->pop(log, 91) == 0 && impl->pop(log, 200) == 0 && impl->pop(log, 0) == -1);
    expect(log, 1, 90);
    for (int id = 91; id <= 95; id++) append(log, id, 2);
    log = reopen(log, kept);
    expect(log, 1, 95);

    CHECK(impl->poll(log, 51) == 0 && impl->poll(log, 3) == 0 && impl->poll(log, 97) == -1);
    expect(log, 51, 95);
    CHECK(ironwal_redis_raft_snapshot(log, &snapshot, &term) && snapshot == 50 && term == 1);
    log = reopen(log, kept);
    expect(log, 51, 95);
    CHECK(ironwal_redis_raft_snapshot(log, &snapshot, &term) && snapshot == 50 && term == 1);
    CHECK(impl->poll(log, 96) == 0); /* all */
    expect(log, 96, 95);
    log = reopen(log, kept);
    expect(log, 96, 95);
    CHECK(ironwal_redis_raft_snapshot(log, &snapshot, &term) && snapshot == 95 && term == 2);
    append(log, 96, 2);
    CHECK(impl->pop(log, 1) == 0); /* from in front of the log */
    expect(log, 96, 95);

    for (int id = 96; id <= 99; id++) append(log, id, 3);
    impl->reset(log, 1000, 5);
    expect(log, 1000, 999);
    append(log, 1000, 5);
    log = reopen(log, kept);
    expect(log, 1000, 1000);
    CHECK(ironwal_redis_raft_snapshot(log, &snapshot, &term) && snapshot == 999 && term == 5);
    CHECK(ironwal_redis_raft_metadata(log, &term, &vote) && term == 7 && vote == -1);
    append(log, 1001, 6);
    append(log, 1002, 6);
    CHECK(impl->poll(log, 1002) == 0); /* was answered with the snapshot that the log was reset behind */
    log = reopen(log, kept);
    expect(log, 1002, 1002);
    CHECK(ironwal_redis_raft_snapshot(log, &snapshot, &term) && snapshot == 1001 && term == 6);
    impl->reset(log, 1, 1);
    expect(log, 1, 0);
    CHECK(!ironwal_redis_raft_snapshot(log, &snapshot, &term));
    impl->free(log);
    CHECK(ironwal_wal_close(wal, NULL) == IRONWAL_OK);
}

/* A crash between the two steps of poll. */
static void a_poll_that_was_interrupted_is_finished_when_the_log_is_opened(void) {
    raft_term_t term = 0;
    raft_index_t snapshot = 0;
    ironwal_redis_raft *log = open_log(0);
    for (int id = 1; id <= 30; id++) append(log, id, 3);
    uint8_t value[17] = {1, 20};
    value[9] = 3;
    ironwal_property start = {.key = {"start", 5}, .value = {value, sizeof value}, .op = IRONWAL_PROPERTY_SET};
    ironwal_stream *stream = NULL;
    CHECK(ironwal_stream_open(wal, "node", 4, &stream, NULL) == IRONWAL_OK);
    CHECK(ironwal_stream_set_properties(stream, &start, 1, IRONWAL_DURABILITY_WRITTEN, NULL, NULL) == IRONWAL_OK);
    ironwal_stream_free(stream);
    log = reopen(log, 0);
    expect(log, 21, 30);
    CHECK(ironwal_redis_raft_snapshot(log, &snapshot, &term) && snapshot == 20 && term == 3);
    impl->free(log);
    CHECK(ironwal_wal_close(wal, NULL) == IRONWAL_OK);
}

static void entries_that_are_kept_have_their_user_data(void) {
    ironwal_redis_raft *log = open_log(10);
    for (int id = 1; id <= 30; id++) append(log, id, 1);
    for (raft_index_t index = 1; index <= 30; index++) {
        raft_entry_t *entry = impl->get(log, index);
        CHECK((entry->user_data == &wal) == (index > 20));
        raft_entry_release(entry);
    }
    impl->reset(log, 1, 1);
    impl->free(log);
    CHECK(ironwal_wal_close(wal, NULL) == IRONWAL_OK);
}

static void a_failure_is_kept_and_ends_all_writing(void) {
    ironwal_redis_raft *log = open_log(0);
    append(log, 1, 1);
    CHECK(ironwal_wal_close(wal, NULL) == IRONWAL_OK); /* under its feet */
    raft_entry_t *entry = raft_entry_new(0);
    impl->reset(log, 5, 1);
    CHECK(ironwal_error_status(ironwal_redis_raft_failure(log)) == IRONWAL_E_CLOSED);
    CHECK(impl->append(log, entry) == RAFT_ERR_SHUTDOWN && impl->sync(log) == -1);
    CHECK(impl->poll(log, 2) == -1 && impl->pop(log, 1) == -1);
    CHECK(ironwal_redis_raft_set_metadata(log, 1, 1) == -1);
    CHECK(impl->first_idx(log) == 1 && impl->current_idx(log) == 1);
    raft_entry_release(entry);
    impl->free(log);
}

/* A raft server of one node ------------------------------------------------------------------ */

static int applied, in_snapshot;

static int apply_entry(raft_server_t *raft, void *log, raft_entry_t *entry, raft_index_t index) {
    (void)raft, (void)log, (void)index;
    applied += entry->type == RAFT_LOGTYPE_NORMAL;
    return 0;
}

static int persist_metadata(raft_server_t *raft, void *log, raft_term_t term, raft_node_id_t vote) {
    (void)raft;
    return ironwal_redis_raft_set_metadata(log, term, vote);
}

static raft_time_t now(raft_server_t *raft, void *log) {
    static raft_time_t microseconds;
    (void)raft, (void)log;
    return microseconds += 100;
}

static raft_server_t *start_server(ironwal_redis_raft *log) {
    raft_cbs_t callbacks = {.applylog = apply_entry, .persist_metadata = persist_metadata, .timestamp = now};
    raft_term_t term;
    raft_node_id_t vote;
    raft_index_t index;
    applied = in_snapshot;
    raft_server_t *raft = raft_new_with_log(impl, log);
    CHECK(raft);
    raft_set_callbacks(raft, &callbacks, log);
    CHECK(raft_add_node(raft, NULL, 1, 1));
    if (ironwal_redis_raft_snapshot(log, &index, &term)) CHECK(raft_restore_snapshot(raft, term, index) == 0);
    if (ironwal_redis_raft_metadata(log, &term, &vote)) CHECK(raft_restore_metadata(raft, term, vote) == 0);
    CHECK(raft_restore_log(raft) == 0);
    for (int turn = 0; turn < 20 && !raft_is_leader(raft); turn++) CHECK(raft_periodic(raft) == 0);
    CHECK(raft_is_leader(raft));
    return raft;
}

static void a_server_that_is_started_again_has_its_entries_and_a_later_term(void) {
    raft_term_t term = 0;
    for (int round = 1; round <= 5; round++) {
        raft_server_t *raft = start_server(open_log(0));
        CHECK(raft_get_current_term(raft) > term);
        term = raft_get_current_term(raft);
        for (int i = 0; i < 10; i++) {
            raft_entry_t *entry = raft_entry_new(5);
            memcpy(entry->data, "value", 5);
            raft_entry_resp_t response;
            CHECK(raft_recv_entry(raft, entry, &response) == 0);
            raft_entry_release(entry);
        }
        CHECK(raft_flush(raft, 0) == 0);
        for (int turn = 0; turn < 20 && applied < 10 * round; turn++) CHECK(raft_periodic(raft) == 0);
        CHECK(applied == 10 * round);
        if (round % 2 == 0) {
            CHECK(raft_begin_snapshot(raft) == 0 && raft_end_snapshot(raft) == 0);
            in_snapshot = applied;
        }
        raft_destroy(raft);
        CHECK(ironwal_wal_close(wal, NULL) == IRONWAL_OK);
    }
}

int main(void) {
    char command[sizeof base + 16];
    CHECK(mkdtemp(base));
    use_dir("all-kept");
    the_log_is_the_same_after_each_call_when_it_is_opened_again(0);
    use_dir("few-kept");
    the_log_is_the_same_after_each_call_when_it_is_opened_again(7);
    use_dir("poll");
    a_poll_that_was_interrupted_is_finished_when_the_log_is_opened();
    use_dir("user-data");
    entries_that_are_kept_have_their_user_data();
    use_dir("failure");
    a_failure_is_kept_and_ends_all_writing();
    use_dir("server");
    a_server_that_is_started_again_has_its_entries_and_a_later_term();
    snprintf(command, sizeof command, "rm -r %s", base);
    return system(command);
}
