/* How does an exchange gateway journal its feed so that nothing acknowledged is lost?
 *
 * Reads a file of length-prefixed Nasdaq ITCH 5.0 messages, journals each under Strict sync into
 * one stream per symbol and one for messages of the whole session, reopens the log, replays it, and
 * compares every byte in order.
 *
 *     itch_journal [FILE [DIRECTORY]]
 *
 * Several threads share each stream. A thread whose message is the n-th of its stream waits for its
 * turn, which is when the stream's next id is n, appends, and then waits for the disk together with
 * the others: one sync makes the messages of many threads durable, and the order of the feed stays.
 */
#define _XOPEN_SOURCE 700
#include <ironwal.h>
#include <ftw.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef ITCH_SAMPLE
#define ITCH_SAMPLE "examples-c/data/itch50_sample.bin"
#endif

enum { STREAMS = 4, THREADS_PER_STREAM = 4 };

static const char *const names[STREAMS] = {"session", "symbol-1", "symbol-2", "symbol-3"};

struct message {
    const unsigned char *data;
    size_t len;
};

/* One stream: its messages in the order of the feed, and how far the threads are. */
struct lane {
    const char *name;
    struct message *messages;
    size_t count;
    ironwal_stream *stream;
    atomic_size_t next_message;
    atomic_size_t durable;
};

static struct lane lanes[STREAMS];
static atomic_int failed;

/* Tells why and remembers it; returns whether the call succeeded. */
static int succeeded(ironwal_status status, ironwal_error *error, const char *what) {
    if (status == IRONWAL_OK) return 1;
    ironwal_text message = ironwal_error_message(error);
    fprintf(stderr, "%s: %s: %s\n", what, ironwal_status_name(status),
            message.data ? message.data : "");
    ironwal_error_free(error);
    atomic_store(&failed, 1);
    return 0;
}

static double seconds_since(const struct timespec *start) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static unsigned char *read_file(const char *path, size_t *out_len) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        return NULL;
    }
    long len = ftell(file);
    rewind(file);
    unsigned char *bytes = malloc(len > 0 ? (size_t)len : 1);
    if (!bytes || len < 0 || fread(bytes, 1, (size_t)len, file) != (size_t)len) {
        perror(path);
        free(bytes);
        bytes = NULL;
    }
    fclose(file);
    *out_len = (size_t)len;
    return bytes;
}

/* Sorts the messages into the lanes by their stock locate code. Returns how many, 0 if malformed. */
static size_t sort_into_lanes(const unsigned char *bytes, size_t len) {
    size_t total = 0;
    for (size_t at = 0; at < len;) {
        if (len - at < 2) return 0;
        size_t message_len = (size_t)bytes[at] << 8 | bytes[at + 1];
        at += 2;
        if (message_len < 3 || len - at < message_len) return 0;
        unsigned locate = (unsigned)bytes[at + 1] << 8 | bytes[at + 2];
        struct lane *lane = &lanes[locate % STREAMS];
        if ((lane->count & (lane->count - 1)) == 0) { /* full at each power of two */
            size_t room = lane->count ? lane->count * 2 : 1;
            void *grown = realloc(lane->messages, room * sizeof *lane->messages);
            if (!grown) return 0;
            lane->messages = grown;
        }
        lane->messages[lane->count].data = bytes + at;
        lane->messages[lane->count].len = message_len;
        lane->count++;
        at += message_len;
        total++;
    }
    return total;
}

/* Waits until the stream's next id is `n`. */
static int await_turn(struct lane *lane, uint64_t n) {
    ironwal_error *error = NULL;
    for (uint64_t next = 0; !atomic_load(&failed); sched_yield()) {
        ironwal_status status = ironwal_stream_next_id(lane->stream, &next, &error);
        if (!succeeded(status, error, "next id")) return 0;
        if (next == n) return 1;
    }
    return 0;
}

static void *journal(void *argument) {
    struct lane *lane = argument;
    for (;;) {
        size_t n = atomic_fetch_add(&lane->next_message, 1);
        if (n >= lane->count || !await_turn(lane, n)) return NULL;
        ironwal_error *error = NULL;
        uint64_t id = 0;
        ironwal_status status = ironwal_stream_append(
            lane->stream, lane->messages[n].data, lane->messages[n].len, &id, &error);
        if (!succeeded(status, error, "append")) return NULL;
        if (id != n) {
            fprintf(stderr, "%s: message %zu got id %llu\n", lane->name, n, (unsigned long long)id);
            atomic_store(&failed, 1);
            return NULL;
        }
        atomic_fetch_add(&lane->durable, 1);
    }
}

static size_t durable_count(void) {
    size_t durable = 0;
    for (int n = 0; n < STREAMS; n++) durable += atomic_load(&lanes[n].durable);
    return durable;
}

static ironwal_wal *open_log(const char *directory) {
    ironwal_options *options = NULL;
    ironwal_wal *wal = NULL;
    ironwal_error *error = NULL;
    if (succeeded(ironwal_options_new(directory, strlen(directory), &options, &error), error,
                  "options"))
        succeeded(ironwal_wal_open(options, &wal, &error), error, "open"); /* Strict by default */
    ironwal_options_free(options);
    return wal;
}

