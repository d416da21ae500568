/* Does a replica get what its primary has, packet by packet, and refuse all else? */
#include "check.h"

/* Ships what there is: how many packets that took. */
static int ship(ironwal_stream *primary, ironwal_stream *replica, size_t max_bytes) {
    for (int packets = 0;; packets++) {
        ironwal_buffer position, packet;
        uint64_t first = 0, end = 0;
        OK(ironwal_stream_frame_position(replica, &position, &error));
        OK(ironwal_stream_export(primary, position.data, position.len, max_bytes, &packet, &error));
        ironwal_buffer_free(&position);
        if (packet.len == 0) {
            CHECK(packet.data == NULL);
            return packets;
        }
        OK(ironwal_stream_apply(replica, packet.data, packet.len, &first, &end, &error));
        CHECK(first <= end);
        /* Twice, changed, or cut short: refused. */
        CHECK(ironwal_stream_apply(replica, packet.data, packet.len, NULL, NULL, &error) != IRONWAL_OK ||
              first == end);
        ironwal_error_free(error);
        error = NULL;
        packet.data[packet.len / 2] ^= 1;
        EXPECT(IRONWAL_E_CORRUPT,
               ironwal_stream_apply(replica, packet.data, packet.len, &first, &end, &error));
        EXPECT(IRONWAL_E_CORRUPT,
               ironwal_stream_apply(replica, packet.data, packet.len - 1, &first, &end, &error));
        ironwal_buffer_free(&packet);
    }
}

static void equal(ironwal_stream *primary, ironwal_stream *replica, uint64_t first, uint64_t end) {
    uint8_t digest[2][16];
    OK(ironwal_stream_digest(primary, first, end, digest[0], &error));
    OK(ironwal_stream_digest(replica, first, end, digest[1], &error));
    CHECK(memcmp(digest[0], digest[1], 16) == 0);
}

