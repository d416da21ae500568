// Generated from include/ironwal.h; do not edit. A test compares both, and writes this file anew:
//
//     IRONWAL_WRITE_NATIVE=1 make test-csharp
//
// Types have the same layout in C and C#: no call marshals anything, which also suits IL2CPP. A bool of C is a byte here.
#pragma warning disable 0649
using System;
using System.Runtime.InteropServices;

namespace Ironwal
{
    internal static unsafe class Native
    {
#if (UNITY_IOS || UNITY_WEBGL) && !UNITY_EDITOR
        private const string Library = "__Internal";
#else
        private const string Library = "ironwal";
#endif
        internal const int IRONWAL_VERSION_MAJOR = 0;
        internal const int IRONWAL_VERSION_MINOR = 7;
        internal const int IRONWAL_VERSION_PATCH = 0;
        internal const int IRONWAL_VERSION_NUMBER = 7000;
        internal const string IRONWAL_VERSION_STRING = "0.7.0";
        internal const int IRONWAL_LOG_ERROR = 501;
        internal const int IRONWAL_LOG_WARN = 502;
        internal const int IRONWAL_LOG_INFO = 503;
        internal const int IRONWAL_LOG_DEBUG = 504;
        internal const int IRONWAL_LOG_TRACE = 505;
        internal const int IRONWAL_SYNC_STRICT = 1;
        internal const int IRONWAL_SYNC_BATCH_ONLY = 2;
        internal const int IRONWAL_SYNC_ASYNC = 3;
        internal const int IRONWAL_COMPRESSION_NONE = 301;
        internal const int IRONWAL_COMPRESSION_LZ4 = 302;
        internal const int IRONWAL_READ_STANDARD_IO = 101;
        internal const int IRONWAL_READ_MMAP = 102;
        internal const int IRONWAL_WRITE_AUTO = 201;
        internal const int IRONWAL_WRITE_STANDARD_IO = 202;
        internal const int IRONWAL_WRITE_MMAP = 203;
        internal const int IRONWAL_COMMIT_AUTO = 1201;
        internal const int IRONWAL_COMMIT_IN_PLACE = 1202;
        internal const int IRONWAL_COMMIT_JOURNAL = 1203;
        internal const int IRONWAL_CORRUPTION_TRUNCATE = 401;
        internal const int IRONWAL_CORRUPTION_ERROR = 402;
        internal const int IRONWAL_SEVERITY_NOTE = 601;
        internal const int IRONWAL_SEVERITY_DAMAGE = 602;
        internal const int IRONWAL_SEVERITY_UNREADABLE = 603;
        internal const int IRONWAL_SEGMENT_SEALED = 1301;
        internal const int IRONWAL_SEGMENT_OPEN = 1302;
        internal const int IRONWAL_SEGMENT_END_LOST = 1303;
        internal const int IRONWAL_MATCH_EXACT = 1401;
        internal const int IRONWAL_MATCH_PREFIX = 1402;
        internal const ulong IRONWAL_ANY_ID = ulong.MaxValue;
        internal const int IRONWAL_DURABILITY_BY_MODE = 701;
        internal const int IRONWAL_DURABILITY_WRITTEN = 702;
        internal const int IRONWAL_DURABILITY_DURABLE = 703;
        internal const int IRONWAL_PROPERTY_SET = 801;
        internal const int IRONWAL_PROPERTY_REMOVE = 802;
        internal const int IRONWAL_EVENT_DURABLE = 1001;
        internal const int IRONWAL_EVENT_WRITTEN = 1002;
        internal const int IRONWAL_VIEW_BY_MODE = 901;
        internal const int IRONWAL_VIEW_WRITTEN = 902;
        internal const int IRONWAL_VIEW_DURABLE = 903;
        internal const int IRONWAL_CHECKPOINT_ID_MAX = 65535;
        internal const int IRONWAL_SNAPSHOT_LINK = 1101;
        internal const int IRONWAL_SNAPSHOT_COPY = 1102;
        internal const ulong IRONWAL_NO_LIMIT = ulong.MaxValue;
        internal const int IRONWAL_OK = 0;
        internal const int IRONWAL_E_OTHER = -1;
        internal const int IRONWAL_E_INVALID_ARG = -2;
        internal const int IRONWAL_E_NOT_FOUND = -3;
        internal const int IRONWAL_E_END = -4;
        internal const int IRONWAL_E_BUFFER_TOO_SMALL = -5;
        internal const int IRONWAL_E_TIMEOUT = -6;
        internal const int IRONWAL_E_IO = -7;
        internal const int IRONWAL_E_NO_SPACE = -8;
        internal const int IRONWAL_E_CORRUPT = -9;
        internal const int IRONWAL_E_CRC_MISMATCH = -10;
        internal const int IRONWAL_E_CONFIG = -11;
        internal const int IRONWAL_E_SEGMENT_NOT_FOUND = -12;
        internal const int IRONWAL_E_STREAM_NOT_FOUND = -13;
        internal const int IRONWAL_E_INVALID_FILENAME = -14;
        internal const int IRONWAL_E_SERIALIZATION = -15;
        internal const int IRONWAL_E_LOCKED = -16;
        internal const int IRONWAL_E_POISONED = -17;
        internal const int IRONWAL_E_TOO_LARGE = -18;
        internal const int IRONWAL_E_SEQUENCE_MISMATCH = -19;
        internal const int IRONWAL_E_CLOSED = -20;
        internal const int IRONWAL_E_FORKED = -21;
        internal const int IRONWAL_E_UNSUPPORTED_VERSION = -22;
        internal const int IRONWAL_E_PANIC = -23;
        internal const int IRONWAL_E_STALE_VIEW = -24;
        internal const int IRONWAL_E_CHECKPOINT_NOT_FOUND = -25;
        internal const int IRONWAL_E_CHECKPOINT_CORRUPTED = -26;
        internal const int IRONWAL_E_SHARD_COUNT_MISMATCH = -27;
        internal const int IRONWAL_E_INVALID_CHECKPOINT_ID = -28;
        internal const int IRONWAL_E_NO_CHECKPOINTS = -29;
        internal const int IRONWAL_E_CHECKPOINT_PRUNED = -30;
        internal const int IRONWAL_E_BATCH_INCOMPLETE = -31;
        internal const int IRONWAL_E_READ_ONLY = -32;
        internal const int IRONWAL_E_DETACHED = -33;
        internal const int IRONWAL_E_SUFFIX_CUT = -34;
        internal const int IRONWAL_E_CANCELLED = -35;

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void ironwal_log_fn(UIntPtr ctx, int level, byte* message, UIntPtr len);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void ironwal_release_fn(UIntPtr ctx);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int ironwal_progress_fn(UIntPtr ctx, ulong done, ulong total);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int ironwal_entry_fn(UIntPtr ctx, ironwal_dumped_entry* entry, UIntPtr size);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void ironwal_durable_fn(UIntPtr ctx, ironwal_mark mark, int status);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate UIntPtr ironwal_checkpoint_id_fn(UIntPtr ctx, ulong number, byte* buffer, UIntPtr capacity);

