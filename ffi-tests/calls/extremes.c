/* Are the greatest ids, sizes, times and counts answered, without wrapping around, without reading
 * what need not be read, and without waiting for ever? */
#include "check.h"
#include <limits.h>
#include <pthread.h>
#include <time.h>
#ifndef _WIN32
#include <sys/mman.h>
#endif

static void greatest_ids(ironwal_wal *wal, ironwal_stream *stream) {
    static const uint64_t ids[] = {UINT64_MAX, UINT64_MAX - 1, (uint64_t)INT64_MAX + 1};
    for (int at = 0; at < 3; at++) {
        const uint64_t id = ids[at];
        ironwal_buffer buffer;
        ironwal_view view;
        ironwal_view_pin *pin = NULL;
        ironwal_iter *iter = NULL;
        ironwal_entry_list *entries = NULL;
        size_t len = 7, segments = 7;
        EXPECT(IRONWAL_E_NOT_FOUND, ironwal_stream_get(stream, id, &buffer, &error));
        EXPECT(IRONWAL_E_NOT_FOUND, ironwal_stream_get_into(stream, id, NULL, 0, &len, &error));
        EXPECT(IRONWAL_E_NOT_FOUND, ironwal_stream_view(stream, id, &view, &pin, &error));
        EXPECT(IRONWAL_E_TIMEOUT, ironwal_stream_wait_durable(stream, id, 0, &error));
        EXPECT(IRONWAL_E_TIMEOUT, ironwal_stream_wait_durable(stream, id, 1000, &error));
        CHECK(len == 7 && !pin);
        OK(ironwal_get_batch(wal, TEXT("s"), &id, 1, &entries, &error));
        EXPECT(IRONWAL_E_NOT_FOUND, ironwal_entry_list_get(entries, 0, &view, &error));
        EXPECT(IRONWAL_E_INVALID_ARG, ironwal_entry_list_get(entries, SIZE_MAX, &view, &error));
        ironwal_entry_list_free(entries);
        OK(ironwal_stream_iter(stream, id, &iter, &error));
        EXPECT(IRONWAL_E_END, ironwal_iter_next(iter, NULL, &view, &error));
        EXPECT(IRONWAL_E_END, ironwal_iter_next(iter, NULL, &view, &error));
        EXPECT(IRONWAL_E_STALE_VIEW, ironwal_iter_current(iter, id, &view, &error));
        ironwal_iter_free(iter);
        OK(ironwal_truncate(wal, TEXT("s"), id, &segments, &error));
        CHECK(segments == 0);
    }
}

/* Lengths that are possible one by one and add up to more than there can be, and 5 GiB that really
 * are there: refused by their lengths, and nothing is appended. */
