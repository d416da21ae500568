/* How does an exchange gateway journal its feed without losing an acknowledged message?
 *
 * Reads a file of length-prefixed Nasdaq ITCH 5.0 messages, journals each under Strict sync into
 * one stream per symbol and one for messages of the whole session, reopens the log, replays it, and
 * compares every byte in order.
 *
 *     itch_journal [FILE [DIRECTORY]]
 *
 * The threads take the messages in the order of the feed. A thread with the n-th message of a stream
 * waits until the stream's next id is n, appends, and then waits for the disk together with the other
 * threads: one sync makes the messages of many threads durable, and the order of the feed stays.
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

enum { THREADS = 16, LOCATES = 65536, TOLD = 8 };

struct message {
    const unsigned char *data;
    size_t len;
    struct lane *lane;
    size_t place; /* in its lane */
};

/* One stream: a symbol's, or that of the whole session, whose stock locate code is 0. */
struct lane {
    char name[16];
    struct message **messages; /* in the order of the feed */
    size_t count;
    ironwal_stream *stream;
};

static struct message *feed;
static size_t feed_len;
static struct lane lanes[LOCATES];
static atomic_size_t next_message;
static atomic_size_t durable;
static atomic_int failed;

/* Prints and remembers a failure; returns whether the call succeeded. */
static int succeeded(ironwal_status status, ironwal_error *error, const char *what) {
    if (status == IRONWAL_OK) return 1;
    ironwal_str message = ironwal_error_message(error);
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

/* Splits the bytes into messages. Returns false if the last one is incomplete. */
static int split(const unsigned char *bytes, size_t len) {
    feed = malloc((len / 2 + 1) * sizeof *feed); /* at least the 2 bytes of the length each */
    if (!feed) return 0;
    for (size_t at = 0; at < len; feed_len++) {
        if (len - at < 2) return 0;
        struct message *message = &feed[feed_len];
        message->len = (size_t)bytes[at] << 8 | bytes[at + 1];
        message->data = bytes + at + 2;
        if (message->len < 3 || len - at - 2 < message->len) return 0;
        message->lane = &lanes[(unsigned)message->data[1] << 8 | message->data[2]];
        message->place = message->lane->count++;
        at += 2 + message->len;
    }
    return feed_len > 0;
}

/* The stream's name: the symbol that a Stock Directory message gave the locate code. */
static void name_lane(struct lane *lane, const struct message *message) {
    enum { STOCK_AT = 11, STOCK_LEN = 8 };
    if (message->data[0] != 'R' || message->len < STOCK_AT + STOCK_LEN) return;
    size_t len = STOCK_LEN;
    while (len > 0 && message->data[STOCK_AT + len - 1] == ' ') len--;
    if (len > 0) snprintf(lane->name, sizeof lane->name, "%.*s", (int)len,
                          (const char *)message->data + STOCK_AT);
}

/* Sorts the messages into the lanes. */
static int sort_into_lanes(void) {
    for (size_t n = 0; n < feed_len; n++) {
        struct lane *lane = feed[n].lane;
        if (!lane->messages) {
            const unsigned locate = (unsigned)(lane - lanes);
            snprintf(lane->name, sizeof lane->name, locate ? "locate-%u" : "session", locate);
            lane->messages = malloc(lane->count * sizeof *lane->messages);
            if (!lane->messages) return 0;
        }
        if (lane != lanes) name_lane(lane, &feed[n]);
        lane->messages[feed[n].place] = &feed[n];
    }
    return 1;
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

static void *journal(void *unused) {
    for (;;) {
        const size_t next = atomic_fetch_add(&next_message, 1);
        if (next >= feed_len) return unused;
        const struct message *message = &feed[next];
        if (!await_turn(message->lane, message->place)) return unused;
        ironwal_error *error = NULL;
        uint64_t id = 0;
        ironwal_status status = ironwal_stream_append(message->lane->stream, message->data,
                                                      message->len, &id, &error);
        if (!succeeded(status, error, "append")) return unused;
        if (id != message->place) {
            fprintf(stderr, "%s: message %zu got id %llu\n", message->lane->name, message->place,
                    (unsigned long long)id);
            atomic_store(&failed, 1);
            return unused;
        }
        atomic_fetch_add(&durable, 1);
    }
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

static int open_streams(ironwal_wal *wal) {
    for (struct lane *lane = lanes; lane < lanes + LOCATES; lane++) {
        ironwal_error *error = NULL;
        if (lane->count > 0 &&
            !succeeded(ironwal_stream_open(wal, lane->name, strlen(lane->name), &lane->stream, &error),
                       error, lane->name))
            return 0;
    }
    return 1;
}

/* Journals all messages; returns the elapsed seconds. */
static double journal_all(ironwal_wal *wal) {
    pthread_t threads[THREADS];
    size_t started = 0;
    struct timespec start;
    if (!open_streams(wal)) return 0;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (; started < THREADS; started++)
        if (pthread_create(&threads[started], NULL, journal, NULL) != 0) {
            perror("pthread_create");
            atomic_store(&failed, 1);
            break;
        }
    const struct timespec tick = {0, 200 * 1000 * 1000};
    while (!atomic_load(&failed) && atomic_load(&durable) < feed_len) {
        const size_t done = atomic_load(&durable);
        printf("  %5zu of %zu messages durable (%zu %%)\n", done, feed_len, done * 100 / feed_len);
        fflush(stdout);
        nanosleep(&tick, NULL);
    }
    while (started > 0) pthread_join(threads[--started], NULL);
    const double seconds = seconds_since(&start);
    for (int n = 0; n < LOCATES; n++) ironwal_stream_free(lanes[n].stream);
    return seconds;
}

/* Replays one stream and compares it with the feed. Returns the bytes compared, and -1 if anything
 * is missing, different, out of order, or too much. */
static long long replay(ironwal_wal *wal, const struct lane *lane) {
    ironwal_error *error = NULL;
    ironwal_iter *iter = NULL;
    long long bytes = 0;
    size_t n = 0;
    if (!succeeded(ironwal_wal_iter(wal, lane->name, strlen(lane->name), 0, &iter, &error), error,
                   "iterate"))
        return -1;
    for (;; n++) {
        uint64_t id = 0;
        ironwal_view view;
        ironwal_status status = ironwal_iter_next(iter, &id, &view, &error);
        if (status == IRONWAL_E_END) break;
        if (!succeeded(status, error, "replay")) break;
        if (n >= lane->count || id != n || view.len != lane->messages[n]->len ||
            memcmp(view.data, lane->messages[n]->data, view.len) != 0) {
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

static int replay_all(ironwal_wal *wal) {
    long long bytes = 0;
    size_t streams = 0;
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (const struct lane *lane = lanes; lane < lanes + LOCATES; lane++) {
        if (lane->count == 0) continue;
        long long of_lane = replay(wal, lane);
        if (of_lane < 0) return 0;
        if (streams++ < TOLD)
            printf("  %-8s %5zu messages, %6lld bytes, identical and in order\n", lane->name,
                   lane->count, of_lane);
        bytes += of_lane;
    }
    const double seconds = seconds_since(&start);
    if (streams > TOLD) printf("  and %zu more streams\n", streams - TOLD);
    printf("replayed %zu messages (%lld bytes) of %zu streams in %.3f s: %.0f messages/s\n", feed_len,
           bytes, streams, seconds, (double)feed_len / seconds);
    return 1;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at) {
    (void)status, (void)kind, (void)at;
    return remove(path);
}

static int run(const char *directory) {
    printf("journaling %zu messages into %s, %d threads, Strict\n", feed_len, directory,
           (int)THREADS);
    ironwal_wal *wal = open_log(directory);
    if (!wal) return 0;
    const double seconds = journal_all(wal);
    if (!close_log(wal) || atomic_load(&failed)) return 0;
    printf("journaled %zu messages in %.3f s: %.0f durable messages/s\n", atomic_load(&durable),
           seconds, (double)feed_len / seconds);

    printf("reopening and replaying\n");
    wal = open_log(directory);
    if (!wal) return 0;
    const int same = replay_all(wal);
    return close_log(wal) && same;
}

int main(int argc, char **argv) {
    const char *input = argc > 1 ? argv[1] : ITCH_SAMPLE;
    char made[] = "./itch_journal-XXXXXX";
    const char *directory = argc > 2 ? argv[2] : mkdtemp(made);
    size_t len = 0;
    unsigned char *bytes = read_file(input, &len);
    if (!bytes || !directory) return 1;
    const int whole = split(bytes, len) && sort_into_lanes();
    if (!whole) fprintf(stderr, "%s is no length-prefixed ITCH file\n", input);
    const int good = whole && run(directory);
    if (argc <= 2) nftw(made, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    for (int n = 0; n < LOCATES; n++) free(lanes[n].messages);
    free(feed);
    free(bytes);
    puts(good ? "OK: every message was there, byte for byte and in order" : "FAILED");
    return good ? 0 : 1;
}
