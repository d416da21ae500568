/* Is every pointer argument of every function checked? Each line passes one NULL. */
#include "check.h"

#define REFUSED(call) EXPECT(IRONWAL_E_INVALID_ARG, call)

static void without_an_error_object(ironwal_wal *wal) {
    ironwal_buffer buffer;
    CHECK(ironwal_get(wal, TEXT("none"), 0, &buffer, NULL) == IRONWAL_E_NOT_FOUND);
    CHECK(ironwal_get(NULL, TEXT("none"), 0, &buffer, NULL) == IRONWAL_E_INVALID_ARG);
    CHECK(ironwal_append(wal, "", 0, NULL, 0, NULL, NULL) == IRONWAL_E_CONFIG);
    CHECK(ironwal_append(wal, TEXT("s"), NULL, 0, NULL, NULL) == IRONWAL_OK);
}

static void options_and_wal(void) {
    ironwal_options *options = options_for("other");
    ironwal_options *none = (ironwal_options *)&none;
    ironwal_wal *wal = (ironwal_wal *)&wal;
    REFUSED(ironwal_options_new(TEXT("x"), NULL, &error));
    REFUSED(ironwal_options_new(NULL, 1, &none, &error));
    CHECK(none == NULL);
    REFUSED(ironwal_options_set_max_segment_size(NULL, 1, &error));
    REFUSED(ironwal_options_set_max_entries_per_segment(NULL, 1, &error));
    REFUSED(ironwal_options_set_max_open_segments(NULL, 1, &error));
    REFUSED(ironwal_options_set_max_open_read_segments(NULL, 1, &error));
    REFUSED(ironwal_options_set_write_buffer_size(NULL, 1, &error));
    REFUSED(ironwal_options_set_read_buffer_size(NULL, 1, &error));
    REFUSED(ironwal_options_set_block_cache_size(NULL, 1, &error));
    REFUSED(ironwal_options_set_min_compression_size(NULL, 1, &error));
    REFUSED(ironwal_options_set_sync_mode(NULL, IRONWAL_SYNC_STRICT, &error));
    REFUSED(ironwal_options_set_compression(NULL, IRONWAL_COMPRESSION_NONE, &error));
    REFUSED(ironwal_options_set_read_strategy(NULL, IRONWAL_READ_MMAP, &error));
    REFUSED(ironwal_options_set_write_strategy(NULL, IRONWAL_WRITE_AUTO, &error));
    REFUSED(ironwal_options_set_on_corruption(NULL, IRONWAL_CORRUPTION_ERROR, &error));
    REFUSED(ironwal_options_set_archive_path(NULL, TEXT("x"), &error));
    REFUSED(ironwal_options_set_archive_path(options, NULL, 1, &error));
    OK(ironwal_options_set_archive_path(options, NULL, 0, &error));
    REFUSED(ironwal_options_set_background_sync(NULL, 1, 1, &error));
    REFUSED(ironwal_options_set_no_background_sync(NULL, &error));
    REFUSED(ironwal_options_set_log(NULL, NULL, 0, &error));
    OK(ironwal_options_set_log(options, NULL, 0, &error));
    REFUSED(ironwal_wal_open(NULL, &wal, &error));
    CHECK(wal == NULL);
    REFUSED(ironwal_wal_open(options, NULL, &error));
    REFUSED(ironwal_wal_close(NULL, &error));
    ironwal_options_free(options);
}

