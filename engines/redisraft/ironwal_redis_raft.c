/* How does the log of RedisLabs/raft become a stream?
 *
 *     raft                  ironwal
 *     index of an entry     id of an entry
 *     append                append at the expected id, in the kernel on return
 *     sync                  sync
 *     poll                  the property "start", then truncate_prefix
 *     pop                   truncate_suffix
 *     reset                 reset, with the property "start": the index and term in front
 *     persist_metadata      the property "meta": term and vote, durable on return
 *
 * All of a node goes to one stream and reaches the disk in the order of the calls. An entry is one byte that
 * names the layout, then term (8 bytes), id (4), session (8), type (4), all little-endian, then its data.
 *
 * poll takes two steps: "start" is written and not synced, then truncate_prefix makes it durable before it hides
 * entries. A crash in between leaves the entries, and opening repeats the second step for what "start" says.
 *
 * reset() returns nothing, so a failure is kept: everything that writes afterwards fails. */
#include "ironwal_redis_raft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LAYOUT = 1, HEAD = 1 + 8 + 4 + 8 + 4, PAIR = 1 + 8 + 8 };

struct ironwal_redis_raft {
    ironwal_stream *stream;
    ironwal_error *failure;   /* the first one */
    bool has_failed;
    uint64_t first, next;     /* the ids of the entries, from first to next (exclusive) */
    raft_entry_t **kept;      /* the entry i is at i % capacity, if it is kept; each is held */
    uint64_t *kept_id;        /* whose place it is: the id, and UINT64_MAX for none */
    size_t capacity;
    bool has_meta, has_start;
    uint64_t meta[2], start[2];
    uint8_t *buffer;          /* the encoded entry */
    size_t buffer_len;
};

static void put(uint8_t *to, uint64_t number, int bytes) {
    for (int i = 0; i < bytes; i++) to[i] = (uint8_t)(number >> (8 * i));
}

static uint64_t take(const uint8_t *from, int bytes) {
    uint64_t number = 0;
    for (int i = 0; i < bytes; i++) number |= (uint64_t)from[i] << (8 * i);
    return number;
}

/* Keeps the first failure, and frees any other. Returns whether the call succeeded. */
static bool succeeded(ironwal_redis_raft *log, ironwal_status status, ironwal_error *error) {
    if (status == IRONWAL_OK) return true;
    if (!log->has_failed) log->failure = error;
    else ironwal_error_free(error);
    log->has_failed = true;
    return false;
}

/* Entries in memory -------------------------------------------------------------------------- */

static void forget(ironwal_redis_raft *log, uint64_t id) {
    size_t at = (size_t)(id % log->capacity);
    if (log->kept_id[at] != id) return;
    raft_entry_release(log->kept[at]);
    log->kept_id[at] = UINT64_MAX;
}

/* Forgets the entries from `from` to `end` (exclusive). */
static void forget_range(ironwal_redis_raft *log, uint64_t from, uint64_t end) {
    if (end - from >= log->capacity) {
        for (size_t at = 0; at < log->capacity; at++)
            if (log->kept_id[at] >= from && log->kept_id[at] < end) forget(log, log->kept_id[at]);
        return;
    }
    for (uint64_t id = from; id < end; id++) forget(log, id);
}

static void keep(ironwal_redis_raft *log, uint64_t id, raft_entry_t *entry) {
    size_t at = (size_t)(id % log->capacity);
    if (log->kept_id[at] != UINT64_MAX) forget(log, log->kept_id[at]);
    raft_entry_hold(entry);
    log->kept[at] = entry;
    log->kept_id[at] = id;
}

/* Opening ------------------------------------------------------------------------------------ */

static bool read_pair(const ironwal_stream *stream, const char *key, uint64_t pair[2], ironwal_status *status,
                      ironwal_error **error) {
    ironwal_buffer value = {NULL, 0};
    *status = ironwal_stream_property(stream, key, strlen(key), &value, error);
    bool found = *status == IRONWAL_OK && value.len == PAIR && value.data[0] == LAYOUT;
    if (found) {
        pair[0] = take(value.data + 1, 8);
        pair[1] = take(value.data + 9, 8);
    } else if (*status == IRONWAL_OK) {
        *status = IRONWAL_E_UNSUPPORTED_VERSION; /* written by a later version of this file */
    } else if (*status == IRONWAL_E_NOT_FOUND) {
        *status = IRONWAL_OK;
    }
    ironwal_buffer_free(&value);
    return found;
}

