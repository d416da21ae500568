/* How does a program of one thread append entries and learn that they are durable, without ever
 * waiting for the disk?
 *
 * It appends with IRONWAL_DURABILITY_WRITTEN, which returns once the entry is in the kernel, and polls
 * a descriptor among those that it polls anyway. A thread of the library syncs; what is appended while
 * a sync runs shares the next one.
 *
 *     one_thread [DIRECTORY]
 */
#define _XOPEN_SOURCE 700
#include <ironwal.h>
#include <ftw.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ENTRIES = 10000, UNANSWERED = 1000 };

static void fail(const char *what, ironwal_error *error) {
    ironwal_str message = ironwal_error_message(error);
    fprintf(stderr, "%s: %s\n", what, message.data ? message.data : "failed");
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at) {
    (void)status, (void)kind, (void)at;
    return remove(path);
}

static ironwal_wal *open_log(const char *directory) {
    ironwal_options *options = NULL;
    ironwal_wal *wal = NULL;
    ironwal_error *error = NULL;
    /* Async: readers see entries at once. No interval: the descriptor asks for the syncs. */
    if (ironwal_options_new(directory, strlen(directory), &options, &error) != IRONWAL_OK ||
        ironwal_options_set_sync_mode(options, IRONWAL_SYNC_ASYNC, &error) != IRONWAL_OK ||
        ironwal_options_set_no_background_sync(options, &error) != IRONWAL_OK ||
        ironwal_wal_open(options, &wal, &error) != IRONWAL_OK)
        fail("open", error);
    ironwal_options_free(options);
    return wal;
}

/* Appends an order; returns how long that took. */
static uint64_t append(ironwal_stream *stream, uint64_t number) {
    char text[32];
    const int len = snprintf(text, sizeof text, "order %" PRIu64, number);
    const ironwal_slice entry = {(const uint8_t *)text, (size_t)len};
    const uint64_t begin_ns = now_ns();
    uint64_t id = 0;
    ironwal_error *error = NULL;
    if (ironwal_stream_append_with(stream, number, &entry, 1, NULL, 0, IRONWAL_DURABILITY_WRITTEN,
                                   &id, NULL, NULL, &error) != IRONWAL_OK)
        fail("append", error);
    return now_ns() - begin_ns;
}

int main(int argc, char **argv) {
    char made[] = "one_thread.XXXXXX";
    const char *directory = argc > 1 ? argv[1] : mkdtemp(made);
    if (!directory) fail("directory", NULL);
    ironwal_wal *wal = open_log(directory);
    ironwal_stream *stream = NULL;
    ironwal_events *events = NULL;
    ironwal_error *error = NULL;
    struct pollfd durable_events = {-1, POLLIN, 0};
    if (ironwal_stream_open(wal, "orders", 6, &stream, &error) != IRONWAL_OK ||
        ironwal_stream_events(stream, IRONWAL_EVENT_DURABLE, &events, &error) != IRONWAL_OK ||
        ironwal_events_fd(events, &durable_events.fd, &error) != IRONWAL_OK)
        fail("events", error);

    static uint64_t appended_at_ns[ENTRIES];
    uint64_t appended = 0, durable = 0, wakeups = 0, longest_ns = 0, waited_ns = 0;
    while (durable < ENTRIES) {
        /* A burst, as far as the program lets answers be outstanding. */
        for (; appended < ENTRIES && appended - durable < UNANSWERED; appended++) {
            appended_at_ns[appended] = now_ns();
            const uint64_t took_ns = append(stream, appended);
            if (took_ns > longest_ns) longest_ns = took_ns;
        }
        /* Here the program serves its other descriptors too. Ours is readable when more is durable. */
        if (poll(&durable_events, 1, 60000) != 1) fail("nothing became durable for a minute", NULL);
        uint64_t end = 0;
        if (ironwal_events_drain(events, &end, &error) != IRONWAL_OK) fail("drain", error);
        if (end < durable || end > appended) fail("the durable end", NULL);
        /* Every entry below the end survives a power failure: now it is answered. */
        for (const uint64_t ns = now_ns(); durable < end; durable++)
            waited_ns += ns - appended_at_ns[durable];
        wakeups++;
    }
    printf("%d entries durable after %" PRIu64 " wake-ups of one thread; %" PRIu64
           " us from append to answer on average; longest append %" PRIu64 " us\n",
           ENTRIES, wakeups, waited_ns / ENTRIES / 1000, longest_ns / 1000);

    uint64_t end = 0;
    if (ironwal_stream_durable_end(stream, &end, &error) != IRONWAL_OK || end != ENTRIES)
        fail("durable end", error);
    ironwal_events_free(events);
    ironwal_stream_free(stream);
    if (ironwal_wal_close(wal, &error) != IRONWAL_OK) fail("close", error);
    return argc > 1 ? 0 : nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0;
}