static void by_name(ironwal_wal *wal) {
    uint64_t id = 7;
    size_t len = 7;
    ironwal_buffer buffer;
    ironwal_entry_list *entries = NULL;
    ironwal_stream *stream = NULL;
    ironwal_txn *txn = NULL;
    ironwal_iter *iter = NULL;
    ironwal_name_list *names = NULL;
    ironwal_slice bad = slice_of(NULL, 1);
    const uint64_t ids[] = {0};

    REFUSED(ironwal_append(NULL, TEXT("s"), TEXT("x"), &id, &error));
    REFUSED(ironwal_append(wal, NULL, 1, TEXT("x"), &id, &error));
    REFUSED(ironwal_append(wal, TEXT("s"), NULL, 1, &id, &error));
    OK(ironwal_append(wal, TEXT("s"), TEXT("x"), NULL, &error));
    REFUSED(ironwal_append_batch(NULL, TEXT("s"), NULL, 0, &id, &id, &error));
    REFUSED(ironwal_append_batch(wal, NULL, 1, NULL, 0, &id, &id, &error));
    REFUSED(ironwal_append_batch(wal, TEXT("s"), NULL, 1, &id, &id, &error));
    REFUSED(ironwal_append_batch(wal, TEXT("s"), &bad, 1, &id, &id, &error));
    OK(ironwal_append_batch(wal, TEXT("s"), NULL, 0, NULL, NULL, &error));
    REFUSED(ironwal_append_vectored(NULL, TEXT("s"), NULL, 0, &id, &error));
    REFUSED(ironwal_append_vectored(wal, NULL, 1, NULL, 0, &id, &error));
    REFUSED(ironwal_append_vectored(wal, TEXT("s"), NULL, 1, &id, &error));
    REFUSED(ironwal_append_vectored(wal, TEXT("s"), &bad, 1, &id, &error));
    REFUSED(ironwal_get(NULL, TEXT("s"), 0, &buffer, &error));
    REFUSED(ironwal_get(wal, NULL, 1, 0, &buffer, &error));
    REFUSED(ironwal_get(wal, TEXT("s"), 0, NULL, &error));
    REFUSED(ironwal_get_into(NULL, TEXT("s"), 0, &id, 8, &len, &error));
    REFUSED(ironwal_get_into(wal, NULL, 1, 0, &id, 8, &len, &error));
    REFUSED(ironwal_get_into(wal, TEXT("s"), 0, NULL, 8, &len, &error));
    REFUSED(ironwal_get_into(wal, TEXT("s"), 0, &id, 8, NULL, &error));
    REFUSED(ironwal_get_batch(NULL, TEXT("s"), ids, 1, &entries, &error));
    REFUSED(ironwal_get_batch(wal, NULL, 1, ids, 1, &entries, &error));
    REFUSED(ironwal_get_batch(wal, TEXT("s"), NULL, 1, &entries, &error));
    REFUSED(ironwal_get_batch(wal, TEXT("s"), ids, 1, NULL, &error));
    REFUSED(ironwal_truncate(NULL, TEXT("s"), 0, &len, &error));
    REFUSED(ironwal_truncate(wal, NULL, 1, 0, &len, &error));
    OK(ironwal_truncate(wal, TEXT("s"), 0, NULL, &error));
    REFUSED(ironwal_restore_archived(NULL, TEXT("s"), &len, &error));
    REFUSED(ironwal_restore_archived(wal, NULL, 1, &len, &error));
    REFUSED(ironwal_delete_stream(NULL, TEXT("s"), &error));
    REFUSED(ironwal_delete_stream(wal, NULL, 1, &error));
    REFUSED(ironwal_current_segment_start_id(NULL, TEXT("s"), &id, &error));
    REFUSED(ironwal_current_segment_start_id(wal, NULL, 1, &id, &error));
    REFUSED(ironwal_current_segment_start_id(wal, TEXT("s"), NULL, &error));
    REFUSED(ironwal_sync(NULL, TEXT("s"), &error));
    REFUSED(ironwal_sync(wal, NULL, 1, &error));
    REFUSED(ironwal_wal_sync_all(NULL, &error));
    REFUSED(ironwal_wal_streams(NULL, &names, &error));
    REFUSED(ironwal_wal_streams(wal, NULL, &error));
    REFUSED(ironwal_stream_open(NULL, TEXT("s"), &stream, &error));
    REFUSED(ironwal_stream_open(wal, NULL, 1, &stream, &error));
    REFUSED(ironwal_stream_open(wal, TEXT("s"), NULL, &error));
    REFUSED(ironwal_txn_begin(NULL, TEXT("s"), &txn, &error));
    REFUSED(ironwal_txn_begin(wal, NULL, 1, &txn, &error));
    REFUSED(ironwal_txn_begin(wal, TEXT("s"), NULL, &error));
    REFUSED(ironwal_wal_iter(NULL, TEXT("s"), 0, &iter, &error));
    REFUSED(ironwal_wal_iter(wal, NULL, 1, 0, &iter, &error));
    REFUSED(ironwal_wal_iter(wal, TEXT("s"), 0, NULL, &error));
    CHECK(id == 7 && len == 7);
    CHECK(!entries && !stream && !txn && !iter && !names && !buffer.data);
}

