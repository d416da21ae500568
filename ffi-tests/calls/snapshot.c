/* Does a snapshot open as the log that it was made of, and do digests and last entries say so? */
#include "sharded.h"

static void digest_of(ironwal_stream *stream, uint64_t first, uint64_t end, uint8_t *digest) {
    OK(ironwal_stream_digest(stream, first, end, digest, &error));
}

static void same(ironwal_wal *wal, const char *copy, uint8_t *digest) {
    ironwal_wal *other = open_log(copy);
    ironwal_stream *stream = NULL;
    uint8_t there[16];
    ironwal_buffer last;
    uint64_t id = 0;
    OK(ironwal_stream_open(other, TEXT("s"), &stream, &error));
    digest_of(stream, 0, 3, there);
    CHECK(memcmp(digest, there, sizeof there) == 0);
    OK(ironwal_stream_last(stream, &id, &last, &error));
    CHECK(id == 2 && buffer_is(&last, "c", 1));
    ironwal_buffer_free(&last);
    /* What is appended later is in neither the other. */
    OK(ironwal_stream_append(stream, TEXT("x"), &id, &error));
    CHECK(id == 3);
    ironwal_buffer none;
    EXPECT(IRONWAL_E_NOT_FOUND, ironwal_get(wal, TEXT("s"), 3, &none, &error));
    ironwal_stream_free(stream);
    OK(ironwal_wal_close(other, &error));
}

/* With its checkpoints; not by the log inside, which would leave them out. */
static void of_shards(void) {
    ironwal_sharded *sharded = open_sharded("shards", 2);
    ironwal_wal *inner = NULL;
    const char *path = path_of("shards-copy");
    OK(ironwal_sharded_append(sharded, TEXT("k"), TEXT("v"), NULL, NULL, &error));
    OK(ironwal_sharded_create_checkpoint(sharded, TEXT("first"), &error));
    OK(ironwal_sharded_wal(sharded, &inner, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_wal_snapshot_to(inner, path, strlen(path), IRONWAL_SNAPSHOT_COPY,
                                                     NULL, 0, &error));
    ironwal_wal_free(inner);
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_sharded_snapshot_to(sharded, path, strlen(path), 0, NULL, 0,
                                                              &error));
    OK(ironwal_sharded_snapshot_to(sharded, path, strlen(path), IRONWAL_SNAPSHOT_COPY, NULL, 0, &error));
    OK(ironwal_sharded_close(sharded, &error));
    ironwal_sharded *copy = open_sharded("shards-copy", 2);
    ironwal_checkpoint *checkpoint = NULL;
    CHECK(checkpoints_of(copy) == 1);
    OK(ironwal_sharded_load_checkpoint(copy, TEXT("first"), &checkpoint, &error));
    CHECK(offset_of(checkpoint, 0) + offset_of(checkpoint, 1) == 1);
    ironwal_checkpoint_free(checkpoint);
    OK(ironwal_sharded_close(copy, &error));
}

/* By a reader, while the writer has the log open. */
static void beside_the_writer(ironwal_wal *wal, uint8_t *digest) {
    ironwal_wal *reader = NULL;
    ironwal_snapshot_stats stats;
    const char *path = path_of("log");
    ironwal_options *options = NULL;
    OK(ironwal_options_new(path, strlen(path), &options, &error));
    OK(ironwal_wal_open_read_only(options, &reader, &error));
    ironwal_options_free(options);
    path = path_of("by-reader");
    OK(ironwal_wal_snapshot_to(reader, path, strlen(path), IRONWAL_SNAPSHOT_LINK, &stats, sizeof stats,
                               &error));
    CHECK(stats.streams == 2 && stats.is_one_moment == 1);
    same(wal, "by-reader", digest);
    path = path_of("by-reader");
    EXPECT(IRONWAL_E_CONFIG, ironwal_wal_snapshot_streams_to(reader, path, strlen(path),
                                                             IRONWAL_SNAPSHOT_LINK, NULL, 0, &error));
    path = path_of("by-reader-too");
    OK(ironwal_wal_snapshot_streams_to(reader, path, strlen(path), IRONWAL_SNAPSHOT_COPY, &stats,
                                       sizeof stats, &error));
    CHECK(stats.segments_linked == 0 && stats.segments_copied == 2);
    same(wal, "by-reader-too", digest);
    OK(ironwal_wal_close(reader, &error));
}

int main(void) {
    enter_directory();
    of_shards();
    ironwal_wal *wal = open_log("log");
    ironwal_stream *stream = NULL;
    ironwal_buffer last;
    uint8_t digest[16], other[16] = {0};
    uint64_t id = 7;
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    EXPECT(IRONWAL_E_NOT_FOUND, ironwal_stream_last(stream, &id, &last, &error));
    CHECK(id == 7 && last.data == NULL);
    for (int at = 0; at < 3; at++) OK(ironwal_stream_append(stream, &"abc"[at], 1, NULL, &error));
    OK(ironwal_append(wal, TEXT("t"), TEXT("y"), NULL, &error));
    digest_of(stream, 0, 3, digest);
    digest_of(stream, 1, 3, other);
    CHECK(memcmp(digest, other, sizeof digest) != 0);
    EXPECT(IRONWAL_E_CONFIG, ironwal_stream_digest(stream, 3, 0, other, &error));
    EXPECT(IRONWAL_E_SEGMENT_NOT_FOUND, ironwal_stream_digest(stream, 0, 4, other, &error));

    static const int32_t modes[] = {IRONWAL_SNAPSHOT_LINK, IRONWAL_SNAPSHOT_COPY};
    static const char *const copies[] = {"linked", "copied"};
    for (int at = 0; at < 2; at++) {
        ironwal_snapshot_stats stats;
        const char *path = path_of(copies[at]);
        OK(ironwal_wal_snapshot_to(wal, path, strlen(path), modes[at], &stats, sizeof stats, &error));
        CHECK(stats.streams == 2 && stats.is_one_moment == 1);
        CHECK(stats.segments_linked + stats.segments_copied == 2);
        EXPECT(IRONWAL_E_CONFIG,
               ironwal_wal_snapshot_to(wal, path, strlen(path), modes[at], NULL, 0, &error));
        same(wal, copies[at], digest);
    }
    beside_the_writer(wal, digest);
    ironwal_stream_free(stream);
    OK(ironwal_wal_close(wal, &error));
    return 0;
}
