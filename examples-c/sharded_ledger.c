/* How does a ledger on 16 shards recover its balances after the process was killed?
 *
 * A child process moves money: the debit is appended to the shard of one account, then the credit
 * to the shard of the other, while a second thread makes checkpoints all the time. The parent kills
 * it and reads the newest checkpoint. A checkpoint is a consistent cut, so it holds no credit
 * without its debit: money may be in transit, but none appears from nowhere. The parent replays the
 * entries behind the checkpoint and compares the balances with those that a rule computes from the
 * transfers. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <ironwal.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SHARDS = 16, ACCOUNTS = 500, OPENING_BALANCE = 1000, TRANSFERS_BEFORE_THE_END = 20000 };

/* An entry: one side of a transfer. */
struct posting {
    uint64_t transfer;
    int64_t amount; /* negative: a debit */
    uint32_t account;
    uint32_t reserved;
};

struct ledger {
    int64_t balances[ACCOUNTS];
    uint64_t debits, credits;
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

/* The n-th transfer, computed by a rule (splitmix64's finaliser). */
static void transfer_of(uint64_t n, struct posting *debit, struct posting *credit) {
    uint64_t mixed = (n + 1) * UINT64_C(0x9E3779B97F4A7C15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    mixed ^= mixed >> 31;
    memset(debit, 0, sizeof *debit);
    debit->transfer = n;
    debit->amount = -(int64_t)(mixed % 100 + 1);
    debit->account = (uint32_t)(mixed >> 8) % ACCOUNTS;
    *credit = *debit;
    credit->amount = -debit->amount;
    credit->account = (uint32_t)(debit->account + 1 + (mixed >> 40) % (ACCOUNTS - 1)) % ACCOUNTS;
}

static void apply(struct ledger *ledger, const struct posting *posting) {
    ledger->balances[posting->account] += posting->amount;
    if (posting->amount < 0) ledger->debits++;
    else ledger->credits++;
}

static ironwal_sharded *open_ledger(const char *path) {
    ironwal_options *options = NULL;
    ironwal_sharded_options *sharded_options = NULL;
    ironwal_sharded *sharded = NULL;
    OK(ironwal_options_new(path, strlen(path), &options, &error));
    /* Appends survive the death of the process; a checkpoint makes its entries durable. */
    OK(ironwal_options_set_sync_mode(options, IRONWAL_SYNC_ASYNC, &error));
    OK(ironwal_sharded_options_new(SHARDS, &sharded_options, &error));
    OK(ironwal_sharded_open(options, sharded_options, &sharded, &error));
    ironwal_sharded_options_free(sharded_options);
    ironwal_options_free(options);
    return sharded;
}

/* The child's report to the parent, through a pipe: the count of acknowledged entries. */
struct reported {
    uint64_t transfers, checkpoints;
};
static _Atomic uint64_t transfers_done;
static int pipe_ends[2];

static void post(ironwal_sharded *sharded, const struct posting *posting) {
    char key[32];
    int key_len = snprintf(key, sizeof key, "account/%06" PRIu32, posting->account);
    OK(ironwal_sharded_append(sharded, key, (size_t)key_len, posting, sizeof *posting, NULL, NULL,
                              &error));
}

static void *make_checkpoints(void *context) {
    ironwal_error *why = NULL;
    for (uint64_t number = 1;; number++) {
        char id[32];
        int id_len = snprintf(id, sizeof id, "checkpoint-%08" PRIu64, number);
        struct reported reported = {transfers_done, number};
        if (ironwal_sharded_create_checkpoint(context, id, (size_t)id_len, &why) != IRONWAL_OK) {
            fprintf(stderr, "checkpoint: %s\n", ironwal_error_message(why).data);
            _exit(1);
        }
        if (write(pipe_ends[1], &reported, sizeof reported) != (ssize_t)sizeof reported) _exit(1);
    }
    return NULL;
}

static void move_money_until_killed(const char *path) {
    ironwal_sharded *sharded = open_ledger(path);
    pthread_t thread;
    check(pthread_create(&thread, NULL, make_checkpoints, sharded) == 0, "a second thread");
    for (uint64_t n = 0;; n++) {
        struct posting debit, credit;
        transfer_of(n, &debit, &credit);
        post(sharded, &debit);
        post(sharded, &credit);
        transfers_done = n + 1;
    }
}

/* Applies the entries of a shard from `start_id` up to `end_id`, or to the end. */
static void replay(ironwal_sharded *sharded, uint32_t shard, uint64_t start_id, uint64_t end_id,
                   struct ledger *ledger) {
    ironwal_iter *iter = NULL;
    ironwal_view view;
    uint64_t id = 0;
    OK(ironwal_sharded_iter_shard(sharded, shard, start_id, &iter, &error));
    for (uint64_t next_id = start_id; next_id < end_id; next_id++) {
        struct posting posting;
        ironwal_status status = ironwal_iter_next(iter, &id, &view, &error);
        if (status == IRONWAL_E_END) {
            check(end_id == UINT64_MAX, "a checkpoint holds what is there");
            break;
        }
        OK(status);
        check(id == next_id && view.len == sizeof posting, "no entry is missing or torn");
        memcpy(&posting, view.data, sizeof posting);
        apply(ledger, &posting);
    }
    ironwal_iter_free(iter);
}

/* The balances after so many debits and credits, without the log. */
static void compare(const struct ledger *found, const char *what) {
    static struct ledger expected;
    memset(&expected, 0, sizeof expected);
    for (uint64_t n = 0; n < found->debits; n++) {
        struct posting debit, credit;
        transfer_of(n, &debit, &credit);
        apply(&expected, &debit);
        if (n < found->credits) apply(&expected, &credit);
    }
    check(found->credits <= found->debits, "no credit without its debit");
    check(found->debits - found->credits <= 1, "at most one transfer is under way");
    check(memcmp(&expected, found, sizeof expected) == 0, what);
}

static struct reported run_and_kill(const char *path) {
    struct reported reported = {0, 0}, last = {0, 0};
    check(pipe(pipe_ends) == 0, "a pipe");
    pid_t child = fork();
    check(child >= 0, "fork");
    if (child == 0) {
        close(pipe_ends[0]);
        move_money_until_killed(path);
    }
    close(pipe_ends[1]);
    while (last.transfers < TRANSFERS_BEFORE_THE_END &&
           read(pipe_ends[0], &reported, sizeof reported) == (ssize_t)sizeof reported)
        last = reported;
    kill(child, SIGKILL);
    while (read(pipe_ends[0], &reported, sizeof reported) == (ssize_t)sizeof reported) last = reported;
    int status = 0;
    waitpid(child, &status, 0);
    check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the child was killed at work");
    return last;
}

int main(int argc, char **argv) {
    char path[] = "./ledger-XXXXXX";
    const char *given = argc > 1 ? argv[1] : mkdtemp(path);
    check(given != NULL, "a directory");
    struct reported reported = run_and_kill(given);
    printf("killed after %" PRIu64 " checkpoints\n", reported.checkpoints);

    ironwal_sharded *sharded = open_ledger(given);
    ironwal_checkpoint *checkpoint = NULL;
    OK(ironwal_sharded_load_latest_checkpoint(sharded, &checkpoint, &error));
    ironwal_view id = ironwal_checkpoint_id(checkpoint);
    char name[32] = "";
    memcpy(name, id.data, id.len < sizeof name ? id.len : sizeof name - 1);
    uint64_t number = strtoull(name + strlen("checkpoint-"), NULL, 10);
    check(number >= reported.checkpoints, "the last acknowledged checkpoint is there");

    static struct ledger ledger;
    uint64_t offsets[SHARDS];
    for (uint32_t shard = 0; shard < SHARDS; shard++) {
        OK(ironwal_checkpoint_offset(checkpoint, shard, &offsets[shard], &error));
        replay(sharded, shard, 0, offsets[shard], &ledger);
    }
    compare(&ledger, "the balances of the checkpoint are those of its transfers");
    check(ledger.credits >= reported.transfers, "it holds what was done before it was made");
    printf("%s: %" PRIu64 " debits, %" PRIu64 " credits\n", name, ledger.debits, ledger.credits);

    /* A program that stores its balances with the checkpoint would begin here. */
    for (uint32_t shard = 0; shard < SHARDS; shard++)
        replay(sharded, shard, offsets[shard], UINT64_MAX, &ledger);
    compare(&ledger, "the balances are those of all transfers");
    int64_t total = 0;
    for (uint32_t account = 0; account < ACCOUNTS; account++)
        total += OPENING_BALANCE + ledger.balances[account];
    printf("restored: %" PRIu64 " debits, %" PRIu64 " credits; %" PRId64 " in %d accounts\n",
           ledger.debits, ledger.credits, total, ACCOUNTS);

    ironwal_checkpoint_free(checkpoint);
    OK(ironwal_sharded_close(sharded, &error));
    if (argc <= 1) {
        char command[64];
        snprintf(command, sizeof command, "rm -r %s", path);
        check(system(command) == 0, "removed");
    }
    return 0;
}