static void by_handle(ironwal_wal *wal) {
    uint64_t id = 7;
    size_t len = 7;
    ironwal_buffer buffer;
    ironwal_view view;
    ironwal_view_pin *pin = NULL;
    ironwal_iter *iter = NULL;
    ironwal_txn *txn = NULL;
    ironwal_stream *stream = NULL;
    ironwal_entry_list *entries = NULL;
    const uint64_t ids[] = {0};
    OK(ironwal_stream_open(wal, TEXT("s"), &stream, &error));

    REFUSED(ironwal_stream_append(NULL, TEXT("x"), &id, &error));
    REFUSED(ironwal_stream_append(stream, NULL, 1, &id, &error));
    REFUSED(ironwal_stream_append_batch(NULL, NULL, 0, &id, &id, &error));
    REFUSED(ironwal_stream_append_batch(stream, NULL, 1, &id, &id, &error));
    REFUSED(ironwal_stream_append_vectored(NULL, NULL, 0, &id, &error));
    REFUSED(ironwal_stream_append_vectored(stream, NULL, 1, &id, &error));
    REFUSED(ironwal_stream_get(NULL, 0, &buffer, &error));
    REFUSED(ironwal_stream_get(stream, 0, NULL, &error));
    REFUSED(ironwal_stream_get_into(NULL, 0, &id, 8, &len, &error));
    REFUSED(ironwal_stream_get_into(stream, 0, NULL, 8, &len, &error));
    REFUSED(ironwal_stream_get_into(stream, 0, &id, 8, NULL, &error));
    REFUSED(ironwal_stream_view(NULL, 0, &view, &pin, &error));
    REFUSED(ironwal_stream_view(stream, 0, NULL, &pin, &error));
    REFUSED(ironwal_stream_view(stream, 0, &view, NULL, &error));
    REFUSED(ironwal_stream_iter(NULL, 0, &iter, &error));
    REFUSED(ironwal_stream_iter(stream, 0, NULL, &error));
    REFUSED(ironwal_stream_sync(NULL, &error));
    REFUSED(ironwal_stream_wait_durable(NULL, 0, 0, &error));
    REFUSED(ironwal_stream_first_id(NULL, &id, &error));
    REFUSED(ironwal_stream_first_id(stream, NULL, &error));
    REFUSED(ironwal_stream_next_id(NULL, &id, &error));
    REFUSED(ironwal_stream_next_id(stream, NULL, &error));
    REFUSED(ironwal_stream_current_segment_start_id(NULL, &id, &error));
    REFUSED(ironwal_stream_current_segment_start_id(stream, NULL, &error));
    REFUSED(ironwal_stream_truncate(NULL, 0, &len, &error));
    OK(ironwal_stream_truncate(stream, 0, NULL, &error));
    REFUSED(ironwal_stream_restore_archived(NULL, &len, &error));
    OK(ironwal_stream_restore_archived(stream, NULL, &error));
    REFUSED(ironwal_stream_delete(NULL, &error));
    REFUSED(ironwal_stream_durable_end(NULL, &id, &error));
    REFUSED(ironwal_stream_durable_end(stream, NULL, &error));
    CHECK(id == 7 && len == 7 && !pin && !iter);

    OK(ironwal_stream_iter(stream, 0, &iter, &error));
    REFUSED(ironwal_iter_next(NULL, &id, &view, &error));
    REFUSED(ironwal_iter_next(iter, &id, NULL, &error));
    REFUSED(ironwal_iter_current(NULL, 0, &view, &error));
    REFUSED(ironwal_iter_current(iter, 0, NULL, &error));
    ironwal_iter_free(iter);

    REFUSED(ironwal_txn_add(NULL, TEXT("x"), &error));
    REFUSED(ironwal_txn_commit(NULL, &id, &id, &error));
    OK(ironwal_txn_begin(wal, TEXT("s"), &txn, &error));
    REFUSED(ironwal_txn_add(txn, NULL, 1, &error));
    OK(ironwal_txn_add(txn, NULL, 0, &error));
    OK(ironwal_txn_commit(txn, NULL, NULL, &error));

    OK(ironwal_get_batch(wal, TEXT("s"), ids, 1, &entries, &error));
    REFUSED(ironwal_entry_list_get(NULL, 0, &view, &error));
    REFUSED(ironwal_entry_list_get(entries, 0, NULL, &error));
    ironwal_entry_list_free(entries);
    ironwal_stream_free(stream);
}

static void never_called(uintptr_t ctx, uint64_t mark, ironwal_status status) {
    (void)ctx;
    (void)mark;
    (void)status;
    CHECK(0);
}