static void greatest_lengths(ironwal_wal *wal) {
    static char memory[8];
    const ironwal_slice quarter = slice_of(memory, (size_t)1 << (sizeof(size_t) * 8 - 2));
    const ironwal_slice wrapping[] = {quarter, quarter, quarter, quarter};
    const ironwal_slice by_one[] = {slice_of(memory, PTRDIFF_MAX), slice_of(memory, PTRDIFF_MAX),
                                    slice_of(memory, 3)};
    uint64_t id = 7;
    EXPECT(IRONWAL_E_TOO_LARGE, ironwal_append_batch(wal, TEXT("s"), wrapping, 4, &id, &id, &error));
    EXPECT(IRONWAL_E_TOO_LARGE, ironwal_append_vectored(wal, TEXT("s"), wrapping, 4, &id, &error));
    EXPECT(IRONWAL_E_TOO_LARGE, ironwal_append_batch(wal, TEXT("s"), by_one, 3, &id, &id, &error));
    EXPECT(IRONWAL_E_TOO_LARGE, ironwal_append_vectored(wal, TEXT("s"), by_one, 3, &id, &error));
    EXPECT(IRONWAL_E_TOO_LARGE, ironwal_append(wal, TEXT("s"), memory, PTRDIFF_MAX, &id, &error));
#if SIZE_MAX > UINT32_MAX && defined(MAP_NORESERVE)
    const size_t five = (size_t)5 << 30;
    void *zeros = mmap(NULL, five, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (zeros != MAP_FAILED) {
        EXPECT(IRONWAL_E_TOO_LARGE, ironwal_append(wal, TEXT("s"), zeros, five, &id, &error));
        EXPECT(IRONWAL_E_TOO_LARGE,
               ironwal_append(wal, TEXT("s"), zeros, ((size_t)4 << 30) + 8, &id, &error));
        munmap(zeros, five);
    }
#endif
    CHECK(id == 7);
}

static void greatest_options(void) {
    ironwal_options *options = options_for("greatest");
    OK(ironwal_options_set_max_segment_size(options, UINT64_MAX, &error));
    OK(ironwal_options_set_max_entries_per_segment(options, UINT64_MAX, &error));
    OK(ironwal_options_set_max_open_segments(options, SIZE_MAX, &error));
    OK(ironwal_options_set_max_open_read_segments(options, SIZE_MAX, &error));
    OK(ironwal_options_set_block_cache_size(options, UINT64_MAX, &error));
    OK(ironwal_options_set_min_compression_size(options, SIZE_MAX, &error));
    OK(ironwal_options_set_write_buffer_size(options, (size_t)1 << 30, &error));
    OK(ironwal_options_set_compression(options, IRONWAL_COMPRESSION_LZ4, &error));
    OK(ironwal_options_set_sync_mode(options, IRONWAL_SYNC_ASYNC, &error));
    OK(ironwal_options_set_background_sync(options, UINT64_MAX, UINT64_MAX, &error));
    for (int round = 0; round < 2; round++) {
        ironwal_wal *wal = NULL;
        ironwal_buffer buffer;
        OK(ironwal_wal_open(options, &wal, &error));
        OK(ironwal_append(wal, TEXT("s"), TEXT("entry"), NULL, &error));
        OK(ironwal_get(wal, TEXT("s"), 0, &buffer, &error));
        CHECK(buffer_is(&buffer, "entry", 5));
        ironwal_buffer_free(&buffer);
        OK(ironwal_wal_close(wal, &error));
    }
    ironwal_options_free(options);
}

static void *wait_for_ever(void *stream) {
    ironwal_error *details = NULL;
    ironwal_status status = ironwal_stream_wait_durable((const ironwal_stream *)stream, UINT64_MAX,
                                                        UINT64_MAX, &details);
    CHECK(status == IRONWAL_E_CLOSED);
    ironwal_error_free(details);
    return NULL;
}

/* A caller that waits without an end is woken when the log is closed. */
static void close_wakes(ironwal_wal *wal, ironwal_stream *stream) {
    pthread_t waiting[3];
    for (int n = 0; n < 3; n++)
        CHECK(pthread_create(&waiting[n], NULL, wait_for_ever, stream) == 0);
    usleep(20000);
    OK(ironwal_wal_close(wal, &error));
    for (int n = 0; n < 3; n++) CHECK(pthread_join(waiting[n], NULL) == 0);
}

static void *with_little_stack(void *wal) {
    uint64_t id = 0;
    ironwal_buffer buffer;
    ironwal_error *details = NULL;
    CHECK(ironwal_append((ironwal_wal *)wal, TEXT("s"), TEXT("small"), &id, &details) == IRONWAL_OK);
    CHECK(ironwal_get((ironwal_wal *)wal, TEXT("s"), id, &buffer, &details) == IRONWAL_OK);
    ironwal_buffer_free(&buffer);
    CHECK(ironwal_truncate((ironwal_wal *)wal, TEXT("none"), 0, NULL, &details) != IRONWAL_OK);
    ironwal_error_free(details);
    return NULL;
}

/* As coroutines and other runtimes have them. */
static void small_stacks(ironwal_wal *wal) {
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, 128 * 1024) == 0);
    CHECK(pthread_create(&thread, &attributes, with_little_stack, wal) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    pthread_attr_destroy(&attributes);
}

int main(void) {
    enter_directory();
    ironwal_options *options = options_for("log");
    OK(ironwal_options_set_compression(options, IRONWAL_COMPRESSION_LZ4, &error));
    OK(ironwal_options_set_min_compression_size(options, 0, &error));
    ironwal_wal *wal = open_with(options);
    ironwal_stream *stream = NULL;
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    OK(ironwal_stream_append(stream, TEXT("first"), NULL, &error));
    greatest_ids(wal, stream);
    greatest_lengths(wal);
    small_stacks(wal);
    uint64_t next = 0;
    OK(ironwal_stream_next_id(stream, &next, &error));
    CHECK(next == 2);
    greatest_options();
    close_wakes(wal, stream);
    ironwal_stream_free(stream);
    return 0;
}
