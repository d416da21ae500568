// How does Go reach functions with many outputs? Each function here returns its outputs as a value, so
// that no variable of Go has to be moved to the heap for its address; and it builds the arrays of
// pointers that the library takes, which Go memory must not hold.
#ifndef IRONWAL_GO_SHIM_H
#define IRONWAL_GO_SHIM_H

#include <ironwal.h>
#include <stdlib.h>

typedef struct iw_number {
    ironwal_status status;
    ironwal_error *error;
    uint64_t value;
} iw_number;

typedef struct iw_written {
    ironwal_status status;
    ironwal_error *error;
    uint64_t first, end;
    ironwal_mark mark;
} iw_written;

typedef struct iw_bytes {
    ironwal_status status;
    ironwal_error *error;
    uint64_t id;
    const uint8_t *data;
    size_t len;
} iw_bytes;

typedef struct iw_handle {
    ironwal_status status;
    ironwal_error *error;
    void *handle;
} iw_handle;

typedef struct iw_details {
    ironwal_str message, stream, path;
    uint64_t offset, first_id, end_id, expected_id, found_id;
    int32_t os_error;
    bool has_offset, has_ids, has_sequence;
} iw_details;

static inline iw_details iw_error_details(const ironwal_error *error) {
    iw_details d = {.message = ironwal_error_message(error),
                    .stream = ironwal_error_stream(error),
                    .path = ironwal_error_path(error),
                    .os_error = ironwal_error_os_error(error)};
    d.has_offset = ironwal_error_offset(error, &d.offset);
    d.has_ids = ironwal_error_ids(error, &d.first_id, &d.end_id);
    d.has_sequence = ironwal_error_sequence(error, &d.expected_id, &d.found_id);
    return d;
}

static inline iw_handle iw_options_new(const char *path, size_t len) {
    iw_handle r = {0};
    ironwal_options *options = NULL;
    r.status = ironwal_options_new(path, len, &options, &r.error);
    r.handle = options;
    return r;
}

static inline iw_handle iw_open(const ironwal_options *options, bool read_only) {
    iw_handle r = {0};
    ironwal_wal *wal = NULL;
    r.status = read_only ? ironwal_wal_open_read_only(options, &wal, &r.error)
                         : ironwal_wal_open(options, &wal, &r.error);
    r.handle = wal;
    return r;
}

static inline iw_handle iw_streams(const ironwal_wal *wal) {
    iw_handle r = {0};
    ironwal_name_list *names = NULL;
    r.status = ironwal_wal_streams(wal, &names, &r.error);
    r.handle = names;
    return r;
}

static inline iw_handle iw_stream_open(const ironwal_wal *wal, const char *name, size_t len) {
    iw_handle r = {0};
    ironwal_stream *stream = NULL;
    r.status = ironwal_stream_open(wal, name, len, &stream, &r.error);
    r.handle = stream;
    return r;
}

static inline iw_handle iw_properties(const ironwal_stream *stream) {
    iw_handle r = {0};
    ironwal_property_list *list = NULL;
    r.status = ironwal_stream_properties(stream, &list, &r.error);
    r.handle = list;
    return r;
}

typedef struct iw_pair {
    ironwal_view key, value;
} iw_pair;

static inline iw_pair iw_property_at(const ironwal_property_list *list, size_t index) {
    iw_pair pair = {0};
    ironwal_property_list_get(list, index, &pair.key, &pair.value, NULL);
    return pair;
}

static inline iw_handle iw_follow(const ironwal_stream *stream, uint64_t start_id, int32_t view) {
    iw_handle r = {0};
    ironwal_iter *iter = NULL;
    r.status = ironwal_stream_follow(stream, start_id, view, &iter, &r.error);
    r.handle = iter;
    return r;
}

static inline iw_handle iw_iter_rev(const ironwal_stream *stream, uint64_t from_id) {
    iw_handle r = {0};
    ironwal_iter *iter = NULL;
    r.status = ironwal_stream_iter_rev(stream, from_id, &iter, &r.error);
    r.handle = iter;
    return r;
}

static inline iw_handle iw_canceller(ironwal_iter *iter) {
    iw_handle r = {0};
    ironwal_canceller *canceller = NULL;
    r.status = ironwal_iter_canceller(iter, &canceller, &r.error);
    r.handle = canceller;
    return r;
}

static inline iw_bytes iw_iter_next(ironwal_iter *iter) {
    iw_bytes r = {0};
    ironwal_view view = {0};
    r.status = ironwal_iter_next(iter, &r.id, &view, &r.error);
    r.data = view.data;
    r.len = view.len;
    return r;
}

enum { IW_NEXT_ID, IW_FIRST_ID, IW_DURABLE_END };

static inline iw_number iw_number_of(const ironwal_stream *stream, int which) {
    iw_number r = {0};
    switch (which) {
    case IW_NEXT_ID: r.status = ironwal_stream_next_id(stream, &r.value, &r.error); break;
    case IW_FIRST_ID: r.status = ironwal_stream_first_id(stream, &r.value, &r.error); break;
    default: r.status = ironwal_stream_durable_end(stream, &r.value, &r.error);
    }
    return r;
}

