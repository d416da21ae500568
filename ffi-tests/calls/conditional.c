/* Are appends at an expected id, marks and properties in C what the header says? */
#include "check.h"

static ironwal_property property_of(const char *key, const char *value, int32_t op) {
    ironwal_property property;
    property.key = slice_of(key, strlen(key));
    property.value = slice_of(value, value ? strlen(value) : 0);
    property.op = op;
    property.reserved = 0;
    return property;
}

static int property_is(ironwal_stream *stream, const char *key, const char *value) {
    ironwal_buffer found;
    OK(ironwal_stream_property(stream, key, strlen(key), &found, &error));
    const int is = buffer_is(&found, value, strlen(value));
    ironwal_buffer_free(&found);
    return is;
}

/* A refused id appends nothing, and the error says which id would have been right. */
static void expected_ids(ironwal_stream *stream) {
    uint64_t id = 7, expected = 0, found = 0, end = 7;
    ironwal_error *details = NULL;
    OK(ironwal_stream_append_at(stream, 0, TEXT("zero"), &id, &error));
    CHECK(id == 0);
    CHECK(ironwal_stream_append_at(stream, 0, TEXT("x"), &id, &details) == IRONWAL_E_SEQUENCE_MISMATCH);
    CHECK(ironwal_error_sequence(details, &expected, &found) && expected == 0 && found == 1);
    CHECK(ironwal_error_sequence(details, NULL, NULL));
    ironwal_error_free(details);
    EXPECT(IRONWAL_E_SEQUENCE_MISMATCH, ironwal_stream_append_at(stream, 2, TEXT("x"), &id, &error));
    EXPECT(IRONWAL_E_INVALID_ARG,
           ironwal_stream_append_at(stream, IRONWAL_ANY_ID, TEXT("x"), &id, &error));
    CHECK(id == 0);

    ironwal_slice two[2] = {slice_of("one", 3), slice_of(NULL, 0)};
    EXPECT(IRONWAL_E_SEQUENCE_MISMATCH,
           ironwal_stream_append_with(stream, 5, two, 2, NULL, 0, IRONWAL_DURABILITY_BY_MODE, &id,
                                      &end, NULL, &error));
    OK(ironwal_stream_append_with(stream, 1, two, 2, NULL, 0, IRONWAL_DURABILITY_DURABLE, &id, &end,
                                  NULL, &error));
    CHECK(id == 1 && end == 3);
    OK(ironwal_stream_next_id(stream, &id, &error));
    CHECK(id == 3);

    /* Another failure has no sequence, and writes nothing. */
    CHECK(ironwal_stream_append(NULL, TEXT("x"), NULL, &details) == IRONWAL_E_INVALID_ARG);
    CHECK(!ironwal_error_sequence(details, &expected, &found) && expected == 0 && found == 1);
    ironwal_error_free(details);
}

/* In a log that syncs nothing by itself an append is durable where this call says so. */
static void durability_of_one_call(ironwal_stream *stream) {
    ironwal_mark mark, later, now;
    uint64_t end = 0;
    bool durable = true;
    ironwal_slice one = slice_of("x", 1);
    OK(ironwal_stream_append_with(stream, IRONWAL_ANY_ID, &one, 1, NULL, 0,
                                  IRONWAL_DURABILITY_WRITTEN, NULL, NULL, &mark, &error));
    OK(ironwal_stream_is_durable(stream, mark, &durable, &error));
    CHECK(!durable);
    OK(ironwal_stream_append_with(stream, IRONWAL_ANY_ID, &one, 1, NULL, 0,
                                  IRONWAL_DURABILITY_DURABLE, NULL, &end, &later, &error));
    CHECK(later.place > mark.place && later.opening == mark.opening);
    OK(ironwal_stream_is_durable(stream, later, &durable, &error));
    CHECK(durable);
    uint64_t durable_end = 0;
    OK(ironwal_stream_durable_end(stream, &durable_end, &error));
    CHECK(durable_end == end);
    OK(ironwal_stream_mark(stream, &now, &error));
    CHECK(now.place == later.place && now.opening == later.opening);
    now.place++;
    EXPECT(IRONWAL_E_CONFIG, ironwal_stream_is_durable(stream, now, &durable, &error));
}

