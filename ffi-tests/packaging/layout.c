/* Are the numbers and the struct layouts, which compiled programs depend on, what they always
 * were? Never change a line here: add. */
#include <ironwal.h>

#if defined(__cplusplus)
#define IS(condition) static_assert(condition, #condition)
#else
#define IS(condition) _Static_assert(condition, #condition)
#endif

IS(IRONWAL_OK == 0);
IS(IRONWAL_E_OTHER == -1);
IS(IRONWAL_E_INVALID_ARG == -2);
IS(IRONWAL_E_NOT_FOUND == -3);
IS(IRONWAL_E_END == -4);
IS(IRONWAL_E_BUFFER_TOO_SMALL == -5);
IS(IRONWAL_E_TIMEOUT == -6);
IS(IRONWAL_E_IO == -7);
IS(IRONWAL_E_NO_SPACE == -8);
IS(IRONWAL_E_CORRUPT == -9);
IS(IRONWAL_E_CRC_MISMATCH == -10);
IS(IRONWAL_E_CONFIG == -11);
IS(IRONWAL_E_SEGMENT_NOT_FOUND == -12);
IS(IRONWAL_E_STREAM_NOT_FOUND == -13);
IS(IRONWAL_E_INVALID_FILENAME == -14);
IS(IRONWAL_E_SERIALIZATION == -15);
IS(IRONWAL_E_LOCKED == -16);
IS(IRONWAL_E_POISONED == -17);
IS(IRONWAL_E_TOO_LARGE == -18);
IS(IRONWAL_E_SEQUENCE_MISMATCH == -19);
IS(IRONWAL_E_CLOSED == -20);
IS(IRONWAL_E_FORKED == -21);
IS(IRONWAL_E_UNSUPPORTED_VERSION == -22);
IS(IRONWAL_E_PANIC == -23);
IS(IRONWAL_E_STALE_VIEW == -24);
IS(IRONWAL_E_CHECKPOINT_NOT_FOUND == -25);
IS(IRONWAL_E_CHECKPOINT_CORRUPTED == -26);
IS(IRONWAL_E_SHARD_COUNT_MISMATCH == -27);
IS(IRONWAL_E_INVALID_CHECKPOINT_ID == -28);
IS(IRONWAL_E_NO_CHECKPOINTS == -29);
IS(IRONWAL_E_CHECKPOINT_PRUNED == -30);
IS(IRONWAL_E_BATCH_INCOMPLETE == -31);
IS(IRONWAL_E_READ_ONLY == -32);
IS(IRONWAL_E_DETACHED == -33);
IS(IRONWAL_E_SUFFIX_CUT == -34);
IS(IRONWAL_E_CANCELLED == -35);

/* Each family has a hundred of its own and none has 0: a constant of one is none of another. */
IS(IRONWAL_SYNC_STRICT == 1 && IRONWAL_SYNC_BATCH_ONLY == 2 && IRONWAL_SYNC_ASYNC == 3);
IS(IRONWAL_READ_STANDARD_IO == 101 && IRONWAL_READ_MMAP == 102);
IS(IRONWAL_WRITE_AUTO == 201 && IRONWAL_WRITE_STANDARD_IO == 202 && IRONWAL_WRITE_MMAP == 203);
IS(IRONWAL_COMPRESSION_NONE == 301 && IRONWAL_COMPRESSION_LZ4 == 302);
IS(IRONWAL_CORRUPTION_TRUNCATE == 401 && IRONWAL_CORRUPTION_ERROR == 402);
IS(IRONWAL_LOG_ERROR == 501 && IRONWAL_LOG_WARN == 502 && IRONWAL_LOG_INFO == 503);
IS(IRONWAL_LOG_DEBUG == 504 && IRONWAL_LOG_TRACE == 505);
IS(IRONWAL_SEVERITY_NOTE == 601 && IRONWAL_SEVERITY_DAMAGE == 602);
IS(IRONWAL_SEVERITY_UNREADABLE == 603);
IS(IRONWAL_DURABILITY_BY_MODE == 701 && IRONWAL_DURABILITY_WRITTEN == 702);
IS(IRONWAL_DURABILITY_DURABLE == 703);
IS(IRONWAL_PROPERTY_SET == 801 && IRONWAL_PROPERTY_REMOVE == 802);
IS(IRONWAL_ANY_ID == UINT64_MAX);
IS(IRONWAL_NO_LIMIT == UINT64_MAX);
IS(IRONWAL_VIEW_BY_MODE == 901 && IRONWAL_VIEW_WRITTEN == 902 && IRONWAL_VIEW_DURABLE == 903);
IS(IRONWAL_COMMIT_AUTO == 1201 && IRONWAL_COMMIT_IN_PLACE == 1202);
IS(IRONWAL_COMMIT_JOURNAL == 1203);
IS(IRONWAL_MATCH_EXACT == 1401 && IRONWAL_MATCH_PREFIX == 1402);
IS(IRONWAL_SNAPSHOT_LINK == 1101 && IRONWAL_SNAPSHOT_COPY == 1102);
IS(offsetof(ironwal_snapshot_stats, bytes_copied) == 24);
IS(offsetof(ironwal_recovery_report_totals, complete) == 24);
IS(offsetof(ironwal_recovered_stream, status) == 2 * sizeof(ironwal_str) + 32);
IS(IRONWAL_EVENT_DURABLE == 1001 && IRONWAL_EVENT_WRITTEN == 1002);