        internal struct ironwal_str
        {
            internal byte* data;
            internal UIntPtr len;
        }

        internal struct ironwal_verify_report_totals
        {
            internal ulong streams;
            internal ulong segments;
            internal ulong frames;
            internal ulong entries;
            internal ulong bytes;
            internal ulong checkpoints;
            internal ulong findings;
            internal ulong clean;
            internal ulong property_frames;
            internal ulong void_frames;
        }

        internal struct ironwal_finding
        {
            internal ironwal_str stream;
            internal ironwal_str path;
            internal ironwal_str what;
            internal ulong offset;
            internal ulong first_id;
            internal ulong end_id;
            internal int severity;
            internal int reserved;
        }

        internal struct ironwal_recovery_report_totals
        {
            internal ulong streams;
            internal ulong reported;
            internal ulong duration_ns;
            internal ulong complete;
        }

        internal struct ironwal_recovered_stream
        {
            internal ironwal_str stream;
            internal ironwal_str message;
            internal ulong durable_end_before;
            internal ulong next_id;
            internal ulong findings;
            internal ulong complete;
            internal int status;
            internal int reserved;
        }

        internal struct ironwal_view
        {
            internal byte* data;
            internal UIntPtr len;
        }

        internal struct ironwal_dumped_entry
        {
            internal ironwal_str stream;
            internal ironwal_str path;
            internal ironwal_view data;
            internal ironwal_str message;
            internal ulong offset;
            internal ulong first_id;
            internal ulong end_id;
            internal ulong compressed;
            internal int status;
            internal int reserved;
        }

        internal struct ironwal_stat_totals
        {
            internal ulong streams;
            internal ulong segments;
            internal ulong sealed_segments;
            internal ulong bytes;
            internal ulong unreadable_streams;
            internal ulong damage;
            internal ulong has_journal;
            internal ulong journal_files;
            internal ulong journal_bytes;
            internal ulong journal_records;
            internal ulong journal_damage;
            internal ulong journal_in_use;
        }

        internal struct ironwal_stat_stream
        {
            internal ironwal_str stream;
            internal ironwal_str path;
            internal ironwal_str message;
            internal ulong segments;
            internal ulong sealed_segments;
            internal ulong listed_segments;
            internal ulong bytes;
            internal ulong first_id;
            internal ulong next_id;
            internal ulong durable_end;
            internal ulong lost_ids;
            internal ulong properties;
            internal ulong properties_lost;
            internal ulong damage;
        }

        internal struct ironwal_stat_segment
        {
            internal ironwal_str path;
            internal ulong first_id;
            internal ulong end_id;
            internal ulong lost_before;
            internal ulong bytes;
            internal ulong frames_end;
            internal int state;
            internal int reserved;
        }

        internal struct ironwal_repair_totals
        {
            internal ulong streams;
            internal ulong entries;
            internal ulong lost_ids;
            internal ulong unreadable_streams;
            internal ulong journal_damage;
            internal ulong complete;
        }