static void never_called(uintptr_t ctx, ironwal_mark mark, ironwal_status status) {
    (void)ctx, (void)mark, (void)status;
    CHECK(0);
}

/* Nothing is reported durable by a mark of another stream, of an earlier opening, or of none. */
static void foreign_marks(ironwal_wal *wal, ironwal_stream *stream, ironwal_mark earlier) {
    const ironwal_mark none = {0, 0};
    ironwal_mark marks[3] = {none, earlier, none};
    ironwal_stream *other = NULL;
    bool durable = true;
    OK(ironwal_stream_open(wal, TEXT("other"), &other, &error));
    OK(ironwal_stream_append(other, TEXT("x"), NULL, &error));
    OK(ironwal_stream_sync(other, &error));
    OK(ironwal_stream_mark(other, &marks[2], &error));
    OK(ironwal_stream_is_durable(other, marks[2], &durable, &error));
    CHECK(durable);
    for (int at = 0; at < 3; at++) {
        EXPECT(IRONWAL_E_CONFIG, ironwal_stream_is_durable(stream, marks[at], &durable, &error));
        EXPECT(IRONWAL_E_CONFIG,
               ironwal_stream_on_durable(stream, marks[at], never_called, 0, NULL, &error));
    }
    ironwal_stream_free(other);
}

/* A mark also counts what has no id. */
static void properties(ironwal_stream *stream) {
    uint64_t next = 0, id = 7, end = 7;
    ironwal_mark before, mark;
    bool durable = true;
    ironwal_buffer value;
    OK(ironwal_stream_next_id(stream, &next, &error));
    OK(ironwal_stream_mark(stream, &before, &error));
    ironwal_property two[2] = {property_of("vote", "3", IRONWAL_PROPERTY_SET),
                               property_of("term", "9", IRONWAL_PROPERTY_SET)};
    OK(ironwal_stream_set_properties(stream, two, 2, IRONWAL_DURABILITY_WRITTEN, &mark, &error));
    CHECK(mark.place > before.place && property_is(stream, "vote", "3") && property_is(stream, "term", "9"));
    OK(ironwal_stream_is_durable(stream, mark, &durable, &error));
    CHECK(!durable);
    OK(ironwal_stream_next_id(stream, &id, &error));
    CHECK(id == next);

    /* Beside entries, in order: the last change of a key counts. */
    ironwal_slice one = slice_of("entry", 5);
    two[0] = property_of("term", "10", IRONWAL_PROPERTY_SET);
    two[1] = property_of("term", NULL, IRONWAL_PROPERTY_REMOVE);
    OK(ironwal_stream_append_with(stream, next, &one, 1, two, 2, IRONWAL_DURABILITY_DURABLE, &id,
                                  &end, NULL, &error));
    CHECK(id == next && end == next + 1);
    EXPECT(IRONWAL_E_NOT_FOUND, ironwal_stream_property(stream, TEXT("term"), &value, &error));
    CHECK(value.data == NULL && property_is(stream, "vote", "3"));
    EXPECT(IRONWAL_E_SEQUENCE_MISMATCH,
           ironwal_stream_append_with(stream, next, &one, 1, two, 1, IRONWAL_DURABILITY_DURABLE, NULL,
                                      NULL, NULL, &error));
    EXPECT(IRONWAL_E_NOT_FOUND, ironwal_stream_property(stream, TEXT("term"), &value, &error));

    two[0] = property_of("b", "", IRONWAL_PROPERTY_SET);
    two[1] = property_of("a", "1", IRONWAL_PROPERTY_SET);
    OK(ironwal_stream_replace_properties(stream, two, 2, IRONWAL_DURABILITY_DURABLE, &mark, &error));
    OK(ironwal_stream_is_durable(stream, mark, &durable, &error));
    CHECK(durable);
    ironwal_property_list *list = NULL;
    ironwal_view key, read;
    OK(ironwal_stream_properties(stream, &list, &error));
    CHECK(ironwal_property_list_count(list) == 2);
    OK(ironwal_property_list_get(list, 0, &key, &read, &error));
    CHECK(view_is(key, "a", 1) && view_is(read, "1", 1));
    OK(ironwal_property_list_get(list, 1, &key, &read, &error));
    CHECK(view_is(key, "b", 1) && view_is(read, NULL, 0));
    EXPECT(IRONWAL_E_NOT_FOUND, ironwal_property_list_get(list, 2, &key, &read, &error));
    CHECK(key.data == NULL && read.data == NULL);
    ironwal_property_list_free(list);
}