static void conditional_and_cuts(ironwal_wal *wal) {
    uint64_t id = 7;
    size_t len = 7;
    bool durable = true;
    ironwal_buffer buffer;
    ironwal_view view;
    ironwal_stream *stream = NULL;
    ironwal_property_list *list = NULL;
    const int32_t mode = IRONWAL_DURABILITY_BY_MODE;
    ironwal_slice bad = slice_of(NULL, 1);
    ironwal_property bad_key = {slice_of(NULL, 1), slice_of("v", 1), IRONWAL_PROPERTY_SET, 0};
    ironwal_property bad_value = {slice_of("k", 1), slice_of(NULL, 1), IRONWAL_PROPERTY_SET, 0};
    ironwal_property gone = {slice_of("k", 1), slice_of(NULL, 1), IRONWAL_PROPERTY_REMOVE, 0};
    OK(ironwal_stream_open(wal, TEXT("c"), &stream, &error));

    REFUSED(ironwal_stream_append_at(NULL, 0, TEXT("x"), &id, &error));
    REFUSED(ironwal_stream_append_at(stream, 0, NULL, 1, &id, &error));
    REFUSED(ironwal_stream_append_with(NULL, 0, NULL, 0, NULL, 0, mode, &id, &id, &id, &error));
    REFUSED(ironwal_stream_append_with(stream, 0, NULL, 1, NULL, 0, mode, &id, &id, &id, &error));
    REFUSED(ironwal_stream_append_with(stream, 0, &bad, 1, NULL, 0, mode, &id, &id, &id, &error));
    REFUSED(ironwal_stream_append_with(stream, 0, NULL, 0, NULL, 1, mode, &id, &id, &id, &error));
    REFUSED(ironwal_stream_append_with(stream, 0, NULL, 0, &bad_key, 1, mode, &id, &id, &id, &error));
    REFUSED(ironwal_stream_set_properties(NULL, NULL, 0, mode, &id, &error));
    REFUSED(ironwal_stream_set_properties(stream, NULL, 1, mode, &id, &error));
    REFUSED(ironwal_stream_set_properties(stream, &bad_key, 1, mode, &id, &error));
    REFUSED(ironwal_stream_set_properties(stream, &bad_value, 1, mode, &id, &error));
    REFUSED(ironwal_stream_replace_properties(NULL, NULL, 0, mode, &id, &error));
    REFUSED(ironwal_stream_replace_properties(stream, NULL, 1, mode, &id, &error));
    REFUSED(ironwal_stream_replace_properties(stream, &bad_key, 1, mode, &id, &error));
    REFUSED(ironwal_stream_replace_suffix(NULL, 0, NULL, 0, NULL, 0, &id, &id, &error));
    REFUSED(ironwal_stream_replace_suffix(stream, 0, NULL, 1, NULL, 0, &id, &id, &error));
    REFUSED(ironwal_stream_replace_suffix(stream, 0, NULL, 0, &bad_value, 1, &id, &id, &error));
    REFUSED(ironwal_stream_truncate_suffix(NULL, 0, &id, &error));
    REFUSED(ironwal_stream_reset(NULL, 0, NULL, 0, NULL, 0, &id, &id, &error));
    REFUSED(ironwal_stream_reset(stream, 0, &bad, 1, NULL, 0, &id, &id, &error));
    REFUSED(ironwal_stream_reset(stream, 0, NULL, 0, NULL, 1, &id, &id, &error));
    REFUSED(ironwal_stream_truncate_prefix(NULL, 0, &len, &error));
    OK(ironwal_stream_append_at(stream, 0, TEXT("x"), NULL, &error));
    OK(ironwal_stream_append_with(stream, 1, NULL, 0, &gone, 1, mode, NULL, NULL, NULL, &error));
    OK(ironwal_stream_set_properties(stream, NULL, 0, mode, NULL, &error));
    OK(ironwal_stream_replace_properties(stream, NULL, 0, mode, NULL, &error));
    OK(ironwal_stream_truncate_prefix(stream, 0, NULL, &error));
    OK(ironwal_stream_truncate_suffix(stream, 0, NULL, &error));
    OK(ironwal_stream_replace_suffix(stream, 0, NULL, 0, NULL, 0, NULL, NULL, &error));
    OK(ironwal_stream_reset(stream, 0, NULL, 0, NULL, 0, NULL, NULL, &error));

    REFUSED(ironwal_stream_mark(NULL, &id, &error));
    REFUSED(ironwal_stream_mark(stream, NULL, &error));
    REFUSED(ironwal_stream_is_durable(NULL, 0, &durable, &error));
    REFUSED(ironwal_stream_is_durable(stream, 0, NULL, &error));
    REFUSED(ironwal_stream_property(NULL, TEXT("k"), &buffer, &error));
    REFUSED(ironwal_stream_property(stream, NULL, 1, &buffer, &error));
    REFUSED(ironwal_stream_property(stream, TEXT("k"), NULL, &error));
    REFUSED(ironwal_stream_properties(NULL, &list, &error));
    REFUSED(ironwal_stream_properties(stream, NULL, &error));
    CHECK(id == 7 && len == 7 && durable && !list && !buffer.data);
    OK(ironwal_stream_properties(stream, &list, &error));
    REFUSED(ironwal_property_list_get(NULL, 0, &view, &view, &error));
    REFUSED(ironwal_property_list_get(list, 0, NULL, &view, &error));
    REFUSED(ironwal_property_list_get(list, 0, &view, NULL, &error));
    ironwal_property_list_free(list);

    ironwal_ticket ticket;
    ironwal_events *events = NULL;
    ironwal_iter *iter = NULL;
    ironwal_canceller *canceller = NULL;
    int32_t fd = 7;
    memset(&ticket, 0, sizeof ticket);
    REFUSED(ironwal_stream_on_durable(NULL, 0, never_called, 0, &ticket, &error));
    REFUSED(ironwal_stream_on_durable(stream, 0, NULL, 0, &ticket, &error));
    REFUSED(ironwal_stream_cancel_durable(NULL, &ticket, &durable, &error));
    REFUSED(ironwal_stream_cancel_durable(stream, NULL, &durable, &error));
    CHECK(durable);
    OK(ironwal_stream_cancel_durable(stream, &ticket, NULL, &error));
    REFUSED(ironwal_stream_events(NULL, IRONWAL_EVENT_DURABLE, &events, &error));
    REFUSED(ironwal_stream_events(stream, IRONWAL_EVENT_DURABLE, NULL, &error));
    REFUSED(ironwal_events_fd(NULL, &fd, &error));
    REFUSED(ironwal_events_drain(NULL, &id, &error));
    CHECK(!events && fd == 7 && id == 7);
    OK(ironwal_stream_events(stream, IRONWAL_EVENT_DURABLE, &events, &error));
    REFUSED(ironwal_events_fd(events, NULL, &error));
    REFUSED(ironwal_events_drain(events, NULL, &error));
    ironwal_events_free(events);
    uint8_t digest[16] = {7};
    ironwal_snapshot_stats stats;
    REFUSED(ironwal_stream_last(NULL, &id, &buffer, &error));
    REFUSED(ironwal_stream_last(stream, &id, NULL, &error));
    REFUSED(ironwal_stream_digest(NULL, 0, 0, digest, &error));
    REFUSED(ironwal_stream_digest(stream, 0, 0, NULL, &error));
    REFUSED(ironwal_wal_snapshot_to(NULL, TEXT("x"), IRONWAL_SNAPSHOT_LINK, &stats, sizeof stats, &error));
    REFUSED(ironwal_wal_snapshot_to(wal, NULL, 1, IRONWAL_SNAPSHOT_LINK, &stats, sizeof stats, &error));
    REFUSED(ironwal_wal_snapshot_to(wal, TEXT("x"), IRONWAL_SNAPSHOT_LINK, &stats, sizeof stats - 1, &error));
    REFUSED(ironwal_wal_snapshot_to(wal, TEXT("x"), 1, &stats, sizeof stats, &error));
    REFUSED(ironwal_sharded_snapshot_to(NULL, TEXT("x"), IRONWAL_SNAPSHOT_LINK, &stats, sizeof stats, &error));
    CHECK(id == 7 && digest[0] == 7 && !buffer.data);
    ironwal_stream_stats_t of_stream;
    ironwal_wal_stats_t of_wal;
    REFUSED(ironwal_stream_stats(NULL, &of_stream, sizeof of_stream, &error));
    REFUSED(ironwal_stream_stats(stream, NULL, sizeof of_stream, &error));
    REFUSED(ironwal_stream_stats(stream, &of_stream, 0, &error));
    REFUSED(ironwal_wal_stats(NULL, &of_wal, sizeof of_wal, &error));
    REFUSED(ironwal_wal_stats(wal, NULL, sizeof of_wal, &error));
    REFUSED(ironwal_wal_stats(wal, &of_wal, 1, &error));
    REFUSED(ironwal_options_set_latencies(NULL, true, &error));
    REFUSED(ironwal_stream_apply_retention(NULL, 0, 0, false, NULL, &error));
    REFUSED(ironwal_wal_apply_retention(NULL, 0, 0, false, NULL, &error));
    REFUSED(ironwal_options_set_retention(NULL, 0, 0, false, &error));
    ironwal_recovery_report *report = NULL;
    ironwal_recovery_report_totals totals;
    ironwal_recovered_stream recovered;
    ironwal_finding finding;
    REFUSED(ironwal_wal_recovery(NULL, &report, &error));
    REFUSED(ironwal_wal_recovery(wal, NULL, &error));
    REFUSED(ironwal_recovery_report_get_totals(NULL, &totals, sizeof totals, &error));
    REFUSED(ironwal_recovery_report_get_stream(NULL, 0, &recovered, sizeof recovered, &error));
    REFUSED(ironwal_recovery_report_get_finding(NULL, 0, 0, &finding, sizeof finding, &error));
    CHECK(!report);
    OK(ironwal_wal_recovery(wal, &report, &error));
    REFUSED(ironwal_recovery_report_get_totals(report, NULL, sizeof totals, &error));
    REFUSED(ironwal_recovery_report_get_totals(report, &totals, sizeof totals - 1, &error));
    REFUSED(ironwal_recovery_report_get_stream(report, 0, NULL, sizeof recovered, &error));
    REFUSED(ironwal_recovery_report_get_stream(report, 0, &recovered, 0, &error));
    REFUSED(ironwal_recovery_report_get_finding(report, 0, 0, NULL, sizeof finding, &error));
    REFUSED(ironwal_recovery_report_get_finding(report, 0, 0, &finding, 0, &error));
    ironwal_recovery_report_free(report);
    REFUSED(ironwal_stream_follow(NULL, 0, IRONWAL_VIEW_BY_MODE, &iter, &error));
    REFUSED(ironwal_stream_follow(stream, 0, IRONWAL_VIEW_BY_MODE, NULL, &error));
    CHECK(!iter);
    OK(ironwal_stream_follow(stream, 0, IRONWAL_VIEW_BY_MODE, &iter, &error));
    REFUSED(ironwal_iter_wait(NULL, 0, &error));
    REFUSED(ironwal_iter_canceller(NULL, &canceller, &error));
    REFUSED(ironwal_iter_canceller(iter, NULL, &error));
    REFUSED(ironwal_canceller_cancel(NULL, &error));
    CHECK(!canceller);
    ironwal_iter_free(iter);
    ironwal_stream_free(stream);
}

