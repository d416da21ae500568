/* Does a second process read the shards and checkpoints that the first one makes, without changing anything? */
#include "sharded.h"

#include <stdbool.h>
#include <time.h>

#define SHARDS 3
#define CHECKPOINTS 40

static ironwal_sharded *open_reader(const char *name, uint32_t shard_count, ironwal_status expected) {
    ironwal_options *options = options_for(name);
    ironwal_sharded *reader = (ironwal_sharded *)&reader;
    EXPECT(expected, ironwal_sharded_open_read_only(options, shard_count, &reader, &error));
    CHECK((reader != NULL) == (expected == IRONWAL_OK));
    ironwal_options_free(options);
    return reader;
}

static void refuses_to_change(ironwal_sharded *reader) {
    ironwal_keyed_slice entry;
    ironwal_slice value = slice_of("x", 1);
    ironwal_wal *wal = NULL;
    bool read_only = false;
    entry.key = entry.value = value;
    EXPECT(IRONWAL_E_READ_ONLY, ironwal_sharded_append(reader, TEXT("k"), TEXT("x"), NULL, NULL, &error));
    EXPECT(IRONWAL_E_READ_ONLY, ironwal_sharded_append_batch(reader, &entry, 1, NULL, NULL, &error));
    EXPECT(IRONWAL_E_READ_ONLY, ironwal_sharded_append_batch(reader, NULL, 0, NULL, NULL, &error));
    EXPECT(IRONWAL_E_READ_ONLY,
           ironwal_sharded_append_batch_for_key(reader, TEXT("k"), &value, 1, NULL, NULL, NULL, &error));
    EXPECT(IRONWAL_E_READ_ONLY,
           ironwal_sharded_append_batch_for_key(reader, TEXT("k"), NULL, 0, NULL, NULL, NULL, &error));
    EXPECT(IRONWAL_E_READ_ONLY, ironwal_sharded_flush_shard(reader, 0, &error));
    EXPECT(IRONWAL_E_READ_ONLY, ironwal_sharded_flush_all(reader, &error));
    EXPECT(IRONWAL_E_READ_ONLY, ironwal_sharded_create_checkpoint(reader, TEXT("c"), &error));
    EXPECT(IRONWAL_E_READ_ONLY,
           ironwal_sharded_prune_before_checkpoint(reader, TEXT("c0"), NULL, 0, &error));
    EXPECT(IRONWAL_E_READ_ONLY, ironwal_sharded_rollback_to_checkpoint(reader, TEXT("c0"), &error));
    EXPECT(IRONWAL_E_READ_ONLY, ironwal_sharded_compact_checkpoints(reader, 0, NULL, 0, &error));
    EXPECT(IRONWAL_E_NOT_FOUND,
           ironwal_sharded_automatic_status(reader, NULL, 0, NULL, &error));
    OK(ironwal_sharded_wal(reader, &wal, &error));
    OK(ironwal_wal_is_read_only(wal, &read_only, &error));
    CHECK(read_only);
    ironwal_wal_free(wal);
}

/* Shard `shard` has the entries 0 to `end` of its own, each one byte. */
static void has_entries(ironwal_sharded *reader, uint32_t shard, uint64_t end) {
    ironwal_iter *iter = NULL;
    OK(ironwal_sharded_iter_shard(reader, shard, 0, &iter, &error));
    for (uint64_t expected = 0; expected < end; expected++) {
        uint64_t id = 0;
        ironwal_view view;
        uint8_t byte = (uint8_t)expected;
        OK(ironwal_iter_next(iter, &id, &view, &error));
        CHECK(id == expected && view_is(view, &byte, 1));
    }
    ironwal_iter_free(iter);
}

/* Loads each checkpoint as soon as it is there. */
static int follow(void) {
    ironwal_sharded *reader = open_reader("log", 0, IRONWAL_OK);
    uint32_t count = 0;
    OK(ironwal_sharded_shard_count(reader, &count, &error));
    CHECK(count == SHARDS);
    refuses_to_change(reader);
    for (uint64_t number = 0; number < CHECKPOINTS;) {
        ironwal_checkpoint *checkpoint = NULL;
        char id[16];
        int len = snprintf(id, sizeof id, "c%" PRIu64, number);
        ironwal_error *details = NULL;
        ironwal_status status =
            ironwal_sharded_load_checkpoint(reader, id, (size_t)len, &checkpoint, &details);
        ironwal_error_free(details);
        if (status == IRONWAL_E_CHECKPOINT_NOT_FOUND) {
            struct timespec pause = {0, 1000000};
            nanosleep(&pause, NULL);
            continue;
        }
        CHECK(status == IRONWAL_OK && ironwal_checkpoint_shard_count(checkpoint) == SHARDS);
        for (uint32_t shard = 0; shard < SHARDS; shard++) {
            CHECK(offset_of(checkpoint, shard) == number + 1);
            has_entries(reader, shard, number + 1);
        }
        ironwal_checkpoint_free(checkpoint);
        CHECK(checkpoints_of(reader) > number);
        number++;
    }
    OK(ironwal_sharded_refresh(reader, &error));
    OK(ironwal_sharded_close(reader, &error));
    return 0;
}

static void snapshot_of(ironwal_sharded *reader) {
    const char *dir = path_of("copy");
    OK(ironwal_sharded_snapshot_to(reader, dir, strlen(dir), IRONWAL_SNAPSHOT_COPY, NULL, 0, &error));
    ironwal_sharded *copy = open_sharded("copy", SHARDS);
    CHECK(checkpoints_of(copy) == CHECKPOINTS);
    has_entries(copy, 1, CHECKPOINTS);
    OK(ironwal_sharded_close(copy, &error));
}

int main(int argc, char **argv) {
    if (argc > 2 && strcmp(argv[1], "follow") == 0) {
        snprintf(directory, sizeof directory, "%s", argv[2]);
        return follow();
    }
    enter_directory();
    open_reader("log", 0, IRONWAL_E_IO);
    CHECK(make_directory(path_of("log")) == 0);
    open_reader("log", SHARDS, IRONWAL_E_IO);
    ironwal_sharded *log = open_sharded("log", SHARDS);
    open_reader("log", SHARDS + 1, IRONWAL_E_SHARD_COUNT_MISMATCH);
    open_reader("log", 65536, IRONWAL_E_CONFIG);
    child_process child = start_again(argv[0], "follow", directory);
    for (int number = 0; number < CHECKPOINTS; number++) {
        for (uint32_t shard = 0; shard < SHARDS; shard++) {
            uint32_t key = key_of(shard, SHARDS), found = 0;
            uint8_t byte = (uint8_t)number;
            OK(ironwal_sharded_append(log, &key, sizeof key, &byte, 1, &found, NULL, &error));
            CHECK(found == shard);
        }
        char id[16];
        int len = snprintf(id, sizeof id, "c%d", number);
        OK(ironwal_sharded_create_checkpoint(log, id, (size_t)len, &error));
    }
    CHECK(exit_code_of(child) == 0);
    OK(ironwal_sharded_refresh(log, &error));
    ironwal_sharded *reader = open_reader("log", SHARDS, IRONWAL_OK);
    snapshot_of(reader);
    OK(ironwal_sharded_close(log, &error));
    CHECK(checkpoints_of(reader) == CHECKPOINTS);
    OK(ironwal_sharded_close(reader, &error));
    return 0;
}