/* What is out of bounds changes nothing. */
static void refused(ironwal_stream *stream) {
    static char large[4001];
    ironwal_property bad = property_of("a", "2", IRONWAL_PROPERTY_SET);
    const int32_t mode = IRONWAL_DURABILITY_BY_MODE;
    static const int32_t durabilities[] = {INT32_MIN, -1, 0, 1, IRONWAL_SYNC_ASYNC,
                                           IRONWAL_PROPERTY_SET, 700, 704, INT32_MAX};
    for (size_t at = 0; at < sizeof durabilities / sizeof *durabilities; at++) {
        const int32_t other = durabilities[at];
        EXPECT(IRONWAL_E_INVALID_ARG,
               ironwal_stream_set_properties(stream, &bad, 1, other, NULL, &error));
        EXPECT(IRONWAL_E_INVALID_ARG,
               ironwal_stream_replace_properties(stream, &bad, 1, other, NULL, &error));
        EXPECT(IRONWAL_E_INVALID_ARG,
               ironwal_stream_append_with(stream, IRONWAL_ANY_ID, NULL, 0, NULL, 0, other, NULL,
                                          NULL, NULL, &error));
    }
    static const int32_t ops[] = {INT32_MIN, 0, 1, IRONWAL_DURABILITY_DURABLE, 800, 803, INT32_MAX};
    for (size_t at = 0; at < sizeof ops / sizeof *ops; at++) {
        bad.op = ops[at];
        EXPECT(IRONWAL_E_INVALID_ARG, ironwal_stream_set_properties(stream, &bad, 1, mode, NULL, &error));
    }
    bad = property_of("a", "2", IRONWAL_PROPERTY_SET);
    bad.reserved = 1;
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_stream_set_properties(stream, &bad, 1, mode, NULL, &error));
    bad = property_of("a", NULL, IRONWAL_PROPERTY_REMOVE);
    EXPECT(IRONWAL_E_INVALID_ARG,
           ironwal_stream_replace_properties(stream, &bad, 1, mode, NULL, &error));
    bad = property_of("", "2", IRONWAL_PROPERTY_SET);
    EXPECT(IRONWAL_E_CONFIG, ironwal_stream_set_properties(stream, &bad, 1, mode, NULL, &error));
    bad.key = slice_of(large, 256);
    EXPECT(IRONWAL_E_CONFIG, ironwal_stream_set_properties(stream, &bad, 1, mode, NULL, &error));
    bad = property_of("a", "2", IRONWAL_PROPERTY_SET);
    bad.value = slice_of(large, 4001);
    EXPECT(IRONWAL_E_TOO_LARGE, ironwal_stream_set_properties(stream, &bad, 1, mode, NULL, &error));
    CHECK(property_is(stream, "a", "1"));
}

