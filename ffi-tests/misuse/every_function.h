/* Every function of ironwal.h, so that any one argument can be replaced. Made by tests/surface/misuse.rs; do not edit.
 *
 * P, F, C, L: a pointer, a callback, a constant, a length. V_...: the valid value of a type, or of an argument.
 */

static int64_t call_ironwal_status_name(const struct misuse *m, struct given *g) {
    (void)ironwal_status_name(V_status);
    return NONE(m, g);
}

static int64_t call_ironwal_version_number(const struct misuse *m, struct given *g) {
    (void)ironwal_version_number();
    return NONE(m, g);
}

static int64_t call_ironwal_version_string(const struct misuse *m, struct given *g) {
    (void)ironwal_version_string();
    return NONE(m, g);
}

static int64_t call_ironwal_error_status(const struct misuse *m, struct given *g) {
    (void)ironwal_error_status(P(0, V_ironwal_error(error, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_error_os_error(const struct misuse *m, struct given *g) {
    (void)ironwal_error_os_error(P(0, V_ironwal_error(error, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_error_message(const struct misuse *m, struct given *g) {
    (void)ironwal_error_message(P(0, V_ironwal_error(error, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_error_stream(const struct misuse *m, struct given *g) {
    (void)ironwal_error_stream(P(0, V_ironwal_error(error, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_error_path(const struct misuse *m, struct given *g) {
    (void)ironwal_error_path(P(0, V_ironwal_error(error, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_error_offset(const struct misuse *m, struct given *g) {
    (void)ironwal_error_offset(P(0, V_ironwal_error(error, 0)), P(1, V_uint64_t(out_offset, 1)));
    return NONE(m, g);
}

static int64_t call_ironwal_error_ids(const struct misuse *m, struct given *g) {
    (void)ironwal_error_ids(P(0, V_ironwal_error(error, 0)), P(1, V_uint64_t(out_first_id, 1)), P(2, V_uint64_t(out_end_id, 2)));
    return NONE(m, g);
}

static int64_t call_ironwal_error_sequence(const struct misuse *m, struct given *g) {
    (void)ironwal_error_sequence(P(0, V_ironwal_error(error, 0)), P(1, V_uint64_t(out_expected_id, 1)), P(2, V_uint64_t(out_found_id, 2)));
    return NONE(m, g);
}

static int64_t call_ironwal_error_committed_count(const struct misuse *m, struct given *g) {
    (void)ironwal_error_committed_count(P(0, V_ironwal_error(error, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_error_committed_part(const struct misuse *m, struct given *g) {
    (void)ironwal_error_committed_part(P(0, V_ironwal_error(error, 0)), V_index, P(2, V_uint32_t(out_shard, 2)), P(3, V_uint64_t(out_first_id, 3)), P(4, V_uint64_t(out_end_id, 4)));
    return NONE(m, g);
}

static int64_t call_ironwal_error_free(const struct misuse *m, struct given *g) {
    ironwal_error_free(P(0, V_ironwal_error(error, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_options_new(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_new(P(0, V_char(path, 0)), L(1, V_path_len), P(2, &g->out[2]), P(3, &g->out[3])));
}

static int64_t call_ironwal_options_free(const struct misuse *m, struct given *g) {
    ironwal_options_free(P(0, V_ironwal_options(options, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_options_clone(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_clone(P(0, V_ironwal_options(options, 0)), P(1, &g->out[1]), P(2, &g->out[2])));
}

static int64_t call_ironwal_options_parse(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_parse(P(0, V_ironwal_options(options, 0)), P(1, V_char(text, 1)), L(2, V_text_len), P(3, &g->out[3])));
}

static int64_t call_ironwal_options_set_log(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_log(P(0, V_ironwal_options(options, 0)), F(1, V_ironwal_log_fn), V_ctx, P(3, &g->out[3])));
}

static int64_t call_ironwal_options_set_log_owned(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_log_owned(P(0, V_ironwal_options(options, 0)), F(1, V_ironwal_log_fn), V_ctx, F(3, V_ironwal_release_fn), P(4, &g->out[4])));
}

static int64_t call_ironwal_options_set_log_level(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_log_level(P(0, V_ironwal_options(options, 0)), C(1, V_level), P(2, &g->out[2])));
}

static int64_t call_ironwal_options_set_sync_mode(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_sync_mode(P(0, V_ironwal_options(options, 0)), C(1, V_mode), P(2, &g->out[2])));
}

static int64_t call_ironwal_options_set_compression(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_compression(P(0, V_ironwal_options(options, 0)), C(1, V_mode), P(2, &g->out[2])));
}

static int64_t call_ironwal_options_set_read_strategy(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_read_strategy(P(0, V_ironwal_options(options, 0)), C(1, V_mode), P(2, &g->out[2])));
}

static int64_t call_ironwal_options_set_write_strategy(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_write_strategy(P(0, V_ironwal_options(options, 0)), C(1, V_mode), P(2, &g->out[2])));
}

static int64_t call_ironwal_options_set_commit_path(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_commit_path(P(0, V_ironwal_options(options, 0)), C(1, V_mode), P(2, &g->out[2])));
}

static int64_t call_ironwal_options_set_on_corruption(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_on_corruption(P(0, V_ironwal_options(options, 0)), C(1, V_mode), P(2, &g->out[2])));
}

static int64_t call_ironwal_options_set_max_segment_size(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_max_segment_size(P(0, V_ironwal_options(options, 0)), V_bytes, P(2, &g->out[2])));
}

static int64_t call_ironwal_options_set_max_entries_per_segment(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_max_entries_per_segment(P(0, V_ironwal_options(options, 0)), V_entries, P(2, &g->out[2])));
}

static int64_t call_ironwal_options_set_max_open_segments(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_max_open_segments(P(0, V_ironwal_options(options, 0)), V_files, P(2, &g->out[2])));
}

static int64_t call_ironwal_options_set_max_open_read_segments(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_max_open_read_segments(P(0, V_ironwal_options(options, 0)), V_files, P(2, &g->out[2])));
}

static int64_t call_ironwal_options_set_write_buffer_size(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_write_buffer_size(P(0, V_ironwal_options(options, 0)), V_bytes, P(2, &g->out[2])));
}

static int64_t call_ironwal_options_set_read_buffer_size(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_read_buffer_size(P(0, V_ironwal_options(options, 0)), V_bytes, P(2, &g->out[2])));
}

static int64_t call_ironwal_options_set_journal_size(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_journal_size(P(0, V_ironwal_options(options, 0)), V_bytes, P(2, &g->out[2])));
}

static int64_t call_ironwal_options_set_block_cache_size(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_block_cache_size(P(0, V_ironwal_options(options, 0)), V_bytes, P(2, &g->out[2])));
}

static int64_t call_ironwal_options_set_min_compression_size(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_min_compression_size(P(0, V_ironwal_options(options, 0)), V_bytes, P(2, &g->out[2])));
}

static int64_t call_ironwal_options_set_background_sync(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_background_sync(P(0, V_ironwal_options(options, 0)), V_interval_ns, V_bytes, P(3, &g->out[3])));
}

static int64_t call_ironwal_options_set_no_background_sync(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_no_background_sync(P(0, V_ironwal_options(options, 0)), P(1, &g->out[1])));
}

static int64_t call_ironwal_options_set_sync_threads(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_sync_threads(P(0, V_ironwal_options(options, 0)), V_threads, P(2, &g->out[2])));
}

static int64_t call_ironwal_options_set_latencies(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_latencies(P(0, V_ironwal_options(options, 0)), V_measured, P(2, &g->out[2])));
}

static int64_t call_ironwal_options_set_archive_path(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_archive_path(P(0, V_ironwal_options(options, 0)), P(1, V_char(path, 1)), L(2, V_path_len), P(3, &g->out[3])));
}

static int64_t call_ironwal_wal_open(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_wal_open(P(0, V_ironwal_options(options, 0)), P(1, &g->out[1]), P(2, &g->out[2])));
}

static int64_t call_ironwal_wal_close(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_wal_close(P(0, V_ironwal_wal(wal, 0)), P(1, &g->out[1])));
}

static int64_t call_ironwal_wal_free(const struct misuse *m, struct given *g) {
    ironwal_wal_free(P(0, V_ironwal_wal(wal, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_wal_sync_all(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_wal_sync_all(P(0, V_ironwal_wal(wal, 0)), P(1, &g->out[1])));
}

static int64_t call_ironwal_wal_streams(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_wal_streams(P(0, V_ironwal_wal(wal, 0)), P(1, &g->out[1]), P(2, &g->out[2])));
}

static int64_t call_ironwal_name_list_count(const struct misuse *m, struct given *g) {
    (void)ironwal_name_list_count(P(0, V_ironwal_name_list(names, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_name_list_get(const struct misuse *m, struct given *g) {
    (void)ironwal_name_list_get(P(0, V_ironwal_name_list(names, 0)), V_index);
    return NONE(m, g);
}

static int64_t call_ironwal_name_list_free(const struct misuse *m, struct given *g) {
    ironwal_name_list_free(P(0, V_ironwal_name_list(names, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_wal_open_read_only(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_wal_open_read_only(P(0, V_ironwal_options(options, 0)), P(1, &g->out[1]), P(2, &g->out[2])));
}

static int64_t call_ironwal_wal_is_read_only(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_wal_is_read_only(P(0, V_ironwal_wal(wal, 0)), P(1, V_bool(out_read_only, 1)), P(2, &g->out[2])));
}

static int64_t call_ironwal_wal_refresh(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_wal_refresh(P(0, V_ironwal_wal(wal, 0)), P(1, &g->out[1])));
}

static int64_t call_ironwal_wal_verify(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_wal_verify(P(0, V_ironwal_wal(wal, 0)), P(1, &g->out[1]), P(2, &g->out[2])));
}

static int64_t call_ironwal_verify_report_get_totals(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_verify_report_get_totals(P(0, V_ironwal_verify_report(report, 0)), P(1, V_ironwal_verify_report_totals(out_totals, 1)), V_out_totals_size, P(3, &g->out[3])));
}

static int64_t call_ironwal_verify_report_get_finding(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_verify_report_get_finding(P(0, V_ironwal_verify_report(report, 0)), V_index, P(2, V_ironwal_finding(out_finding, 2)), V_out_finding_size, P(4, &g->out[4])));
}

static int64_t call_ironwal_verify_report_free(const struct misuse *m, struct given *g) {
    ironwal_verify_report_free(P(0, V_ironwal_verify_report(report, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_wal_recovery(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_wal_recovery(P(0, V_ironwal_wal(wal, 0)), P(1, &g->out[1]), P(2, &g->out[2])));
}

static int64_t call_ironwal_recovery_report_get_totals(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_recovery_report_get_totals(P(0, V_ironwal_recovery_report(report, 0)), P(1, V_ironwal_recovery_report_totals(out_totals, 1)), V_out_totals_size, P(3, &g->out[3])));
}

static int64_t call_ironwal_recovery_report_get_stream(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_recovery_report_get_stream(P(0, V_ironwal_recovery_report(report, 0)), V_index, P(2, V_ironwal_recovered_stream(out_stream, 2)), V_out_stream_size, P(4, &g->out[4])));
}

static int64_t call_ironwal_recovery_report_get_finding(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_recovery_report_get_finding(P(0, V_ironwal_recovery_report(report, 0)), V_stream_index, V_index, P(3, V_ironwal_finding(out_finding, 3)), V_out_finding_size, P(5, &g->out[5])));
}

static int64_t call_ironwal_recovery_report_free(const struct misuse *m, struct given *g) {
    ironwal_recovery_report_free(P(0, V_ironwal_recovery_report(report, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_verify_directory(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_verify_directory(P(0, V_char(path, 0)), L(1, V_path_len), P(2, V_char(stream, 2)), L(3, V_stream_len), F(4, V_ironwal_progress_fn), V_ctx, P(6, &g->out[6]), P(7, &g->out[7])));
}

static int64_t call_ironwal_dump_directory(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_dump_directory(P(0, V_char(path, 0)), L(1, V_path_len), P(2, V_char(stream, 2)), L(3, V_stream_len), V_from_id, V_end_id, F(6, V_ironwal_entry_fn), F(7, V_ironwal_progress_fn), V_ctx, P(9, &g->out[9])));
}

static int64_t call_ironwal_stat_directory(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stat_directory(P(0, V_char(path, 0)), L(1, V_path_len), P(2, V_char(stream, 2)), L(3, V_stream_len), F(4, V_ironwal_progress_fn), V_ctx, P(6, &g->out[6]), P(7, &g->out[7])));
}

static int64_t call_ironwal_stat_report_get_totals(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stat_report_get_totals(P(0, V_ironwal_stat_report(report, 0)), P(1, V_ironwal_stat_totals(out_totals, 1)), V_out_totals_size, P(3, &g->out[3])));
}

static int64_t call_ironwal_stat_report_get_stream(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stat_report_get_stream(P(0, V_ironwal_stat_report(report, 0)), V_index, P(2, V_ironwal_stat_stream(out_stream, 2)), V_out_stream_size, P(4, &g->out[4])));
}

static int64_t call_ironwal_stat_report_get_segment(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stat_report_get_segment(P(0, V_ironwal_stat_report(report, 0)), V_stream_index, V_index, P(3, V_ironwal_stat_segment(out_segment, 3)), V_out_segment_size, P(5, &g->out[5])));
}

static int64_t call_ironwal_stat_report_free(const struct misuse *m, struct given *g) {
    ironwal_stat_report_free(P(0, V_ironwal_stat_report(report, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_repair_directory(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_repair_directory(P(0, V_char(from, 0)), L(1, V_from_len), P(2, V_char(to, 2)), L(3, V_to_len), C(4, V_compression), F(5, V_ironwal_progress_fn), V_ctx, P(7, &g->out[7]), P(8, &g->out[8])));
}

static int64_t call_ironwal_repair_report_get_totals(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_repair_report_get_totals(P(0, V_ironwal_repair_report(report, 0)), P(1, V_ironwal_repair_totals(out_totals, 1)), V_out_totals_size, P(3, &g->out[3])));
}

static int64_t call_ironwal_repair_report_get_stream(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_repair_report_get_stream(P(0, V_ironwal_repair_report(report, 0)), V_index, P(2, V_ironwal_repaired_stream(out_stream, 2)), V_out_stream_size, P(4, &g->out[4])));
}

static int64_t call_ironwal_repair_report_get_lost(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_repair_report_get_lost(P(0, V_ironwal_repair_report(report, 0)), V_stream_index, V_index, P(3, V_ironwal_lost_ids(out_lost, 3)), V_out_lost_size, P(5, &g->out[5])));
}

static int64_t call_ironwal_repair_report_free(const struct misuse *m, struct given *g) {
    ironwal_repair_report_free(P(0, V_ironwal_repair_report(report, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_buffer_free(const struct misuse *m, struct given *g) {
    ironwal_buffer_free(P(0, V_ironwal_buffer(buffer, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_view_pin_free(const struct misuse *m, struct given *g) {
    ironwal_view_pin_free(P(0, V_ironwal_view_pin(pin, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_entry_list_count(const struct misuse *m, struct given *g) {
    (void)ironwal_entry_list_count(P(0, V_ironwal_entry_list(entries, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_entry_list_get(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_entry_list_get(P(0, V_ironwal_entry_list(entries, 0)), V_index, P(2, V_ironwal_view(out_view, 2)), P(3, &g->out[3])));
}

static int64_t call_ironwal_entry_list_free(const struct misuse *m, struct given *g) {
    ironwal_entry_list_free(P(0, V_ironwal_entry_list(entries, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_append(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_append(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), P(3, V_void(data, 3)), L(4, V_len), P(5, V_uint64_t(out_id, 5)), P(6, &g->out[6])));
}

static int64_t call_ironwal_append_batch(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_append_batch(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), P(3, V_ironwal_slice(entries, 3)), L(4, V_entry_count), P(5, V_uint64_t(out_first_id, 5)), P(6, V_uint64_t(out_end_id, 6)), P(7, &g->out[7])));
}

static int64_t call_ironwal_append_vectored(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_append_vectored(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), P(3, V_ironwal_slice(parts, 3)), L(4, V_part_count), P(5, V_uint64_t(out_id, 5)), P(6, &g->out[6])));
}

static int64_t call_ironwal_get(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_get(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), V_id, P(4, V_ironwal_buffer(out_buffer, 4)), P(5, &g->out[5])));
}

static int64_t call_ironwal_get_into(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_get_into(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), V_id, P(4, V_void(buffer, 4)), L(5, V_capacity), P(6, V_size_t(out_len, 6)), P(7, &g->out[7])));
}

static int64_t call_ironwal_get_batch(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_get_batch(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), P(3, V_uint64_t(ids, 3)), L(4, V_id_count), P(5, &g->out[5]), P(6, &g->out[6])));
}

static int64_t call_ironwal_sync(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sync(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), P(3, &g->out[3])));
}

static int64_t call_ironwal_truncate(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_truncate(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), V_safe_id, P(4, V_size_t(out_segments, 4)), P(5, &g->out[5])));
}

static int64_t call_ironwal_restore_archived(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_restore_archived(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), P(3, V_size_t(out_segments, 3)), P(4, &g->out[4])));
}

static int64_t call_ironwal_delete_stream(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_delete_stream(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), P(3, &g->out[3])));
}

static int64_t call_ironwal_current_segment_start_id(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_current_segment_start_id(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), P(3, V_uint64_t(out_id, 3)), P(4, &g->out[4])));
}

static int64_t call_ironwal_txn_begin(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_txn_begin(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), P(3, &g->out[3]), P(4, &g->out[4])));
}

static int64_t call_ironwal_stream_begin(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_begin(P(0, V_ironwal_stream(stream, 0)), P(1, &g->out[1]), P(2, &g->out[2])));
}

