/* Is money ever lost, or there twice, when a program is killed in the middle of a transfer?
 *
 * Each of two accounts is a stream. A transfer is two entries: a debit in one stream and a credit in the other. They are
 * appended as one atomic batch, so after any crash both are there or neither is.
 *
 * A child process transfers money until it is killed with SIGKILL, at a random moment. The parent opens the log again and
 * checks that each transfer that it finds is whole, that no acknowledged one is lost, and that the sum of both balances
 * is what it was. Then a new child goes on from there.
 *
 *     transfer [ROUNDS [SEED]]
 */
#define _XOPEN_SOURCE 700
#include <ftw.h>
#include <inttypes.h>
#include <ironwal.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ACCOUNTS = 2, OPENING_BALANCE = 1000 };
static const char *const names[ACCOUNTS] = {"alice", "bob"};

/* One side of a transfer: an entry in the stream of an account. */
struct posting {
    uint64_t transfer; /* the same number in both streams */
    int64_t amount;    /* negative: the account pays */
};

struct account {
    ironwal_stream *stream;
    uint64_t postings; /* how many are in the stream */
    int64_t balance;
};

static ironwal_error *error;

#define OK(call) must((call), #call)

static void must(ironwal_status status, const char *call) {
    if (status == IRONWAL_OK) return;
    ironwal_str message = ironwal_error_message(error);
    fprintf(stderr, "%s: %s\n", call, message.data ? message.data : ironwal_status_name(status));
    exit(1);
}

static void check(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "wrong: %s\n", what);
    exit(1);
}

static ironwal_wal *open_log(const char *directory) {
    ironwal_options *options = NULL;
    ironwal_wal *wal = NULL;
    OK(ironwal_options_new(directory, strlen(directory), &options, &error));
    OK(ironwal_wal_open(options, &wal, &error));
    ironwal_options_free(options);
    return wal;
}

/* ---- the ledger, as it is in the log ---- */

static void read_account(ironwal_wal *wal, const char *name, struct account *account) {
    OK(ironwal_stream_open(wal, name, strlen(name), &account->stream, &error));
    OK(ironwal_stream_next_id(account->stream, &account->postings, &error));
    account->balance = OPENING_BALANCE;
    for (uint64_t id = 0; id < account->postings; id++) {
        struct posting posting;
        size_t len = 0;
        OK(ironwal_stream_get_into(account->stream, id, &posting, sizeof posting, &len, &error));
        check(len == sizeof posting && posting.transfer == id, "each account has every transfer once, in order");
        account->balance += posting.amount;
    }
}

static void close_account(struct account *account) {
    ironwal_stream_free(account->stream);
    account->stream = NULL;
}

/* ---- the child ---- */

/* Appends both sides of the transfer, or neither. Durable on return. */
static void transfer(ironwal_wal *wal, struct account accounts[ACCOUNTS], uint64_t number, int64_t from_first) {
    ironwal_atomic_part parts[ACCOUNTS];
    struct posting postings[ACCOUNTS];
    ironwal_slice entries[ACCOUNTS];
    memset(parts, 0, sizeof parts);
    for (int at = 0; at < ACCOUNTS; at++) {
        postings[at].transfer = number;
        postings[at].amount = at == 0 ? -from_first : from_first;
        entries[at].data = &postings[at];
        entries[at].len = sizeof postings[at];
        parts[at].stream = accounts[at].stream;
        parts[at].entries = &entries[at];
        parts[at].entry_count = 1;
        /* Refused if another program has changed the account since its balance was read. */
        parts[at].expects_id = 1;
        parts[at].expected_id = accounts[at].postings;
    }
    OK(ironwal_append_atomic(wal, parts, ACCOUNTS, NULL, NULL, &error));
    for (int at = 0; at < ACCOUNTS; at++) {
        accounts[at].postings++;
        accounts[at].balance += postings[at].amount;
    }
}

