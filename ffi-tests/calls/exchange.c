/* Does a log that one machine wrote serve every byte on another, whatever its byte order, and go on there?
 *
 *     exchange write DIR       makes a plain and a sharded log in DIR
 *     exchange continue DIR    reads both, and appends to them
 *     exchange read DIR        reads both, and all that was appended to them
 *     exchange                 all of it, on this machine
 *
 * scripts/cross-linux.sh runs these on machines of different kinds. */
#include "sharded.h"

enum { ENTRIES = 3000, BATCH = 40, LONGEST = 900, ROUNDS = 64 };

static const char *root;

static ironwal_options *options_in(const char *name) {
    char path[1024];
    ironwal_options *options = NULL;
    CHECK(snprintf(path, sizeof path, "%s/%s", root, name) < (int)sizeof path);
    OK(ironwal_options_new(path, strlen(path), &options, &error));
    OK(ironwal_options_set_sync_mode(options, IRONWAL_SYNC_BATCH_ONLY, &error));
    OK(ironwal_options_set_compression(options, IRONWAL_COMPRESSION_LZ4, &error));
    OK(ironwal_options_set_min_compression_size(options, 64, &error));
    /* Many segments, so that names, indexes and rotation take part. */
    OK(ironwal_options_set_max_segment_size(options, 64 * 1024, &error));
    return options;
}

/* Entry `id`, the same on all machines: every third one compresses well. */
static size_t entry(uint64_t id, unsigned char *out) {
    uint32_t state = (uint32_t)id * UINT32_C(2654435761) + 1;
    size_t len = state % LONGEST;
    for (size_t at = 0; at < len; at++) {
        state = state * UINT32_C(1664525) + UINT32_C(1013904223);
        out[at] = id % 3 == 0 ? (unsigned char)(at / 50) : (unsigned char)(state >> 24);
    }
    return len;
}

static void make(void) {
    static unsigned char bytes[BATCH][LONGEST];
    ironwal_slice batch[BATCH];
    ironwal_wal *wal = open_with(options_in("plain"));
    uint64_t id = 0;
    while (id < ENTRIES) {
        uint64_t first_id = 0, end_id = 0;
        if (id % 100 == 0) {
            size_t len = entry(id, bytes[0]);
            OK(ironwal_append(wal, TEXT("ordres \xc3\xa9"), bytes[0], len, &first_id, &error));
            CHECK(first_id == id);
            id++;
            continue;
        }
        size_t count = 0;
        for (; count < BATCH && (id + count) % 100 != 0; count++)
            batch[count] = slice_of(bytes[count], entry(id + count, bytes[count]));
        OK(ironwal_append_batch(wal, TEXT("ordres \xc3\xa9"), batch, count, &first_id, &end_id, &error));
        CHECK(first_id == id && end_id == id + count);
        id = end_id;
    }
    ironwal_property vote;
    memset(&vote, 0, sizeof vote);
    vote.key = slice_of("vote", 4);
    vote.value = slice_of("term 7", 6);
    vote.op = IRONWAL_PROPERTY_SET;
    OK(ironwal_set_properties(wal, TEXT("ordres \xc3\xa9"), &vote, 1, IRONWAL_DURABILITY_DURABLE, NULL, &error));
    OK(ironwal_wal_close(wal, &error));

    ironwal_sharded *sharded = open_sharded_with(options_in("sharded"), shards(16));
    for (uint32_t key = 0; key < 400; key++) {
        char name[32];
        int len = snprintf(name, sizeof name, "account/%" PRIu32, key);
        OK(ironwal_sharded_append(sharded, name, (size_t)len, name, (size_t)len, NULL, NULL, &error));
        if (key == 199) OK(ironwal_sharded_create_checkpoint(sharded, TEXT("half"), &error));
    }
    OK(ironwal_sharded_create_checkpoint(sharded, TEXT("all"), &error));
    OK(ironwal_sharded_close(sharded, &error));
}