/* The same by the name of a stream: one that does not exist is at id 0. */
static void by_name(ironwal_wal *wal) {
    uint64_t first = 7, end = 7, cut = 7;
    size_t segments = 7;
    bool durable = false;
    ironwal_mark mark, later;
    ironwal_buffer value;
    ironwal_property_list *list = NULL;
    ironwal_stream *stream = NULL;
    const ironwal_slice two[2] = {slice_of("x", 1), slice_of("y", 1)};
    ironwal_property vote = property_of("vote", "3", IRONWAL_PROPERTY_SET);
    EXPECT(IRONWAL_E_NOT_FOUND, ironwal_get_property(wal, TEXT("n"), TEXT("vote"), &value, &error));
    OK(ironwal_get_properties(wal, TEXT("n"), &list, &error));
    CHECK(ironwal_property_list_count(list) == 0);
    ironwal_property_list_free(list);
    EXPECT(IRONWAL_E_STREAM_NOT_FOUND, ironwal_truncate_suffix(wal, TEXT("n"), 0, &cut, &error));
    EXPECT(IRONWAL_E_STREAM_NOT_FOUND, ironwal_truncate_prefix(wal, TEXT("n"), 0, &segments, &error));
    EXPECT(IRONWAL_E_SEQUENCE_MISMATCH, ironwal_append_at(wal, TEXT("n"), 1, TEXT("a"), &first, &error));
    EXPECT(IRONWAL_E_INVALID_ARG,
           ironwal_append_at(wal, TEXT("n"), IRONWAL_ANY_ID, TEXT("a"), &first, &error));
    OK(ironwal_append_at(wal, TEXT("n"), 0, TEXT("a"), &first, &error));
    CHECK(first == 0);
    OK(ironwal_append_with(wal, TEXT("n"), 1, two, 2, &vote, 1, IRONWAL_DURABILITY_WRITTEN, &first, &end,
                           &mark, &error));
    CHECK(first == 1 && end == 3);
    OK(ironwal_stream_open(wal, TEXT("n"), &stream, &error));
    OK(ironwal_stream_is_durable(stream, mark, &durable, &error));
    CHECK(!durable && property_is(stream, "vote", "3"));
    vote.value = slice_of("4", 1);
    OK(ironwal_set_properties(wal, TEXT("n"), &vote, 1, IRONWAL_DURABILITY_DURABLE, &later, &error));
    OK(ironwal_stream_is_durable(stream, mark, &durable, &error));
    CHECK(durable && later.place > mark.place && property_is(stream, "vote", "4"));
    OK(ironwal_get_property(wal, TEXT("n"), TEXT("vote"), &value, &error));
    CHECK(buffer_is(&value, "4", 1));
    ironwal_buffer_free(&value);
    OK(ironwal_replace_suffix(wal, TEXT("n"), 1, two, 1, NULL, 0, &first, &end, &error));
    CHECK(first == 1 && end == 2);
    OK(ironwal_truncate_suffix(wal, TEXT("n"), 1, &cut, &error));
    CHECK(cut == 1);
    OK(ironwal_reset(wal, TEXT("n"), 50, two, 2, NULL, 0, &first, &end, &error));
    CHECK(first == 50 && end == 52);
    OK(ironwal_truncate_prefix(wal, TEXT("n"), 51, &segments, &error));
    OK(ironwal_stream_first_id(stream, &first, &error));
    CHECK(first == 51 && segments == 0);
    vote = property_of("only", "1", IRONWAL_PROPERTY_SET);
    OK(ironwal_replace_properties(wal, TEXT("n"), &vote, 1, IRONWAL_DURABILITY_BY_MODE, NULL, &error));
    OK(ironwal_get_properties(wal, TEXT("n"), &list, &error));
    CHECK(ironwal_property_list_count(list) == 1 && property_is(stream, "only", "1"));
    ironwal_property_list_free(list);
    ironwal_stream_free(stream);
}

int main(void) {
    enter_directory();
    ironwal_options *options = options_for("log");
    OK(ironwal_options_set_sync_mode(options, IRONWAL_SYNC_ASYNC, &error));
    OK(ironwal_options_set_no_background_sync(options, &error));
    ironwal_wal *wal = open_with(options);
    ironwal_stream *stream = NULL;
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    expected_ids(stream);
    durability_of_one_call(stream);
    properties(stream);
    refused(stream);
    ironwal_mark earlier;
    OK(ironwal_stream_mark(stream, &earlier, &error));
    by_name(wal);
    ironwal_stream_free(stream);
    OK(ironwal_wal_close(wal, &error));

    wal = open_log("log");
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    foreign_marks(wal, stream, earlier);
    CHECK(property_is(stream, "a", "1") && property_is(stream, "b", ""));
    ironwal_stream_free(stream);
    OK(ironwal_wal_close(wal, &error));
    return 0;
}