        internal struct ironwal_repaired_stream
        {
            internal ironwal_str stream;
            internal ironwal_str message;
            internal ulong entries;
            internal ulong first_id;
            internal ulong next_id;
            internal ulong old_next_id;
            internal ulong lost_runs;
            internal ulong properties_lost;
        }

        internal struct ironwal_lost_ids
        {
            internal ironwal_str why;
            internal ulong first_id;
            internal ulong end_id;
        }

        internal struct ironwal_buffer
        {
            internal byte* data;
            internal UIntPtr len;
        }

        internal struct ironwal_slice
        {
            internal byte* data;
            internal UIntPtr len;
        }

        internal struct ironwal_property
        {
            internal ironwal_slice key;
            internal ironwal_slice value;
            internal int op;
            internal int reserved;
        }

        internal struct ironwal_mark
        {
            internal ulong place;
            internal ulong opening;
        }

        internal struct ironwal_atomic_part
        {
            internal IntPtr stream;
            internal ironwal_slice* entries;
            internal UIntPtr entry_count;
            internal ironwal_property* properties;
            internal UIntPtr property_count;
            internal ulong expected_id;
            internal int expects_id;
            internal int reserved;
        }

        internal struct ironwal_ticket
        {
            internal ulong stream;
            internal ulong mark;
            internal ulong listener;
        }

        internal struct ironwal_entry
        {
            internal ulong id;
            internal ironwal_view view;
        }

        internal struct ironwal_keyed_slice
        {
            internal ironwal_slice key;
            internal ironwal_slice value;
        }

        internal struct ironwal_automatic_status
        {
            internal ulong created;
            internal ulong failed;
        }

