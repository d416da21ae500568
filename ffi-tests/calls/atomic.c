/* Is a batch over several streams, or over several shards, appended whole or not at all, and does its error say which
 * part is the cause? */
#include "sharded.h"

#include <signal.h>

enum { STREAMS = 3 };
static const char *const names[STREAMS] = {"alice", "bob", "carol"};

static ironwal_stream *open_stream(ironwal_wal *wal, const char *name) {
    ironwal_stream *stream = NULL;
    OK(ironwal_stream_open(wal, name, strlen(name), &stream, &error));
    return stream;
}

static ironwal_atomic_part part_of(ironwal_stream *stream, const ironwal_slice *entries, size_t count) {
    ironwal_atomic_part part;
    memset(&part, 0, sizeof part);
    part.stream = stream;
    part.entries = entries;
    part.entry_count = count;
    return part;
}

static uint64_t next_id(ironwal_stream *stream) {
    uint64_t id = 0;
    OK(ironwal_stream_next_id(stream, &id, &error));
    return id;
}

static void holds(ironwal_wal *wal, const char *name, uint64_t id, const char *entry) {
    ironwal_buffer found = {NULL, 0};
    OK(ironwal_get(wal, name, strlen(name), id, &found, &error));
    CHECK(buffer_is(&found, entry, strlen(entry)));
    ironwal_buffer_free(&found);
}

/* Entries, properties and expected ids; the ids come in the order of the parts. */
static void parts_get_their_ids(ironwal_wal *wal, ironwal_stream *const streams[STREAMS]) {
    const ironwal_slice one = slice_of("one", 3), two[2] = {slice_of("two", 3), slice_of(NULL, 0)};
    const ironwal_property vote = {slice_of("vote", 4), slice_of("7", 1), IRONWAL_PROPERTY_SET, 0};
    uint64_t firsts[STREAMS] = {9, 9, 9}, ends[STREAMS] = {9, 9, 9};
    /* Not in the order of the names. */
    ironwal_atomic_part parts[STREAMS];
    parts[0] = part_of(streams[2], two, 2);
    parts[1] = part_of(streams[0], NULL, 0);
    parts[2] = part_of(streams[1], &one, 1);
    parts[1].properties = &vote;
    parts[1].property_count = 1;
    OK(ironwal_append_atomic(wal, parts, STREAMS, firsts, ends, &error));
    CHECK(firsts[0] == 0 && ends[0] == 2 && firsts[1] == 0 && ends[1] == 0 && firsts[2] == 0 && ends[2] == 1);
    holds(wal, "carol", 0, "two");
    holds(wal, "carol", 1, "");
    holds(wal, "bob", 0, "one");
    ironwal_buffer value = {NULL, 0};
    OK(ironwal_stream_property(streams[0], TEXT("vote"), &value, &error));
    CHECK(buffer_is(&value, "7", 1));
    ironwal_buffer_free(&value);

    /* Durable on return, also where the sync mode syncs nothing. */
    uint64_t durable_end = 0;
    OK(ironwal_stream_durable_end(streams[2], &durable_end, &error));
    CHECK(durable_end == 2);

    /* An id that is expected and right; the outputs may be NULL. */
    parts[1] = part_of(streams[0], &one, 1);
    parts[0].expects_id = parts[2].expects_id = 1;
    parts[0].expected_id = 2;
    parts[2].expected_id = 1;
    OK(ironwal_append_atomic(wal, parts, STREAMS, NULL, ends, &error));
    CHECK(ends[0] == 4 && ends[1] == 1 && ends[2] == 2);
}

/* The call is refused with this status, the error names the stream of part 1, and nothing is appended. */
static void refused(ironwal_wal *wal, const ironwal_atomic_part *parts, ironwal_stream *const streams[STREAMS],
                    ironwal_status expected, const char *stream, const char *in_message) {
    uint64_t before[STREAMS], firsts[2] = {99, 99}, ends[2] = {99, 99};
    ironwal_error *why = NULL;
    for (int at = 0; at < STREAMS; at++) before[at] = next_id(streams[at]);
    const ironwal_status status = ironwal_append_atomic(wal, parts, 2, firsts, ends, &why);
    const ironwal_str named = ironwal_error_stream(why), message = ironwal_error_message(why);
    if (status != expected || !message.data || !strstr(message.data, in_message)) {
        fprintf(stderr, "%s instead of %s: %s\n", ironwal_status_name(status), in_message,
                message.data ? message.data : "no message");
        exit(1);
    }
    CHECK(stream == NULL ? named.data == NULL : named.data != NULL && strcmp(named.data, stream) == 0);
    if (status == IRONWAL_E_SEQUENCE_MISMATCH) {
        uint64_t wanted = 0, found = 0;
        CHECK(ironwal_error_sequence(why, &wanted, &found) && wanted == 77 && found == before[1]);
    }
    ironwal_error_free(why);
    CHECK(firsts[0] == 99 && firsts[1] == 99 && ends[0] == 99 && ends[1] == 99);
    for (int at = 0; at < STREAMS; at++) CHECK(next_id(streams[at]) == before[at]);
}