IS(sizeof(ironwal_status) == 4 && (ironwal_status)-1 < 0);

#define PAIR(type)                                                                             \
    IS(offsetof(type, data) == 0);                                                             \
    IS(offsetof(type, len) == sizeof(void *));                                                 \
    IS(sizeof(((type *)0)->len) == sizeof(size_t));                                            \
    IS(sizeof(type) == sizeof(void *) + sizeof(size_t))
PAIR(ironwal_slice);
PAIR(ironwal_buffer);
PAIR(ironwal_view);
PAIR(ironwal_str);

/* Of sharded logs. */
IS(IRONWAL_CHECKPOINT_ID_MAX == 65535);
IS(offsetof(ironwal_keyed_slice, key) == 0);
IS(offsetof(ironwal_keyed_slice, value) == sizeof(ironwal_slice));
IS(sizeof(ironwal_keyed_slice) == 2 * sizeof(ironwal_slice));
IS(offsetof(ironwal_mark, place) == 0 && offsetof(ironwal_mark, opening) == 8);
IS(sizeof(ironwal_mark) == 16);
IS(offsetof(ironwal_ticket, listener) == 16 && sizeof(ironwal_ticket) == 24);
IS(offsetof(ironwal_property, key) == 0);
IS(offsetof(ironwal_entry, id) == 0 && offsetof(ironwal_entry, view) == 8);
IS(offsetof(ironwal_property, value) == sizeof(ironwal_slice));
IS(offsetof(ironwal_property, op) == 2 * sizeof(ironwal_slice));
IS(sizeof(ironwal_property) == 2 * sizeof(ironwal_slice) + 8);
IS(offsetof(ironwal_atomic_part, stream) == 0);
IS(offsetof(ironwal_atomic_part, property_count) == 4 * sizeof(void *));
IS(offsetof(ironwal_atomic_part, expected_id) == 40 && sizeof(ironwal_atomic_part) == 56);
/* Later versions may add fields at the end of these, so what there is stays where it is. */
IS(offsetof(ironwal_prune_stats, shards_pruned) == 0);
IS(offsetof(ironwal_prune_stats, segments_deleted) == 8);
IS(sizeof(ironwal_prune_stats) >= 16);
IS(offsetof(ironwal_compaction_stats, checkpoints_before) == 0);
IS(offsetof(ironwal_compaction_stats, checkpoints_after) == 8);
IS(offsetof(ironwal_compaction_stats, bytes_reclaimed) == 16);
IS(sizeof(ironwal_compaction_stats) >= 24);
IS(offsetof(ironwal_automatic_status, created) == 0);
IS(offsetof(ironwal_automatic_status, failed) == 8);
IS(sizeof(ironwal_automatic_status) >= 16);
IS(offsetof(ironwal_stream_stats_t, roll_backs) == 9 * 8);
IS(offsetof(ironwal_stream_stats_t, append_max_ns) == 21 * 8);
IS(offsetof(ironwal_wal_stats_t, append_max_ns) == 18 * 8);
IS(offsetof(ironwal_wal_stats_t, recovery_ns) == 36 * 8);
IS(offsetof(ironwal_wal_stats_t, journal_records) == 37 * 8);
IS(offsetof(ironwal_wal_stats_t, journal_retired) == 45 * 8);

int main(void) { return 0; }