static int64_t call_ironwal_txn_add(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_txn_add(P(0, V_ironwal_txn(txn, 0)), P(1, V_void(data, 1)), L(2, V_len), P(3, &g->out[3])));
}

static int64_t call_ironwal_txn_commit(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_txn_commit(P(0, V_ironwal_txn(txn, 0)), P(1, V_uint64_t(out_first_id, 1)), P(2, V_uint64_t(out_end_id, 2)), P(3, &g->out[3])));
}

static int64_t call_ironwal_txn_abort(const struct misuse *m, struct given *g) {
    ironwal_txn_abort(P(0, V_ironwal_txn(txn, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_stream_open(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_open(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), P(3, &g->out[3]), P(4, &g->out[4])));
}

static int64_t call_ironwal_stream_free(const struct misuse *m, struct given *g) {
    ironwal_stream_free(P(0, V_ironwal_stream(stream, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_stream_append(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_append(P(0, V_ironwal_stream(stream, 0)), P(1, V_void(data, 1)), L(2, V_len), P(3, V_uint64_t(out_id, 3)), P(4, &g->out[4])));
}

static int64_t call_ironwal_stream_append_batch(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_append_batch(P(0, V_ironwal_stream(stream, 0)), P(1, V_ironwal_slice(entries, 1)), L(2, V_entry_count), P(3, V_uint64_t(out_first_id, 3)), P(4, V_uint64_t(out_end_id, 4)), P(5, &g->out[5])));
}

static int64_t call_ironwal_stream_append_vectored(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_append_vectored(P(0, V_ironwal_stream(stream, 0)), P(1, V_ironwal_slice(parts, 1)), L(2, V_part_count), P(3, V_uint64_t(out_id, 3)), P(4, &g->out[4])));
}

static int64_t call_ironwal_stream_sync(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_sync(P(0, V_ironwal_stream(stream, 0)), P(1, &g->out[1])));
}

static int64_t call_ironwal_stream_wait_durable(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_wait_durable(P(0, V_ironwal_stream(stream, 0)), V_id, V_timeout_ns, P(3, &g->out[3])));
}

static int64_t call_ironwal_stream_first_id(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_first_id(P(0, V_ironwal_stream(stream, 0)), P(1, V_uint64_t(out_id, 1)), P(2, &g->out[2])));
}

static int64_t call_ironwal_stream_next_id(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_next_id(P(0, V_ironwal_stream(stream, 0)), P(1, V_uint64_t(out_id, 1)), P(2, &g->out[2])));
}

static int64_t call_ironwal_stream_durable_end(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_durable_end(P(0, V_ironwal_stream(stream, 0)), P(1, V_uint64_t(out_id, 1)), P(2, &g->out[2])));
}

static int64_t call_ironwal_options_set_stream(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_stream(P(0, V_ironwal_options(options, 0)), C(1, V_match_by), P(2, V_char(key, 2)), L(3, V_key_len), P(4, V_char(text, 4)), L(5, V_text_len), P(6, &g->out[6])));
}

static int64_t call_ironwal_stream_sync_mode(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_sync_mode(P(0, V_ironwal_stream(stream, 0)), P(1, V_int32_t(out_mode, 1)), P(2, &g->out[2])));
}

static int64_t call_ironwal_stream_get(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_get(P(0, V_ironwal_stream(stream, 0)), V_id, P(2, V_ironwal_buffer(out_buffer, 2)), P(3, &g->out[3])));
}

static int64_t call_ironwal_stream_last(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_last(P(0, V_ironwal_stream(stream, 0)), P(1, V_uint64_t(out_id, 1)), P(2, V_ironwal_buffer(out_buffer, 2)), P(3, &g->out[3])));
}

static int64_t call_ironwal_stream_digest(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_digest(P(0, V_ironwal_stream(stream, 0)), V_first_id, V_end_id, P(3, V_uint8_t(out_digest, 3)), P(4, &g->out[4])));
}

static int64_t call_ironwal_stream_get_into(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_get_into(P(0, V_ironwal_stream(stream, 0)), V_id, P(2, V_void(buffer, 2)), L(3, V_capacity), P(4, V_size_t(out_len, 4)), P(5, &g->out[5])));
}

static int64_t call_ironwal_stream_view(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_view(P(0, V_ironwal_stream(stream, 0)), V_id, P(2, V_ironwal_view(out_view, 2)), P(3, &g->out[3]), P(4, &g->out[4])));
}

static int64_t call_ironwal_stream_current_segment_start_id(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_current_segment_start_id(P(0, V_ironwal_stream(stream, 0)), P(1, V_uint64_t(out_id, 1)), P(2, &g->out[2])));
}

static int64_t call_ironwal_stream_truncate(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_truncate(P(0, V_ironwal_stream(stream, 0)), V_safe_id, P(2, V_size_t(out_segments, 2)), P(3, &g->out[3])));
}

static int64_t call_ironwal_stream_restore_archived(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_restore_archived(P(0, V_ironwal_stream(stream, 0)), P(1, V_size_t(out_segments, 1)), P(2, &g->out[2])));
}

static int64_t call_ironwal_stream_delete(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_delete(P(0, V_ironwal_stream(stream, 0)), P(1, &g->out[1])));
}

static int64_t call_ironwal_stream_append_at(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_append_at(P(0, V_ironwal_stream(stream, 0)), V_expected_id, P(2, V_void(data, 2)), L(3, V_len), P(4, V_uint64_t(out_id, 4)), P(5, &g->out[5])));
}