static void what_cannot_be_appended(ironwal_wal *wal, ironwal_stream *const streams[STREAMS]) {
    const ironwal_slice one = slice_of("x", 1), bad = slice_of(NULL, 1);
    ironwal_atomic_part parts[2];
    parts[0] = part_of(streams[0], &one, 1);

    parts[1] = part_of(streams[1], &one, 1);
    parts[1].expects_id = 1;
    parts[1].expected_id = 77;
    refused(wal, parts, streams, IRONWAL_E_SEQUENCE_MISMATCH, "bob", "part 1, stream \"bob\"");
    parts[1].expected_id = IRONWAL_ANY_ID;
    refused(wal, parts, streams, IRONWAL_E_INVALID_ARG, NULL, "part 1: expected_id is IRONWAL_ANY_ID");
    parts[1].expects_id = 2;
    refused(wal, parts, streams, IRONWAL_E_INVALID_ARG, NULL, "expects_id is 2");
    parts[1].expects_id = 0;
    parts[1].reserved = 1;
    refused(wal, parts, streams, IRONWAL_E_INVALID_ARG, NULL, "reserved");

    parts[1] = part_of(streams[1], &bad, 1);
    refused(wal, parts, streams, IRONWAL_E_INVALID_ARG, NULL, "part 1: entries is NULL");
    parts[1] = part_of(NULL, &one, 1);
    refused(wal, parts, streams, IRONWAL_E_INVALID_ARG, NULL, "part 1: stream is NULL");
    parts[1] = part_of(streams[1], NULL, 0);
    refused(wal, parts, streams, IRONWAL_E_CONFIG, "bob", "neither entries nor properties");

    ironwal_stream *again = open_stream(wal, "alice");
    parts[1] = part_of(again, &one, 1);
    refused(wal, parts, streams, IRONWAL_E_CONFIG, "alice", "comes twice");
    ironwal_stream_free(again);

    ironwal_wal *other = open_log("other");
    ironwal_stream *foreign = open_stream(other, "bob");
    parts[1] = part_of(foreign, &one, 1);
    refused(wal, parts, streams, IRONWAL_E_CONFIG, "bob", "another log");
    CHECK(next_id(foreign) == 0);
    OK(ironwal_wal_close(other, &error));
    refused(wal, parts, streams, IRONWAL_E_CLOSED, NULL, "part 1");
    ironwal_stream_free(foreign);

    ironwal_stream *gone = open_stream(wal, "gone");
    OK(ironwal_stream_append(gone, TEXT("x"), NULL, &error));
    OK(ironwal_stream_delete(gone, &error));
    parts[1] = part_of(gone, &one, 1);
    refused(wal, parts, streams, IRONWAL_E_STREAM_NOT_FOUND, "gone", "part 1");
    ironwal_stream_free(gone);

    /* The limit counts for the batch. Just below it there is room. */
    enum { LIMIT = 256 << 10 };
    static char large[LIMIT];
    ironwal_slice half = slice_of(large, LIMIT / 2);
    parts[0] = part_of(streams[0], &half, 1);
    parts[1] = part_of(streams[1], &half, 1);
    refused(wal, parts, streams, IRONWAL_E_TOO_LARGE, NULL, "the limit is 262144");
    half.len -= 8 << 10;
    OK(ironwal_append_atomic(wal, parts, 2, NULL, NULL, &error));
}

