/* How does a second directory, on another machine perhaps, get the same log?
 *
 *     log_shipping [DIRECTORY]
 *
 * A primary takes orders: it appends, fills segments, keeps a property, cuts what it has to take back,
 * and truncates what is not needed any more. One thread does that. The main thread ships: it asks the replica for its
 * position, exports what follows, applies it, and waits where there is no more. Both sides are in one
 * process here; position and packet are plain bytes, for any transport. At the end the entries of both
 * have the same digest, and both directories the same segments, byte by byte.
 */
#define _XOPEN_SOURCE 700
#include <ironwal.h>
#include <dirent.h>
#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ORDERS = 3000, MAX_PACKET = 64 << 10, PATH = 512 };

static atomic_bool finished;

static void must(ironwal_status status, ironwal_error *error, const char *what) {
    if (status == IRONWAL_OK) return;
    ironwal_str message = ironwal_error_message(error);
    fprintf(stderr, "%s: %s: %s\n", what, ironwal_status_name(status),
            message.data ? message.data : "");
    exit(1);
}

/* A call with the local `error` as its last argument. */
#define OK(call) must((call), error, #call)

static void check(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "wrong: %s\n", what);
    exit(1);
}

static ironwal_wal *open_log(const char *directory, const char *name) {
    ironwal_error *error = NULL;
    ironwal_options *options = NULL;
    ironwal_wal *wal = NULL;
    char path[PATH];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    OK(ironwal_options_new(path, strlen(path), &options, &error));
    /* What the primary appends is synced by a helper; what a packet holds is durable already. */
    OK(ironwal_options_set_sync_mode(options, IRONWAL_SYNC_ASYNC, &error));
    OK(ironwal_options_set_max_segment_size(options, 32 << 10, &error));
    OK(ironwal_wal_open(options, &wal, &error));
    ironwal_options_free(options);
    return wal;
}

/* The primary's work, with a sync now and then: only what is durable is shipped. */
static void *take_orders(void *argument) {
    ironwal_stream *orders = argument;
    ironwal_error *error = NULL;
    char text[300];
    for (int n = 0; n < ORDERS; n++) {
        uint64_t next = 0;
        const int len = snprintf(text, sizeof text, "order %d: %*s", n, n % 200, "lots");
        OK(ironwal_stream_append(orders, text, (size_t)len, NULL, &error));
        OK(ironwal_stream_next_id(orders, &next, &error));
        if (n % 500 == 499) {
            /* The last few were wrong: one entry replaces them. */
            const ironwal_slice correction = {"corrected", 9};
            OK(ironwal_stream_replace_suffix(orders, next - 20, &correction, 1, NULL, 0, NULL, NULL,
                                             &error));
        } else if (n % 700 == 699) {
            OK(ironwal_stream_truncate_prefix(orders, next > 1000 ? next - 1000 : 0, NULL, &error));
        } else if (n % 100 == 99) {
            const ironwal_property book = {{"book", 4}, {text, (size_t)len % 40}, IRONWAL_PROPERTY_SET, 0};
            OK(ironwal_stream_set_properties(orders, &book, 1, IRONWAL_DURABILITY_DURABLE, NULL, &error));
        } else if (n % 25 == 24) {
            OK(ironwal_stream_sync(orders, &error));
        }
    }
    OK(ironwal_stream_sync(orders, &error));
    atomic_store(&finished, 1);
    return NULL;
}

/* One packet from the primary to the replica; returns its length, 0 where there is no more. */
static size_t ship(const ironwal_stream *primary, const ironwal_stream *replica) {
    ironwal_error *error = NULL;
    ironwal_buffer position, packet;
    OK(ironwal_stream_frame_position(replica, &position, &error));
    /* Here the position would travel to the primary, and the packet back. */
    OK(ironwal_stream_export(primary, position.data, position.len, MAX_PACKET, &packet, &error));
    const size_t len = packet.len;
    if (len > 0) OK(ironwal_stream_apply(replica, packet.data, packet.len, NULL, NULL, &error));
    ironwal_buffer_free(&position);
    ironwal_buffer_free(&packet);
    return len;
}

