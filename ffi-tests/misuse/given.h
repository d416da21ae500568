/* Which valid value has each argument of the header, for the sweeps of every_function.h?
 *
 * A type or an argument that has none here does not compile there: give it one. The values are such that no function
 * refuses all of them as an invalid argument, so that a refusal is that of what was replaced. */
#ifndef GIVEN_H
#define GIVEN_H

#include "check.h"

/* What is wrong with a call: one argument. */
struct misuse {
    int at; /* -1: nothing */
    void *pointer;
    int32_t constant;
    size_t length;
};

enum kind { END, POINTER, CALLBACK, CONSTANT, LENGTH, PLAIN };

struct argument {
    enum kind kind;
    int is_optional;
    const char *type, *name;
};

/* One of each handle, and room for what a call writes: each argument has a place of its own. */
struct given {
    ironwal_options *options;
    ironwal_wal *wal;
    ironwal_stream *stream;
    ironwal_iter *iter;
    ironwal_txn *txn;
    ironwal_events *events;
    ironwal_canceller *canceller;
    ironwal_name_list *names;
    ironwal_entry_list *entries;
    ironwal_property_list *properties;
    ironwal_verify_report *verified;
    ironwal_recovery_report *recovered;
    ironwal_stat_report *counted;
    ironwal_repair_report *repaired;
    ironwal_view_pin *pin;
    ironwal_sharded_options *sharded_options;
    ironwal_sharded *sharded;
    ironwal_checkpoint *checkpoint;
    ironwal_checkpoint_list *checkpoints;
    ironwal_error *error;
    ironwal_mark mark;
    ironwal_ticket ticket;
    ironwal_slice slice;
    ironwal_keyed_slice keyed;
    ironwal_property property;
    ironwal_atomic_part part;
    void *out[16];
    ironwal_buffer buffers[16];
    ironwal_view views[16];
    uint64_t numbers[16];
    union {
        unsigned char bytes[1024];
        uint64_t aligned;
        ironwal_mark mark;
        ironwal_ticket ticket;
        ironwal_entry entry;
        ironwal_finding finding;
    } room;
};

struct function {
    const char *name;
    int64_t (*call)(const struct misuse *, struct given *);
    int returns_status;
    struct argument arguments[20];
};

#define P(k, valid) (m->at == (k) ? m->pointer : (void *)(uintptr_t)(const void *)(valid))
#define F(k, valid) (m->at == (k) ? NULL : (valid))
#define C(k, valid) (m->at == (k) ? m->constant : (valid))
#define L(k, valid) (m->at == (k) ? m->length : (valid))
#define STATUS(m, g, status) ((void)(m), (void)(g), (int64_t)(status))
#define NONE(m, g) ((void)(m), (void)(g), (int64_t)0)

static inline void on_log(uintptr_t ctx, int32_t level, const char *message, size_t len) {
    (void)ctx;
    (void)level;
    (void)message;
    (void)len;
}
static inline int32_t on_progress(uintptr_t ctx, uint64_t done, uint64_t total) {
    (void)ctx;
    return done > total;
}
static inline int32_t on_entry(uintptr_t ctx, const ironwal_dumped_entry *entry, size_t size) {
    (void)ctx;
    return size < sizeof *entry;
}
static inline void on_release(uintptr_t ctx) { (void)ctx; }
static inline void on_durable(uintptr_t ctx, ironwal_mark mark, ironwal_status status) {
    (void)ctx;
    (void)mark;
    (void)status;
}
static inline size_t on_checkpoint_id(uintptr_t ctx, uint64_t number, uint8_t *buffer, size_t capacity) {
    (void)ctx;
    (void)number;
    (void)buffer;
    (void)capacity;
    return 0;
}

/* The constant that the argument `mode` of a function takes; of a new function, add it here. */
static inline int32_t mode_of(const char *function) {
    static const struct {
        const char *end;
        int32_t mode;
    } modes[] = {
        {"set_sync_mode", IRONWAL_SYNC_ASYNC},
        {"set_compression", IRONWAL_COMPRESSION_LZ4},
        {"set_read_strategy", IRONWAL_READ_STANDARD_IO},
        {"set_write_strategy", IRONWAL_WRITE_STANDARD_IO},
        {"set_commit_path", IRONWAL_COMMIT_IN_PLACE},
        {"set_on_corruption", IRONWAL_CORRUPTION_ERROR},
        {"wal_snapshot_to", IRONWAL_SNAPSHOT_COPY},
        {"wal_snapshot_streams_to", IRONWAL_SNAPSHOT_COPY},
        {"sharded_snapshot_to", IRONWAL_SNAPSHOT_COPY},
    };
    for (size_t at = 0; at < sizeof modes / sizeof *modes; at++)
        if (strstr(function, modes[at].end)) return modes[at].mode;
    fprintf(stderr, "%s: which mode does it take?\n", function);
    exit(1);
}