static ironwal_property pair_property(const char *key, uint8_t value[PAIR], uint64_t first, uint64_t second) {
    value[0] = LAYOUT;
    put(value + 1, first, 8);
    put(value + 9, second, 8);
    return (ironwal_property){.key = {key, strlen(key)}, .value = {value, PAIR}, .op = IRONWAL_PROPERTY_SET};
}

void ironwal_redis_raft_free(ironwal_redis_raft *log) {
    if (!log) return;
    if (log->kept_id && log->kept) forget_range(log, 0, UINT64_MAX);
    free(log->kept);
    free(log->kept_id);
    free(log->buffer);
    ironwal_error_free(log->failure);
    ironwal_stream_free(log->stream);
    free(log);
}

ironwal_status ironwal_redis_raft_open(const ironwal_wal *wal, const char *name, size_t name_len,
                                       size_t kept_entries, ironwal_redis_raft **out_log,
                                       ironwal_error **out_error) {
    ironwal_error *ignored = NULL;
    ironwal_error **error = out_error ? out_error : &ignored;
    *error = NULL;
    *out_log = NULL;
    ironwal_redis_raft *log = calloc(1, sizeof *log);
    if (!log) return IRONWAL_E_OTHER;
    log->capacity = kept_entries ? kept_entries : 4096;
    log->kept = calloc(log->capacity, sizeof *log->kept);
    log->kept_id = malloc(log->capacity * sizeof *log->kept_id);
    ironwal_status status = log->kept && log->kept_id ? IRONWAL_OK : IRONWAL_E_OTHER;
    for (size_t at = 0; status == IRONWAL_OK && at < log->capacity; at++) log->kept_id[at] = UINT64_MAX;
    if (status == IRONWAL_OK) status = ironwal_stream_open(wal, name, name_len, &log->stream, error);
    if (status == IRONWAL_OK) log->has_meta = read_pair(log->stream, "meta", log->meta, &status, error);
    if (status == IRONWAL_OK) log->has_start = read_pair(log->stream, "start", log->start, &status, error);
    if (status == IRONWAL_OK) status = ironwal_stream_next_id(log->stream, &log->next, error);
    if (status == IRONWAL_OK && log->next == 0) /* a new stream: raft begins with index 1 */
        status = ironwal_stream_reset(log->stream, 1, NULL, 0, NULL, 0, NULL, &log->next, error);
    if (status == IRONWAL_OK) status = ironwal_stream_first_id(log->stream, &log->first, error);
    if (status == IRONWAL_OK && log->has_start && log->start[0] >= log->first && log->start[0] < log->next) {
        /* The second step of a poll that a crash interrupted. */
        status = ironwal_stream_truncate_prefix(log->stream, log->start[0] + 1, NULL, error);
        log->first = log->start[0] + 1;
    }
    if (status != IRONWAL_OK) {
        ironwal_redis_raft_free(log);
        if (!out_error) ironwal_error_free(ignored);
        return status;
    }
    *out_log = log;
    return IRONWAL_OK;
}

/* The functions of raft_log_impl_t ----------------------------------------------------------- */

static void *log_init(void *raft, void *arg) {
    (void)raft;
    return arg;
}

static void log_free(void *log) { ironwal_redis_raft_free(log); }

static void note_start(ironwal_redis_raft *log, uint64_t index, uint64_t term) {
    log->has_start = true;
    log->start[0] = index;
    log->start[1] = term;
}

static raft_entry_t *log_get(void *handle, raft_index_t idx);

static void log_reset(void *handle, raft_index_t first_idx, raft_term_t term) {
    ironwal_redis_raft *log = handle;
    if (log->has_failed) return;
    uint8_t value[PAIR];
    uint64_t before = (uint64_t)first_idx - 1;
    ironwal_property start = pair_property("start", value, before, (uint64_t)term);
    ironwal_error *error = NULL;
    uint64_t next = 0;
    ironwal_status status =
        ironwal_stream_reset(log->stream, (uint64_t)first_idx, NULL, 0, &start, 1, NULL, &next, &error);
    if (!succeeded(log, status, error)) return;
    forget_range(log, log->first, log->next);
    log->first = log->next = next;
    note_start(log, before, (uint64_t)term);
}