/* Everything that `make` wrote; how many entries other machines appended. */
static uint64_t look(ironwal_wal *wal, ironwal_sharded *sharded) {
    unsigned char expected[LONGEST];
    ironwal_iter *iter = NULL;
    ironwal_view view;
    uint64_t id = 0, found = 0, appended = 0;
    OK(ironwal_wal_iter(wal, TEXT("ordres \xc3\xa9"), 0, &iter, &error));
    for (; id < ENTRIES; id++) {
        OK(ironwal_iter_next(iter, &found, &view, &error));
        CHECK(found == id && view_is(view, expected, entry(id, expected)));
    }
    while (ironwal_iter_next(iter, &found, &view, &error) == IRONWAL_OK) {
        CHECK(found == id + appended && view_is(view, "continued", 9));
        appended++;
    }
    CHECK(error == NULL);
    ironwal_iter_free(iter);

    ironwal_buffer buffer = {NULL, 0};
    for (id = 0; id < ENTRIES; id += 37) {
        OK(ironwal_get(wal, TEXT("ordres \xc3\xa9"), id, &buffer, &error));
        CHECK(buffer_is(&buffer, expected, entry(id, expected)));
        ironwal_buffer_free(&buffer);
    }
    OK(ironwal_get_property(wal, TEXT("ordres \xc3\xa9"), TEXT("vote"), &buffer, &error));
    CHECK(buffer_is(&buffer, "term 7", 6));
    ironwal_buffer_free(&buffer);

    ironwal_verify_report *report = NULL;
    ironwal_verify_report_totals totals;
    OK(ironwal_wal_verify(wal, &report, &error));
    OK(ironwal_verify_report_get_totals(report, &totals, sizeof totals, &error));
    CHECK(totals.clean && totals.entries == ENTRIES + appended);
    ironwal_verify_report_free(report);

    /* Each entry of a shard holds its key, and the key still leads to that shard. */
    uint64_t of_all_shards = 0, at_checkpoint = 0;
    ironwal_checkpoint *checkpoint = NULL;
    OK(ironwal_sharded_load_checkpoint(sharded, TEXT("all"), &checkpoint, &error));
    for (uint16_t shard = 0; shard < 16; shard++) {
        OK(ironwal_sharded_iter_shard(sharded, shard, 0, &iter, &error));
        while (ironwal_iter_next(iter, &found, &view, &error) == IRONWAL_OK) {
            uint32_t routed = 99;
            OK(ironwal_sharded_route(view.data, view.len, 16, &routed, &error));
            CHECK(routed == shard && view.len > 8 && memcmp(view.data, "account/", 8) == 0);
            of_all_shards++;
        }
        CHECK(error == NULL);
        ironwal_iter_free(iter);
        at_checkpoint += offset_of(checkpoint, shard);
    }
    ironwal_checkpoint_free(checkpoint);
    CHECK(at_checkpoint == 400 && of_all_shards == 400 + appended);
    return appended;
}

static void look_and_append(int append) {
    ironwal_wal *wal = open_with(options_in("plain"));
    ironwal_sharded *sharded = open_sharded_with(options_in("sharded"), shards(16));
    uint64_t appended = look(wal, sharded);
    if (append) {
        CHECK(appended < ROUNDS);
        OK(ironwal_append(wal, TEXT("ordres \xc3\xa9"), TEXT("continued"), NULL, &error));
        OK(ironwal_sharded_append(sharded, TEXT("account/7"), TEXT("account/7"), NULL, NULL, &error));
        CHECK(look(wal, sharded) == appended + 1);
        appended++;
    }
    OK(ironwal_sharded_close(sharded, &error));
    OK(ironwal_wal_close(wal, &error));
    printf("%d entries, and %" PRIu64 " appended since\n", ENTRIES, appended);
}

int main(int argc, char **argv) {
    if (argc == 1) {
        enter_directory();
        root = directory;
        make();
        look_and_append(1);
        look_and_append(1);
        look_and_append(0);
        return 0;
    }
    CHECK(argc == 3);
    root = argv[2];
    if (strcmp(argv[1], "write") == 0) {
        make();
    } else if (strcmp(argv[1], "continue") == 0) {
        look_and_append(1);
    } else {
        CHECK(strcmp(argv[1], "read") == 0);
        look_and_append(0);
    }
    return 0;
}