static inline iw_written iw_mark(const ironwal_stream *stream) {
    iw_written r = {0};
    r.status = ironwal_stream_mark(stream, &r.mark, &r.error);
    return r;
}

static inline iw_number iw_append(const ironwal_stream *stream, const uint8_t *data, size_t len) {
    iw_number r = {0};
    r.status = ironwal_stream_append(stream, data, len, &r.value, &r.error);
    return r;
}

static inline iw_number iw_get_into(const ironwal_stream *stream, uint64_t id, uint8_t *buffer, size_t capacity) {
    iw_number r = {0};
    size_t len = 0;
    r.status = ironwal_stream_get_into(stream, id, buffer, capacity, &len, &r.error);
    r.value = len;
    return r;
}

/* The bytes are malloc'ed by the library: iw_bytes_free. */
static inline iw_bytes iw_last(const ironwal_stream *stream) {
    iw_bytes r = {0};
    ironwal_buffer buffer = {0};
    r.status = ironwal_stream_last(stream, &r.id, &buffer, &r.error);
    r.data = buffer.data;
    r.len = buffer.len;
    return r;
}

static inline iw_bytes iw_property(const ironwal_stream *stream, const uint8_t *key, size_t key_len) {
    iw_bytes r = {0};
    ironwal_buffer buffer = {0};
    r.status = ironwal_stream_property(stream, key, key_len, &buffer, &r.error);
    r.data = buffer.data;
    r.len = buffer.len;
    return r;
}

static inline void iw_bytes_free(const uint8_t *data, size_t len) {
    ironwal_buffer buffer = {(uint8_t *)data, len};
    ironwal_buffer_free(&buffer);
}

static inline iw_number iw_truncate_prefix(const ironwal_stream *stream, uint64_t first_id) {
    iw_number r = {0};
    size_t segments = 0;
    r.status = ironwal_stream_truncate_prefix(stream, first_id, &segments, &r.error);
    r.value = segments;
    return r;
}

static inline iw_number iw_truncate_suffix(const ironwal_stream *stream, uint64_t from_id) {
    iw_number r = {0};
    r.status = ironwal_stream_truncate_suffix(stream, from_id, &r.value, &r.error);
    return r;
}

static inline iw_number iw_is_durable(const ironwal_stream *stream, ironwal_mark mark) {
    iw_number r = {0};
    bool durable = false;
    r.status = ironwal_stream_is_durable(stream, mark, &durable, &r.error);
    r.value = durable;
    return r;
}

/* The id alone: Go needs no time. */
static inline ironwal_status iw_checkpoint_at(const ironwal_checkpoint_list *list, size_t index, ironwal_view *id,
                                              ironwal_error **error) {
    return ironwal_checkpoint_list_get(list, index, id, NULL, error);
}

/* Typed pointers, as cgo looks for pointers to Go memory behind untyped ones. */
static inline ironwal_status iw_sharded_route(const uint8_t *key, size_t key_len, uint32_t shard_count,
                                              uint32_t *shard, ironwal_error **error) {
    return ironwal_sharded_route(key, key_len, shard_count, shard, error);
}

static inline ironwal_status iw_sharded_append(const ironwal_sharded *sharded, const uint8_t *key, size_t key_len,
                                               const uint8_t *data, size_t len, uint32_t *shard, uint64_t *id,
                                               ironwal_error **error) {
    return ironwal_sharded_append(sharded, key, key_len, data, len, shard, id, error);
}

/* `bytes` holds the key and the entry of each, one behind the other, `lengths` a length for each of them. NULL: no
   memory. */
static inline ironwal_keyed_slice *iw_keyed(const uint8_t *bytes, const size_t *lengths, size_t count) {
    ironwal_keyed_slice *entries = malloc(count * sizeof *entries);
    for (size_t i = 0; entries && i < count; i++) {
        entries[i].key = (ironwal_slice){bytes, lengths[2 * i]};
        bytes += lengths[2 * i];
        entries[i].value = (ironwal_slice){bytes, lengths[2 * i + 1]};
        bytes += lengths[2 * i + 1];
    }
    return entries;
}

static inline ironwal_status iw_sharded_append_batch(const ironwal_sharded *sharded, const uint8_t *bytes,
                                                     const size_t *lengths, size_t count, uint32_t *shards,
                                                     uint64_t *ids, ironwal_error **error) {
    ironwal_keyed_slice *entries = iw_keyed(bytes, lengths, count);
    if (!entries) return IRONWAL_E_OTHER;
    ironwal_status status = ironwal_sharded_append_batch(sharded, entries, count, shards, ids, error);
    free(entries);
    return status;
}