static void harmless(void) {
    ironwal_error_free(NULL);
    ironwal_options_free(NULL);
    ironwal_wal_free(NULL);
    ironwal_stream_free(NULL);
    ironwal_txn_abort(NULL);
    ironwal_iter_free(NULL);
    ironwal_view_pin_free(NULL);
    ironwal_buffer_free(NULL);
    ironwal_entry_list_free(NULL);
    ironwal_name_list_free(NULL);
    ironwal_property_list_free(NULL);
    ironwal_events_free(NULL);
    ironwal_recovery_report_free(NULL);
    ironwal_canceller_free(NULL);
    CHECK(ironwal_property_list_count(NULL) == 0);
    CHECK(!ironwal_error_sequence(NULL, NULL, NULL));
    CHECK(ironwal_entry_list_count(NULL) == 0);
    CHECK(ironwal_name_list_count(NULL) == 0);
    CHECK(ironwal_name_list_get(NULL, 0).data == NULL);
    CHECK(ironwal_error_status(NULL) == IRONWAL_OK);
    CHECK(ironwal_error_os_error(NULL) == 0);
    CHECK(ironwal_error_message(NULL).data == NULL && ironwal_error_message(NULL).len == 0);
    CHECK(ironwal_error_stream(NULL).data == NULL);
    CHECK(ironwal_error_path(NULL).data == NULL);
    CHECK(!ironwal_error_offset(NULL, NULL));
    CHECK(!ironwal_error_ids(NULL, NULL, NULL));
}

int main(void) {
    enter_directory();
    harmless();
    options_and_wal();
    ironwal_wal *wal = open_log("log");
    without_an_error_object(wal);
    by_name(wal);
    by_handle(wal);
    conditional_and_cuts(wal);
    OK(ironwal_wal_close(wal, &error));
    return 0;
}