static int64_t call_ironwal_stream_append_with(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_append_with(P(0, V_ironwal_stream(stream, 0)), V_expected_id, P(2, V_ironwal_slice(entries, 2)), L(3, V_entry_count), P(4, V_ironwal_property(properties, 4)), L(5, V_property_count), C(6, V_durability), P(7, V_uint64_t(out_first_id, 7)), P(8, V_uint64_t(out_end_id, 8)), P(9, V_ironwal_mark(out_mark, 9)), P(10, &g->out[10])));
}

static int64_t call_ironwal_stream_mark(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_mark(P(0, V_ironwal_stream(stream, 0)), P(1, V_ironwal_mark(out_mark, 1)), P(2, &g->out[2])));
}

static int64_t call_ironwal_stream_is_durable(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_is_durable(P(0, V_ironwal_stream(stream, 0)), V_mark, P(2, V_bool(out_durable, 2)), P(3, &g->out[3])));
}

static int64_t call_ironwal_stream_property(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_property(P(0, V_ironwal_stream(stream, 0)), P(1, V_void(key, 1)), L(2, V_key_len), P(3, V_ironwal_buffer(out_value, 3)), P(4, &g->out[4])));
}

static int64_t call_ironwal_stream_set_properties(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_set_properties(P(0, V_ironwal_stream(stream, 0)), P(1, V_ironwal_property(properties, 1)), L(2, V_property_count), C(3, V_durability), P(4, V_ironwal_mark(out_mark, 4)), P(5, &g->out[5])));
}

static int64_t call_ironwal_stream_replace_properties(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_replace_properties(P(0, V_ironwal_stream(stream, 0)), P(1, V_ironwal_property(properties, 1)), L(2, V_property_count), C(3, V_durability), P(4, V_ironwal_mark(out_mark, 4)), P(5, &g->out[5])));
}

static int64_t call_ironwal_stream_properties(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_properties(P(0, V_ironwal_stream(stream, 0)), P(1, &g->out[1]), P(2, &g->out[2])));
}

static int64_t call_ironwal_property_list_count(const struct misuse *m, struct given *g) {
    (void)ironwal_property_list_count(P(0, V_ironwal_property_list(list, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_property_list_get(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_property_list_get(P(0, V_ironwal_property_list(list, 0)), V_index, P(2, V_ironwal_view(out_key, 2)), P(3, V_ironwal_view(out_value, 3)), P(4, &g->out[4])));
}

static int64_t call_ironwal_property_list_free(const struct misuse *m, struct given *g) {
    ironwal_property_list_free(P(0, V_ironwal_property_list(list, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_append_atomic(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_append_atomic(P(0, V_ironwal_wal(wal, 0)), P(1, V_ironwal_atomic_part(parts, 1)), L(2, V_part_count), P(3, V_uint64_t(out_first_ids, 3)), P(4, V_uint64_t(out_end_ids, 4)), P(5, &g->out[5])));
}

static int64_t call_ironwal_stream_replace_suffix(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_replace_suffix(P(0, V_ironwal_stream(stream, 0)), V_from_id, P(2, V_ironwal_slice(entries, 2)), L(3, V_entry_count), P(4, V_ironwal_property(properties, 4)), L(5, V_property_count), P(6, V_uint64_t(out_first_id, 6)), P(7, V_uint64_t(out_end_id, 7)), P(8, &g->out[8])));
}

static int64_t call_ironwal_stream_truncate_suffix(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_truncate_suffix(P(0, V_ironwal_stream(stream, 0)), V_from_id, P(2, V_uint64_t(out_cut, 2)), P(3, &g->out[3])));
}

static int64_t call_ironwal_stream_reset(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_reset(P(0, V_ironwal_stream(stream, 0)), V_next_id, P(2, V_ironwal_slice(entries, 2)), L(3, V_entry_count), P(4, V_ironwal_property(properties, 4)), L(5, V_property_count), P(6, V_uint64_t(out_first_id, 6)), P(7, V_uint64_t(out_end_id, 7)), P(8, &g->out[8])));
}

static int64_t call_ironwal_stream_truncate_prefix(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_truncate_prefix(P(0, V_ironwal_stream(stream, 0)), V_first_id, P(2, V_size_t(out_segments, 2)), P(3, &g->out[3])));
}

static int64_t call_ironwal_append_at(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_append_at(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), V_expected_id, P(4, V_void(data, 4)), L(5, V_len), P(6, V_uint64_t(out_id, 6)), P(7, &g->out[7])));
}

static int64_t call_ironwal_append_with(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_append_with(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), V_expected_id, P(4, V_ironwal_slice(entries, 4)), L(5, V_entry_count), P(6, V_ironwal_property(properties, 6)), L(7, V_property_count), C(8, V_durability), P(9, V_uint64_t(out_first_id, 9)), P(10, V_uint64_t(out_end_id, 10)), P(11, V_ironwal_mark(out_mark, 11)), P(12, &g->out[12])));
}

static int64_t call_ironwal_get_property(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_get_property(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), P(3, V_void(key, 3)), L(4, V_key_len), P(5, V_ironwal_buffer(out_value, 5)), P(6, &g->out[6])));
}

static int64_t call_ironwal_get_properties(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_get_properties(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), P(3, &g->out[3]), P(4, &g->out[4])));
}

static int64_t call_ironwal_set_properties(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_set_properties(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), P(3, V_ironwal_property(properties, 3)), L(4, V_property_count), C(5, V_durability), P(6, V_ironwal_mark(out_mark, 6)), P(7, &g->out[7])));
}

static int64_t call_ironwal_replace_properties(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_replace_properties(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), P(3, V_ironwal_property(properties, 3)), L(4, V_property_count), C(5, V_durability), P(6, V_ironwal_mark(out_mark, 6)), P(7, &g->out[7])));
}

static int64_t call_ironwal_replace_suffix(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_replace_suffix(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), V_from_id, P(4, V_ironwal_slice(entries, 4)), L(5, V_entry_count), P(6, V_ironwal_property(properties, 6)), L(7, V_property_count), P(8, V_uint64_t(out_first_id, 8)), P(9, V_uint64_t(out_end_id, 9)), P(10, &g->out[10])));
}

static int64_t call_ironwal_truncate_suffix(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_truncate_suffix(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), V_from_id, P(4, V_uint64_t(out_cut, 4)), P(5, &g->out[5])));
}

static int64_t call_ironwal_reset(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_reset(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), V_next_id, P(4, V_ironwal_slice(entries, 4)), L(5, V_entry_count), P(6, V_ironwal_property(properties, 6)), L(7, V_property_count), P(8, V_uint64_t(out_first_id, 8)), P(9, V_uint64_t(out_end_id, 9)), P(10, &g->out[10])));
}

static int64_t call_ironwal_truncate_prefix(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_truncate_prefix(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), V_first_id, P(4, V_size_t(out_segments, 4)), P(5, &g->out[5])));
}

static int64_t call_ironwal_stream_on_durable(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_on_durable(P(0, V_ironwal_stream(stream, 0)), V_mark, F(2, V_ironwal_durable_fn), V_ctx, P(4, V_ironwal_ticket(out_ticket, 4)), P(5, &g->out[5])));
}

static int64_t call_ironwal_stream_cancel_durable(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_cancel_durable(P(0, V_ironwal_stream(stream, 0)), P(1, V_ironwal_ticket(ticket, 1)), P(2, V_bool(out_cancelled, 2)), P(3, &g->out[3])));
}

static int64_t call_ironwal_stream_events(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_events(P(0, V_ironwal_stream(stream, 0)), C(1, V_event), P(2, &g->out[2]), P(3, &g->out[3])));
}

static int64_t call_ironwal_events_fd(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_events_fd(P(0, V_ironwal_events(events, 0)), P(1, V_int32_t(out_fd, 1)), P(2, &g->out[2])));
}

static int64_t call_ironwal_events_drain(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_events_drain(P(0, V_ironwal_events(events, 0)), P(1, V_uint64_t(out_end_id, 1)), P(2, &g->out[2])));
}

static int64_t call_ironwal_events_free(const struct misuse *m, struct given *g) {
    ironwal_events_free(P(0, V_ironwal_events(events, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_wal_iter(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_wal_iter(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), V_start_id, P(4, &g->out[4]), P(5, &g->out[5])));
}

static int64_t call_ironwal_stream_iter(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_iter(P(0, V_ironwal_stream(stream, 0)), V_start_id, P(2, &g->out[2]), P(3, &g->out[3])));
}

static int64_t call_ironwal_wal_iter_rev(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_wal_iter_rev(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(stream, 1)), L(2, V_stream_len), V_from_id, P(4, &g->out[4]), P(5, &g->out[5])));
}

static int64_t call_ironwal_stream_iter_rev(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_iter_rev(P(0, V_ironwal_stream(stream, 0)), V_from_id, P(2, &g->out[2]), P(3, &g->out[3])));
}

static int64_t call_ironwal_iter_next(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_iter_next(P(0, V_ironwal_iter(iter, 0)), P(1, V_uint64_t(out_id, 1)), P(2, V_ironwal_view(out_view, 2)), P(3, &g->out[3])));
}

static int64_t call_ironwal_iter_next_many(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_iter_next_many(P(0, V_ironwal_iter(iter, 0)), P(1, V_ironwal_entry(out_entries, 1)), L(2, V_capacity), V_max_bytes, P(4, V_size_t(out_count, 4)), P(5, &g->out[5])));
}

static int64_t call_ironwal_iter_current(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_iter_current(P(0, V_ironwal_iter(iter, 0)), V_id, P(2, V_ironwal_view(out_view, 2)), P(3, &g->out[3])));
}

static int64_t call_ironwal_iter_free(const struct misuse *m, struct given *g) {
    ironwal_iter_free(P(0, V_ironwal_iter(iter, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_stream_follow(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_follow(P(0, V_ironwal_stream(stream, 0)), V_start_id, C(2, V_view), P(3, &g->out[3]), P(4, &g->out[4])));
}

static int64_t call_ironwal_iter_wait(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_iter_wait(P(0, V_ironwal_iter(iter, 0)), V_timeout_ns, P(2, &g->out[2])));
}

static int64_t call_ironwal_iter_canceller(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_iter_canceller(P(0, V_ironwal_iter(iter, 0)), P(1, &g->out[1]), P(2, &g->out[2])));
}

static int64_t call_ironwal_canceller_cancel(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_canceller_cancel(P(0, V_ironwal_canceller(canceller, 0)), P(1, &g->out[1])));
}

static int64_t call_ironwal_canceller_free(const struct misuse *m, struct given *g) {
    ironwal_canceller_free(P(0, V_ironwal_canceller(canceller, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_sharded_route(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_route(P(0, V_void(key, 0)), L(1, V_key_len), V_shard_count, P(3, V_uint32_t(out_shard, 3)), P(4, &g->out[4])));
}

static int64_t call_ironwal_sharded_open(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_open(P(0, V_ironwal_options(options, 0)), P(1, V_ironwal_sharded_options(sharded_options, 1)), P(2, &g->out[2]), P(3, &g->out[3])));
}

static int64_t call_ironwal_sharded_open_read_only(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_open_read_only(P(0, V_ironwal_options(options, 0)), V_shard_count, P(2, &g->out[2]), P(3, &g->out[3])));
}

static int64_t call_ironwal_sharded_refresh(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_refresh(P(0, V_ironwal_sharded(sharded, 0)), P(1, &g->out[1])));
}

static int64_t call_ironwal_sharded_close(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_close(P(0, V_ironwal_sharded(sharded, 0)), P(1, &g->out[1])));
}