/* Frames leave before a sync covers them; what the replica may acknowledge is durable in its own log. */
static void written_frames(void) {
    ironwal_wal *wals[2] = {NULL, NULL};
    ironwal_stream *streams[2] = {NULL, NULL};
    const char *const names[2] = {"lazy primary", "lazy replica"};
    for (int i = 0; i < 2; i++) {
        ironwal_options *options = options_for(names[i]);
        OK(ironwal_options_set_sync_mode(options, IRONWAL_SYNC_ASYNC, &error));
        OK(ironwal_options_set_no_background_sync(options, &error));
        wals[i] = open_with(options);
        OK(ironwal_stream_open(wals[i], TEXT("s"), &streams[i], &error));
    }
    ironwal_stream *primary = streams[0], *replica = streams[1];
    ironwal_buffer packet, position;
    uint64_t id = 7;
    OK(ironwal_stream_append(primary, TEXT("a"), NULL, &error));
    OK(ironwal_stream_sync(primary, &error));
    OK(ironwal_stream_append(primary, TEXT("b"), NULL, &error));
    OK(ironwal_stream_append(primary, TEXT("c"), NULL, &error));
    uint64_t first = 7, end = 7;
    OK(ironwal_stream_export(primary, NULL, 0, 1 << 20, &packet, &error));
    OK(ironwal_stream_apply(replica, packet.data, packet.len, &first, &end, &error));
    ironwal_buffer_free(&packet);
    CHECK(first == 0 && end == 1);
    OK(ironwal_stream_frame_position(replica, &position, &error));
    OK(ironwal_stream_export_written(primary, position.data, position.len, 1 << 20, &packet, &error));
    ironwal_buffer_free(&position);
    OK(ironwal_stream_apply(replica, packet.data, packet.len, &first, &end, &error));
    ironwal_buffer_free(&packet);
    CHECK(first == 1 && end == 3);
    OK(ironwal_stream_durable_end(replica, &id, &error));
    CHECK(id <= 1);
    OK(ironwal_stream_sync(replica, &error));
    OK(ironwal_stream_durable_end(replica, &id, &error));
    CHECK(id == 3);
    equal(primary, replica, 0, 3);
    OK(ironwal_stream_frame_position(replica, &position, &error));
    OK(ironwal_stream_export_written(primary, position.data, position.len, 0, &packet, &error));
    CHECK(packet.data == NULL && packet.len == 0);
    EXPECT(IRONWAL_E_SEQUENCE_MISMATCH,
           ironwal_stream_export(primary, position.data, position.len, 0, &packet, &error));
    ironwal_buffer_free(&position);
    EXPECT(IRONWAL_E_CORRUPT, ironwal_stream_export_written(primary, TEXT("x"), 0, &packet, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_stream_export_written(NULL, NULL, 0, 0, &packet, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_stream_export_written(primary, NULL, 1, 0, &packet, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_stream_export_written(primary, NULL, 0, 0, NULL, &error));
    for (int i = 0; i < 2; i++) {
        ironwal_stream_free(streams[i]);
        OK(ironwal_wal_close(wals[i], &error));
    }
}

int main(void) {
    enter_directory();
    written_frames();
    ironwal_wal *here = open_log("primary"), *there = open_log("replica");
    ironwal_stream *primary = NULL, *replica = NULL, *other = NULL;
    ironwal_buffer packet;
    uint64_t id = 7;
    OK(ironwal_stream_open(here, TEXT("s"), &primary, &error));
    OK(ironwal_stream_open(there, TEXT("s"), &replica, &error));
    OK(ironwal_stream_open(there, TEXT("t"), &other, &error));
    CHECK(ship(primary, replica, 1) == 0);
    for (int at = 0; at < 5; at++) OK(ironwal_stream_append(primary, &"abcde"[at], 1, NULL, &error));
    CHECK(ship(primary, replica, 1) == 5);
    equal(primary, replica, 0, 5);

    /* A property, a cut in one step with an entry, a reset. */
    const ironwal_property vote = {{TEXT("vote")}, {TEXT("3")}, IRONWAL_PROPERTY_SET, 0};
    const ironwal_slice entry = {TEXT("cut")};
    OK(ironwal_stream_set_properties(primary, &vote, 1, IRONWAL_DURABILITY_DURABLE, NULL, &error));
    OK(ironwal_stream_replace_suffix(primary, 2, &entry, 1, NULL, 0, NULL, NULL, &error));
    CHECK(ship(primary, replica, 1 << 20) == 2);
    ironwal_buffer value;
    OK(ironwal_stream_property(replica, TEXT("vote"), &value, &error));
    CHECK(value.len == 1 && value.data[0] == '3');
    ironwal_buffer_free(&value);
    OK(ironwal_stream_next_id(replica, &id, &error));
    CHECK(id == 3);
    equal(primary, replica, 0, 3);
    OK(ironwal_stream_reset(primary, 40, &entry, 1, NULL, 0, NULL, NULL, &error));
    CHECK(ship(primary, replica, 0) == 1);
    equal(primary, replica, 40, 41);

    /* Another stream; a position that is none; a replica that was appended to. */
    OK(ironwal_stream_export(primary, NULL, 0, 0, &packet, &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_stream_apply(other, packet.data, packet.len, NULL, NULL, &error));
    ironwal_buffer_free(&packet);
    EXPECT(IRONWAL_E_CORRUPT, ironwal_stream_export(primary, TEXT("x"), 0, &packet, &error));
    CHECK(packet.data == NULL);
    OK(ironwal_stream_append(primary, TEXT("mine"), NULL, &error));
    OK(ironwal_stream_append(replica, TEXT("ours"), NULL, &error));
    ironwal_buffer position;
    OK(ironwal_stream_frame_position(replica, &position, &error));
    EXPECT(IRONWAL_E_CONFIG,
           ironwal_stream_export(primary, position.data, position.len, 0, &packet, &error));
    ironwal_buffer_free(&position);

    ironwal_stream_free(primary);
    ironwal_stream_free(replica);
    ironwal_stream_free(other);
    OK(ironwal_wal_close(here, &error));
    OK(ironwal_wal_close(there, &error));
    return 0;
}