/* Handles, and structs that go in or out. */
#define V_ironwal_options(name, at) g->options
#define V_ironwal_wal(name, at) g->wal
#define V_ironwal_stream(name, at) g->stream
#define V_ironwal_iter(name, at) g->iter
#define V_ironwal_txn(name, at) g->txn
#define V_ironwal_events(name, at) g->events
#define V_ironwal_canceller(name, at) g->canceller
#define V_ironwal_name_list(name, at) g->names
#define V_ironwal_entry_list(name, at) g->entries
#define V_ironwal_property_list(name, at) g->properties
#define V_ironwal_verify_report(name, at) g->verified
#define V_ironwal_recovery_report(name, at) g->recovered
#define V_ironwal_stat_report(name, at) g->counted
#define V_ironwal_repair_report(name, at) g->repaired
#define V_ironwal_view_pin(name, at) g->pin
#define V_ironwal_sharded_options(name, at) g->sharded_options
#define V_ironwal_sharded(name, at) g->sharded
#define V_ironwal_checkpoint(name, at) g->checkpoint
#define V_ironwal_checkpoint_list(name, at) g->checkpoints
#define V_ironwal_error(name, at) g->error
#define V_ironwal_slice(name, at) &g->slice
#define V_ironwal_keyed_slice(name, at) &g->keyed
#define V_ironwal_property(name, at) &g->property
#define V_ironwal_atomic_part(name, at) &g->part
#define V_ironwal_buffer(name, at) &g->buffers[at]
#define V_ironwal_view(name, at) &g->views[at]
#define V_ironwal_mark(name, at) &g->room.mark
#define V_ironwal_ticket(name, at) &g->ticket
#define V_ironwal_entry(name, at) &g->room.entry
#define V_ironwal_finding(name, at) &g->room
#define V_ironwal_recovered_stream(name, at) &g->room
#define V_ironwal_verify_report_totals(name, at) &g->room
#define V_ironwal_recovery_report_totals(name, at) &g->room
#define V_ironwal_stat_totals(name, at) &g->room
#define V_ironwal_stat_stream(name, at) &g->room
#define V_ironwal_stat_segment(name, at) &g->room
#define V_ironwal_repair_totals(name, at) &g->room
#define V_ironwal_repaired_stream(name, at) &g->room
#define V_ironwal_lost_ids(name, at) &g->room
#define V_ironwal_snapshot_stats(name, at) &g->room
#define V_ironwal_prune_stats(name, at) &g->room
#define V_ironwal_compaction_stats(name, at) &g->room
#define V_ironwal_automatic_status(name, at) &g->room
#define V_ironwal_stream_stats_t(name, at) &g->room
#define V_ironwal_wal_stats_t(name, at) &g->room

/* Numbers that come out, ids that go in, text and bytes. */
#define V_uint64_t(name, at) &g->numbers[at]
#define V_uint32_t(name, at) &g->numbers[at]
#define V_int32_t(name, at) &g->numbers[at]
#define V_size_t(name, at) &g->numbers[at]
#define V_bool(name, at) &g->numbers[at]
#define V_uint8_t(name, at) &g->room
#define V_char(name, at) "s"
#define V_void(name, at) V_void_##name
#define V_void_key "k"
#define V_void_id "c"
#define V_void_data "x"
#define V_void_prefix "p"
#define V_void_packet "x"
#define V_void_position "x"
#define V_void_buffer &g->room

/* Callbacks. */
#define V_ironwal_log_fn on_log
#define V_ironwal_release_fn on_release
#define V_ironwal_progress_fn on_progress
#define V_ironwal_entry_fn on_entry
#define V_ironwal_durable_fn on_durable
#define V_ironwal_checkpoint_id_fn on_checkpoint_id
#define V_ctx 0

/* Plain values. */
#define V_status IRONWAL_OK
#define V_mark g->mark
#define V_level IRONWAL_LOG_WARN
#define V_mode mode_of(__func__)
#define V_match_by IRONWAL_MATCH_PREFIX
#define V_durability IRONWAL_DURABILITY_WRITTEN
#define V_event IRONWAL_EVENT_WRITTEN
#define V_view IRONWAL_VIEW_WRITTEN
#define V_index 0
#define V_stream_index 0
#define V_shard 0
#define V_shard_count 2
#define V_id 0
#define V_first_id 0
#define V_end_id 1
#define V_from_id 0
#define V_next_id 0
#define V_safe_id 0
#define V_start_id 0
#define V_expected_id 1
/* What is waited for is there, or comes soon. */
#define V_timeout_ns UINT64_C(60000000000)
#define V_bytes 65536
#define V_max_bytes 65536
#define V_max_age_ns 1
#define V_interval_ns 1000000000
#define V_entries 1000
#define V_files 16
#define V_threads 1
#define V_measured true
#define V_keep_cursors true
#define V_keep_latest 1
#define V_keep_latest_n 1

/* Lengths of the above. */
#define V_len 1
#define V_stream_len 1
#define V_path_len 1
#define V_compression IRONWAL_COMPRESSION_LZ4
#define V_from_len 1
#define V_to_len 1
#define V_text_len 1
#define V_dir_len 1
#define V_key_len 1
#define V_id_len 1
#define V_prefix_len 1
#define V_packet_len 1
#define V_position_len 1
#define V_entry_count 1
#define V_property_count 1
#define V_part_count 1
#define V_id_count 1
#define V_capacity 1
#define V_out_totals_size sizeof g->room
#define V_out_finding_size sizeof g->room
#define V_out_stream_size sizeof g->room
#define V_out_segment_size sizeof g->room
#define V_out_lost_size sizeof g->room
#define V_out_stats_size sizeof g->room
#define V_out_status_size sizeof g->room