static int64_t call_ironwal_sharded_free(const struct misuse *m, struct given *g) {
    ironwal_sharded_free(P(0, V_ironwal_sharded(sharded, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_sharded_shard_count(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_shard_count(P(0, V_ironwal_sharded(sharded, 0)), P(1, V_uint32_t(out_shard_count, 1)), P(2, &g->out[2])));
}

static int64_t call_ironwal_sharded_wal(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_wal(P(0, V_ironwal_sharded(sharded, 0)), P(1, &g->out[1]), P(2, &g->out[2])));
}

static int64_t call_ironwal_sharded_iter_shard(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_iter_shard(P(0, V_ironwal_sharded(sharded, 0)), V_shard, V_start_id, P(3, &g->out[3]), P(4, &g->out[4])));
}

static int64_t call_ironwal_sharded_flush_shard(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_flush_shard(P(0, V_ironwal_sharded(sharded, 0)), V_shard, P(2, &g->out[2])));
}

static int64_t call_ironwal_sharded_flush_all(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_flush_all(P(0, V_ironwal_sharded(sharded, 0)), P(1, &g->out[1])));
}

static int64_t call_ironwal_sharded_append(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_append(P(0, V_ironwal_sharded(sharded, 0)), P(1, V_void(key, 1)), L(2, V_key_len), P(3, V_void(data, 3)), L(4, V_len), P(5, V_uint32_t(out_shard, 5)), P(6, V_uint64_t(out_id, 6)), P(7, &g->out[7])));
}

static int64_t call_ironwal_sharded_append_batch(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_append_batch(P(0, V_ironwal_sharded(sharded, 0)), P(1, V_ironwal_keyed_slice(entries, 1)), L(2, V_entry_count), P(3, V_uint32_t(out_shards, 3)), P(4, V_uint64_t(out_ids, 4)), P(5, &g->out[5])));
}

static int64_t call_ironwal_sharded_append_batch_atomic(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_append_batch_atomic(P(0, V_ironwal_sharded(sharded, 0)), P(1, V_ironwal_keyed_slice(entries, 1)), L(2, V_entry_count), P(3, V_uint32_t(out_shards, 3)), P(4, V_uint64_t(out_ids, 4)), P(5, &g->out[5])));
}

static int64_t call_ironwal_sharded_append_batch_for_key(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_append_batch_for_key(P(0, V_ironwal_sharded(sharded, 0)), P(1, V_void(key, 1)), L(2, V_key_len), P(3, V_ironwal_slice(entries, 3)), L(4, V_entry_count), P(5, V_uint32_t(out_shard, 5)), P(6, V_uint64_t(out_first_id, 6)), P(7, V_uint64_t(out_end_id, 7)), P(8, &g->out[8])));
}

static int64_t call_ironwal_sharded_create_checkpoint(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_create_checkpoint(P(0, V_ironwal_sharded(sharded, 0)), P(1, V_void(id, 1)), L(2, V_id_len), P(3, &g->out[3])));
}

static int64_t call_ironwal_sharded_load_checkpoint(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_load_checkpoint(P(0, V_ironwal_sharded(sharded, 0)), P(1, V_void(id, 1)), L(2, V_id_len), P(3, &g->out[3]), P(4, &g->out[4])));
}

static int64_t call_ironwal_sharded_load_latest_checkpoint(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_load_latest_checkpoint(P(0, V_ironwal_sharded(sharded, 0)), P(1, &g->out[1]), P(2, &g->out[2])));
}

static int64_t call_ironwal_sharded_checkpoint_count(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_checkpoint_count(P(0, V_ironwal_sharded(sharded, 0)), P(1, V_size_t(out_count, 1)), P(2, &g->out[2])));
}

static int64_t call_ironwal_sharded_list_checkpoints(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_list_checkpoints(P(0, V_ironwal_sharded(sharded, 0)), P(1, &g->out[1]), P(2, &g->out[2])));
}

static int64_t call_ironwal_checkpoint_id(const struct misuse *m, struct given *g) {
    (void)ironwal_checkpoint_id(P(0, V_ironwal_checkpoint(checkpoint, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_checkpoint_timestamp_ns(const struct misuse *m, struct given *g) {
    (void)ironwal_checkpoint_timestamp_ns(P(0, V_ironwal_checkpoint(checkpoint, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_checkpoint_shard_count(const struct misuse *m, struct given *g) {
    (void)ironwal_checkpoint_shard_count(P(0, V_ironwal_checkpoint(checkpoint, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_checkpoint_offset(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_checkpoint_offset(P(0, V_ironwal_checkpoint(checkpoint, 0)), V_shard, P(2, V_uint64_t(out_id, 2)), P(3, &g->out[3])));
}

static int64_t call_ironwal_checkpoint_free(const struct misuse *m, struct given *g) {
    ironwal_checkpoint_free(P(0, V_ironwal_checkpoint(checkpoint, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_checkpoint_list_count(const struct misuse *m, struct given *g) {
    (void)ironwal_checkpoint_list_count(P(0, V_ironwal_checkpoint_list(list, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_checkpoint_list_get(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_checkpoint_list_get(P(0, V_ironwal_checkpoint_list(list, 0)), V_index, P(2, V_ironwal_view(out_id, 2)), P(3, V_uint64_t(out_timestamp_ns, 3)), P(4, &g->out[4])));
}

static int64_t call_ironwal_checkpoint_list_free(const struct misuse *m, struct given *g) {
    ironwal_checkpoint_list_free(P(0, V_ironwal_checkpoint_list(list, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_sharded_prune_before_checkpoint(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_prune_before_checkpoint(P(0, V_ironwal_sharded(sharded, 0)), P(1, V_void(id, 1)), L(2, V_id_len), P(3, V_ironwal_prune_stats(out_stats, 3)), V_out_stats_size, P(5, &g->out[5])));
}

static int64_t call_ironwal_sharded_rollback_to_checkpoint(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_rollback_to_checkpoint(P(0, V_ironwal_sharded(sharded, 0)), P(1, V_void(id, 1)), L(2, V_id_len), P(3, &g->out[3])));
}

static int64_t call_ironwal_sharded_compact_checkpoints(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_compact_checkpoints(P(0, V_ironwal_sharded(sharded, 0)), V_keep_latest_n, P(2, V_ironwal_compaction_stats(out_stats, 2)), V_out_stats_size, P(4, &g->out[4])));
}

static int64_t call_ironwal_sharded_automatic_status(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_automatic_status(P(0, V_ironwal_sharded(sharded, 0)), P(1, V_ironwal_automatic_status(out_status, 1)), V_out_status_size, P(3, V_ironwal_buffer(out_last_error, 3)), P(4, &g->out[4])));
}

static int64_t call_ironwal_sharded_options_new(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_options_new(V_shard_count, P(1, &g->out[1]), P(2, &g->out[2])));
}

static int64_t call_ironwal_sharded_options_free(const struct misuse *m, struct given *g) {
    ironwal_sharded_options_free(P(0, V_ironwal_sharded_options(options, 0)));
    return NONE(m, g);
}

static int64_t call_ironwal_sharded_options_set_checkpoint_every_entries(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_options_set_checkpoint_every_entries(P(0, V_ironwal_sharded_options(options, 0)), V_entries, P(2, &g->out[2])));
}

static int64_t call_ironwal_sharded_options_set_checkpoint_interval(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_options_set_checkpoint_interval(P(0, V_ironwal_sharded_options(options, 0)), V_interval_ns, P(2, &g->out[2])));
}

static int64_t call_ironwal_sharded_options_set_checkpoint_prefix(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_options_set_checkpoint_prefix(P(0, V_ironwal_sharded_options(options, 0)), P(1, V_void(prefix, 1)), L(2, V_prefix_len), P(3, &g->out[3])));
}

static int64_t call_ironwal_sharded_options_set_checkpoint_ids(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_options_set_checkpoint_ids(P(0, V_ironwal_sharded_options(options, 0)), F(1, V_ironwal_checkpoint_id_fn), V_ctx, P(3, &g->out[3])));
}

static int64_t call_ironwal_sharded_options_set_retention(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_options_set_retention(P(0, V_ironwal_sharded_options(options, 0)), V_keep_latest, P(2, &g->out[2])));
}

static int64_t call_ironwal_wal_snapshot_to(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_wal_snapshot_to(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(dir, 1)), L(2, V_dir_len), C(3, V_mode), P(4, V_ironwal_snapshot_stats(out_stats, 4)), V_out_stats_size, P(6, &g->out[6])));
}

static int64_t call_ironwal_wal_snapshot_streams_to(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_wal_snapshot_streams_to(P(0, V_ironwal_wal(wal, 0)), P(1, V_char(dir, 1)), L(2, V_dir_len), C(3, V_mode), P(4, V_ironwal_snapshot_stats(out_stats, 4)), V_out_stats_size, P(6, &g->out[6])));
}

static int64_t call_ironwal_sharded_snapshot_to(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_sharded_snapshot_to(P(0, V_ironwal_sharded(sharded, 0)), P(1, V_char(dir, 1)), L(2, V_dir_len), C(3, V_mode), P(4, V_ironwal_snapshot_stats(out_stats, 4)), V_out_stats_size, P(6, &g->out[6])));
}

static int64_t call_ironwal_stream_stats(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_stats(P(0, V_ironwal_stream(stream, 0)), P(1, V_ironwal_stream_stats_t(out_stats, 1)), V_out_stats_size, P(3, &g->out[3])));
}

static int64_t call_ironwal_wal_stats(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_wal_stats(P(0, V_ironwal_wal(wal, 0)), P(1, V_ironwal_wal_stats_t(out_stats, 1)), V_out_stats_size, P(3, &g->out[3])));
}

static int64_t call_ironwal_stream_frame_position(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_frame_position(P(0, V_ironwal_stream(stream, 0)), P(1, V_ironwal_buffer(out_position, 1)), P(2, &g->out[2])));
}

static int64_t call_ironwal_stream_export(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_export(P(0, V_ironwal_stream(stream, 0)), P(1, V_void(position, 1)), L(2, V_position_len), V_max_bytes, P(4, V_ironwal_buffer(out_packet, 4)), P(5, &g->out[5])));
}

static int64_t call_ironwal_stream_export_written(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_export_written(P(0, V_ironwal_stream(stream, 0)), P(1, V_void(position, 1)), L(2, V_position_len), V_max_bytes, P(4, V_ironwal_buffer(out_packet, 4)), P(5, &g->out[5])));
}

static int64_t call_ironwal_stream_apply(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_apply(P(0, V_ironwal_stream(stream, 0)), P(1, V_void(packet, 1)), L(2, V_packet_len), P(3, V_uint64_t(out_first_id, 3)), P(4, V_uint64_t(out_end_id, 4)), P(5, &g->out[5])));
}

static int64_t call_ironwal_stream_apply_retention(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_stream_apply_retention(P(0, V_ironwal_stream(stream, 0)), V_max_bytes, V_max_age_ns, V_keep_cursors, P(4, V_size_t(out_segments, 4)), P(5, &g->out[5])));
}

static int64_t call_ironwal_wal_apply_retention(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_wal_apply_retention(P(0, V_ironwal_wal(wal, 0)), V_max_bytes, V_max_age_ns, V_keep_cursors, P(4, V_size_t(out_segments, 4)), P(5, &g->out[5])));
}

static int64_t call_ironwal_options_set_retention(const struct misuse *m, struct given *g) {
    return STATUS(m, g, ironwal_options_set_retention(P(0, V_ironwal_options(options, 0)), V_max_bytes, V_max_age_ns, V_keep_cursors, P(4, &g->out[4])));
}