static int close_log(ironwal_wal *wal) {
    ironwal_error *error = NULL;
    return succeeded(ironwal_wal_close(wal, &error), error, "close");
}

/* Journals everything; returns the seconds it took. */
static double journal_all(ironwal_wal *wal, size_t total) {
    pthread_t threads[STREAMS * THREADS_PER_STREAM];
    size_t started = 0;
    struct timespec start;
    for (int n = 0; n < STREAMS; n++) {
        ironwal_error *error = NULL;
        if (!succeeded(ironwal_stream_open(wal, names[n], strlen(names[n]), &lanes[n].stream, &error),
                       error, names[n]))
            return 0;
    }
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (; started < STREAMS * THREADS_PER_STREAM; started++)
        if (pthread_create(&threads[started], NULL, journal, &lanes[started % STREAMS]) != 0) {
            perror("pthread_create");
            atomic_store(&failed, 1);
            break;
        }
    const struct timespec tick = {0, 200 * 1000 * 1000};
    while (!atomic_load(&failed) && durable_count() < total) {
        size_t durable = durable_count();
        printf("  %5zu of %zu messages durable (%zu %%)\n", durable, total, durable * 100 / total);
        fflush(stdout);
        nanosleep(&tick, NULL);
    }
    while (started > 0) pthread_join(threads[--started], NULL);
    const double seconds = seconds_since(&start);
    for (int n = 0; n < STREAMS; n++) ironwal_stream_free(lanes[n].stream);
    return seconds;
}

/* Replays one stream and compares it with the feed. Returns the bytes compared, and -1 if anything
 * is missing, different, out of order, or too much. */
static long long replay(ironwal_wal *wal, const struct lane *lane) {
    ironwal_error *error = NULL;
    ironwal_iter *iter = NULL;
    long long bytes = 0;
    size_t n = 0;
    if (!succeeded(ironwal_iter_open(wal, lane->name, strlen(lane->name), 0, &iter, &error), error,
                   "iterate"))
        return -1;
    for (;; n++) {
        uint64_t id = 0;
        ironwal_view view;
        ironwal_status status = ironwal_iter_next(iter, &id, &view, &error);
        if (status == IRONWAL_E_END) break;
        if (!succeeded(status, error, "replay")) break;
        if (n >= lane->count || id != n || view.len != lane->messages[n].len ||
            memcmp(view.data, lane->messages[n].data, view.len) != 0) {
            fprintf(stderr, "%s: entry %llu is not message %zu of the feed\n", lane->name,
                    (unsigned long long)id, n);
            break;
        }
        bytes += (long long)view.len;
    }
    ironwal_iter_free(iter);
    if (n != lane->count) {
        fprintf(stderr, "%s: %zu of %zu messages replayed\n", lane->name, n, lane->count);
        return -1;
    }
    return bytes;
}

static int replay_all(ironwal_wal *wal, size_t total) {
    long long bytes = 0;
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int n = 0; n < STREAMS; n++) {
        long long of_lane = replay(wal, &lanes[n]);
        if (of_lane < 0) return 0;
        printf("  %-8s %5zu messages, %6lld bytes, identical and in order\n", lanes[n].name,
               lanes[n].count, of_lane);
        bytes += of_lane;
    }
    const double seconds = seconds_since(&start);
    printf("replayed %zu messages (%lld bytes) in %.3f s: %.0f messages/s\n", total, bytes, seconds,
           (double)total / seconds);
    return 1;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at) {
    (void)status, (void)kind, (void)at;
    return remove(path);
}

static int run(const char *directory, size_t total) {
    printf("journaling %zu messages into %s, %d threads, Strict\n", total, directory,
           STREAMS * THREADS_PER_STREAM);
    ironwal_wal *wal = open_log(directory);
    if (!wal) return 0;
    const double seconds = journal_all(wal, total);
    if (!close_log(wal) || atomic_load(&failed)) return 0;
    printf("journaled %zu messages in %.3f s: %.0f durable messages/s\n", durable_count(), seconds,
           (double)total / seconds);

    printf("reopening and replaying\n");
    wal = open_log(directory);
    if (!wal) return 0;
    const int same = replay_all(wal, total);
    return close_log(wal) && same;
}

int main(int argc, char **argv) {
    const char *input = argc > 1 ? argv[1] : ITCH_SAMPLE;
    char made[] = "./itch_journal-XXXXXX";
    const char *directory = argc > 2 ? argv[2] : mkdtemp(made);
    size_t len = 0;
    unsigned char *feed = read_file(input, &len);
    if (!feed || !directory) return 1;
    for (int n = 0; n < STREAMS; n++) lanes[n].name = names[n];
    const size_t total = sort_into_lanes(feed, len);
    if (total == 0) fprintf(stderr, "%s is no length-prefixed ITCH file\n", input);
    const int good = total > 0 && run(directory, total);
    if (argc <= 2) nftw(made, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    for (int n = 0; n < STREAMS; n++) free(lanes[n].messages);
    free(feed);
    puts(good ? "OK: every message was there, byte for byte and in order" : "FAILED");
    return good ? 0 : 1;
}