static int log_append(void *handle, raft_entry_t *entry) {
    ironwal_redis_raft *log = handle;
    if (log->has_failed) return RAFT_ERR_SHUTDOWN;
    size_t len = HEAD + (size_t)entry->data_len;
    if (len > log->buffer_len) {
        uint8_t *buffer = realloc(log->buffer, len);
        if (!buffer) return RAFT_ERR_NOMEM;
        log->buffer = buffer;
        log->buffer_len = len;
    }
    uint8_t *at = log->buffer;
    at[0] = LAYOUT;
    put(at + 1, (uint64_t)entry->term, 8);
    put(at + 9, (uint32_t)entry->id, 4);
    put(at + 13, entry->session, 8);
    put(at + 21, (uint32_t)entry->type, 4);
    memcpy(at + HEAD, entry->data, (size_t)entry->data_len);
    ironwal_slice encoded = {log->buffer, len};
    ironwal_error *error = NULL;
    ironwal_status status = ironwal_stream_append_with(log->stream, log->next, &encoded, 1, NULL, 0,
                                                       IRONWAL_DURABILITY_WRITTEN, NULL, NULL, NULL, &error);
    if (status == IRONWAL_E_IO && ironwal_error_os_error(error) == ENOMEM) {
        ironwal_error_free(error); /* nothing was appended, and the next one may be */
        return RAFT_ERR_NOMEM;
    }
    if (!succeeded(log, status, error)) return RAFT_ERR_SHUTDOWN;
    keep(log, log->next, entry);
    log->next++;
    return 0;
}

static int log_poll(void *handle, raft_index_t first_idx) {
    ironwal_redis_raft *log = handle;
    if (log->has_failed || first_idx < 0 || (uint64_t)first_idx > log->next) return -1;
    if ((uint64_t)first_idx <= log->first) return 0;
    raft_entry_t *last = log_get(log, first_idx - 1);
    if (!last) return -1;
    uint64_t index = (uint64_t)first_idx - 1, term = (uint64_t)last->term;
    raft_entry_release(last);
    uint8_t value[PAIR];
    ironwal_property start = pair_property("start", value, index, term);
    ironwal_error *error = NULL;
    ironwal_status status =
        ironwal_stream_set_properties(log->stream, &start, 1, IRONWAL_DURABILITY_WRITTEN, NULL, &error);
    if (!succeeded(log, status, error)) return -1;
    status = ironwal_stream_truncate_prefix(log->stream, (uint64_t)first_idx, NULL, &error);
    if (!succeeded(log, status, error)) return -1;
    note_start(log, index, term);
    forget_range(log, log->first, (uint64_t)first_idx);
    log->first = (uint64_t)first_idx;
    return 0;
}

static int log_pop(void *handle, raft_index_t from_idx) {
    ironwal_redis_raft *log = handle;
    if (log->has_failed || from_idx <= 0) return -1;
    uint64_t from = (uint64_t)from_idx > log->first ? (uint64_t)from_idx : log->first;
    if (from >= log->next) return 0;
    ironwal_error *error = NULL;
    ironwal_status status = ironwal_stream_truncate_suffix(log->stream, from, NULL, &error);
    if (!succeeded(log, status, error)) return -1;
    forget_range(log, from, log->next);
    log->next = from;
    return 0;
}

