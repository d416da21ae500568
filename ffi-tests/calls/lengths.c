/* Are empty, huge and impossible lengths distinguished, and bad stream names refused? */
#include "check.h"

static void impossible(ironwal_wal *wal, ironwal_stream *stream) {
    static const size_t huge[] = {SIZE_MAX, (size_t)PTRDIFF_MAX + 1};
    static char memory[8];
    ironwal_slice slice = slice_of(memory, 1);
    ironwal_options *options = NULL;
    ironwal_buffer buffer;
    ironwal_entry_list *entries = NULL;
    ironwal_txn *txn = NULL;
    size_t len = 0;
    uint64_t id = 0;
    OK(ironwal_txn_begin(wal, TEXT("s"), &txn, &error));
    for (size_t at = 0; at < 2; at++) {
        const size_t n = huge[at];
        const ironwal_slice long_slice = slice_of(memory, n);
#define REFUSED(call) EXPECT(IRONWAL_E_INVALID_ARG, call)
        REFUSED(ironwal_options_new(memory, n, &options, &error));
        REFUSED(ironwal_append(wal, TEXT("s"), memory, n, &id, &error));
        REFUSED(ironwal_append(wal, memory, n, memory, 1, &id, &error));
        REFUSED(ironwal_append_batch(wal, TEXT("s"), &slice, n, &id, &id, &error));
        REFUSED(ironwal_append_batch(wal, TEXT("s"), &long_slice, 1, &id, &id, &error));
        REFUSED(ironwal_append_vectored(wal, TEXT("s"), &slice, n, &id, &error));
        REFUSED(ironwal_get(wal, memory, n, 0, &buffer, &error));
        REFUSED(ironwal_get_into(wal, TEXT("s"), 0, memory, n, &len, &error));
        REFUSED(ironwal_get_batch(wal, TEXT("s"), &id, n, &entries, &error));
        REFUSED(ironwal_stream_append(stream, memory, n, &id, &error));
        REFUSED(ironwal_stream_append_batch(stream, &slice, n, &id, &id, &error));
        REFUSED(ironwal_stream_append_vectored(stream, &slice, n, &id, &error));
        REFUSED(ironwal_stream_get_into(stream, 0, memory, n, &len, &error));
        REFUSED(ironwal_txn_add(txn, memory, n, &error));
        /* A count whose bytes would wrap around. */
        REFUSED(ironwal_append_batch(wal, TEXT("s"), &slice, n / sizeof slice + 1, NULL, NULL, &error));
        REFUSED(ironwal_get_batch(wal, TEXT("s"), &id, n / sizeof id + 1, &entries, &error));
    }
    ironwal_txn_abort(txn);
}

static void bad_names(ironwal_wal *wal) {
    static char name[256];
    ironwal_stream *stream = NULL;
    ironwal_txn *txn = NULL;
    ironwal_iter *iter = NULL;
    ironwal_buffer buffer;
    memset(name, 'n', sizeof name);
    const ironwal_slice names[] = {
        slice_of("", 0),       slice_of(NULL, 0),      slice_of("a\0b", 3),
        slice_of("\0", 1),     slice_of(name, 256),    slice_of("\xff", 1),
        slice_of("\xc3", 1),   slice_of("a\xe2\x82", 3),
    };
    for (size_t at = 0; at < sizeof names / sizeof names[0]; at++) {
        const char *bad = (const char *)names[at].data;
        const size_t len = names[at].len;
        EXPECT(IRONWAL_E_CONFIG, ironwal_append(wal, bad, len, TEXT("x"), NULL, &error));
        EXPECT(IRONWAL_E_CONFIG, ironwal_get(wal, bad, len, 0, &buffer, &error));
        EXPECT(IRONWAL_E_CONFIG, ironwal_stream_open(wal, bad, len, &stream, &error));
        EXPECT(IRONWAL_E_CONFIG, ironwal_txn_begin(wal, bad, len, &txn, &error));
        EXPECT(IRONWAL_E_CONFIG, ironwal_wal_iter(wal, bad, len, 0, &iter, &error));
        EXPECT(IRONWAL_E_CONFIG, ironwal_delete_stream(wal, bad, len, &error));
    }
    OK(ironwal_append(wal, name, 255, TEXT("x"), NULL, &error));
}

static void large_entries(ironwal_wal *wal) {
    const size_t sixteen = (size_t)16 << 20;
    unsigned char *bytes = (unsigned char *)malloc(sixteen);
    CHECK(bytes != NULL);
    for (size_t at = 0; at < sixteen; at++) bytes[at] = (unsigned char)(at * 31 >> 3);
    uint64_t id = 0;
    OK(ironwal_append(wal, TEXT("large"), bytes, sixteen, &id, &error));
    ironwal_buffer buffer;
    OK(ironwal_get(wal, TEXT("large"), id, &buffer, &error));
    CHECK(buffer_is(&buffer, bytes, sixteen));
    ironwal_buffer_free(&buffer);

    /* 1 GiB as 64 parts of the same 16 MiB is over the limit of a frame; it must fail without
     * being gathered anywhere on disk, and the next append gets the next id. */
    ironwal_slice parts[64];
    for (int at = 0; at < 64; at++) parts[at] = slice_of(bytes, sixteen);
    uint64_t none = 77;
    EXPECT(IRONWAL_E_TOO_LARGE, ironwal_append_batch(wal, TEXT("large"), parts, 64, &none, &none, &error));
    EXPECT(IRONWAL_E_TOO_LARGE, ironwal_append_vectored(wal, TEXT("large"), parts, 64, &none, &error));
    CHECK(none == 77);
    OK(ironwal_append(wal, TEXT("large"), NULL, 0, &none, &error));
    CHECK(none == id + 1);
    free(bytes);
}

int main(void) {
    enter_directory();
    ironwal_options *options = options_for("log");
    OK(ironwal_options_set_max_segment_size(options, 64, &error));
    ironwal_wal *wal = open_with(options);
    ironwal_stream *stream = NULL;
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    impossible(wal, stream);
    bad_names(wal);
    large_entries(wal);
    ironwal_stream_free(stream);
    OK(ironwal_wal_close(wal, &error));
    return 0;
}