/* The same, all or nothing over all shards. */
static inline ironwal_status iw_sharded_append_batch_atomic(const ironwal_sharded *sharded, const uint8_t *bytes,
                                                            const size_t *lengths, size_t count, uint32_t *shards,
                                                            uint64_t *ids, ironwal_error **error) {
    ironwal_keyed_slice *entries = iw_keyed(bytes, lengths, count);
    if (!entries) return IRONWAL_E_OTHER;
    ironwal_status status = ironwal_sharded_append_batch_atomic(sharded, entries, count, shards, ids, error);
    free(entries);
    return status;
}

enum { IW_APPEND, IW_REPLACE_SUFFIX, IW_RESET, IW_SET_PROPERTIES, IW_REPLACE_PROPERTIES };

/* `bytes` holds the entries, then the key and the value of each property, one behind the other.
   `lengths` holds a length for each entry, then for each property those of key and value, and 1 where
   the property is to be removed. Both are moved behind what was read. */
static inline void iw_spread(const uint8_t **bytes, const size_t **lengths, ironwal_slice *entries,
                             size_t entry_count, ironwal_property *properties, size_t property_count) {
    const uint8_t *at = *bytes;
    const size_t *length = *lengths;
    for (size_t i = 0; i < entry_count; i++) {
        entries[i] = (ironwal_slice){at, *length};
        at += *length++;
    }
    for (size_t i = 0; i < property_count; i++) {
        ironwal_slice key = {at, length[0]}, value = {at + length[0], length[1]};
        properties[i] = (ironwal_property){
            .key = key, .value = value, .op = length[2] ? IRONWAL_PROPERTY_REMOVE : IRONWAL_PROPERTY_SET};
        at += length[0] + length[1];
        length += 3;
    }
    *bytes = at;
    *lengths = length;
}

typedef struct {
    const ironwal_stream *stream;
    size_t entry_count, property_count;
    uint64_t expected_id;
    int32_t expects_id;
} iw_part;

/* `bytes` and `lengths` hold those of the parts, one behind the other, each as for iw_write. The counts are those of
   all parts. */
static inline ironwal_status iw_append_atomic(const ironwal_wal *wal, const iw_part *given, size_t count,
                                              size_t entry_count, size_t property_count, const uint8_t *bytes,
                                              const size_t *lengths, uint64_t *firsts, uint64_t *ends,
                                              ironwal_error **error) {
    ironwal_atomic_part *parts = calloc(count + 1, sizeof *parts);
    ironwal_slice *entries = calloc(entry_count + 1, sizeof *entries), *entry = entries;
    ironwal_property *properties = calloc(property_count + 1, sizeof *properties), *property = properties;
    ironwal_status status = IRONWAL_E_OTHER;
    if (parts && entries && properties) {
        for (size_t i = 0; i < count; i++) {
            const iw_part *part = &given[i];
            iw_spread(&bytes, &lengths, entry, part->entry_count, property, part->property_count);
            parts[i].stream = part->stream;
            parts[i].entries = entry;
            parts[i].entry_count = part->entry_count;
            parts[i].properties = property;
            parts[i].property_count = part->property_count;
            parts[i].expected_id = part->expected_id;
            parts[i].expects_id = part->expects_id;
            entry += part->entry_count;
            property += part->property_count;
        }
        status = ironwal_append_atomic(wal, parts, count, firsts, ends, error);
    }
    free(parts);
    free(entries);
    free(properties);
    return status;
}

/* `bytes` and `lengths` as for iw_spread. */
static inline iw_written iw_write(const ironwal_stream *stream, int what, uint64_t id, const uint8_t *bytes,
                                  const size_t *lengths, size_t entry_count, size_t property_count,
                                  int32_t durability) {
    iw_written r = {0};
    ironwal_slice few_entries[8], *entries = few_entries;
    ironwal_property few_properties[4], *properties = few_properties;
    if (entry_count > 8) entries = malloc(entry_count * sizeof *entries);
    if (property_count > 4) properties = malloc(property_count * sizeof *properties);
    if (!entries || !properties) {
        if (entries != few_entries) free(entries);
        if (properties != few_properties) free(properties);
        r.status = IRONWAL_E_OTHER;
        return r;
    }
    iw_spread(&bytes, &lengths, entries, entry_count, properties, property_count);
    switch (what) {
    case IW_APPEND:
        r.status = ironwal_stream_append_with(stream, id, entries, entry_count, properties, property_count,
                                              durability, &r.first, &r.end, &r.mark, &r.error);
        break;
    case IW_REPLACE_SUFFIX:
        r.status = ironwal_stream_replace_suffix(stream, id, entries, entry_count, properties, property_count,
                                                 &r.first, &r.end, &r.error);
        break;
    case IW_RESET:
        r.status = ironwal_stream_reset(stream, id, entries, entry_count, properties, property_count, &r.first,
                                        &r.end, &r.error);
        break;
    case IW_SET_PROPERTIES:
        r.status = ironwal_stream_set_properties(stream, properties, property_count, durability, &r.mark, &r.error);
        break;
    default:
        r.status =
            ironwal_stream_replace_properties(stream, properties, property_count, durability, &r.mark, &r.error);
    }
    if (entries != few_entries) free(entries);
    if (properties != few_properties) free(properties);
    return r;
}

#endif
