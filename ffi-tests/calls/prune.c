/* Do pruning, archiving and deleting take out what they are asked to, and nothing else? */
#include "check.h"

static uint64_t first_id(ironwal_wal *wal, const char *name) {
    ironwal_stream *stream = NULL;
    uint64_t id = 0;
    OK(ironwal_stream_open(wal, name, strlen(name), &stream, &error));
    OK(ironwal_stream_first_id(stream, &id, &error));
    ironwal_stream_free(stream);
    return id;
}

int main(void) {
    enter_directory();
    char archive[512];
    snprintf(archive, sizeof archive, "%s", path_of("archive"));
    ironwal_options *options = options_for("log");
    OK(ironwal_options_set_max_entries_per_segment(options, 2, &error));
    OK(ironwal_options_set_archive_path(options, archive, strlen(archive), &error));
    ironwal_wal *wal = open_with(options);
    for (int n = 0; n < 7; n++) OK(ironwal_append(wal, TEXT("s"), &n, sizeof n, NULL, &error));

    size_t segments = 99;
    EXPECT(IRONWAL_E_STREAM_NOT_FOUND, ironwal_truncate(wal, TEXT("none"), 5, &segments, &error));
    CHECK(segments == 99);
    OK(ironwal_truncate(wal, TEXT("s"), 1, &segments, &error));
    CHECK(segments == 0);

    ironwal_stream *stream = NULL;
    ironwal_view view;
    ironwal_view_pin *pin = NULL;
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));
    OK(ironwal_stream_view(stream, 0, &view, &pin, &error));
    OK(ironwal_truncate(wal, TEXT("s"), 5, &segments, &error));
    CHECK(segments == 2 && first_id(wal, "s") == 4);
    int zero = 0;
    CHECK(view_is(view, &zero, sizeof zero)); /* pinned */
    ironwal_view_pin_free(pin);
    ironwal_buffer buffer;
    EXPECT(IRONWAL_E_NOT_FOUND, ironwal_stream_get(stream, 3, &buffer, &error));
    OK(ironwal_stream_get(stream, 4, &buffer, &error));
    ironwal_buffer_free(&buffer);

    OK(ironwal_restore_archived(wal, TEXT("s"), &segments, &error));
    CHECK(segments == 2 && first_id(wal, "s") == 0);
    OK(ironwal_restore_archived(wal, TEXT("s"), &segments, &error));
    CHECK(segments == 0);

    OK(ironwal_delete_stream(wal, TEXT("s"), &error));
    OK(ironwal_delete_stream(wal, TEXT("s"), &error));
    EXPECT(IRONWAL_E_STREAM_NOT_FOUND, ironwal_stream_append(stream, TEXT("x"), NULL, &error));
    EXPECT(IRONWAL_E_NOT_FOUND, ironwal_get(wal, TEXT("s"), 0, &buffer, &error));
    uint64_t id = 99;
    OK(ironwal_append(wal, TEXT("s"), TEXT("new life"), &id, &error));
    CHECK(id == 0);
    ironwal_stream_free(stream);

    /* An archive belongs to the log that pruned into it first, and lies in no log. */
    for (int n = 0; n < 6; n++) OK(ironwal_append(wal, TEXT("s"), &n, sizeof n, NULL, &error));
    OK(ironwal_truncate(wal, TEXT("s"), 5, &segments, &error));
    CHECK(segments == 2);
    ironwal_options *other = options_for("other");
    OK(ironwal_options_set_archive_path(other, archive, strlen(archive), &error));
    ironwal_wal *second = NULL;
    EXPECT(IRONWAL_E_CONFIG, ironwal_wal_open(other, &second, &error));
    snprintf(archive, sizeof archive, "%s", path_of("log/archive"));
    OK(ironwal_options_set_archive_path(other, archive, strlen(archive), &error));
    EXPECT(IRONWAL_E_CONFIG, ironwal_wal_open(other, &second, &error));
    CHECK(second == NULL);
    ironwal_options_free(other);
    OK(ironwal_restore_archived(wal, TEXT("s"), &segments, &error));
    CHECK(segments == 2 && first_id(wal, "s") == 0);
    OK(ironwal_wal_close(wal, &error));
    return 0;
}
