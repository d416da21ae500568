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

enum { IW_APPEND, IW_REPLACE_SUFFIX, IW_RESET, IW_SET_PROPERTIES, IW_REPLACE_PROPERTIES };

/* `bytes` holds the entries, then the key and the value of each property, one behind the other.
   `lengths` holds a length for each entry, then for each property those of key and value, and 1 where
   the property is to be removed. */
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
    for (size_t i = 0; i < entry_count; i++) {
        entries[i] = (ironwal_slice){bytes, *lengths};
        bytes += *lengths++;
    }
    for (size_t i = 0; i < property_count; i++) {
        ironwal_slice key = {bytes, lengths[0]}, value = {bytes + lengths[0], lengths[1]};
        properties[i] = (ironwal_property){
            .key = key, .value = value, .op = lengths[2] ? IRONWAL_PROPERTY_REMOVE : IRONWAL_PROPERTY_SET};
        bytes += lengths[0] + lengths[1];
        lengths += 3;
    }
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