static const struct function every_function[] = {
    {"ironwal_status_name", call_ironwal_status_name, 0, {{PLAIN, 0, "ironwal_status", "status"}, {END, 0, NULL, NULL}}},
    {"ironwal_version_number", call_ironwal_version_number, 0, {{END, 0, NULL, NULL}}},
    {"ironwal_version_string", call_ironwal_version_string, 0, {{END, 0, NULL, NULL}}},
    {"ironwal_error_status", call_ironwal_error_status, 0, {{POINTER, 0, "ironwal_error*", "error"}, {END, 0, NULL, NULL}}},
    {"ironwal_error_os_error", call_ironwal_error_os_error, 0, {{POINTER, 0, "ironwal_error*", "error"}, {END, 0, NULL, NULL}}},
    {"ironwal_error_message", call_ironwal_error_message, 0, {{POINTER, 0, "ironwal_error*", "error"}, {END, 0, NULL, NULL}}},
    {"ironwal_error_stream", call_ironwal_error_stream, 0, {{POINTER, 0, "ironwal_error*", "error"}, {END, 0, NULL, NULL}}},
    {"ironwal_error_path", call_ironwal_error_path, 0, {{POINTER, 0, "ironwal_error*", "error"}, {END, 0, NULL, NULL}}},
    {"ironwal_error_offset", call_ironwal_error_offset, 0, {{POINTER, 0, "ironwal_error*", "error"}, {POINTER, 1, "uint64_t*", "out_offset"}, {END, 0, NULL, NULL}}},
    {"ironwal_error_ids", call_ironwal_error_ids, 0, {{POINTER, 0, "ironwal_error*", "error"}, {POINTER, 0, "uint64_t*", "out_first_id"}, {POINTER, 0, "uint64_t*", "out_end_id"}, {END, 0, NULL, NULL}}},
    {"ironwal_error_sequence", call_ironwal_error_sequence, 0, {{POINTER, 0, "ironwal_error*", "error"}, {POINTER, 0, "uint64_t*", "out_expected_id"}, {POINTER, 0, "uint64_t*", "out_found_id"}, {END, 0, NULL, NULL}}},
    {"ironwal_error_committed_count", call_ironwal_error_committed_count, 0, {{POINTER, 0, "ironwal_error*", "error"}, {END, 0, NULL, NULL}}},
    {"ironwal_error_committed_part", call_ironwal_error_committed_part, 0, {{POINTER, 0, "ironwal_error*", "error"}, {PLAIN, 0, "size_t", "index"}, {POINTER, 1, "uint32_t*", "out_shard"}, {POINTER, 1, "uint64_t*", "out_first_id"}, {POINTER, 1, "uint64_t*", "out_end_id"}, {END, 0, NULL, NULL}}},
    {"ironwal_error_free", call_ironwal_error_free, 0, {{POINTER, 0, "ironwal_error*", "error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_new", call_ironwal_options_new, 1, {{POINTER, 0, "char*", "path"}, {LENGTH, 0, "size_t", "path_len"}, {POINTER, 0, "ironwal_options**", "out_options"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_free", call_ironwal_options_free, 0, {{POINTER, 0, "ironwal_options*", "options"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_clone", call_ironwal_options_clone, 1, {{POINTER, 0, "ironwal_options*", "options"}, {POINTER, 0, "ironwal_options**", "out_options"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_parse", call_ironwal_options_parse, 1, {{POINTER, 0, "ironwal_options*", "options"}, {POINTER, 0, "char*", "text"}, {LENGTH, 0, "size_t", "text_len"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_log", call_ironwal_options_set_log, 1, {{POINTER, 0, "ironwal_options*", "options"}, {CALLBACK, 1, "ironwal_log_fn", "callback"}, {PLAIN, 0, "uintptr_t", "ctx"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_log_owned", call_ironwal_options_set_log_owned, 1, {{POINTER, 0, "ironwal_options*", "options"}, {CALLBACK, 1, "ironwal_log_fn", "callback"}, {PLAIN, 1, "uintptr_t", "ctx"}, {CALLBACK, 1, "ironwal_release_fn", "release"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_log_level", call_ironwal_options_set_log_level, 1, {{POINTER, 0, "ironwal_options*", "options"}, {CONSTANT, 0, "int32_t", "level"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_sync_mode", call_ironwal_options_set_sync_mode, 1, {{POINTER, 0, "ironwal_options*", "options"}, {CONSTANT, 0, "int32_t", "mode"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_compression", call_ironwal_options_set_compression, 1, {{POINTER, 0, "ironwal_options*", "options"}, {CONSTANT, 0, "int32_t", "mode"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_read_strategy", call_ironwal_options_set_read_strategy, 1, {{POINTER, 0, "ironwal_options*", "options"}, {CONSTANT, 0, "int32_t", "mode"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_write_strategy", call_ironwal_options_set_write_strategy, 1, {{POINTER, 0, "ironwal_options*", "options"}, {CONSTANT, 0, "int32_t", "mode"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_commit_path", call_ironwal_options_set_commit_path, 1, {{POINTER, 0, "ironwal_options*", "options"}, {CONSTANT, 0, "int32_t", "mode"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_on_corruption", call_ironwal_options_set_on_corruption, 1, {{POINTER, 0, "ironwal_options*", "options"}, {CONSTANT, 0, "int32_t", "mode"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_max_segment_size", call_ironwal_options_set_max_segment_size, 1, {{POINTER, 0, "ironwal_options*", "options"}, {PLAIN, 0, "uint64_t", "bytes"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_max_entries_per_segment", call_ironwal_options_set_max_entries_per_segment, 1, {{POINTER, 0, "ironwal_options*", "options"}, {PLAIN, 0, "uint64_t", "entries"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_max_open_segments", call_ironwal_options_set_max_open_segments, 1, {{POINTER, 0, "ironwal_options*", "options"}, {PLAIN, 0, "size_t", "files"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_max_open_read_segments", call_ironwal_options_set_max_open_read_segments, 1, {{POINTER, 0, "ironwal_options*", "options"}, {PLAIN, 0, "size_t", "files"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_write_buffer_size", call_ironwal_options_set_write_buffer_size, 1, {{POINTER, 0, "ironwal_options*", "options"}, {PLAIN, 0, "size_t", "bytes"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_read_buffer_size", call_ironwal_options_set_read_buffer_size, 1, {{POINTER, 0, "ironwal_options*", "options"}, {PLAIN, 0, "size_t", "bytes"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_journal_size", call_ironwal_options_set_journal_size, 1, {{POINTER, 0, "ironwal_options*", "options"}, {PLAIN, 0, "uint64_t", "bytes"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_block_cache_size", call_ironwal_options_set_block_cache_size, 1, {{POINTER, 0, "ironwal_options*", "options"}, {PLAIN, 0, "uint64_t", "bytes"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_min_compression_size", call_ironwal_options_set_min_compression_size, 1, {{POINTER, 0, "ironwal_options*", "options"}, {PLAIN, 0, "size_t", "bytes"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_background_sync", call_ironwal_options_set_background_sync, 1, {{POINTER, 0, "ironwal_options*", "options"}, {PLAIN, 0, "uint64_t", "interval_ns"}, {PLAIN, 0, "uint64_t", "bytes"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_no_background_sync", call_ironwal_options_set_no_background_sync, 1, {{POINTER, 0, "ironwal_options*", "options"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_sync_threads", call_ironwal_options_set_sync_threads, 1, {{POINTER, 0, "ironwal_options*", "options"}, {PLAIN, 0, "size_t", "threads"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_latencies", call_ironwal_options_set_latencies, 1, {{POINTER, 0, "ironwal_options*", "options"}, {PLAIN, 0, "bool", "measured"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_archive_path", call_ironwal_options_set_archive_path, 1, {{POINTER, 0, "ironwal_options*", "options"}, {POINTER, 0, "char*", "path"}, {LENGTH, 0, "size_t", "path_len"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_wal_open", call_ironwal_wal_open, 1, {{POINTER, 0, "ironwal_options*", "options"}, {POINTER, 0, "ironwal_wal**", "out_wal"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_wal_close", call_ironwal_wal_close, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_wal_free", call_ironwal_wal_free, 0, {{POINTER, 0, "ironwal_wal*", "wal"}, {END, 0, NULL, NULL}}},
    {"ironwal_wal_sync_all", call_ironwal_wal_sync_all, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_wal_streams", call_ironwal_wal_streams, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "ironwal_name_list**", "out_names"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_name_list_count", call_ironwal_name_list_count, 0, {{POINTER, 0, "ironwal_name_list*", "names"}, {END, 0, NULL, NULL}}},
    {"ironwal_name_list_get", call_ironwal_name_list_get, 0, {{POINTER, 0, "ironwal_name_list*", "names"}, {PLAIN, 0, "size_t", "index"}, {END, 0, NULL, NULL}}},
    {"ironwal_name_list_free", call_ironwal_name_list_free, 0, {{POINTER, 0, "ironwal_name_list*", "names"}, {END, 0, NULL, NULL}}},
    {"ironwal_wal_open_read_only", call_ironwal_wal_open_read_only, 1, {{POINTER, 0, "ironwal_options*", "options"}, {POINTER, 0, "ironwal_wal**", "out_wal"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_wal_is_read_only", call_ironwal_wal_is_read_only, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "bool*", "out_read_only"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_wal_refresh", call_ironwal_wal_refresh, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_wal_verify", call_ironwal_wal_verify, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "ironwal_verify_report**", "out_report"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_verify_report_get_totals", call_ironwal_verify_report_get_totals, 1, {{POINTER, 0, "ironwal_verify_report*", "report"}, {POINTER, 0, "ironwal_verify_report_totals*", "out_totals"}, {PLAIN, 0, "size_t", "out_totals_size"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_verify_report_get_finding", call_ironwal_verify_report_get_finding, 1, {{POINTER, 0, "ironwal_verify_report*", "report"}, {PLAIN, 0, "size_t", "index"}, {POINTER, 0, "ironwal_finding*", "out_finding"}, {PLAIN, 0, "size_t", "out_finding_size"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_verify_report_free", call_ironwal_verify_report_free, 0, {{POINTER, 0, "ironwal_verify_report*", "report"}, {END, 0, NULL, NULL}}},
    {"ironwal_wal_recovery", call_ironwal_wal_recovery, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "ironwal_recovery_report**", "out_report"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_recovery_report_get_totals", call_ironwal_recovery_report_get_totals, 1, {{POINTER, 0, "ironwal_recovery_report*", "report"}, {POINTER, 0, "ironwal_recovery_report_totals*", "out_totals"}, {PLAIN, 0, "size_t", "out_totals_size"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_recovery_report_get_stream", call_ironwal_recovery_report_get_stream, 1, {{POINTER, 0, "ironwal_recovery_report*", "report"}, {PLAIN, 0, "size_t", "index"}, {POINTER, 0, "ironwal_recovered_stream*", "out_stream"}, {PLAIN, 0, "size_t", "out_stream_size"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_recovery_report_get_finding", call_ironwal_recovery_report_get_finding, 1, {{POINTER, 0, "ironwal_recovery_report*", "report"}, {PLAIN, 0, "size_t", "stream_index"}, {PLAIN, 0, "size_t", "index"}, {POINTER, 0, "ironwal_finding*", "out_finding"}, {PLAIN, 0, "size_t", "out_finding_size"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_recovery_report_free", call_ironwal_recovery_report_free, 0, {{POINTER, 0, "ironwal_recovery_report*", "report"}, {END, 0, NULL, NULL}}},
    {"ironwal_verify_directory", call_ironwal_verify_directory, 1, {{POINTER, 0, "char*", "path"}, {LENGTH, 0, "size_t", "path_len"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {CALLBACK, 1, "ironwal_progress_fn", "progress"}, {PLAIN, 0, "uintptr_t", "ctx"}, {POINTER, 0, "ironwal_verify_report**", "out_report"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_dump_directory", call_ironwal_dump_directory, 1, {{POINTER, 0, "char*", "path"}, {LENGTH, 0, "size_t", "path_len"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {PLAIN, 0, "uint64_t", "from_id"}, {PLAIN, 0, "uint64_t", "end_id"}, {CALLBACK, 0, "ironwal_entry_fn", "visit"}, {CALLBACK, 1, "ironwal_progress_fn", "progress"}, {PLAIN, 0, "uintptr_t", "ctx"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stat_directory", call_ironwal_stat_directory, 1, {{POINTER, 0, "char*", "path"}, {LENGTH, 0, "size_t", "path_len"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {CALLBACK, 1, "ironwal_progress_fn", "progress"}, {PLAIN, 0, "uintptr_t", "ctx"}, {POINTER, 0, "ironwal_stat_report**", "out_report"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stat_report_get_totals", call_ironwal_stat_report_get_totals, 1, {{POINTER, 0, "ironwal_stat_report*", "report"}, {POINTER, 0, "ironwal_stat_totals*", "out_totals"}, {PLAIN, 0, "size_t", "out_totals_size"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stat_report_get_stream", call_ironwal_stat_report_get_stream, 1, {{POINTER, 0, "ironwal_stat_report*", "report"}, {PLAIN, 0, "size_t", "index"}, {POINTER, 0, "ironwal_stat_stream*", "out_stream"}, {PLAIN, 0, "size_t", "out_stream_size"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stat_report_get_segment", call_ironwal_stat_report_get_segment, 1, {{POINTER, 0, "ironwal_stat_report*", "report"}, {PLAIN, 0, "size_t", "stream_index"}, {PLAIN, 0, "size_t", "index"}, {POINTER, 0, "ironwal_stat_segment*", "out_segment"}, {PLAIN, 0, "size_t", "out_segment_size"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stat_report_free", call_ironwal_stat_report_free, 0, {{POINTER, 0, "ironwal_stat_report*", "report"}, {END, 0, NULL, NULL}}},
    {"ironwal_repair_directory", call_ironwal_repair_directory, 1, {{POINTER, 0, "char*", "from"}, {LENGTH, 0, "size_t", "from_len"}, {POINTER, 0, "char*", "to"}, {LENGTH, 0, "size_t", "to_len"}, {CONSTANT, 0, "int32_t", "compression"}, {CALLBACK, 1, "ironwal_progress_fn", "progress"}, {PLAIN, 0, "uintptr_t", "ctx"}, {POINTER, 0, "ironwal_repair_report**", "out_report"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_repair_report_get_totals", call_ironwal_repair_report_get_totals, 1, {{POINTER, 0, "ironwal_repair_report*", "report"}, {POINTER, 0, "ironwal_repair_totals*", "out_totals"}, {PLAIN, 0, "size_t", "out_totals_size"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_repair_report_get_stream", call_ironwal_repair_report_get_stream, 1, {{POINTER, 0, "ironwal_repair_report*", "report"}, {PLAIN, 0, "size_t", "index"}, {POINTER, 0, "ironwal_repaired_stream*", "out_stream"}, {PLAIN, 0, "size_t", "out_stream_size"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_repair_report_get_lost", call_ironwal_repair_report_get_lost, 1, {{POINTER, 0, "ironwal_repair_report*", "report"}, {PLAIN, 0, "size_t", "stream_index"}, {PLAIN, 0, "size_t", "index"}, {POINTER, 0, "ironwal_lost_ids*", "out_lost"}, {PLAIN, 0, "size_t", "out_lost_size"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_repair_report_free", call_ironwal_repair_report_free, 0, {{POINTER, 0, "ironwal_repair_report*", "report"}, {END, 0, NULL, NULL}}},
    {"ironwal_buffer_free", call_ironwal_buffer_free, 0, {{POINTER, 0, "ironwal_buffer*", "buffer"}, {END, 0, NULL, NULL}}},
    {"ironwal_view_pin_free", call_ironwal_view_pin_free, 0, {{POINTER, 0, "ironwal_view_pin*", "pin"}, {END, 0, NULL, NULL}}},
    {"ironwal_entry_list_count", call_ironwal_entry_list_count, 0, {{POINTER, 0, "ironwal_entry_list*", "entries"}, {END, 0, NULL, NULL}}},
    {"ironwal_entry_list_get", call_ironwal_entry_list_get, 1, {{POINTER, 0, "ironwal_entry_list*", "entries"}, {PLAIN, 0, "size_t", "index"}, {POINTER, 0, "ironwal_view*", "out_view"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_entry_list_free", call_ironwal_entry_list_free, 0, {{POINTER, 0, "ironwal_entry_list*", "entries"}, {END, 0, NULL, NULL}}},
    {"ironwal_append", call_ironwal_append, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {POINTER, 0, "void*", "data"}, {LENGTH, 0, "size_t", "len"}, {POINTER, 1, "uint64_t*", "out_id"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_append_batch", call_ironwal_append_batch, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {POINTER, 0, "ironwal_slice*", "entries"}, {LENGTH, 0, "size_t", "entry_count"}, {POINTER, 1, "uint64_t*", "out_first_id"}, {POINTER, 1, "uint64_t*", "out_end_id"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_append_vectored", call_ironwal_append_vectored, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {POINTER, 0, "ironwal_slice*", "parts"}, {LENGTH, 0, "size_t", "part_count"}, {POINTER, 1, "uint64_t*", "out_id"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_get", call_ironwal_get, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {PLAIN, 0, "uint64_t", "id"}, {POINTER, 0, "ironwal_buffer*", "out_buffer"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_get_into", call_ironwal_get_into, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {PLAIN, 0, "uint64_t", "id"}, {POINTER, 0, "void*", "buffer"}, {LENGTH, 0, "size_t", "capacity"}, {POINTER, 0, "size_t*", "out_len"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_get_batch", call_ironwal_get_batch, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {POINTER, 0, "uint64_t*", "ids"}, {LENGTH, 0, "size_t", "id_count"}, {POINTER, 0, "ironwal_entry_list**", "out_entries"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sync", call_ironwal_sync, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_truncate", call_ironwal_truncate, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {PLAIN, 0, "uint64_t", "safe_id"}, {POINTER, 1, "size_t*", "out_segments"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_restore_archived", call_ironwal_restore_archived, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {POINTER, 1, "size_t*", "out_segments"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_delete_stream", call_ironwal_delete_stream, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_current_segment_start_id", call_ironwal_current_segment_start_id, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {POINTER, 0, "uint64_t*", "out_id"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_txn_begin", call_ironwal_txn_begin, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {POINTER, 0, "ironwal_txn**", "out_txn"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_begin", call_ironwal_stream_begin, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 0, "ironwal_txn**", "out_txn"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_txn_add", call_ironwal_txn_add, 1, {{POINTER, 0, "ironwal_txn*", "txn"}, {POINTER, 0, "void*", "data"}, {LENGTH, 0, "size_t", "len"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_txn_commit", call_ironwal_txn_commit, 1, {{POINTER, 0, "ironwal_txn*", "txn"}, {POINTER, 1, "uint64_t*", "out_first_id"}, {POINTER, 1, "uint64_t*", "out_end_id"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_txn_abort", call_ironwal_txn_abort, 0, {{POINTER, 0, "ironwal_txn*", "txn"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_open", call_ironwal_stream_open, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {POINTER, 0, "ironwal_stream**", "out_stream"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_free", call_ironwal_stream_free, 0, {{POINTER, 0, "ironwal_stream*", "stream"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_append", call_ironwal_stream_append, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 0, "void*", "data"}, {LENGTH, 0, "size_t", "len"}, {POINTER, 1, "uint64_t*", "out_id"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_append_batch", call_ironwal_stream_append_batch, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 0, "ironwal_slice*", "entries"}, {LENGTH, 0, "size_t", "entry_count"}, {POINTER, 1, "uint64_t*", "out_first_id"}, {POINTER, 1, "uint64_t*", "out_end_id"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_append_vectored", call_ironwal_stream_append_vectored, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 0, "ironwal_slice*", "parts"}, {LENGTH, 0, "size_t", "part_count"}, {POINTER, 1, "uint64_t*", "out_id"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_sync", call_ironwal_stream_sync, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_wait_durable", call_ironwal_stream_wait_durable, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {PLAIN, 0, "uint64_t", "id"}, {PLAIN, 0, "uint64_t", "timeout_ns"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_first_id", call_ironwal_stream_first_id, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 0, "uint64_t*", "out_id"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_next_id", call_ironwal_stream_next_id, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 0, "uint64_t*", "out_id"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_durable_end", call_ironwal_stream_durable_end, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 0, "uint64_t*", "out_id"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_stream", call_ironwal_options_set_stream, 1, {{POINTER, 0, "ironwal_options*", "options"}, {CONSTANT, 0, "int32_t", "match_by"}, {POINTER, 0, "char*", "key"}, {LENGTH, 0, "size_t", "key_len"}, {POINTER, 0, "char*", "text"}, {LENGTH, 0, "size_t", "text_len"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_sync_mode", call_ironwal_stream_sync_mode, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 0, "int32_t*", "out_mode"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_get", call_ironwal_stream_get, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {PLAIN, 0, "uint64_t", "id"}, {POINTER, 0, "ironwal_buffer*", "out_buffer"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_last", call_ironwal_stream_last, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 1, "uint64_t*", "out_id"}, {POINTER, 0, "ironwal_buffer*", "out_buffer"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_digest", call_ironwal_stream_digest, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {PLAIN, 0, "uint64_t", "first_id"}, {PLAIN, 0, "uint64_t", "end_id"}, {POINTER, 0, "uint8_t*", "out_digest"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_get_into", call_ironwal_stream_get_into, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {PLAIN, 0, "uint64_t", "id"}, {POINTER, 0, "void*", "buffer"}, {LENGTH, 0, "size_t", "capacity"}, {POINTER, 0, "size_t*", "out_len"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_view", call_ironwal_stream_view, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {PLAIN, 0, "uint64_t", "id"}, {POINTER, 0, "ironwal_view*", "out_view"}, {POINTER, 0, "ironwal_view_pin**", "out_pin"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_current_segment_start_id", call_ironwal_stream_current_segment_start_id, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 0, "uint64_t*", "out_id"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_truncate", call_ironwal_stream_truncate, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {PLAIN, 0, "uint64_t", "safe_id"}, {POINTER, 1, "size_t*", "out_segments"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_restore_archived", call_ironwal_stream_restore_archived, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 1, "size_t*", "out_segments"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_delete", call_ironwal_stream_delete, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_append_at", call_ironwal_stream_append_at, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {PLAIN, 0, "uint64_t", "expected_id"}, {POINTER, 0, "void*", "data"}, {LENGTH, 0, "size_t", "len"}, {POINTER, 1, "uint64_t*", "out_id"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_append_with", call_ironwal_stream_append_with, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {PLAIN, 0, "uint64_t", "expected_id"}, {POINTER, 0, "ironwal_slice*", "entries"}, {LENGTH, 0, "size_t", "entry_count"}, {POINTER, 0, "ironwal_property*", "properties"}, {LENGTH, 0, "size_t", "property_count"}, {CONSTANT, 0, "int32_t", "durability"}, {POINTER, 1, "uint64_t*", "out_first_id"}, {POINTER, 1, "uint64_t*", "out_end_id"}, {POINTER, 1, "ironwal_mark*", "out_mark"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_mark", call_ironwal_stream_mark, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 0, "ironwal_mark*", "out_mark"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_is_durable", call_ironwal_stream_is_durable, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {PLAIN, 0, "ironwal_mark", "mark"}, {POINTER, 0, "bool*", "out_durable"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_property", call_ironwal_stream_property, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 0, "void*", "key"}, {LENGTH, 0, "size_t", "key_len"}, {POINTER, 0, "ironwal_buffer*", "out_value"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_set_properties", call_ironwal_stream_set_properties, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 0, "ironwal_property*", "properties"}, {LENGTH, 0, "size_t", "property_count"}, {CONSTANT, 0, "int32_t", "durability"}, {POINTER, 1, "ironwal_mark*", "out_mark"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_replace_properties", call_ironwal_stream_replace_properties, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 0, "ironwal_property*", "properties"}, {LENGTH, 0, "size_t", "property_count"}, {CONSTANT, 0, "int32_t", "durability"}, {POINTER, 1, "ironwal_mark*", "out_mark"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_properties", call_ironwal_stream_properties, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 0, "ironwal_property_list**", "out_list"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_property_list_count", call_ironwal_property_list_count, 0, {{POINTER, 0, "ironwal_property_list*", "list"}, {END, 0, NULL, NULL}}},
    {"ironwal_property_list_get", call_ironwal_property_list_get, 1, {{POINTER, 0, "ironwal_property_list*", "list"}, {PLAIN, 0, "size_t", "index"}, {POINTER, 0, "ironwal_view*", "out_key"}, {POINTER, 0, "ironwal_view*", "out_value"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_property_list_free", call_ironwal_property_list_free, 0, {{POINTER, 0, "ironwal_property_list*", "list"}, {END, 0, NULL, NULL}}},
    {"ironwal_append_atomic", call_ironwal_append_atomic, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "ironwal_atomic_part*", "parts"}, {LENGTH, 0, "size_t", "part_count"}, {POINTER, 1, "uint64_t*", "out_first_ids"}, {POINTER, 1, "uint64_t*", "out_end_ids"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_replace_suffix", call_ironwal_stream_replace_suffix, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {PLAIN, 0, "uint64_t", "from_id"}, {POINTER, 0, "ironwal_slice*", "entries"}, {LENGTH, 0, "size_t", "entry_count"}, {POINTER, 0, "ironwal_property*", "properties"}, {LENGTH, 0, "size_t", "property_count"}, {POINTER, 1, "uint64_t*", "out_first_id"}, {POINTER, 1, "uint64_t*", "out_end_id"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_truncate_suffix", call_ironwal_stream_truncate_suffix, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {PLAIN, 0, "uint64_t", "from_id"}, {POINTER, 1, "uint64_t*", "out_cut"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_reset", call_ironwal_stream_reset, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {PLAIN, 0, "uint64_t", "next_id"}, {POINTER, 0, "ironwal_slice*", "entries"}, {LENGTH, 0, "size_t", "entry_count"}, {POINTER, 0, "ironwal_property*", "properties"}, {LENGTH, 0, "size_t", "property_count"}, {POINTER, 1, "uint64_t*", "out_first_id"}, {POINTER, 1, "uint64_t*", "out_end_id"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_truncate_prefix", call_ironwal_stream_truncate_prefix, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {PLAIN, 0, "uint64_t", "first_id"}, {POINTER, 1, "size_t*", "out_segments"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_append_at", call_ironwal_append_at, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {PLAIN, 0, "uint64_t", "expected_id"}, {POINTER, 0, "void*", "data"}, {LENGTH, 0, "size_t", "len"}, {POINTER, 1, "uint64_t*", "out_id"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_append_with", call_ironwal_append_with, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {PLAIN, 0, "uint64_t", "expected_id"}, {POINTER, 0, "ironwal_slice*", "entries"}, {LENGTH, 0, "size_t", "entry_count"}, {POINTER, 0, "ironwal_property*", "properties"}, {LENGTH, 0, "size_t", "property_count"}, {CONSTANT, 0, "int32_t", "durability"}, {POINTER, 1, "uint64_t*", "out_first_id"}, {POINTER, 1, "uint64_t*", "out_end_id"}, {POINTER, 1, "ironwal_mark*", "out_mark"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_get_property", call_ironwal_get_property, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {POINTER, 0, "void*", "key"}, {LENGTH, 0, "size_t", "key_len"}, {POINTER, 0, "ironwal_buffer*", "out_value"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_get_properties", call_ironwal_get_properties, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {POINTER, 0, "ironwal_property_list**", "out_list"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_set_properties", call_ironwal_set_properties, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {POINTER, 0, "ironwal_property*", "properties"}, {LENGTH, 0, "size_t", "property_count"}, {CONSTANT, 0, "int32_t", "durability"}, {POINTER, 1, "ironwal_mark*", "out_mark"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_replace_properties", call_ironwal_replace_properties, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {POINTER, 0, "ironwal_property*", "properties"}, {LENGTH, 0, "size_t", "property_count"}, {CONSTANT, 0, "int32_t", "durability"}, {POINTER, 1, "ironwal_mark*", "out_mark"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_replace_suffix", call_ironwal_replace_suffix, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {PLAIN, 0, "uint64_t", "from_id"}, {POINTER, 0, "ironwal_slice*", "entries"}, {LENGTH, 0, "size_t", "entry_count"}, {POINTER, 0, "ironwal_property*", "properties"}, {LENGTH, 0, "size_t", "property_count"}, {POINTER, 1, "uint64_t*", "out_first_id"}, {POINTER, 1, "uint64_t*", "out_end_id"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_truncate_suffix", call_ironwal_truncate_suffix, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {PLAIN, 0, "uint64_t", "from_id"}, {POINTER, 1, "uint64_t*", "out_cut"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_reset", call_ironwal_reset, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {PLAIN, 0, "uint64_t", "next_id"}, {POINTER, 0, "ironwal_slice*", "entries"}, {LENGTH, 0, "size_t", "entry_count"}, {POINTER, 0, "ironwal_property*", "properties"}, {LENGTH, 0, "size_t", "property_count"}, {POINTER, 1, "uint64_t*", "out_first_id"}, {POINTER, 1, "uint64_t*", "out_end_id"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_truncate_prefix", call_ironwal_truncate_prefix, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {PLAIN, 0, "uint64_t", "first_id"}, {POINTER, 1, "size_t*", "out_segments"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_on_durable", call_ironwal_stream_on_durable, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {PLAIN, 0, "ironwal_mark", "mark"}, {CALLBACK, 0, "ironwal_durable_fn", "callback"}, {PLAIN, 0, "uintptr_t", "ctx"}, {POINTER, 1, "ironwal_ticket*", "out_ticket"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_cancel_durable", call_ironwal_stream_cancel_durable, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 0, "ironwal_ticket*", "ticket"}, {POINTER, 1, "bool*", "out_cancelled"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_events", call_ironwal_stream_events, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {CONSTANT, 0, "int32_t", "event"}, {POINTER, 0, "ironwal_events**", "out_events"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_events_fd", call_ironwal_events_fd, 1, {{POINTER, 0, "ironwal_events*", "events"}, {POINTER, 0, "int32_t*", "out_fd"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_events_drain", call_ironwal_events_drain, 1, {{POINTER, 0, "ironwal_events*", "events"}, {POINTER, 0, "uint64_t*", "out_end_id"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_events_free", call_ironwal_events_free, 0, {{POINTER, 0, "ironwal_events*", "events"}, {END, 0, NULL, NULL}}},
    {"ironwal_wal_iter", call_ironwal_wal_iter, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {PLAIN, 0, "uint64_t", "start_id"}, {POINTER, 0, "ironwal_iter**", "out_iter"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_iter", call_ironwal_stream_iter, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {PLAIN, 0, "uint64_t", "start_id"}, {POINTER, 0, "ironwal_iter**", "out_iter"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_wal_iter_rev", call_ironwal_wal_iter_rev, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "stream"}, {LENGTH, 0, "size_t", "stream_len"}, {PLAIN, 0, "uint64_t", "from_id"}, {POINTER, 0, "ironwal_iter**", "out_iter"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_iter_rev", call_ironwal_stream_iter_rev, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {PLAIN, 0, "uint64_t", "from_id"}, {POINTER, 0, "ironwal_iter**", "out_iter"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_iter_next", call_ironwal_iter_next, 1, {{POINTER, 0, "ironwal_iter*", "iter"}, {POINTER, 1, "uint64_t*", "out_id"}, {POINTER, 0, "ironwal_view*", "out_view"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_iter_next_many", call_ironwal_iter_next_many, 1, {{POINTER, 0, "ironwal_iter*", "iter"}, {POINTER, 0, "ironwal_entry*", "out_entries"}, {LENGTH, 0, "size_t", "capacity"}, {PLAIN, 0, "size_t", "max_bytes"}, {POINTER, 0, "size_t*", "out_count"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_iter_current", call_ironwal_iter_current, 1, {{POINTER, 0, "ironwal_iter*", "iter"}, {PLAIN, 0, "uint64_t", "id"}, {POINTER, 0, "ironwal_view*", "out_view"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_iter_free", call_ironwal_iter_free, 0, {{POINTER, 0, "ironwal_iter*", "iter"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_follow", call_ironwal_stream_follow, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {PLAIN, 0, "uint64_t", "start_id"}, {CONSTANT, 0, "int32_t", "view"}, {POINTER, 0, "ironwal_iter**", "out_iter"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_iter_wait", call_ironwal_iter_wait, 1, {{POINTER, 0, "ironwal_iter*", "iter"}, {PLAIN, 0, "uint64_t", "timeout_ns"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_iter_canceller", call_ironwal_iter_canceller, 1, {{POINTER, 0, "ironwal_iter*", "iter"}, {POINTER, 0, "ironwal_canceller**", "out_canceller"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_canceller_cancel", call_ironwal_canceller_cancel, 1, {{POINTER, 0, "ironwal_canceller*", "canceller"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_canceller_free", call_ironwal_canceller_free, 0, {{POINTER, 0, "ironwal_canceller*", "canceller"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_route", call_ironwal_sharded_route, 1, {{POINTER, 0, "void*", "key"}, {LENGTH, 0, "size_t", "key_len"}, {PLAIN, 0, "uint32_t", "shard_count"}, {POINTER, 0, "uint32_t*", "out_shard"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_open", call_ironwal_sharded_open, 1, {{POINTER, 0, "ironwal_options*", "options"}, {POINTER, 0, "ironwal_sharded_options*", "sharded_options"}, {POINTER, 0, "ironwal_sharded**", "out_sharded"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_open_read_only", call_ironwal_sharded_open_read_only, 1, {{POINTER, 0, "ironwal_options*", "options"}, {PLAIN, 0, "uint32_t", "shard_count"}, {POINTER, 0, "ironwal_sharded**", "out_sharded"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_refresh", call_ironwal_sharded_refresh, 1, {{POINTER, 0, "ironwal_sharded*", "sharded"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_close", call_ironwal_sharded_close, 1, {{POINTER, 0, "ironwal_sharded*", "sharded"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_free", call_ironwal_sharded_free, 0, {{POINTER, 0, "ironwal_sharded*", "sharded"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_shard_count", call_ironwal_sharded_shard_count, 1, {{POINTER, 0, "ironwal_sharded*", "sharded"}, {POINTER, 0, "uint32_t*", "out_shard_count"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_wal", call_ironwal_sharded_wal, 1, {{POINTER, 0, "ironwal_sharded*", "sharded"}, {POINTER, 0, "ironwal_wal**", "out_wal"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_iter_shard", call_ironwal_sharded_iter_shard, 1, {{POINTER, 0, "ironwal_sharded*", "sharded"}, {PLAIN, 0, "uint32_t", "shard"}, {PLAIN, 0, "uint64_t", "start_id"}, {POINTER, 0, "ironwal_iter**", "out_iter"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_flush_shard", call_ironwal_sharded_flush_shard, 1, {{POINTER, 0, "ironwal_sharded*", "sharded"}, {PLAIN, 0, "uint32_t", "shard"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_flush_all", call_ironwal_sharded_flush_all, 1, {{POINTER, 0, "ironwal_sharded*", "sharded"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_append", call_ironwal_sharded_append, 1, {{POINTER, 0, "ironwal_sharded*", "sharded"}, {POINTER, 0, "void*", "key"}, {LENGTH, 0, "size_t", "key_len"}, {POINTER, 0, "void*", "data"}, {LENGTH, 0, "size_t", "len"}, {POINTER, 1, "uint32_t*", "out_shard"}, {POINTER, 1, "uint64_t*", "out_id"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_append_batch", call_ironwal_sharded_append_batch, 1, {{POINTER, 0, "ironwal_sharded*", "sharded"}, {POINTER, 0, "ironwal_keyed_slice*", "entries"}, {LENGTH, 0, "size_t", "entry_count"}, {POINTER, 1, "uint32_t*", "out_shards"}, {POINTER, 1, "uint64_t*", "out_ids"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_append_batch_atomic", call_ironwal_sharded_append_batch_atomic, 1, {{POINTER, 0, "ironwal_sharded*", "sharded"}, {POINTER, 0, "ironwal_keyed_slice*", "entries"}, {LENGTH, 0, "size_t", "entry_count"}, {POINTER, 1, "uint32_t*", "out_shards"}, {POINTER, 1, "uint64_t*", "out_ids"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_append_batch_for_key", call_ironwal_sharded_append_batch_for_key, 1, {{POINTER, 0, "ironwal_sharded*", "sharded"}, {POINTER, 0, "void*", "key"}, {LENGTH, 0, "size_t", "key_len"}, {POINTER, 0, "ironwal_slice*", "entries"}, {LENGTH, 0, "size_t", "entry_count"}, {POINTER, 1, "uint32_t*", "out_shard"}, {POINTER, 1, "uint64_t*", "out_first_id"}, {POINTER, 1, "uint64_t*", "out_end_id"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_create_checkpoint", call_ironwal_sharded_create_checkpoint, 1, {{POINTER, 0, "ironwal_sharded*", "sharded"}, {POINTER, 0, "void*", "id"}, {LENGTH, 0, "size_t", "id_len"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_load_checkpoint", call_ironwal_sharded_load_checkpoint, 1, {{POINTER, 0, "ironwal_sharded*", "sharded"}, {POINTER, 0, "void*", "id"}, {LENGTH, 0, "size_t", "id_len"}, {POINTER, 0, "ironwal_checkpoint**", "out_checkpoint"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_load_latest_checkpoint", call_ironwal_sharded_load_latest_checkpoint, 1, {{POINTER, 0, "ironwal_sharded*", "sharded"}, {POINTER, 0, "ironwal_checkpoint**", "out_checkpoint"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_checkpoint_count", call_ironwal_sharded_checkpoint_count, 1, {{POINTER, 0, "ironwal_sharded*", "sharded"}, {POINTER, 0, "size_t*", "out_count"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_list_checkpoints", call_ironwal_sharded_list_checkpoints, 1, {{POINTER, 0, "ironwal_sharded*", "sharded"}, {POINTER, 0, "ironwal_checkpoint_list**", "out_list"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_checkpoint_id", call_ironwal_checkpoint_id, 0, {{POINTER, 0, "ironwal_checkpoint*", "checkpoint"}, {END, 0, NULL, NULL}}},
    {"ironwal_checkpoint_timestamp_ns", call_ironwal_checkpoint_timestamp_ns, 0, {{POINTER, 0, "ironwal_checkpoint*", "checkpoint"}, {END, 0, NULL, NULL}}},
    {"ironwal_checkpoint_shard_count", call_ironwal_checkpoint_shard_count, 0, {{POINTER, 0, "ironwal_checkpoint*", "checkpoint"}, {END, 0, NULL, NULL}}},
    {"ironwal_checkpoint_offset", call_ironwal_checkpoint_offset, 1, {{POINTER, 0, "ironwal_checkpoint*", "checkpoint"}, {PLAIN, 0, "uint32_t", "shard"}, {POINTER, 0, "uint64_t*", "out_id"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_checkpoint_free", call_ironwal_checkpoint_free, 0, {{POINTER, 0, "ironwal_checkpoint*", "checkpoint"}, {END, 0, NULL, NULL}}},
    {"ironwal_checkpoint_list_count", call_ironwal_checkpoint_list_count, 0, {{POINTER, 0, "ironwal_checkpoint_list*", "list"}, {END, 0, NULL, NULL}}},
    {"ironwal_checkpoint_list_get", call_ironwal_checkpoint_list_get, 1, {{POINTER, 0, "ironwal_checkpoint_list*", "list"}, {PLAIN, 0, "size_t", "index"}, {POINTER, 0, "ironwal_view*", "out_id"}, {POINTER, 1, "uint64_t*", "out_timestamp_ns"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_checkpoint_list_free", call_ironwal_checkpoint_list_free, 0, {{POINTER, 0, "ironwal_checkpoint_list*", "list"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_prune_before_checkpoint", call_ironwal_sharded_prune_before_checkpoint, 1, {{POINTER, 0, "ironwal_sharded*", "sharded"}, {POINTER, 0, "void*", "id"}, {LENGTH, 0, "size_t", "id_len"}, {POINTER, 1, "ironwal_prune_stats*", "out_stats"}, {PLAIN, 0, "size_t", "out_stats_size"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_rollback_to_checkpoint", call_ironwal_sharded_rollback_to_checkpoint, 1, {{POINTER, 0, "ironwal_sharded*", "sharded"}, {POINTER, 0, "void*", "id"}, {LENGTH, 0, "size_t", "id_len"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_compact_checkpoints", call_ironwal_sharded_compact_checkpoints, 1, {{POINTER, 0, "ironwal_sharded*", "sharded"}, {PLAIN, 0, "size_t", "keep_latest_n"}, {POINTER, 1, "ironwal_compaction_stats*", "out_stats"}, {PLAIN, 0, "size_t", "out_stats_size"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_automatic_status", call_ironwal_sharded_automatic_status, 1, {{POINTER, 0, "ironwal_sharded*", "sharded"}, {POINTER, 1, "ironwal_automatic_status*", "out_status"}, {PLAIN, 0, "size_t", "out_status_size"}, {POINTER, 1, "ironwal_buffer*", "out_last_error"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_options_new", call_ironwal_sharded_options_new, 1, {{PLAIN, 0, "uint32_t", "shard_count"}, {POINTER, 0, "ironwal_sharded_options**", "out_options"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_options_free", call_ironwal_sharded_options_free, 0, {{POINTER, 0, "ironwal_sharded_options*", "options"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_options_set_checkpoint_every_entries", call_ironwal_sharded_options_set_checkpoint_every_entries, 1, {{POINTER, 0, "ironwal_sharded_options*", "options"}, {PLAIN, 0, "uint64_t", "entries"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_options_set_checkpoint_interval", call_ironwal_sharded_options_set_checkpoint_interval, 1, {{POINTER, 0, "ironwal_sharded_options*", "options"}, {PLAIN, 0, "uint64_t", "interval_ns"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_options_set_checkpoint_prefix", call_ironwal_sharded_options_set_checkpoint_prefix, 1, {{POINTER, 0, "ironwal_sharded_options*", "options"}, {POINTER, 0, "void*", "prefix"}, {LENGTH, 0, "size_t", "prefix_len"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_options_set_checkpoint_ids", call_ironwal_sharded_options_set_checkpoint_ids, 1, {{POINTER, 0, "ironwal_sharded_options*", "options"}, {CALLBACK, 0, "ironwal_checkpoint_id_fn", "callback"}, {PLAIN, 0, "uintptr_t", "ctx"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_options_set_retention", call_ironwal_sharded_options_set_retention, 1, {{POINTER, 0, "ironwal_sharded_options*", "options"}, {PLAIN, 0, "size_t", "keep_latest"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_wal_snapshot_to", call_ironwal_wal_snapshot_to, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "dir"}, {LENGTH, 0, "size_t", "dir_len"}, {CONSTANT, 0, "int32_t", "mode"}, {POINTER, 1, "ironwal_snapshot_stats*", "out_stats"}, {PLAIN, 0, "size_t", "out_stats_size"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_wal_snapshot_streams_to", call_ironwal_wal_snapshot_streams_to, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "char*", "dir"}, {LENGTH, 0, "size_t", "dir_len"}, {CONSTANT, 0, "int32_t", "mode"}, {POINTER, 1, "ironwal_snapshot_stats*", "out_stats"}, {PLAIN, 0, "size_t", "out_stats_size"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_sharded_snapshot_to", call_ironwal_sharded_snapshot_to, 1, {{POINTER, 0, "ironwal_sharded*", "sharded"}, {POINTER, 0, "char*", "dir"}, {LENGTH, 0, "size_t", "dir_len"}, {CONSTANT, 0, "int32_t", "mode"}, {POINTER, 1, "ironwal_snapshot_stats*", "out_stats"}, {PLAIN, 0, "size_t", "out_stats_size"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_stats", call_ironwal_stream_stats, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 0, "ironwal_stream_stats_t*", "out_stats"}, {PLAIN, 0, "size_t", "out_stats_size"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_wal_stats", call_ironwal_wal_stats, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {POINTER, 0, "ironwal_wal_stats_t*", "out_stats"}, {PLAIN, 0, "size_t", "out_stats_size"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_frame_position", call_ironwal_stream_frame_position, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 0, "ironwal_buffer*", "out_position"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_export", call_ironwal_stream_export, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 0, "void*", "position"}, {LENGTH, 0, "size_t", "position_len"}, {PLAIN, 0, "size_t", "max_bytes"}, {POINTER, 0, "ironwal_buffer*", "out_packet"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_export_written", call_ironwal_stream_export_written, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 0, "void*", "position"}, {LENGTH, 0, "size_t", "position_len"}, {PLAIN, 0, "size_t", "max_bytes"}, {POINTER, 0, "ironwal_buffer*", "out_packet"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_apply", call_ironwal_stream_apply, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {POINTER, 0, "void*", "packet"}, {LENGTH, 0, "size_t", "packet_len"}, {POINTER, 1, "uint64_t*", "out_first_id"}, {POINTER, 1, "uint64_t*", "out_end_id"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_stream_apply_retention", call_ironwal_stream_apply_retention, 1, {{POINTER, 0, "ironwal_stream*", "stream"}, {PLAIN, 0, "uint64_t", "max_bytes"}, {PLAIN, 0, "uint64_t", "max_age_ns"}, {PLAIN, 0, "bool", "keep_cursors"}, {POINTER, 1, "size_t*", "out_segments"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_wal_apply_retention", call_ironwal_wal_apply_retention, 1, {{POINTER, 0, "ironwal_wal*", "wal"}, {PLAIN, 0, "uint64_t", "max_bytes"}, {PLAIN, 0, "uint64_t", "max_age_ns"}, {PLAIN, 0, "bool", "keep_cursors"}, {POINTER, 1, "size_t*", "out_segments"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
    {"ironwal_options_set_retention", call_ironwal_options_set_retention, 1, {{POINTER, 0, "ironwal_options*", "options"}, {PLAIN, 0, "uint64_t", "max_bytes"}, {PLAIN, 0, "uint64_t", "max_age_ns"}, {PLAIN, 0, "bool", "keep_cursors"}, {POINTER, 1, "ironwal_error**", "out_error"}, {END, 0, NULL, NULL}}},
};
