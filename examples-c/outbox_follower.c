/* How does a second process deliver every durable entry once, in order, although it may be killed at
 * any moment?
 *
 * The writer appends orders. The follower, another process, opens the log read-only, waits for
 * entries, and delivers them into a file. What it has delivered is its cursor: each delivery is one
 * write of the id and the entry, so the two cannot disagree. Started again, it goes on behind the last
 * whole delivery. The writer kills it again and again, and at the end compares the file with the log.
 *
 *     outbox_follower [DIRECTORY]
 */
#define _XOPEN_SOURCE 700
#include <ironwal.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { BATCHES = 300, PER_BATCH = 20, KILL_EVERY = 25, TEXT_LEN = 24 };

/* A delivery, as it stands in the file. */
struct delivery {
    uint64_t id;
    char text[TEXT_LEN];
};

static void fail(const char *what, ironwal_error *error) {
    ironwal_str message = ironwal_error_message(error);
    fprintf(stderr, "%s: %s\n", what, message.data ? message.data : "failed");
    exit(1);
}

static ironwal_stream *open_stream(const char *directory, int read_only, ironwal_wal **wal) {
    ironwal_options *options = NULL;
    ironwal_stream *stream = NULL;
    ironwal_error *error = NULL;
    if (ironwal_options_new(directory, strlen(directory), &options, &error) != IRONWAL_OK) fail("options", error);
    const ironwal_status opened = read_only ? ironwal_wal_open_read_only(options, wal, &error)
                                            : ironwal_wal_open(options, wal, &error);
    if (opened != IRONWAL_OK || ironwal_stream_open(*wal, "orders", 6, &stream, &error) != IRONWAL_OK)
        fail("open", error);
    ironwal_options_free(options);
    return stream;
}

/* The text of an order; an empty one says that there will be no other. */
static void order(uint64_t id, char text[TEXT_LEN]) {
    memset(text, 0, TEXT_LEN);
    if (id < BATCHES * PER_BATCH) snprintf(text, TEXT_LEN, "order %" PRIu64, id);
}

/* ---- the follower ---- */

/* Opens the deliveries, cuts off one that a kill has left in part, and returns the next id to deliver. */
static int open_outbox(const char *outbox, uint64_t *cursor) {
    struct stat status;
    const int fd = open(outbox, O_RDWR | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || fstat(fd, &status) != 0) fail(outbox, NULL);
    const off_t whole = status.st_size / (off_t)sizeof(struct delivery);
    if (ftruncate(fd, whole * (off_t)sizeof(struct delivery)) != 0) fail(outbox, NULL);
    *cursor = (uint64_t)whole; /* ids begin at 0 and none is left out */
    return fd;
}

static int follow(const char *directory, const char *outbox) {
    ironwal_wal *wal = NULL;
    ironwal_iter *iter = NULL;
    ironwal_error *error = NULL;
    uint64_t cursor = 0;
    const int fd = open_outbox(outbox, &cursor);
    ironwal_stream *stream = open_stream(directory, 1, &wal);
    /* Durable entries only: what a power failure takes back must not have been delivered. */
    if (ironwal_stream_follow(stream, cursor, IRONWAL_VIEW_DURABLE, &iter, &error) != IRONWAL_OK)
        fail("follow", error);
    struct delivery delivery = {0, "x"};
    while (delivery.text[0]) {
        ironwal_view entry;
        ironwal_status status = ironwal_iter_next(iter, &delivery.id, &entry, &error);
        if (status == IRONWAL_E_END) {
            /* 30 seconds without an order: the writer has died. */
            if (ironwal_iter_wait(iter, (uint64_t)30 * 1000000000, &error) != IRONWAL_OK)
                fail("wait", error);
            continue;
        }
        if (status != IRONWAL_OK) fail("next", error);
        if (delivery.id != cursor++ || entry.len != TEXT_LEN) fail("a gap", NULL);
        memcpy(delivery.text, entry.data, TEXT_LEN);
        /* The delivery. To survive a power failure too, it would be synced before the next one. */
        if (write(fd, &delivery, sizeof delivery) != (ssize_t)sizeof delivery) fail(outbox, NULL);
    }
    ironwal_iter_free(iter);
    ironwal_stream_free(stream);
    ironwal_wal_free(wal);
    return close(fd);
}

/* ---- the writer ---- */

static pid_t start_follower(char *program, char *directory, char *outbox) {
    char *arguments[] = {program, directory, outbox, NULL};
    pid_t pid = 0;
    if (posix_spawn(&pid, program, NULL, NULL, arguments, environ) != 0) fail(program, NULL);
    return pid;
}

static void append_batch(ironwal_stream *stream, uint64_t first_id, size_t count) {
    static char texts[PER_BATCH][TEXT_LEN];
    ironwal_slice entries[PER_BATCH];
    ironwal_error *error = NULL;
    for (size_t n = 0; n < count; n++) {
        order(first_id + n, texts[n]);
        entries[n] = (ironwal_slice){(const uint8_t *)texts[n], TEXT_LEN};
    }
    if (ironwal_stream_append_batch(stream, entries, count, NULL, NULL, &error) != IRONWAL_OK)
        fail("append", error);
}

/* Every order was delivered once, in order. */
static void check(const char *outbox) {
    struct delivery delivery;
    char text[TEXT_LEN];
    uint64_t id = 0;
    FILE *file = fopen(outbox, "rb");
    if (!file) fail(outbox, NULL);
    for (; fread(&delivery, sizeof delivery, 1, file) == 1; id++) {
        order(id, text);
        if (delivery.id != id || memcmp(delivery.text, text, TEXT_LEN) != 0) fail("a delivery", NULL);
    }
    fclose(file);
    if (id != BATCHES * PER_BATCH + 1) fail("an order is missing", NULL);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at) {
    (void)status, (void)kind, (void)at;
    return remove(path);
}

int main(int argc, char **argv) {
    if (argc == 3) return follow(argv[1], argv[2]);
    char made[] = "outbox_follower.XXXXXX", directory[512], outbox[512];
    const char *parent = argc > 1 ? argv[1] : mkdtemp(made);
    if (!parent) fail("directory", NULL);
    mkdir(parent, 0700);
    snprintf(directory, sizeof directory, "%s/log", parent);
    snprintf(outbox, sizeof outbox, "%s/delivered", parent);

    ironwal_wal *wal = NULL;
    ironwal_error *error = NULL;
    ironwal_stream *stream = open_stream(directory, 0, &wal);
    int killed = 0, status = 0;
    append_batch(stream, 0, PER_BATCH);
    pid_t follower = start_follower(argv[0], directory, outbox);
    for (uint64_t batch = 1; batch < BATCHES; batch++) {
        append_batch(stream, batch * PER_BATCH, PER_BATCH);
        if (batch % KILL_EVERY != 0) continue;
        kill(follower, SIGKILL);
        waitpid(follower, &status, 0);
        if (!WIFSIGNALED(status)) fail("the follower ended by itself", NULL);
        killed++;
        follower = start_follower(argv[0], directory, outbox);
    }
    append_batch(stream, BATCHES * PER_BATCH, 1);
    if (waitpid(follower, &status, 0) != follower || status != 0) fail("the follower", NULL);
    check(outbox);
    printf("%d orders delivered once each, by a follower that was killed %d times\n",
           BATCHES * PER_BATCH, killed);
    ironwal_stream_free(stream);
    if (ironwal_wal_close(wal, &error) != IRONWAL_OK) fail("close", error);
    return argc > 1 ? 0 : nftw(parent, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0;
}