/* Reads an entry from disk. The caller has one reference. */
static raft_entry_t *read_entry(ironwal_redis_raft *log, uint64_t id) {
    ironwal_buffer bytes = {NULL, 0};
    ironwal_error *error = NULL;
    ironwal_status status = ironwal_stream_get(log->stream, id, &bytes, &error);
    /* An entry that was written and cannot be read is a failure, not an index out of bounds. */
    if (!succeeded(log, status, error)) return NULL;
    raft_entry_t *entry = NULL;
    if (bytes.len >= HEAD && bytes.data[0] == LAYOUT) {
        entry = raft_entry_new(bytes.len - HEAD);
        entry->term = (raft_term_t)take(bytes.data + 1, 8);
        entry->id = (raft_entry_id_t)(uint32_t)take(bytes.data + 9, 4);
        entry->session = take(bytes.data + 13, 8);
        entry->type = (int)(uint32_t)take(bytes.data + 21, 4);
        memcpy(entry->data, bytes.data + HEAD, bytes.len - HEAD);
    } else {
        succeeded(log, IRONWAL_E_UNSUPPORTED_VERSION, NULL);
    }
    ironwal_buffer_free(&bytes);
    return entry;
}

static raft_entry_t *log_get(void *handle, raft_index_t idx) {
    ironwal_redis_raft *log = handle;
    if (idx < 0 || (uint64_t)idx < log->first || (uint64_t)idx >= log->next) return NULL;
    size_t at = (size_t)((uint64_t)idx % log->capacity);
    if (log->kept_id[at] != (uint64_t)idx) return read_entry(log, (uint64_t)idx);
    raft_entry_hold(log->kept[at]);
    return log->kept[at];
}

static raft_index_t log_get_batch(void *handle, raft_index_t idx, raft_index_t entries_n, raft_entry_t **entries) {
    raft_index_t count = 0;
    while (count < entries_n) {
        raft_entry_t *entry = log_get(handle, idx + count);
        if (!entry) break;
        entries[count++] = entry;
    }
    return count;
}

static raft_index_t log_first_idx(void *log) { return (raft_index_t)((ironwal_redis_raft *)log)->first; }

static raft_index_t log_current_idx(void *log) { return (raft_index_t)((ironwal_redis_raft *)log)->next - 1; }

static raft_index_t log_count(void *handle) {
    const ironwal_redis_raft *log = handle;
    return (raft_index_t)(log->next - log->first);
}

static int log_sync(void *handle) {
    ironwal_redis_raft *log = handle;
    if (log->has_failed) return -1;
    ironwal_error *error = NULL;
    ironwal_status status = ironwal_stream_sync(log->stream, &error);
    return succeeded(log, status, error) ? 0 : -1;
}

const raft_log_impl_t ironwal_redis_raft_impl = {
    .init = log_init,
    .free = log_free,
    .reset = log_reset,
    .append = log_append,
    .poll = log_poll,
    .pop = log_pop,
    .get = log_get,
    .get_batch = log_get_batch,
    .first_idx = log_first_idx,
    .current_idx = log_current_idx,
    .count = log_count,
    .sync = log_sync,
};

/* Beside the entries ------------------------------------------------------------------------- */

int ironwal_redis_raft_set_metadata(ironwal_redis_raft *log, raft_term_t term, raft_node_id_t vote) {
    if (log->has_failed) return -1;
    uint8_t value[PAIR];
    uint64_t pair[2] = {(uint64_t)term, (uint64_t)(int64_t)vote};
    ironwal_property meta = pair_property("meta", value, pair[0], pair[1]);
    ironwal_error *error = NULL;
    ironwal_status status =
        ironwal_stream_set_properties(log->stream, &meta, 1, IRONWAL_DURABILITY_DURABLE, NULL, &error);
    if (!succeeded(log, status, error)) return -1;
    memcpy(log->meta, pair, sizeof pair);
    log->has_meta = true;
    return 0;
}

bool ironwal_redis_raft_metadata(const ironwal_redis_raft *log, raft_term_t *out_term, raft_node_id_t *out_vote) {
    if (!log->has_meta) return false;
    *out_term = (raft_term_t)log->meta[0];
    *out_vote = (raft_node_id_t)(int64_t)log->meta[1];
    return true;
}

bool ironwal_redis_raft_snapshot(const ironwal_redis_raft *log, raft_index_t *out_index, raft_term_t *out_term) {
    if (!log->has_start || log->start[0] == 0) return false;
    *out_index = (raft_index_t)log->start[0];
    *out_term = (raft_term_t)log->start[1];
    return true;
}

const ironwal_error *ironwal_redis_raft_failure(const ironwal_redis_raft *log) { return log->failure; }
