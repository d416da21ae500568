/* Are options read from text and copied, and does a log with them behave accordingly? */
#include "check.h"

#define PARSE(options, literal) ironwal_options_parse(options, IRONWAL_STR(literal), &error)

static size_t segments_of(const ironwal_options *options) {
    ironwal_wal *wal = NULL;
    uint64_t start = 0;
    OK(ironwal_wal_open(options, &wal, &error));
    for (int number = 0; number < 10; number++) OK(ironwal_append(wal, TEXT("s"), TEXT("x"), NULL, &error));
    OK(ironwal_current_segment_start_id(wal, TEXT("s"), &start, &error));
    OK(ironwal_delete_stream(wal, TEXT("s"), &error));
    OK(ironwal_wal_close(wal, &error));
    return (size_t)start;
}

static void expect_refused(ironwal_options *options, const char *text, const char *named) {
    ironwal_error *details = NULL;
    CHECK(ironwal_options_parse(options, text, strlen(text), &details) == IRONWAL_E_CONFIG);
    CHECK(strstr(ironwal_error_message(details).data, named) != NULL);
    ironwal_error_free(details);
}

int main(void) {
    enter_directory();
    ironwal_options *options = options_for("log");
    CHECK(segments_of(options) == 0);
    OK(PARSE(options, "sync_mode=async; max_entries_per_segment=4\nbackground_sync=5ms,1M"));
    CHECK(segments_of(options) == 8);
    OK(PARSE(options, ""));
    OK(ironwal_options_parse(options, NULL, 0, &error));

    /* One wrong assignment, and none counts. */
    expect_refused(options, "max_entries_per_segment=2;sync_mode=sometimes", "one of strict, batch_only, async");
    expect_refused(options, "max_entries_per_segment=2;max_segment=1", "max_segment is no option");
    expect_refused(options, "max_entries_per_segment=0", "the minimum is 1");
    expect_refused(options, "\xff=1", "UTF-8");
    EXPECT(IRONWAL_E_CONFIG, ironwal_options_parse(options, "a=b\0c", 5, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_options_parse(options, NULL, 3, &error));
    EXPECT(IRONWAL_E_INVALID_ARG, PARSE(NULL, "sync_mode=async"));
    CHECK(segments_of(options) == 8);

    /* A copy changes by itself, and outlives what it was copied from. */
    ironwal_options *copy = NULL;
    OK(ironwal_options_clone(options, &copy, &error));
    OK(PARSE(copy, "max_entries_per_segment=3"));
    CHECK(segments_of(options) == 8);
    ironwal_options_free(options);
    CHECK(segments_of(copy) == 9);
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_options_clone(NULL, &options, &error));
    CHECK(options == NULL);
    EXPECT(IRONWAL_E_INVALID_ARG, ironwal_options_clone(copy, NULL, &error));
    ironwal_options_free(copy);
    return 0;
}
