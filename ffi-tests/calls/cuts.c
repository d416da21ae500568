/* Do cuts, replacements, resets and exact prefixes change the ids that they name, and no other? */
#include "check.h"

static void holds(ironwal_stream *stream, uint64_t first, const char *entries) {
    uint64_t id = 0;
    const uint64_t end = first + strlen(entries);
    OK(ironwal_stream_first_id(stream, &id, &error));
    CHECK(id == first);
    OK(ironwal_stream_next_id(stream, &id, &error));
    CHECK(id == end);
    OK(ironwal_stream_durable_end(stream, &id, &error));
    CHECK(id == end);
    for (id = first; id < end; id++) {
        ironwal_buffer entry;
        OK(ironwal_stream_get(stream, id, &entry, &error));
        CHECK(buffer_is(&entry, entries + (id - first), 1));
        ironwal_buffer_free(&entry);
    }
    ironwal_buffer none;
    EXPECT(IRONWAL_E_NOT_FOUND, ironwal_stream_get(stream, end, &none, &error));
    if (first) EXPECT(IRONWAL_E_NOT_FOUND, ironwal_stream_get(stream, first - 1, &none, &error));
}

/* An iterator that has returned what is cut says so, once, and from which id on. */
static void ends_with_the_cut(ironwal_iter *iter, uint64_t from_id) {
    ironwal_error *details = NULL;
    ironwal_view view;
    uint64_t first = 0, end = 0;
    CHECK(ironwal_iter_next(iter, NULL, &view, &details) == IRONWAL_E_SUFFIX_CUT);
    CHECK(ironwal_error_ids(details, &first, &end) && first == from_id && end == UINT64_MAX);
    ironwal_error_free(details);
    EXPECT(IRONWAL_E_END, ironwal_iter_next(iter, NULL, &view, &error));
}

static void suffixes(ironwal_stream *stream) {
    uint64_t first = 7, end = 7, cut = 7;
    ironwal_slice entry[2] = {slice_of("x", 1), slice_of("y", 1)};
    ironwal_iter *behind = NULL, *before = NULL;
    ironwal_view view;
    OK(ironwal_stream_iter(stream, 3, &behind, &error));
    OK(ironwal_iter_next(behind, NULL, &view, &error));
    OK(ironwal_stream_iter(stream, 0, &before, &error));
    OK(ironwal_iter_next(before, NULL, &view, &error));

    ironwal_property vote;
    vote.key = slice_of("vote", 4);
    vote.value = slice_of("1", 1);
    vote.op = IRONWAL_PROPERTY_SET;
    vote.reserved = 0;
    OK(ironwal_stream_replace_suffix(stream, 2, entry, 2, &vote, 1, &first, &end, &error));
    CHECK(first == 2 && end == 4);
    holds(stream, 0, "abxy");
    ironwal_buffer value;
    OK(ironwal_stream_property(stream, TEXT("vote"), &value, &error));
    CHECK(buffer_is(&value, "1", 1));
    ironwal_buffer_free(&value);
    ends_with_the_cut(behind, 2);
    for (uint64_t id = 1; id < 4; id++) {
        OK(ironwal_iter_next(before, &first, &view, &error));
        CHECK(first == id && view_is(view, "abxy" + id, 1));
    }
    ironwal_iter_free(behind);
    ironwal_iter_free(before);

    OK(ironwal_stream_truncate_suffix(stream, 1, &cut, &error));
    CHECK(cut == 3);
    holds(stream, 0, "a");
    OK(ironwal_stream_truncate_suffix(stream, 1, &cut, &error));
    CHECK(cut == 0);
    EXPECT(IRONWAL_E_SEQUENCE_MISMATCH, ironwal_stream_truncate_suffix(stream, 2, &cut, &error));
    EXPECT(IRONWAL_E_SEQUENCE_MISMATCH,
           ironwal_stream_replace_suffix(stream, 2, entry, 1, NULL, 0, &first, &end, &error));
    OK(ironwal_stream_replace_suffix(stream, 1, entry, 1, NULL, 0, NULL, NULL, &error));
    holds(stream, 0, "ax");
}

/* Two entries are left, the map begins the segment of the last cut, and behind the first entry stand those
 * that were cut. */
static void verified(ironwal_wal *wal) {
    ironwal_verify_report *report = NULL;
    ironwal_verify_report_totals totals;
    OK(ironwal_wal_verify(wal, &report, &error));
    OK(ironwal_verify_report_get_totals(report, &totals, sizeof totals, &error));
    CHECK(totals.clean && totals.entries == 2);
    CHECK(totals.property_frames == 1 && totals.void_frames == 4);
    ironwal_verify_report_free(report);
}

static void resets_and_prefixes(ironwal_stream *stream) {
    uint64_t first = 7, end = 7;
    size_t segments = 7;
    ironwal_slice entry[3] = {slice_of("p", 1), slice_of("q", 1), slice_of("r", 1)};
    OK(ironwal_stream_reset(stream, 100, entry, 3, NULL, 0, &first, &end, &error));
    CHECK(first == 100 && end == 103);
    holds(stream, 100, "pqr");
    EXPECT(IRONWAL_E_SEQUENCE_MISMATCH, ironwal_stream_truncate_suffix(stream, 99, NULL, &error));
    OK(ironwal_stream_truncate_prefix(stream, 101, &segments, &error));
    CHECK(segments == 0);
    holds(stream, 101, "qr");
    OK(ironwal_stream_truncate_prefix(stream, 50, NULL, &error));
    EXPECT(IRONWAL_E_SEQUENCE_MISMATCH, ironwal_stream_truncate_prefix(stream, 104, &segments, &error));
    holds(stream, 101, "qr");
    OK(ironwal_stream_truncate_prefix(stream, 103, NULL, &error));
    holds(stream, 103, "");
    OK(ironwal_stream_reset(stream, 5, NULL, 0, NULL, 0, &first, &end, &error));
    CHECK(first == 5 && end == 5);
    OK(ironwal_stream_append_at(stream, 5, TEXT("n"), &first, &error));
    OK(ironwal_stream_sync(stream, &error));
    holds(stream, 5, "n");
}

int main(void) {
    enter_directory();
    ironwal_wal *wal = open_log("log");
    ironwal_stream *stream = NULL;
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    for (int at = 0; at < 5; at++) OK(ironwal_stream_append(stream, &"abcde"[at], 1, NULL, &error));
    suffixes(stream);
    verified(wal);
    resets_and_prefixes(stream);
    ironwal_stream_free(stream);
    OK(ironwal_wal_close(wal, &error));

    wal = open_log("log");
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    holds(stream, 5, "n");
    ironwal_stream_free(stream);
    OK(ironwal_wal_close(wal, &error));
    return 0;
}
