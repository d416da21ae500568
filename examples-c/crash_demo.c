/* Does every acknowledged entry survive when the process is killed?
 *
 * A child journals from several threads and reports each acknowledged id over a pipe. It is killed
 * with SIGKILL at a random moment. The parent reopens the log and looks for every entry
 * acknowledged in this round and in earlier ones.
 *
 *     crash_demo [ROUNDS [SEED]]
 */
#define _XOPEN_SOURCE 700
#include <ironwal.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 4 };

/* The content of an entry, and the child's report of its acknowledgement. Reports are smaller than
 * PIPE_BUF, so those of several threads do not mix. */
struct entry {
    uint64_t round;
    uint64_t thread;
    uint64_t number;
};
struct report {
    uint64_t id;
    struct entry entry;
};

static struct report *acknowledged;
static size_t acknowledged_count, acknowledged_room;

static void fail(const char *what, ironwal_error *error) {
    ironwal_str message = ironwal_error_message(error);
    fprintf(stderr, "%s: %s\n", what, message.data ? message.data : "failed");
    exit(1);
}

static ironwal_wal *open_log(const char *directory) {
    ironwal_options *options = NULL;
    ironwal_wal *wal = NULL;
    ironwal_error *error = NULL;
    if (ironwal_options_new(directory, strlen(directory), &options, &error) != IRONWAL_OK ||
        ironwal_wal_open(options, &wal, &error) != IRONWAL_OK)
        fail("open", error);
    ironwal_options_free(options);
    return wal;
}

/* ---- the child ---- */

static ironwal_stream *stream;
static int report_fd;
static uint64_t this_round;

static void *journal(void *thread) {
    struct report report = {0, {this_round, (uint64_t)(uintptr_t)thread, 0}};
    for (;; report.entry.number++) {
        ironwal_error *error = NULL;
        if (ironwal_stream_append(stream, &report.entry, sizeof report.entry, &report.id, &error) !=
            IRONWAL_OK)
            fail("append", error);
        if (write(report_fd, &report, sizeof report) != (ssize_t)sizeof report) exit(1);
    }
    return NULL;
}

/* Never returns: the parent kills the process. */
static void child(const char *directory, uint64_t round, int fd) {
    ironwal_wal *wal = open_log(directory);
    ironwal_error *error = NULL;
    pthread_t thread;
    report_fd = fd;
    this_round = round;
    if (ironwal_stream_open(wal, "orders", 6, &stream, &error) != IRONWAL_OK) fail("stream", error);
    for (uintptr_t n = 1; n < THREADS; n++)
        if (pthread_create(&thread, NULL, journal, (void *)n) != 0) exit(1);
    journal((void *)0);
}

/* ---- the parent ---- */

static void remember(struct report report) {
    if (acknowledged_count == acknowledged_room) {
        acknowledged_room = acknowledged_room ? acknowledged_room * 2 : 1024;
        acknowledged = realloc(acknowledged, acknowledged_room * sizeof *acknowledged);
        if (!acknowledged) exit(1);
    }
    acknowledged[acknowledged_count++] = report;
}

static void read_reports(int fd) {
    struct report report;
    /* Whole reports only: each was written in one piece. */
    while (read(fd, &report, sizeof report) == (ssize_t)sizeof report) remember(report);
}

struct killer {
    pid_t child;
    long after_ms;
};

static void *kill_later(void *argument) {
    const struct killer *killer = argument;
    const struct timespec delay = {killer->after_ms / 1000, killer->after_ms % 1000 * 1000000};
    nanosleep(&delay, NULL);
    kill(killer->child, SIGKILL);
    return NULL;
}

/* Journals in a child until it is killed after `after_ms`. */
static void journal_and_kill(const char *directory, uint64_t round, long after_ms) {
    int ends[2], status = 0;
    pthread_t thread;
    fflush(NULL);
    if (pipe(ends) != 0) exit(1);
    pid_t pid = fork();
    if (pid < 0) exit(1);
    if (pid == 0) {
        close(ends[0]);
        child(directory, round, ends[1]);
    }
    close(ends[1]);
    struct killer killer = {pid, after_ms};
    struct report first;
    /* In the first round at least one entry is acknowledged before the clock starts; in later rounds
     * the child may die during its recovery. */
    if (round == 1 && read(ends[0], &first, sizeof first) == (ssize_t)sizeof first) remember(first);
    if (pthread_create(&thread, NULL, kill_later, &killer) != 0) exit(1);
    read_reports(ends[0]); /* until the child is dead and the pipe empty */
    pthread_join(thread, NULL);
    waitpid(pid, &status, 0);
    close(ends[0]);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        fprintf(stderr, "the child ended by itself\n");
        exit(1);
    }
}

/* Reopens the log and checks every acknowledged entry. Returns the number missing or wrong. */
static size_t check(const char *directory, uint64_t *out_end) {
    ironwal_wal *wal = open_log(directory);
    ironwal_stream *orders = NULL;
    ironwal_error *error = NULL;
    size_t bad = 0;
    if (ironwal_stream_open(wal, "orders", 6, &orders, &error) != IRONWAL_OK ||
        ironwal_stream_next_id(orders, out_end, &error) != IRONWAL_OK)
        fail("stream", error);
    for (size_t n = 0; n < acknowledged_count; n++) {
        struct entry found;
        size_t len = 0;
        const struct report *want = &acknowledged[n];
        ironwal_status status =
            ironwal_stream_get_into(orders, want->id, &found, sizeof found, &len, NULL);
        if (status != IRONWAL_OK || len != sizeof found ||
            memcmp(&found, &want->entry, sizeof found) != 0) {
            fprintf(stderr, "id %llu was acknowledged and is lost: %s\n",
                    (unsigned long long)want->id, ironwal_status_name(status));
            bad++;
        }
    }
    ironwal_stream_free(orders);
    if (ironwal_wal_close(wal, &error) != IRONWAL_OK) fail("close", error);
    return bad;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at) {
    (void)status, (void)kind, (void)at;
    return remove(path);
}

int main(int argc, char **argv) {
    const unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 5;
    const unsigned seed = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : (unsigned)time(NULL);
    char directory[] = "./crash_demo-XXXXXX";
    size_t bad = 0;
    if (!mkdtemp(directory)) {
        perror(directory);
        return 1;
    }
    printf("killing a journaling process %u times (seed %u)\n", rounds, seed);
    srandom(seed);
    for (unsigned round = 1; round <= rounds && bad == 0; round++) {
        uint64_t end = 0;
        const size_t before = acknowledged_count;
        const long after_ms = 1 + random() % 400;
        journal_and_kill(directory, round, after_ms);
        bad = check(directory, &end);
        printf("  round %u: killed after %3ld ms; %5zu acknowledged, %zu in all, %llu in the log, "
               "%zu lost\n",
               round, after_ms, acknowledged_count - before, acknowledged_count,
               (unsigned long long)end, bad);
    }
    if (acknowledged_count == 0) fprintf(stderr, "nothing was acknowledged: nothing was shown\n");
    const int good = bad == 0 && acknowledged_count > 0;
    nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(acknowledged);
    puts(good ? "OK: every acknowledged entry was there after every kill" : "FAILED");
    return good ? 0 : 1;
}