/* The same entries: compared without the files. */
static void compare_digests(const ironwal_stream *primary, const ironwal_stream *replica) {
    ironwal_error *error = NULL;
    uint64_t first = 0, end = 0, middle;
    uint8_t here[16], there[16];
    OK(ironwal_stream_first_id(replica, &first, &error));
    OK(ironwal_stream_next_id(replica, &end, &error));
    middle = first + (end - first) / 2;
    const uint64_t from[] = {first, first, middle}, to[] = {middle, end, end};
    for (int at = 0; at < 3; at++) {
        OK(ironwal_stream_digest(primary, from[at], to[at], here, &error));
        OK(ironwal_stream_digest(replica, from[at], to[at], there, &error));
        check(memcmp(here, there, sizeof here) == 0, "the two have different entries");
    }
    printf("entries %" PRIu64 " to %" PRIu64 " have the same digest\n", first, end);
}

/* Compares a file in both directories; returns its length. */
static long compare_files(const char *directory, const char *name) {
    FILE *files[2];
    long len = 0;
    static const char *const sides[] = {"primary", "replica"};
    for (int side = 0; side < 2; side++) {
        char path[2 * PATH];
        snprintf(path, sizeof path, "%s/%s/orders/%s", directory, sides[side], name);
        files[side] = fopen(path, "rb");
        check(files[side] != NULL, "a segment is on one side only");
    }
    for (int here = 0; here != EOF; len++) {
        here = getc(files[0]);
        check(here == getc(files[1]), "a segment differs");
    }
    fclose(files[0]);
    fclose(files[1]);
    return len - 1;
}

/* All segments of one side; the other has each of them, and no other. */
static void compare_segments(const char *directory) {
    int counts[2] = {0, 0};
    long bytes = 0;
    static const char *const sides[] = {"primary", "replica"};
    for (int side = 0; side < 2; side++) {
        char path[PATH];
        snprintf(path, sizeof path, "%s/%s/orders", directory, sides[side]);
        DIR *listed = opendir(path);
        check(listed != NULL, "no directory of the stream");
        for (struct dirent *file; (file = readdir(listed)) != NULL;) {
            const char *end = strrchr(file->d_name, '.');
            if (end == NULL || strcmp(end, ".wal") != 0) continue;
            counts[side]++;
            if (side == 0) bytes += compare_files(directory, file->d_name);
        }
        closedir(listed);
    }
    check(counts[0] == counts[1] && counts[0] > 1, "the numbers of segments differ");
    printf("%d segments, %ld bytes, are equal\n", counts[0], bytes);
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *walk) {
    (void)facts, (void)kind, (void)walk;
    return remove(path);
}

int main(int argc, char **argv) {
    char own[] = "log_shipping-XXXXXX";
    const char *directory = argc > 1 ? argv[1] : mkdtemp(own);
    ironwal_error *error = NULL;
    ironwal_stream *primary = NULL, *replica = NULL;
    size_t packets = 0, bytes = 0;
    check(directory != NULL, "no directory can be made");
    ironwal_wal *here = open_log(directory, "primary"), *there = open_log(directory, "replica");
    OK(ironwal_stream_open(here, "orders", 6, &primary, &error));
    OK(ironwal_stream_open(there, "orders", 6, &replica, &error));
    pthread_t worker;
    check(pthread_create(&worker, NULL, take_orders, primary) == 0, "no thread");
    for (int is_last = 0;;) {
        const size_t len = ship(primary, replica);
        if (len > 0) {
            bytes += len;
            if (++packets % 50 == 0) {
                uint64_t end = 0;
                OK(ironwal_stream_next_id(replica, &end, &error));
                printf("%zu packets, %zu bytes, the replica's next id is %" PRIu64 "\n", packets, bytes, end);
            }
        } else if (is_last) {
            break;
        } else if (atomic_load(&finished)) {
            /* Once more: what was appended before the flag. */
            is_last = 1;
        } else {
            const struct timespec a_while = {0, 1000000};
            nanosleep(&a_while, NULL);
        }
    }
    pthread_join(worker, NULL);
    printf("%zu packets, %zu bytes\n", packets, bytes);
    compare_digests(primary, replica);
    ironwal_stream_free(primary);
    ironwal_stream_free(replica);
    OK(ironwal_wal_close(here, &error));
    OK(ironwal_wal_close(there, &error));
    compare_segments(directory);
    if (argc <= 1) check(nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0, "remains are left");
    return 0;
}