#include "every_function.h"

enum { FUNCTIONS = sizeof every_function / sizeof *every_function };


/* Repairs a log that is closed, into a directory of its own. */
static inline void make_repaired(struct given *g) {
    static int made;
    char old[64], copy[64];
    ironwal_options *options = NULL;
    ironwal_wal *wal = NULL;
    snprintf(old, sizeof old, "old-%ld-%d", (long)getpid(), made);
    snprintf(copy, sizeof copy, "copy-%ld-%d", (long)getpid(), made++);
    OK(ironwal_options_new(old, strlen(old), &options, &error));
    OK(ironwal_wal_open(options, &wal, &error));
    ironwal_options_free(options);
    OK(ironwal_append(wal, TEXT("s"), TEXT("entry"), NULL, &error));
    OK(ironwal_wal_close(wal, &error));
    OK(ironwal_repair_directory(old, strlen(old), copy, strlen(copy), IRONWAL_COMPRESSION_NONE, NULL, 0, &g->repaired,
                                &error));
}

/* Makes one of everything, in the current directory. */
static inline void make_given(struct given *g) {
    memset(g, 0, sizeof *g);
    g->slice = slice_of("x", 1);
    g->keyed.key = slice_of("k", 1);
    g->keyed.value = slice_of("x", 1);
    g->property.key = slice_of("k", 1);
    g->property.value = slice_of("v", 1);
    g->property.op = IRONWAL_PROPERTY_SET;
    g->part.entries = &g->slice;
    g->part.entry_count = 1;
    const uint64_t ids[] = {0};
    ironwal_view view;
    ironwal_wal *other = NULL;
    OK(ironwal_options_new(TEXT("log"), &g->options, &error));
    OK(ironwal_options_set_sync_mode(g->options, IRONWAL_SYNC_ASYNC, &error));
    OK(ironwal_options_set_max_segment_size(g->options, 65536, &error));
    OK(ironwal_wal_open(g->options, &g->wal, &error));
    OK(ironwal_stream_open(g->wal, TEXT("s"), &g->stream, &error));
    g->part.stream = g->stream;
    OK(ironwal_stream_append(g->stream, TEXT("entry"), NULL, &error));
    OK(ironwal_stream_set_properties(g->stream, &g->property, 1, IRONWAL_DURABILITY_WRITTEN, &g->mark, &error));
    OK(ironwal_stream_properties(g->stream, &g->properties, &error));
    OK(ironwal_stream_follow(g->stream, 0, IRONWAL_VIEW_WRITTEN, &g->iter, &error));
    OK(ironwal_iter_canceller(g->iter, &g->canceller, &error));
    OK(ironwal_txn_begin(g->wal, TEXT("s"), &g->txn, &error));
    OK(ironwal_txn_add(g->txn, TEXT("added"), &error));
    OK(ironwal_stream_events(g->stream, IRONWAL_EVENT_WRITTEN, &g->events, &error));
    OK(ironwal_stream_on_durable(g->stream, g->mark, on_durable, 0, &g->ticket, &error));
    OK(ironwal_wal_streams(g->wal, &g->names, &error));
    OK(ironwal_get_batch(g->wal, TEXT("s"), ids, 1, &g->entries, &error));
    OK(ironwal_stream_view(g->stream, 0, &view, &g->pin, &error));
    OK(ironwal_wal_verify(g->wal, &g->verified, &error));
    OK(ironwal_wal_recovery(g->wal, &g->recovered, &error));
    OK(ironwal_stat_directory(TEXT("log"), NULL, 0, NULL, 0, &g->counted, &error));
    make_repaired(g);
    OK(ironwal_sharded_options_new(2, &g->sharded_options, &error));
    ironwal_options *options = NULL;
    OK(ironwal_options_new(TEXT("sharded"), &options, &error));
    OK(ironwal_options_set_sync_mode(options, IRONWAL_SYNC_ASYNC, &error));
    OK(ironwal_options_set_max_segment_size(options, 65536, &error));
    OK(ironwal_sharded_open(options, g->sharded_options, &g->sharded, &error));
    ironwal_options_free(options);
    OK(ironwal_sharded_create_checkpoint(g->sharded, TEXT("c"), &error));
    OK(ironwal_sharded_load_checkpoint(g->sharded, TEXT("c"), &g->checkpoint, &error));
    OK(ironwal_sharded_list_checkpoints(g->sharded, &g->checkpoints, &error));
    /* The log is open: a second writer is refused, which makes an error object. */
    CHECK(ironwal_wal_open(g->options, &other, &g->error) == IRONWAL_E_LOCKED);
    /* What the calls of the sweep open is not this log. */
    ironwal_options_free(g->options);
    g->options = NULL;
    OK(ironwal_options_new(TEXT("another"), &g->options, &error));
}

#endif
