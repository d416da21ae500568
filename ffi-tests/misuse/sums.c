/* Are lengths added without wrapping around?
 *
 * Each part is within the limits, all of them together are not: 4 GiB and 16 bytes, which are 16 bytes in 32 bits. What is
 * refused is refused by its length alone, so it takes no time and no memory. Meant for 32-bit builds (scripts/test-32-bit.sh),
 * and true in all others. */
#include "check.h"
#include <sys/mman.h>

#define TOO_LARGE(call) EXPECT(IRONWAL_E_TOO_LARGE, call)

enum { PARTS = 5 };

int main(void) {
    enter_directory();
    const size_t gib = (size_t)1 << 30;
    /* Pages that nothing reads take no memory. */
    void *zeros = mmap(NULL, gib, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(zeros != MAP_FAILED);
    ironwal_slice parts[PARTS];
    ironwal_keyed_slice keyed[PARTS];
    for (int at = 0; at < PARTS; at++) {
        parts[at] = slice_of(zeros, at < PARTS - 1 ? gib : 16);
        keyed[at].key = slice_of("k", 1);
        keyed[at].value = parts[at];
    }
    uint64_t id = 7;
    ironwal_options *options = options_for("log");
    OK(ironwal_options_set_sync_mode(options, IRONWAL_SYNC_ASYNC, &error));
    ironwal_wal *wal = open_with(options);
    ironwal_stream *stream = NULL;
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    OK(ironwal_stream_append(stream, TEXT("entry"), NULL, &error));
    TOO_LARGE(ironwal_append_batch(wal, TEXT("s"), parts, PARTS, &id, &id, &error));
    TOO_LARGE(ironwal_append_vectored(wal, TEXT("s"), parts, PARTS, &id, &error));
    TOO_LARGE(ironwal_stream_append_batch(stream, parts, PARTS, &id, &id, &error));
    TOO_LARGE(ironwal_stream_append_vectored(stream, parts, PARTS, &id, &error));
    TOO_LARGE(ironwal_stream_append_with(stream, 1, parts, PARTS, NULL, 0, IRONWAL_DURABILITY_WRITTEN, &id, &id, NULL,
                                         &error));
    const ironwal_atomic_part part = {stream, parts, PARTS, NULL, 0, 0, 0, 0};
    TOO_LARGE(ironwal_append_atomic(wal, &part, 1, &id, &id, &error));
    TOO_LARGE(ironwal_stream_replace_suffix(stream, 1, parts, PARTS, NULL, 0, &id, &id, &error));
    TOO_LARGE(ironwal_stream_reset(stream, 0, parts, PARTS, NULL, 0, &id, &id, &error));
    CHECK(id == 7);
    /* Nothing was changed, and nothing is stuck. */
    OK(ironwal_stream_next_id(stream, &id, &error));
    CHECK(id == 1);
    OK(ironwal_stream_append(stream, TEXT("entry"), &id, &error));
    CHECK(id == 1);
    ironwal_stream_free(stream);
    OK(ironwal_wal_close(wal, &error));

    options = options_for("sharded");
    ironwal_sharded_options *sharded_options = NULL;
    ironwal_sharded *sharded = NULL;
    OK(ironwal_sharded_options_new(2, &sharded_options, &error));
    OK(ironwal_sharded_open(options, sharded_options, &sharded, &error));
    ironwal_options_free(options);
    ironwal_sharded_options_free(sharded_options);
    TOO_LARGE(ironwal_sharded_append_batch(sharded, keyed, PARTS, NULL, NULL, &error));
    TOO_LARGE(ironwal_sharded_append_batch_atomic(sharded, keyed, PARTS, NULL, NULL, &error));
    TOO_LARGE(ironwal_sharded_append_batch_for_key(sharded, TEXT("k"), parts, PARTS, NULL, &id, &id, &error));
    OK(ironwal_sharded_append(sharded, TEXT("k"), TEXT("x"), NULL, &id, &error));
    CHECK(id == 0);
    OK(ironwal_sharded_close(sharded, &error));
    return 0;
}