/* Nothing of a part is there that the log does not have: the child is killed while it appends. */
static void a_killed_process_leaves_whole_batches(void) {
    int progress[2];
    CHECK(pipe(progress) == 0);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(100);
        ironwal_wal *wal = open_log("killed");
        ironwal_atomic_part parts[STREAMS];
        uint64_t number = 0;
        const ironwal_slice entry = slice_of(&number, sizeof number);
        for (int at = 0; at < STREAMS; at++) parts[at] = part_of(open_stream(wal, names[at]), &entry, 1);
        for (;; number++) {
            OK(ironwal_append_atomic(wal, parts, STREAMS, NULL, NULL, &error));
            CHECK(write(progress[1], &number, sizeof number) == (ssize_t)sizeof number);
        }
    }
    CHECK(close(progress[1]) == 0);
    uint64_t number = 0, acknowledged = 0;
    while (acknowledged < 50 && read(progress[0], &number, sizeof number) == (ssize_t)sizeof number)
        acknowledged = number + 1;
    CHECK(kill(child, SIGKILL) == 0);
    while (read(progress[0], &number, sizeof number) == (ssize_t)sizeof number) acknowledged = number + 1;
    CHECK(close(progress[0]) == 0 && exit_code_of(child) == 128 + SIGKILL);

    ironwal_wal *wal = open_log("killed");
    uint64_t ends[STREAMS];
    for (int at = 0; at < STREAMS; at++) {
        ironwal_stream *stream = open_stream(wal, names[at]);
        ends[at] = next_id(stream);
        for (uint64_t id = 0; id < ends[at]; id++) {
            uint64_t found = UINT64_MAX;
            size_t len = 0;
            OK(ironwal_stream_get_into(stream, id, &found, sizeof found, &len, &error));
            CHECK(len == sizeof found && found == id);
        }
        ironwal_stream_free(stream);
    }
    CHECK(ends[0] == ends[1] && ends[1] == ends[2]);
    CHECK(ends[0] == acknowledged || ends[0] == acknowledged + 1);
    OK(ironwal_wal_close(wal, &error));
}

static void over_shards(void) {
    ironwal_sharded *sharded = open_sharded("sharded", 3);
    uint32_t keys[3] = {key_of(2, 3), key_of(0, 3), key_of(2, 3)}, shards_of[3] = {9, 9, 9};
    uint64_t ids[3] = {9, 9, 9};
    ironwal_keyed_slice entries[3];
    for (int at = 0; at < 3; at++) {
        entries[at].key = slice_of(&keys[at], sizeof keys[at]);
        entries[at].value = slice_of("value", 5);
    }
    OK(ironwal_sharded_append_batch_atomic(sharded, entries, 3, shards_of, ids, &error));
    CHECK(shards_of[0] == 2 && shards_of[1] == 0 && shards_of[2] == 2 && ids[0] == 0 && ids[1] == 0 && ids[2] == 1);
    OK(ironwal_sharded_append_batch_atomic(sharded, entries, 3, NULL, NULL, &error));

    /* A shard is no stream of a batch; nor is there a batch with a shard that is gone. */
    ironwal_wal *wal = NULL;
    OK(ironwal_sharded_wal(sharded, &wal, &error));
    ironwal_stream *shard = open_stream(wal, "shard_00");
    const ironwal_slice one = slice_of("x", 1);
    const ironwal_atomic_part part = part_of(shard, &one, 1);
    EXPECT(IRONWAL_E_CONFIG, ironwal_append_atomic(wal, &part, 1, NULL, NULL, &error));
    OK(ironwal_delete_stream(wal, TEXT("shard_02"), &error));
    EXPECT(IRONWAL_E_STREAM_NOT_FOUND,
           ironwal_sharded_append_batch_atomic(sharded, entries, 3, shards_of, ids, &error));
    CHECK(next_id(shard) == 2 && ids[1] == 0);

    static char large[300 << 10];
    entries[1].value = slice_of(large, sizeof large);
    EXPECT(IRONWAL_E_TOO_LARGE, ironwal_sharded_append_batch_atomic(sharded, entries + 1, 1, NULL, NULL, &error));
    ironwal_stream_free(shard);
    ironwal_wal_free(wal);
    OK(ironwal_sharded_close(sharded, &error));
}

int main(void) {
    enter_directory();
    a_killed_process_leaves_whole_batches();

    ironwal_options *options = options_for("log");
    OK(ironwal_options_set_sync_mode(options, IRONWAL_SYNC_ASYNC, &error));
    OK(ironwal_options_set_no_background_sync(options, &error));
    ironwal_wal *wal = open_with(options);
    ironwal_stream *streams[STREAMS];
    for (int at = 0; at < STREAMS; at++) streams[at] = open_stream(wal, names[at]);
    parts_get_their_ids(wal, streams);
    what_cannot_be_appended(wal, streams);
    OK(ironwal_append_atomic(wal, NULL, 0, NULL, NULL, &error));
    OK(ironwal_wal_close(wal, &error));
    const ironwal_slice one = slice_of("x", 1);
    const ironwal_atomic_part part = part_of(streams[0], &one, 1);
    wal = open_log("log");
    EXPECT(IRONWAL_E_CLOSED, ironwal_append_atomic(wal, &part, 1, NULL, NULL, &error));
    holds(wal, "carol", 0, "two");
    for (int at = 0; at < STREAMS; at++) ironwal_stream_free(streams[at]);
    OK(ironwal_wal_close(wal, &error));
    over_shards();
    return 0;
}