        internal struct ironwal_snapshot_stats
        {
            internal ulong streams;
            internal ulong segments_linked;
            internal ulong segments_copied;
            internal ulong bytes_copied;
            internal ulong is_one_moment;
        }

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern byte* ironwal_status_name(int status);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern uint ironwal_version_number();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern byte* ironwal_version_string();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_error_status(IntPtr error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_error_os_error(IntPtr error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern ironwal_str ironwal_error_message(IntPtr error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern ironwal_str ironwal_error_stream(IntPtr error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern ironwal_str ironwal_error_path(IntPtr error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern byte ironwal_error_offset(IntPtr error, ulong* out_offset);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern byte ironwal_error_ids(IntPtr error, ulong* out_first_id, ulong* out_end_id);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern byte ironwal_error_sequence(IntPtr error, ulong* out_expected_id, ulong* out_found_id);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern UIntPtr ironwal_error_committed_count(IntPtr error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern byte ironwal_error_committed_part(IntPtr error, UIntPtr index, uint* out_shard, ulong* out_first_id, ulong* out_end_id);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void ironwal_error_free(IntPtr error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_new(byte* path, UIntPtr path_len, IntPtr* out_options, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void ironwal_options_free(IntPtr options);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_clone(IntPtr options, IntPtr* out_options, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_parse(IntPtr options, byte* text, UIntPtr text_len, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_log(IntPtr options, ironwal_log_fn callback, UIntPtr ctx, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_log_owned(IntPtr options, ironwal_log_fn callback, UIntPtr ctx, ironwal_release_fn release, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_log_level(IntPtr options, int level, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_sync_mode(IntPtr options, int mode, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_compression(IntPtr options, int mode, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_read_strategy(IntPtr options, int mode, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_write_strategy(IntPtr options, int mode, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_commit_path(IntPtr options, int mode, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_on_corruption(IntPtr options, int mode, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_max_segment_size(IntPtr options, ulong bytes, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_max_entries_per_segment(IntPtr options, ulong entries, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_max_open_segments(IntPtr options, UIntPtr files, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_max_open_read_segments(IntPtr options, UIntPtr files, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_write_buffer_size(IntPtr options, UIntPtr bytes, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_read_buffer_size(IntPtr options, UIntPtr bytes, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_journal_size(IntPtr options, ulong bytes, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_block_cache_size(IntPtr options, ulong bytes, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_min_compression_size(IntPtr options, UIntPtr bytes, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_background_sync(IntPtr options, ulong interval_ns, ulong bytes, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_no_background_sync(IntPtr options, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_sync_threads(IntPtr options, UIntPtr threads, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_latencies(IntPtr options, byte measured, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_archive_path(IntPtr options, byte* path, UIntPtr path_len, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_wal_open(IntPtr options, IntPtr* out_wal, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_wal_close(IntPtr wal, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void ironwal_wal_free(IntPtr wal);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_wal_sync_all(IntPtr wal, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_wal_streams(IntPtr wal, IntPtr* out_names, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern UIntPtr ironwal_name_list_count(IntPtr names);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern ironwal_str ironwal_name_list_get(IntPtr names, UIntPtr index);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void ironwal_name_list_free(IntPtr names);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_wal_open_read_only(IntPtr options, IntPtr* out_wal, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_wal_is_read_only(IntPtr wal, byte* out_read_only, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_wal_refresh(IntPtr wal, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_wal_verify(IntPtr wal, IntPtr* out_report, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_verify_report_get_totals(IntPtr report, ironwal_verify_report_totals* out_totals, UIntPtr out_totals_size, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_verify_report_get_finding(IntPtr report, UIntPtr index, ironwal_finding* out_finding, UIntPtr out_finding_size, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void ironwal_verify_report_free(IntPtr report);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_wal_recovery(IntPtr wal, IntPtr* out_report, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_recovery_report_get_totals(IntPtr report, ironwal_recovery_report_totals* out_totals, UIntPtr out_totals_size, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_recovery_report_get_stream(IntPtr report, UIntPtr index, ironwal_recovered_stream* out_stream, UIntPtr out_stream_size, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_recovery_report_get_finding(IntPtr report, UIntPtr stream_index, UIntPtr index, ironwal_finding* out_finding, UIntPtr out_finding_size, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void ironwal_recovery_report_free(IntPtr report);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_verify_directory(byte* path, UIntPtr path_len, byte* stream, UIntPtr stream_len, ironwal_progress_fn progress, UIntPtr ctx, IntPtr* out_report, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_dump_directory(byte* path, UIntPtr path_len, byte* stream, UIntPtr stream_len, ulong from_id, ulong end_id, ironwal_entry_fn visit, ironwal_progress_fn progress, UIntPtr ctx, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stat_directory(byte* path, UIntPtr path_len, byte* stream, UIntPtr stream_len, ironwal_progress_fn progress, UIntPtr ctx, IntPtr* out_report, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stat_report_get_totals(IntPtr report, ironwal_stat_totals* out_totals, UIntPtr out_totals_size, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stat_report_get_stream(IntPtr report, UIntPtr index, ironwal_stat_stream* out_stream, UIntPtr out_stream_size, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stat_report_get_segment(IntPtr report, UIntPtr stream_index, UIntPtr index, ironwal_stat_segment* out_segment, UIntPtr out_segment_size, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void ironwal_stat_report_free(IntPtr report);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_repair_directory(byte* from, UIntPtr from_len, byte* to, UIntPtr to_len, int compression, ironwal_progress_fn progress, UIntPtr ctx, IntPtr* out_report, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_repair_report_get_totals(IntPtr report, ironwal_repair_totals* out_totals, UIntPtr out_totals_size, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_repair_report_get_stream(IntPtr report, UIntPtr index, ironwal_repaired_stream* out_stream, UIntPtr out_stream_size, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_repair_report_get_lost(IntPtr report, UIntPtr stream_index, UIntPtr index, ironwal_lost_ids* out_lost, UIntPtr out_lost_size, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void ironwal_repair_report_free(IntPtr report);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void ironwal_buffer_free(ironwal_buffer* buffer);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void ironwal_view_pin_free(IntPtr pin);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern UIntPtr ironwal_entry_list_count(IntPtr entries);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_entry_list_get(IntPtr entries, UIntPtr index, ironwal_view* out_view, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void ironwal_entry_list_free(IntPtr entries);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_append(IntPtr wal, byte* stream, UIntPtr stream_len, byte* data, UIntPtr len, ulong* out_id, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_append_batch(IntPtr wal, byte* stream, UIntPtr stream_len, ironwal_slice* entries, UIntPtr entry_count, ulong* out_first_id, ulong* out_end_id, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_append_vectored(IntPtr wal, byte* stream, UIntPtr stream_len, ironwal_slice* parts, UIntPtr part_count, ulong* out_id, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_get(IntPtr wal, byte* stream, UIntPtr stream_len, ulong id, ironwal_buffer* out_buffer, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_get_into(IntPtr wal, byte* stream, UIntPtr stream_len, ulong id, byte* buffer, UIntPtr capacity, UIntPtr* out_len, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_get_batch(IntPtr wal, byte* stream, UIntPtr stream_len, ulong* ids, UIntPtr id_count, IntPtr* out_entries, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sync(IntPtr wal, byte* stream, UIntPtr stream_len, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_truncate(IntPtr wal, byte* stream, UIntPtr stream_len, ulong safe_id, UIntPtr* out_segments, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_restore_archived(IntPtr wal, byte* stream, UIntPtr stream_len, UIntPtr* out_segments, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_delete_stream(IntPtr wal, byte* stream, UIntPtr stream_len, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_current_segment_start_id(IntPtr wal, byte* stream, UIntPtr stream_len, ulong* out_id, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_txn_begin(IntPtr wal, byte* stream, UIntPtr stream_len, IntPtr* out_txn, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_begin(IntPtr stream, IntPtr* out_txn, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_txn_add(IntPtr txn, byte* data, UIntPtr len, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_txn_commit(IntPtr txn, ulong* out_first_id, ulong* out_end_id, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void ironwal_txn_abort(IntPtr txn);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_open(IntPtr wal, byte* stream, UIntPtr stream_len, IntPtr* out_stream, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void ironwal_stream_free(IntPtr stream);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_append(IntPtr stream, byte* data, UIntPtr len, ulong* out_id, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_append_batch(IntPtr stream, ironwal_slice* entries, UIntPtr entry_count, ulong* out_first_id, ulong* out_end_id, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_append_vectored(IntPtr stream, ironwal_slice* parts, UIntPtr part_count, ulong* out_id, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_sync(IntPtr stream, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_wait_durable(IntPtr stream, ulong id, ulong timeout_ns, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_first_id(IntPtr stream, ulong* out_id, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_next_id(IntPtr stream, ulong* out_id, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_durable_end(IntPtr stream, ulong* out_id, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_stream(IntPtr options, int match_by, byte* key, UIntPtr key_len, byte* text, UIntPtr text_len, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_sync_mode(IntPtr stream, int* out_mode, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_get(IntPtr stream, ulong id, ironwal_buffer* out_buffer, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_last(IntPtr stream, ulong* out_id, ironwal_buffer* out_buffer, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_digest(IntPtr stream, ulong first_id, ulong end_id, byte* out_digest, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_get_into(IntPtr stream, ulong id, byte* buffer, UIntPtr capacity, UIntPtr* out_len, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_view(IntPtr stream, ulong id, ironwal_view* out_view, IntPtr* out_pin, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_current_segment_start_id(IntPtr stream, ulong* out_id, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_truncate(IntPtr stream, ulong safe_id, UIntPtr* out_segments, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_restore_archived(IntPtr stream, UIntPtr* out_segments, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_delete(IntPtr stream, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_append_at(IntPtr stream, ulong expected_id, byte* data, UIntPtr len, ulong* out_id, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_append_with(IntPtr stream, ulong expected_id, ironwal_slice* entries, UIntPtr entry_count, ironwal_property* properties, UIntPtr property_count, int durability, ulong* out_first_id, ulong* out_end_id, ironwal_mark* out_mark, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_mark(IntPtr stream, ironwal_mark* out_mark, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_is_durable(IntPtr stream, ironwal_mark mark, byte* out_durable, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_property(IntPtr stream, byte* key, UIntPtr key_len, ironwal_buffer* out_value, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_set_properties(IntPtr stream, ironwal_property* properties, UIntPtr property_count, int durability, ironwal_mark* out_mark, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_replace_properties(IntPtr stream, ironwal_property* properties, UIntPtr property_count, int durability, ironwal_mark* out_mark, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_properties(IntPtr stream, IntPtr* out_list, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern UIntPtr ironwal_property_list_count(IntPtr list);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_property_list_get(IntPtr list, UIntPtr index, ironwal_view* out_key, ironwal_view* out_value, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void ironwal_property_list_free(IntPtr list);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_append_atomic(IntPtr wal, ironwal_atomic_part* parts, UIntPtr part_count, ulong* out_first_ids, ulong* out_end_ids, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_replace_suffix(IntPtr stream, ulong from_id, ironwal_slice* entries, UIntPtr entry_count, ironwal_property* properties, UIntPtr property_count, ulong* out_first_id, ulong* out_end_id, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_truncate_suffix(IntPtr stream, ulong from_id, ulong* out_cut, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_reset(IntPtr stream, ulong next_id, ironwal_slice* entries, UIntPtr entry_count, ironwal_property* properties, UIntPtr property_count, ulong* out_first_id, ulong* out_end_id, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_truncate_prefix(IntPtr stream, ulong first_id, UIntPtr* out_segments, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_append_at(IntPtr wal, byte* stream, UIntPtr stream_len, ulong expected_id, byte* data, UIntPtr len, ulong* out_id, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_append_with(IntPtr wal, byte* stream, UIntPtr stream_len, ulong expected_id, ironwal_slice* entries, UIntPtr entry_count, ironwal_property* properties, UIntPtr property_count, int durability, ulong* out_first_id, ulong* out_end_id, ironwal_mark* out_mark, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_get_property(IntPtr wal, byte* stream, UIntPtr stream_len, byte* key, UIntPtr key_len, ironwal_buffer* out_value, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_get_properties(IntPtr wal, byte* stream, UIntPtr stream_len, IntPtr* out_list, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_set_properties(IntPtr wal, byte* stream, UIntPtr stream_len, ironwal_property* properties, UIntPtr property_count, int durability, ironwal_mark* out_mark, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_replace_properties(IntPtr wal, byte* stream, UIntPtr stream_len, ironwal_property* properties, UIntPtr property_count, int durability, ironwal_mark* out_mark, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_replace_suffix(IntPtr wal, byte* stream, UIntPtr stream_len, ulong from_id, ironwal_slice* entries, UIntPtr entry_count, ironwal_property* properties, UIntPtr property_count, ulong* out_first_id, ulong* out_end_id, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_truncate_suffix(IntPtr wal, byte* stream, UIntPtr stream_len, ulong from_id, ulong* out_cut, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_reset(IntPtr wal, byte* stream, UIntPtr stream_len, ulong next_id, ironwal_slice* entries, UIntPtr entry_count, ironwal_property* properties, UIntPtr property_count, ulong* out_first_id, ulong* out_end_id, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_truncate_prefix(IntPtr wal, byte* stream, UIntPtr stream_len, ulong first_id, UIntPtr* out_segments, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_on_durable(IntPtr stream, ironwal_mark mark, ironwal_durable_fn callback, UIntPtr ctx, ironwal_ticket* out_ticket, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_cancel_durable(IntPtr stream, ironwal_ticket* ticket, byte* out_cancelled, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_events(IntPtr stream, int @event, IntPtr* out_events, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_events_fd(IntPtr events, int* out_fd, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_events_drain(IntPtr events, ulong* out_end_id, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void ironwal_events_free(IntPtr events);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_wal_iter(IntPtr wal, byte* stream, UIntPtr stream_len, ulong start_id, IntPtr* out_iter, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_iter(IntPtr stream, ulong start_id, IntPtr* out_iter, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_wal_iter_rev(IntPtr wal, byte* stream, UIntPtr stream_len, ulong from_id, IntPtr* out_iter, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_iter_rev(IntPtr stream, ulong from_id, IntPtr* out_iter, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_iter_next(IntPtr iter, ulong* out_id, ironwal_view* out_view, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_iter_next_many(IntPtr iter, ironwal_entry* out_entries, UIntPtr capacity, UIntPtr max_bytes, UIntPtr* out_count, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_iter_current(IntPtr iter, ulong id, ironwal_view* out_view, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void ironwal_iter_free(IntPtr iter);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_follow(IntPtr stream, ulong start_id, int view, IntPtr* out_iter, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_iter_wait(IntPtr iter, ulong timeout_ns, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_iter_canceller(IntPtr iter, IntPtr* out_canceller, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_canceller_cancel(IntPtr canceller, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void ironwal_canceller_free(IntPtr canceller);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_route(byte* key, UIntPtr key_len, uint shard_count, uint* out_shard, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_open(IntPtr options, IntPtr sharded_options, IntPtr* out_sharded, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_open_read_only(IntPtr options, uint shard_count, IntPtr* out_sharded, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_refresh(IntPtr sharded, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_close(IntPtr sharded, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void ironwal_sharded_free(IntPtr sharded);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_shard_count(IntPtr sharded, uint* out_shard_count, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_wal(IntPtr sharded, IntPtr* out_wal, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_iter_shard(IntPtr sharded, uint shard, ulong start_id, IntPtr* out_iter, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_flush_shard(IntPtr sharded, uint shard, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_flush_all(IntPtr sharded, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_append(IntPtr sharded, byte* key, UIntPtr key_len, byte* data, UIntPtr len, uint* out_shard, ulong* out_id, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_append_batch(IntPtr sharded, ironwal_keyed_slice* entries, UIntPtr entry_count, uint* out_shards, ulong* out_ids, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_append_batch_atomic(IntPtr sharded, ironwal_keyed_slice* entries, UIntPtr entry_count, uint* out_shards, ulong* out_ids, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_append_batch_for_key(IntPtr sharded, byte* key, UIntPtr key_len, ironwal_slice* entries, UIntPtr entry_count, uint* out_shard, ulong* out_first_id, ulong* out_end_id, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_create_checkpoint(IntPtr sharded, byte* id, UIntPtr id_len, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_load_checkpoint(IntPtr sharded, byte* id, UIntPtr id_len, IntPtr* out_checkpoint, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_load_latest_checkpoint(IntPtr sharded, IntPtr* out_checkpoint, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_checkpoint_count(IntPtr sharded, UIntPtr* out_count, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_list_checkpoints(IntPtr sharded, IntPtr* out_list, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern ironwal_view ironwal_checkpoint_id(IntPtr checkpoint);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern ulong ironwal_checkpoint_timestamp_ns(IntPtr checkpoint);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern uint ironwal_checkpoint_shard_count(IntPtr checkpoint);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_checkpoint_offset(IntPtr checkpoint, uint shard, ulong* out_id, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void ironwal_checkpoint_free(IntPtr checkpoint);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern UIntPtr ironwal_checkpoint_list_count(IntPtr list);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_checkpoint_list_get(IntPtr list, UIntPtr index, ironwal_view* out_id, ulong* out_timestamp_ns, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void ironwal_checkpoint_list_free(IntPtr list);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_prune_before_checkpoint(IntPtr sharded, byte* id, UIntPtr id_len, PruneStats* out_stats, UIntPtr out_stats_size, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_rollback_to_checkpoint(IntPtr sharded, byte* id, UIntPtr id_len, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_compact_checkpoints(IntPtr sharded, UIntPtr keep_latest_n, CompactionStats* out_stats, UIntPtr out_stats_size, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_automatic_status(IntPtr sharded, ironwal_automatic_status* out_status, UIntPtr out_status_size, ironwal_buffer* out_last_error, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_options_new(uint shard_count, IntPtr* out_options, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void ironwal_sharded_options_free(IntPtr options);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_options_set_checkpoint_every_entries(IntPtr options, ulong entries, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_options_set_checkpoint_interval(IntPtr options, ulong interval_ns, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_options_set_checkpoint_prefix(IntPtr options, byte* prefix, UIntPtr prefix_len, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_options_set_checkpoint_ids(IntPtr options, ironwal_checkpoint_id_fn callback, UIntPtr ctx, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_options_set_retention(IntPtr options, UIntPtr keep_latest, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_wal_snapshot_to(IntPtr wal, byte* dir, UIntPtr dir_len, int mode, ironwal_snapshot_stats* out_stats, UIntPtr out_stats_size, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_wal_snapshot_streams_to(IntPtr wal, byte* dir, UIntPtr dir_len, int mode, ironwal_snapshot_stats* out_stats, UIntPtr out_stats_size, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_sharded_snapshot_to(IntPtr sharded, byte* dir, UIntPtr dir_len, int mode, ironwal_snapshot_stats* out_stats, UIntPtr out_stats_size, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_stats(IntPtr stream, StreamStats* out_stats, UIntPtr out_stats_size, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_wal_stats(IntPtr wal, LogStats* out_stats, UIntPtr out_stats_size, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_frame_position(IntPtr stream, ironwal_buffer* out_position, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_export(IntPtr stream, byte* position, UIntPtr position_len, UIntPtr max_bytes, ironwal_buffer* out_packet, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_export_written(IntPtr stream, byte* position, UIntPtr position_len, UIntPtr max_bytes, ironwal_buffer* out_packet, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_apply(IntPtr stream, byte* packet, UIntPtr packet_len, ulong* out_first_id, ulong* out_end_id, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_stream_apply_retention(IntPtr stream, ulong max_bytes, ulong max_age_ns, byte keep_cursors, UIntPtr* out_segments, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_wal_apply_retention(IntPtr wal, ulong max_bytes, ulong max_age_ns, byte keep_cursors, UIntPtr* out_segments, IntPtr* out_error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int ironwal_options_set_retention(IntPtr options, ulong max_bytes, ulong max_age_ns, byte keep_cursors, IntPtr* out_error);
    }

    /// <summary>What a pruning removed.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct PruneStats
    {
        /// <summary>In how many shards segments were removed.</summary>
        public ulong ShardsPruned;
        /// <summary>How many segments were removed, in all shards.</summary>
        public ulong SegmentsDeleted;
    }

    /// <summary>What a compaction of checkpoints removed.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct CompactionStats
    {
        /// <summary>How many checkpoints could be loaded before.</summary>
        public ulong CheckpointsBefore;
        /// <summary>How many can be loaded now.</summary>
        public ulong CheckpointsAfter;
        /// <summary>How much shorter the log of checkpoints is, in bytes.</summary>
        public ulong BytesReclaimed;
    }

    /// <summary>What has happened to a stream since its log was opened, and where it is now. Times are in nanoseconds.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct StreamStats
    {
        /// <summary>Appends that are in the kernel; a batch, a transaction and a change of properties are one each.</summary>
        public ulong Appends;
        /// <summary>Entries in them.</summary>
        public ulong Entries;
        /// <summary>Bytes of their frames as they are stored: headers, tables, and payloads after compression.</summary>
        public ulong Bytes;
        /// <summary>Rounds of group commit: each makes durable all that was written when it began.</summary>
        public ulong Rounds;
        /// <summary>Callers that these rounds answered. Divided by rounds: callers of one round.</summary>
        public ulong Callers;
        /// <summary>Syncs of segments by rounds.</summary>
        public ulong Syncs;
        /// <summary>The time that these took together.</summary>
        public ulong SyncNs;
        /// <summary>Segments that followed a full one.</summary>
        public ulong Rotations;
        /// <summary>Suffixes that were cut, and resets.</summary>
        public ulong Cuts;
        /// <summary>Writes that failed and were rolled back, each with all appends in it.</summary>
        public ulong RollBacks;
        /// <summary>The first kept id, now.</summary>
        public ulong FirstId;
        /// <summary>The id of the next append, now.</summary>
        public ulong NextId;
        /// <summary>One past the last durable id, now.</summary>
        public ulong DurableEnd;
        /// <summary>Bytes written since the last round began, now.</summary>
        public ulong UnsyncedBytes;
        /// <summary>Callbacks, descriptors and waiting iterations that wait for durability, now.</summary>
        public ulong Listeners;
        /// <summary>Segments, now.</summary>
        public ulong Segments;
        /// <summary>1: a failure has latched, and the stream takes no appends. 0 otherwise.</summary>
        public ulong Poisoned;
        /// <summary>Appends that were measured (ironwal_options_set_latencies()). Without it this and what follows is 0.</summary>
        public ulong MeasuredAppends;
        /// <summary>The time that half of them did not exceed.</summary>
        public ulong AppendP50Ns;
        /// <summary>That 99 % did not exceed.</summary>
        public ulong AppendP99Ns;
        /// <summary>That 99.9 % did not exceed.</summary>
        public ulong AppendP999Ns;
        /// <summary>The greatest time.</summary>
        public ulong AppendMaxNs;
    }

    /// <summary>What has happened to all streams of a log since it was opened, and where they are now. Times are in nanoseconds.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct LogStats
    {
        /// <summary>As of one stream: see ironwal_stream_stats_t.</summary>
        public ulong Appends;
        /// <summary>Entries in them.</summary>
        public ulong Entries;
        /// <summary>Bytes of their frames as they are stored.</summary>
        public ulong Bytes;
        /// <summary>Rounds of group commit.</summary>
        public ulong Rounds;
        /// <summary>Callers that these rounds answered.</summary>
        public ulong Callers;
        /// <summary>Syncs of segments by rounds.</summary>
        public ulong Syncs;
        /// <summary>The time that these took together.</summary>
        public ulong SyncNs;
        /// <summary>Segments that followed a full one.</summary>
        public ulong Rotations;
        /// <summary>Suffixes that were cut, and resets.</summary>
        public ulong Cuts;
        /// <summary>Writes that failed and were rolled back.</summary>
        public ulong RollBacks;
        /// <summary>The time that half of the syncs did not exceed.</summary>
        public ulong SyncP50Ns;
        /// <summary>That 99 % did not exceed.</summary>
        public ulong SyncP99Ns;
        /// <summary>That 99.9 % did not exceed.</summary>
        public ulong SyncP999Ns;
        /// <summary>The greatest time of a sync.</summary>
        public ulong SyncMaxNs;
        /// <summary>Appends that were measured (ironwal_options_set_latencies()). Without it this is 0.</summary>
        public ulong MeasuredAppends;
        /// <summary>The time that half of them did not exceed.</summary>
        public ulong AppendP50Ns;
        /// <summary>That 99 % did not exceed.</summary>
        public ulong AppendP99Ns;
        /// <summary>That 99.9 % did not exceed.</summary>
        public ulong AppendP999Ns;
        /// <summary>The greatest time of an append.</summary>
        public ulong AppendMaxNs;
        /// <summary>Background syncs that had something to make durable.</summary>
        public ulong BackgroundSyncs;
        /// <summary>Streams that are served, now.</summary>
        public ulong Streams;
        /// <summary>Streams that could not be opened.</summary>
        public ulong FailedStreams;
        /// <summary>Streams that take no appends because a failure has latched, now.</summary>
        public ulong PoisonedStreams;
        /// <summary>Segments of all streams, now.</summary>
        public ulong Segments;
        /// <summary>Entries of all streams that are not durable, now.</summary>
        public ulong UndurableEntries;
        /// <summary>Bytes of all streams written since the last round of each began, now.</summary>
        public ulong UnsyncedBytes;
        /// <summary>Callbacks, descriptors and waiting iterations that wait for durability, now.</summary>
        public ulong Listeners;
        /// <summary>Files open for writing, now.</summary>
        public ulong OpenWriteFiles;
        /// <summary>Files open for reading, now.</summary>
        public ulong OpenReadFiles;
        /// <summary>How often a file was opened for writing.</summary>
        public ulong WriteFilesOpened;
        /// <summary>How often a file was opened for reading: misses of the cache of open files.</summary>
        public ulong ReadFilesOpened;
        /// <summary>Look-ups of a decompressed frame that found it in the block cache.</summary>
        public ulong BlockCacheHits;
        /// <summary>Look-ups that did not.</summary>
        public ulong BlockCacheMisses;
        /// <summary>Bytes in the block cache, now.</summary>
        public ulong BlockCacheBytes;
        /// <summary>Streams that opening found with damage, with remains of a crash, or could not open: see ironwal_wal_recovery().</summary>
        public ulong RecoveredStreams;
        /// <summary>Of these, those that have lost something that was durable.</summary>
        public ulong IncompleteStreams;
        /// <summary>How long opening took.</summary>
        public ulong RecoveryNs;
        /// <summary>Records that were written into the commit journal. Each is one sync, for all streams in it. This and what follows is 0 where the log uses no journal.</summary>
        public ulong JournalRecords;
        /// <summary>Items in these: ranges of streams, their slots, headers of segments, deletions.</summary>
        public ulong JournalItems;
        /// <summary>Bytes of these records.</summary>
        public ulong JournalBytes;
        /// <summary>Files of the journal that were written back into the streams' files, and took records again.</summary>
        public ulong JournalWriteBacks;
        /// <summary>Ranges that the journal did not take, because it had no room or takes no more: their streams were synced in place.</summary>
        public ulong JournalRefused;
        /// <summary>Files of the journal, now.</summary>
        public ulong JournalFiles;
        /// <summary>Their bytes, now.</summary>
        public ulong JournalFileBytes;
        /// <summary>Of these files, those that hold what poisoned streams need until the log is opened again, now.</summary>
        public ulong JournalFilesAside;
        /// <summary>Other than 0: the journal takes no more until the log is opened again; all streams are synced in place, and batches over streams fail. 1: a record could not be written. 2: a file could not be made, or begun anew. 3: a full file could not be written back, nor what poisoned streams need of it be kept aside.</summary>
        public ulong JournalRetired;
    }
}
