/* Does a call land before a deletion or after it, and never in between? By name there is then the
 * new stream or none; only a handle may answer that its stream is gone.
 *
 * An argument is how often the stream is deleted. */
#include "check.h"
#include <pthread.h>

enum { READS = 4 };

static int rounds = 300;

static ironwal_wal *wal;
static volatile int stop;

static void expect_one_of(const char *call, ironwal_status status, ironwal_status also) {
    if (status == IRONWAL_OK || status == IRONWAL_E_NOT_FOUND || status == also) return;
    fprintf(stderr, "%s: %s\n", call, ironwal_status_name(status));
    exit(1);
}

static void *delete_again_and_again(void *unused) {
    for (int n = 0; n < rounds; n++)
        CHECK(ironwal_delete_stream(wal, TEXT("s"), NULL) == IRONWAL_OK);
    stop = 1;
    return unused;
}

static void *append_gathered(void *unused) {
    const ironwal_slice parts[] = {slice_of("en", 2), slice_of("try", 3)};
    while (!stop) {
        ironwal_status status = ironwal_append_vectored(wal, TEXT("s"), parts, 2, NULL, NULL);
        expect_one_of("append", status, IRONWAL_OK);
    }
    return unused;
}

static void *read_by_name(void *unused) {
    const uint64_t first[] = {0, 0};
    while (!stop) {
        char copy[8];
        size_t len = 0;
        ironwal_status status = ironwal_get_into(wal, TEXT("s"), 0, copy, sizeof copy, &len, NULL);
        expect_one_of("get_into", status, IRONWAL_OK);
        CHECK(status != IRONWAL_OK || (len == 5 && memcmp(copy, "entry", 5) == 0));
        ironwal_buffer buffer;
        expect_one_of("get", ironwal_get(wal, TEXT("s"), 0, &buffer, NULL), IRONWAL_OK);
        CHECK(!buffer.data || buffer_is(&buffer, "entry", 5));
        ironwal_buffer_free(&buffer);
        ironwal_entry_list *entries = NULL;
        status = ironwal_get_batch(wal, TEXT("s"), first, 2, &entries, NULL);
        expect_one_of("get_batch", status, IRONWAL_OK);
        CHECK(ironwal_entry_list_count(entries) == 2);
        ironwal_entry_list_free(entries);
        uint64_t id = 0;
        status = ironwal_current_segment_start_id(wal, TEXT("s"), &id, NULL);
        expect_one_of("current_segment_start_id", status, IRONWAL_OK);
    }
    return unused;
}

static void *read_by_handle(void *unused) {
    while (!stop) {
        ironwal_stream *stream = NULL;
        CHECK(ironwal_stream_open(wal, TEXT("s"), &stream, NULL) == IRONWAL_OK);
        for (int n = 0; n < READS; n++) {
            ironwal_buffer buffer;
            ironwal_view view;
            ironwal_view_pin *pin = NULL;
            ironwal_status status = ironwal_stream_get(stream, 0, &buffer, NULL);
            expect_one_of("stream_get", status, IRONWAL_E_STREAM_NOT_FOUND);
            ironwal_buffer_free(&buffer);
            status = ironwal_stream_view(stream, 0, &view, &pin, NULL);
            expect_one_of("stream_view", status, IRONWAL_E_STREAM_NOT_FOUND);
            ironwal_view_pin_free(pin);
        }
        ironwal_stream_free(stream);
    }
    return unused;
}

int main(int argc, char **argv) {
    if (argc > 1) rounds = atoi(argv[1]);
    CHECK(rounds > 0);
    enter_directory();
    ironwal_options *options = options_for("log");
    OK(ironwal_options_set_sync_mode(options, IRONWAL_SYNC_ASYNC, &error));
    OK(ironwal_options_set_max_open_read_segments(options, 1, &error));
    wal = open_with(options);
    void *(*const bodies[])(void *) = {append_gathered, read_by_name, read_by_handle,
                                       delete_again_and_again};
    pthread_t threads[4];
    for (int n = 0; n < 4; n++) CHECK(pthread_create(&threads[n], NULL, bodies[n], NULL) == 0);
    for (int n = 0; n < 4; n++) CHECK(pthread_join(threads[n], NULL) == 0);
    OK(ironwal_wal_close(wal, &error));
    return 0;
}
