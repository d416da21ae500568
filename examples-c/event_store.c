/* How do several writers append events to one account, each decided on the state that it knows?
 *
 * The expected version is the id that the event must get. Two writers race for each id; the one that
 * comes second gets IRONWAL_E_SEQUENCE_MISMATCH, reads what it missed, decides again and retries.
 * An answer may be lost and the request come again: its event is found among those that were missed,
 * and is not appended twice.
 *
 *     event_store [DIRECTORY]
 */
#define _XOPEN_SOURCE 700
#include <ironwal.h>
#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WRITERS = 2, REQUESTS = 200, OPENING = 1000, AMOUNT = 3, LOST_EVERY = 10 };

static const uint64_t NO_ID = UINT64_MAX;

/* Writer and number distinguish requests that change the balance alike. */
struct event {
    uint32_t writer, number;
    int64_t amount;
};

/* What a writer knows: the balance after the events below `version`. */
struct account {
    uint64_t version;
    int64_t balance;
};

static ironwal_stream *stream;

static void fail(const char *what, ironwal_error *error) {
    ironwal_str message = ironwal_error_message(error);
    fprintf(stderr, "%s: %s\n", what, message.data ? message.data : "failed");
    exit(1);
}

static int same(const struct event *a, const struct event *b) {
    return a->writer == b->writer && a->number == b->number;
}

/* Applies the events from the known version on. Returns the id of `mine`, if it is among them. */
static uint64_t catch_up(struct account *account, const struct event *mine) {
    uint64_t found = NO_ID;
    for (;;) {
        struct event event;
        ironwal_buffer bytes;
        ironwal_error *error = NULL;
        ironwal_status status = ironwal_stream_get(stream, account->version, &bytes, &error);
        if (status == IRONWAL_E_NOT_FOUND) return found;
        if (status != IRONWAL_OK) fail("get", error);
        memcpy(&event, bytes.data, sizeof event);
        ironwal_buffer_free(&bytes);
        if (mine && same(&event, mine)) found = account->version;
        account->balance += event.amount;
        account->version++;
    }
}

/* Books an event, unless an earlier attempt already did or the balance does not suffice (NO_ID). */
static uint64_t book(struct account *account, const struct event *event, uint64_t *retries) {
    while (account->balance + event->amount >= 0) {
        uint64_t id = 0, found = 0;
        ironwal_error *error = NULL;
        ironwal_status status = ironwal_stream_append_at(stream, account->version, event,
                                                         sizeof *event, &id, &error);
        if (status == IRONWAL_OK) {
            account->balance += event->amount;
            account->version = id + 1;
            return id; /* durable */
        }
        if (status != IRONWAL_E_SEQUENCE_MISMATCH || !ironwal_error_sequence(error, NULL, &found))
            fail("append", error);
        ironwal_error_free(error);
        error = NULL;
        /* The events in front may be on their way to the disk. Should they fail, the append below
         * finds their ids free. */
        if (ironwal_stream_wait_durable(stream, found - 1, 1000000000, &error) != IRONWAL_OK)
            ironwal_error_free(error);
        id = catch_up(account, event);
        if (id != NO_ID) return id;
        ++*retries;
    }
    return NO_ID;
}

struct writer {
    uint32_t number;
    uint64_t booked, refused, retries, repeated;
};

static void *withdraw(void *argument) {
    struct writer *writer = argument;
    struct account account = {0, 0};
    catch_up(&account, NULL);
    for (uint32_t number = 0; number < REQUESTS; number++) {
        const struct event event = {writer->number, number, -AMOUNT};
        const struct account before = account;
        const uint64_t id = book(&account, &event, &writer->retries);
        if (id == NO_ID) {
            writer->refused++;
            continue;
        }
        writer->booked++;
        if (number % LOST_EVERY != 0) continue;
        /* The answer is lost: the client sends the request again, and we know only the state before. */
        account = before;
        if (book(&account, &event, &writer->retries) != id) fail("a repeated request", NULL);
        writer->repeated++;
    }
    return NULL;
}

/* Every request is there at most once, and no event ever took the balance below zero. */
static void check(uint64_t booked) {
    static int seen[WRITERS + 1][REQUESTS];
    int64_t balance = 0;
    uint64_t id = 0;
    ironwal_buffer bytes;
    ironwal_error *error = NULL;
    for (; ironwal_stream_get(stream, id, &bytes, &error) == IRONWAL_OK; id++) {
        struct event event;
        memcpy(&event, bytes.data, sizeof event);
        ironwal_buffer_free(&bytes);
        balance += event.amount;
        if (balance < 0 || seen[event.writer][event.number]++) fail("an event", NULL);
    }
    if (error) fail("get", error);
    if (id != booked + 1 || balance != OPENING % AMOUNT) fail("the balance", NULL);
    printf("%" PRIu64 " events, each once, balance %" PRId64 "\n", id, balance);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at) {
    (void)status, (void)kind, (void)at;
    return remove(path);
}

int main(int argc, char **argv) {
    char made[] = "event_store.XXXXXX";
    const char *directory = argc > 1 ? argv[1] : mkdtemp(made);
    ironwal_options *options = NULL;
    ironwal_wal *wal = NULL;
    ironwal_error *error = NULL;
    if (!directory || ironwal_options_new(directory, strlen(directory), &options, &error) != IRONWAL_OK ||
        ironwal_wal_open(options, &wal, &error) != IRONWAL_OK ||
        ironwal_stream_open(wal, "account-7", 9, &stream, &error) != IRONWAL_OK)
        fail("open", error);
    ironwal_options_free(options);

    /* The first event: the account must not exist yet. Once it does, the same call is refused. */
    const struct event opened = {WRITERS, 0, OPENING};
    if (ironwal_stream_append_at(stream, 0, &opened, sizeof opened, NULL, &error) != IRONWAL_OK)
        fail("the account exists; give a new directory", error);
    if (ironwal_stream_append_at(stream, 0, &opened, sizeof opened, NULL, &error) !=
        IRONWAL_E_SEQUENCE_MISMATCH)
        fail("a second opening", error);
    ironwal_error_free(error);

    struct writer writers[WRITERS];
    pthread_t threads[WRITERS];
    uint64_t booked = 0;
    for (uint32_t n = 0; n < WRITERS; n++) {
        writers[n] = (struct writer){n, 0, 0, 0, 0};
        if (pthread_create(&threads[n], NULL, withdraw, &writers[n]) != 0) fail("thread", NULL);
    }
    for (uint32_t n = 0; n < WRITERS; n++) {
        pthread_join(threads[n], NULL);
        printf("writer %u: %" PRIu64 " booked, %" PRIu64 " refused, %" PRIu64
               " retries after a mismatch, %" PRIu64 " repeated requests found\n",
               n, writers[n].booked, writers[n].refused, writers[n].retries, writers[n].repeated);
        booked += writers[n].booked;
    }
    check(booked);
    ironwal_stream_free(stream);
    error = NULL;
    if (ironwal_wal_close(wal, &error) != IRONWAL_OK) fail("close", error);
    return argc > 1 ? 0 : nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0;
}
