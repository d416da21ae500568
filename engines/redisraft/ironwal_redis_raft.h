/* The log of RedisLabs/raft on a stream of ironwal: see README.md.
 *
 *     ironwal_redis_raft *log;
 *     ironwal_redis_raft_open(wal, "node-1", 6, 0, &log, &error);
 *     raft_server_t *raft = raft_new_with_log(&ironwal_redis_raft_impl, log);
 *     // ironwal_redis_raft_snapshot() and raft_restore_snapshot(), ironwal_redis_raft_metadata() and
 *     // raft_restore_metadata(), in this order, then raft_restore_log()
 *
 * Open the log with IRONWAL_SYNC_ASYNC, so that entries can be read before they are synced, and with
 * IRONWAL_CORRUPTION_ERROR: a node that lost durable entries must not vote as if it had them.
 *
 * One thread uses a log: the one that runs the raft server.
 */
#ifndef IRONWAL_REDIS_RAFT_H
#define IRONWAL_REDIS_RAFT_H

#include <ironwal.h>
#include <raft.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ironwal_redis_raft ironwal_redis_raft;

/* The functions of the log, for raft_new_with_log(). Their argument is the log opened. */
extern const raft_log_impl_t ironwal_redis_raft_impl;

/* Opens the log in the stream `name` of `wal`, which need not exist yet.
 *
 * `kept_entries`: how many of the newest entries stay in memory, with their user_data; 0 for 4,096. Older
 * ones are read from disk, and come without user_data: keep as many as wait to be applied.
 *
 * The log belongs to the raft server from raft_new_with_log() on, which frees it in raft_destroy(). `wal`
 * stays the caller's, to be closed after that. */
ironwal_status ironwal_redis_raft_open(const ironwal_wal *wal, const char *name, size_t name_len,
                                       size_t kept_entries, ironwal_redis_raft **out_log,
                                       ironwal_error **out_error);

/* Frees a log that was given to no raft server. */
void ironwal_redis_raft_free(ironwal_redis_raft *log);

/* Stores term and vote in one step, durable on return: for the callback persist_metadata. Returns 0, or -1
 * on failure: see ironwal_redis_raft_failure(). */
int ironwal_redis_raft_set_metadata(ironwal_redis_raft *log, raft_term_t term, raft_node_id_t vote);

/* The term and vote stored last, for raft_restore_metadata(). False: none were, and the outputs are not
 * written. */
bool ironwal_redis_raft_metadata(const ironwal_redis_raft *log, raft_term_t *out_term, raft_node_id_t *out_vote);

/* The index and term of the last entry in front of the log, where it was compacted or reset behind a snapshot: for
 * raft_restore_snapshot(). False: it begins with index 1, and the outputs are not written. */
bool ironwal_redis_raft_snapshot(const ironwal_redis_raft *log, raft_index_t *out_index, raft_term_t *out_term);

/* Why a function of the log failed first, NULL if none did. It belongs to the log. After a failure all
 * functions that write fail until the log is opened again. */
const ironwal_error *ironwal_redis_raft_failure(const ironwal_redis_raft *log);

#ifdef __cplusplus
}
#endif
#endif