/* Never returns: the parent kills the process. Each transfer is reported once it is durable. */
static void move_money(const char *directory, int report_fd) {
    struct account accounts[ACCOUNTS];
    ironwal_wal *wal = open_log(directory);
    for (int at = 0; at < ACCOUNTS; at++) read_account(wal, names[at], &accounts[at]);
    for (uint64_t number = accounts[0].postings;; number++) {
        /* The richer account pays, so that none is overdrawn. */
        const int64_t amount = 1 + random() % 100;
        transfer(wal, accounts, number, accounts[0].balance >= accounts[1].balance ? amount : -amount);
        if (write(report_fd, &number, sizeof number) != (ssize_t)sizeof number) _exit(1);
    }
}

/* ---- the parent ---- */

/* Kills the child `after_us` from its first report on. Returns how many transfers were acknowledged in all. */
static uint64_t move_money_and_kill(const char *directory, long after_us, uint64_t acknowledged) {
    int ends[2], status = 0;
    uint64_t number;
    const struct timespec delay = {after_us / 1000000, after_us % 1000000 * 1000};
    check(pipe(ends) == 0, "a pipe");
    fflush(NULL);
    const pid_t child = fork();
    check(child >= 0, "fork");
    if (child == 0) {
        close(ends[0]);
        move_money(directory, ends[1]);
    }
    close(ends[1]);
    if (read(ends[0], &number, sizeof number) == (ssize_t)sizeof number) acknowledged = number + 1;
    nanosleep(&delay, NULL);
    kill(child, SIGKILL);
    while (read(ends[0], &number, sizeof number) == (ssize_t)sizeof number) acknowledged = number + 1;
    close(ends[0]);
    check(waitpid(child, &status, 0) == child, "the child ended");
    check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the child was killed at work");
    return acknowledged;
}

/* Opens the log again. Returns how many transfers it has. */
static uint64_t check_ledger(const char *directory, uint64_t acknowledged) {
    struct account accounts[ACCOUNTS];
    ironwal_wal *wal = open_log(directory);
    int64_t sum = 0;
    for (int at = 0; at < ACCOUNTS; at++) {
        read_account(wal, names[at], &accounts[at]);
        sum += accounts[at].balance;
    }
    const uint64_t found = accounts[0].postings;
    printf("    %" PRIu64 " transfers were reported as done, the log has %" PRIu64 "; alice has %" PRId64
           ", bob has %" PRId64 ", together %" PRId64 "\n",
           acknowledged, found, accounts[0].balance, accounts[1].balance, sum);
    check(accounts[1].postings == found, "no half of a transfer is there");
    check(found >= acknowledged, "no transfer that was reported as done is lost");
    check(found <= acknowledged + 1, "at most one transfer was done and not yet reported");
    check(sum == ACCOUNTS * OPENING_BALANCE, "the sum is what it was");
    for (int at = 0; at < ACCOUNTS; at++) close_account(&accounts[at]);
    OK(ironwal_wal_close(wal, &error));
    return found;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at) {
    (void)status, (void)kind, (void)at;
    return remove(path);
}

int main(int argc, char **argv) {
    const unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 8;
    const unsigned seed = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : (unsigned)time(NULL);
    char directory[] = "./transfer-XXXXXX";
    check(mkdtemp(directory) != NULL, "a directory");
    printf("Alice and Bob have %d each. A program moves money between them, and is killed %u times (seed %u).\n",
           OPENING_BALANCE, rounds, seed);
    uint64_t done = 0;
    for (unsigned round = 1; round <= rounds; round++) {
        srandom(seed + round);
        const long after_us = random() % 100000;
        const uint64_t acknowledged = move_money_and_kill(directory, after_us, done);
        printf("  kill %u, %ld.%03ld ms after the first transfer:\n", round, after_us / 1000, after_us % 1000);
        done = check_ledger(directory, acknowledged);
    }
    check(done > 0 || rounds == 0, "money was moved");
    nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    puts("OK: after every kill each transfer was there whole or not at all, and no money was lost or made");
    return 0;
}
