/**
 * @file ironwal.h
 * ironwal: an embedded, durable, segmented write-ahead log.
 *
 * Generated from the sources of the library; do not edit. MPL-2.0.
 *
 * A log owns a directory and holds many streams. A stream is an ordered sequence of entries, bytes
 * with ids counted from 0. Acknowledged appends survive a crash, as the sync mode promises:
 *
 * @code{.c}
 * #include <ironwal.h>
 * #include <stdio.h>
 *
 * int main(void) {
 *     ironwal_options *options = NULL;
 *     ironwal_wal *wal = NULL;
 *     ironwal_error *error = NULL;
 *     uint64_t id = 0;
 *     ironwal_buffer entry = {NULL, 0};
 *     if (ironwal_options_new(IRONWAL_STR("./orders"), &options, &error) == IRONWAL_OK &&
 *         ironwal_wal_open(options, &wal, &error) == IRONWAL_OK &&
 *         ironwal_append(wal, IRONWAL_STR("trades"), IRONWAL_STR("100@42"), &id, &error) == IRONWAL_OK && // durable
 *         ironwal_get(wal, IRONWAL_STR("trades"), id, &entry, &error) == IRONWAL_OK)
 *         printf("%llu: %.*s\n", (unsigned long long)id, (int)entry.len, (char *)entry.data);
 *     if (error) fprintf(stderr, "%s\n", ironwal_error_message(error).data);
 *     ironwal_error_free(error);
 *     ironwal_buffer_free(&entry);
 *     ironwal_options_free(options);
 *     return wal && ironwal_wal_close(wal, NULL) == IRONWAL_OK ? 0 : 1;
 * }
 * @endcode
 *
 * Conventions of every function. The comment of a function states only where it differs, in the
 * order Owns, NULL, Threads, Blocks, Durable, Errors:
 *
 * - Status. A function that can fail returns ::ironwal_status: 0 is success, negative is not. Four
 *   negative ones are expected outcomes ("answers") and come without an error object:
 *   ::IRONWAL_E_NOT_FOUND, ::IRONWAL_E_END, ::IRONWAL_E_BUFFER_TOO_SMALL and ::IRONWAL_E_TIMEOUT.
 * - Errors. `out_error` may be NULL. Otherwise a failure sets `*out_error` to an error object, which
 *   the caller frees with ironwal_error_free(); success and answers set it to NULL. A previous value
 *   is overwritten without being freed. Besides the errors that a function names, a call on a log, or
 *   on a handle made from it, may return ::IRONWAL_E_CLOSED, ::IRONWAL_E_FORKED,
 *   ::IRONWAL_E_INVALID_ARG, ::IRONWAL_E_PANIC, and ::IRONWAL_E_POISONED after a panic.
 * - Outputs are named `out_...`, come last, and are written on success only; otherwise handles,
 *   buffers and views are set to NULL or {NULL, 0}.
 * - Handles. Each kind has its own free function, which ignores NULL. Handles may be freed in any
 *   order. Close and commit consume their handle even when they fail. After a log is closed, calls
 *   on its handles return ::IRONWAL_E_CLOSED.
 * - Owns. Inputs remain the caller's: they are copied, or read during the call only. A `..._free`,
 *   `..._abort`, `..._close` or `..._commit` consumes its handle. Structs that a call fills belong to
 *   the caller.
 * - Bytes and text go in as (pointer, length); NULL with length 0 is empty. Paths and stream names
 *   are UTF-8 without a NUL inside; a terminating NUL is not needed.
 * - NULL. Every pointer is required, except `out_error` and the pointer to bytes of length 0.
 *   ::IRONWAL_E_INVALID_ARG, without any effect: NULL for a required pointer, a length above
 *   PTRDIFF_MAX, an unknown constant, a handle of another kind.
 * - Constants. Each kind of constant (IRONWAL_SYNC, IRONWAL_READ, ...) has its own range of numbers
 *   and none is 0, so a constant of another kind or an int set to 0 is refused.
 * - Threads. Any thread may call any function. Any number of threads may use a log, its streams,
 *   lists and reports at once; one thread at a time may use a transaction, an iterator or options. A
 *   call that frees a handle must be the last on it. No call is a cancellation point:
 *   pthread_cancel() takes effect after the call.
 * - Blocks. A call does not wait for a sync of the disk (fsync). It may wait for a lock, or read a
 *   file.
 * - Durable. A call changes nothing on the disk. Appended bytes that no sync has covered survive the
 *   end of the process, but not a power loss. Options are not stored.
 * - fork. In the child, a call on a log of the parent, or on a handle made from it, returns
 *   ::IRONWAL_E_FORKED; freeing affects neither the disk nor the parent's threads. Options,
 *   pinned views and lists are plain memory and remain usable.
 * - Memory. If memory of a length chosen by the caller or the disk cannot be allocated, the call
 *   returns ::IRONWAL_E_IO, ironwal_error_os_error() returns ENOMEM, and the message contains the
 *   number of bytes; an append has taken no id. A small allocation that fails (a handle, an error
 *   object) ends the process, as everywhere in Rust.
 * - Signal handlers must not call the library: it takes locks and allocates, and could wait for
 *   ever for the interrupted thread.
 * - A defect inside the library returns ::IRONWAL_E_PANIC; the log then accepts only close and free.
 */


#ifndef IRONWAL_H
#define IRONWAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The major version of this header. */
#define IRONWAL_VERSION_MAJOR 0

/** The minor version of this header. */
#define IRONWAL_VERSION_MINOR 7

/** The patch version of this header. */
#define IRONWAL_VERSION_PATCH 0

/** major * 1000000 + minor * 1000 + patch. */
#define IRONWAL_VERSION_NUMBER 7000

/** The version as text. */
#define IRONWAL_VERSION_STRING "0.7.0"

/**
 * A text literal as the two arguments (pointer, length):
 * `ironwal_append(wal, IRONWAL_STR("trades"), IRONWAL_STR("100@42"), &id, &error)`. Anything but a literal
 * does not compile.
 */
#define IRONWAL_STR(literal) ("" literal ""), (sizeof(literal) - 1)


/* Constants --------------------------------------------------------------------------------- */

/** Data was lost or a request was refused. */
#define IRONWAL_LOG_ERROR 501

/** Something was damaged and dealt with. */
#define IRONWAL_LOG_WARN 502

/** Logs opened, recovered and closed. */
#define IRONWAL_LOG_INFO 503

/** Diagnostics. */
#define IRONWAL_LOG_DEBUG 504

/** Everything. */
#define IRONWAL_LOG_TRACE 505

/** Every append, batch and transaction is durable when it returns. The default. */
#define IRONWAL_SYNC_STRICT 1

/** Batches and transactions are durable when they return; single appends survive the process. */
#define IRONWAL_SYNC_BATCH_ONLY 2

/** Nothing waits for the disk; what was appended survives the death of the process. */
#define IRONWAL_SYNC_ASYNC 3

/** Stored as given. The default. */
#define IRONWAL_COMPRESSION_NONE 301

/** LZ4 blocks, where that makes a payload smaller. */
#define IRONWAL_COMPRESSION_LZ4 302

/** Positional reads. The default. */
#define IRONWAL_READ_STANDARD_IO 101

/**
 * Sealed segments, and what is durable of the newest one, are memory-mapped; a failing disk can
 * then raise SIGBUS in the reading thread.
 */
#define IRONWAL_READ_MMAP 102

/**
 * The library chooses: stores into the mapped active segment in mode asynchronous, where neither a
 * failing nor a full disk makes a store raise a signal (ext4 that does not journal data, tmpfs; a file
 * that another program shortens still does); positional writes everywhere else. The default.
 */
#define IRONWAL_WRITE_AUTO 201

/** Positional writes. */
#define IRONWAL_WRITE_STANDARD_IO 202

/**
 * Stores into the mapped active segment, always; a failing or full disk can then raise SIGBUS in
 * the appending thread on file systems other than ext4 and tmpfs.
 */
#define IRONWAL_WRITE_MMAP 203

/**
 * The library chooses for each sync: the commit journal where several streams are synced at once, or a caller
 * waits alone; the stream's own file otherwise.
 */
#define IRONWAL_COMMIT_AUTO 1201

/** The stream's own file, always. No journal is made. The default. */
#define IRONWAL_COMMIT_IN_PLACE 1202

/**
 * The commit journal, wherever what is to be synced is short enough: one file that all streams share, so that
 * one sync makes many of them durable. The streams' own files are synced later.
 */
#define IRONWAL_COMMIT_JOURNAL 1203

/** Keep what is good and report what is not. The default. */
#define IRONWAL_CORRUPTION_TRUNCATE 401

/** Refuse to open a damaged log, with one error that lists the damage. */
#define IRONWAL_CORRUPTION_ERROR 402

/**
 * No damage: remains of a crash that the next open cleans up, quarantined bytes, a recorded loss,
 * a derived file that will be rebuilt.
 */
#define IRONWAL_SEVERITY_NOTE 601

/** Durable data is damaged or missing. */
#define IRONWAL_SEVERITY_DAMAGE 602

/** A file could not be checked: a read error, a newer format, an unrecognised file. */
#define IRONWAL_SEVERITY_UNREADABLE 603

/** The segment has its footer and never changes again. */
#define IRONWAL_SEGMENT_SEALED 1301

/** Appends go to the segment, or it is about to be sealed. */
#define IRONWAL_SEGMENT_OPEN 1302

/** The segment is durable and its end is damaged: it is read as far as it goes. */
#define IRONWAL_SEGMENT_END_LOST 1303

/** The stream with this key. */
#define IRONWAL_MATCH_EXACT 1401

/** All streams whose keys begin with this text; with the empty one, all. */
#define IRONWAL_MATCH_PREFIX 1402

/** No id is expected: the entries get the next ones. */
#define IRONWAL_ANY_ID UINT64_MAX

/**
 * As durable on return as the sync mode of the log makes it: one entry without properties as
 * ironwal_stream_append(), all else as ironwal_stream_append_batch().
 */
#define IRONWAL_DURABILITY_BY_MODE 701

/**
 * In the kernel on return, in every sync mode: it survives the end of the process, not a power loss.
 * Under ::IRONWAL_SYNC_STRICT reads show the entries once they are durable.
 */
#define IRONWAL_DURABILITY_WRITTEN 702

/** Durable on return, in every sync mode. */
#define IRONWAL_DURABILITY_DURABLE 703

/** The property gets the value. */
#define IRONWAL_PROPERTY_SET 801

/** The property is removed, if there is one; the value is ignored. */
#define IRONWAL_PROPERTY_REMOVE 802

/** The descriptor is readable when more entries are durable. */
#define IRONWAL_EVENT_DURABLE 1001

/** The descriptor is readable when more entries are in the kernel. */
#define IRONWAL_EVENT_WRITTEN 1002

/** The entries that reads show in the sync mode of the log. */
#define IRONWAL_VIEW_BY_MODE 901

/**
 * All entries in the kernel. A power loss may take back what no sync has covered, and its ids are given
 * again.
 */
#define IRONWAL_VIEW_WRITTEN 902

/** Durable entries only. */
#define IRONWAL_VIEW_DURABLE 903

/** The longest id of a checkpoint, in bytes. */
#define IRONWAL_CHECKPOINT_ID_MAX 65535

/**
 * Sealed segments get a second name (a hard link) where the file system can, and are copied where it
 * cannot. They take no space of their own, and share the fate of the disk.
 */
#define IRONWAL_SNAPSHOT_LINK 1101

/** Everything is copied: for a backup on other hardware, or on a file system of its own. */
#define IRONWAL_SNAPSHOT_COPY 1102

/** For `max_bytes` and `max_age_ns` of a retention: any number of bytes, any age. */
#define IRONWAL_NO_LIMIT UINT64_MAX

/* Types ------------------------------------------------------------------------------------- */

/**
 * Cancels the waits of one iterator, from any thread. Freed with ironwal_canceller_free(), before or
 * after its iterator.
 */
typedef struct ironwal_canceller ironwal_canceller;

/**
 * A checkpoint that was loaded: for each shard the id from which replay starts. A copy that
 * outlives the log. Freed with ironwal_checkpoint_free().
 */
typedef struct ironwal_checkpoint ironwal_checkpoint;

/**
 * The ids and times of the checkpoints of a log, oldest first. A copy that outlives the log. Freed
 * with ironwal_checkpoint_list_free().
 */
typedef struct ironwal_checkpoint_list ironwal_checkpoint_list;

/**
 * What ironwal_get_batch() found, in the order of the ids asked for. Freed with
 * ironwal_entry_list_free().
 */
typedef struct ironwal_entry_list ironwal_entry_list;

/**
 * Why a call failed: a status, the operating system's code, the place, and a message that says
 * what to do. Made by the failing call, immutable, freed with ironwal_error_free(). Functions on it take a
 * handle of another kind for NULL.
 */
typedef struct ironwal_error ironwal_error;

/**
 * A descriptor that is readable when a stream has grown. Freed with ironwal_events_free(), before or
 * after its log is closed.
 */
typedef struct ironwal_events ironwal_events;

/**
 * A place in a stream that moves forward, or backward if ironwal_stream_iter_rev() or
 * ironwal_wal_iter_rev() made it. Freed with ironwal_iter_free(), before or after its log is closed. It
 * keeps the files that it reads, not the log, open.
 */
typedef struct ironwal_iter ironwal_iter;

/** A list of stream names, sorted. Freed with ironwal_name_list_free(). */
typedef struct ironwal_name_list ironwal_name_list;

/**
 * The options of a log. Made with defaults by ironwal_options_new(), changed by setters,
 * freed with ironwal_options_free(). None of it is stored: options may differ from one opening
 * to the next.
 */
typedef struct ironwal_options ironwal_options;

/**
 * The properties of a stream, sorted by key. A copy that outlives the log. Freed with
 * ironwal_property_list_free().
 */
typedef struct ironwal_property_list ironwal_property_list;

/**
 * What opening a log found and did. A copy that outlives the log. Freed with
 * ironwal_recovery_report_free().
 */
typedef struct ironwal_recovery_report ironwal_recovery_report;

/** What a repair copied and what was lost. Freed with ironwal_repair_report_free(). */
typedef struct ironwal_repair_report ironwal_repair_report;

/**
 * An open log of many shards: entries go to the shard of their key, in order within it, and
 * checkpoints are consistent cuts through all shards. Closed with ironwal_sharded_close(), which
 * returns whether everything reached the disk.
 */
typedef struct ironwal_sharded ironwal_sharded;

/**
 * What a sharded log is opened with beside its ::ironwal_options. Made by
 * ironwal_sharded_options_new(), changed by setters, freed with ironwal_sharded_options_free().
 */
typedef struct ironwal_sharded_options ironwal_sharded_options;

/** What a directory holds, in numbers. Freed with ironwal_stat_report_free(). */
typedef struct ironwal_stat_report ironwal_stat_report;

/**
 * One stream of an open log. Freed with ironwal_stream_free(), before or after its log is closed.
 */
typedef struct ironwal_stream ironwal_stream;

/**
 * A transaction on one stream: entries gathered in memory. Ended by ironwal_txn_commit() or
 * ironwal_txn_abort().
 */
typedef struct ironwal_txn ironwal_txn;

/** What a verification read, and what it found. Freed with ironwal_verify_report_free(). */
typedef struct ironwal_verify_report ironwal_verify_report;

/**
 * Keeps the bytes of one view where they are, also while the stream is pruned, deleted or closed.
 */
typedef struct ironwal_view_pin ironwal_view_pin;

/**
 * An open log: the only writer of its directory. Closed with ironwal_wal_close(), which returns
 * whether everything reached the disk.
 */
typedef struct ironwal_wal ironwal_wal;

/**
 * The outcome of a call. 0 is success, everything else is negative. Numbers are never reused or
 * given another meaning; a number unknown to you means what ::IRONWAL_E_OTHER means.
 */
typedef int32_t ironwal_status;

/**
 * Text owned by the library: UTF-8, followed by a NUL byte that `len` does not count. Unknown or
 * empty text is {NULL, 0}.
 */
typedef struct ironwal_str {
    /** The first byte, or NULL. */
    const char *data;
    /** Length in bytes, without the NUL. */
    size_t len;
} ironwal_str;

/**
 * Takes one message of a log: the `ctx` it was registered with, one of the IRONWAL_LOG levels,
 * and `len` bytes of UTF-8 that end with the call (a NUL byte follows them).
 *
 * Called on any thread, the library's included, several at a time, and under no lock of the
 * library. It may read from the same log, with handles of its own, and ask for ids and streams.
 * It must return, must not throw or longjmp, and must not close or free handles of that log, nor
 * append, sync, wait for durability, truncate, delete, or make or remove checkpoints: these may wait
 * for the very thread that calls it.
 */
typedef void (*ironwal_log_fn)(uintptr_t ctx, int32_t level, const char *message, size_t len);

/**
 * Takes the `ctx` of a callback that will not be called any more, once, on any thread. It must not call the
 * library, throw or longjmp.
 */
typedef void (*ironwal_release_fn)(uintptr_t ctx);

/** What a verification read. Later versions may add fields at the end, so pass its sizeof. */
typedef struct ironwal_verify_report_totals {
    /** Streams looked at. */
    uint64_t streams;
    /** Their segments. */
    uint64_t segments;
    /** Good frames in them. */
    uint64_t frames;
    /** Good entries that the streams keep. */
    uint64_t entries;
    /** Bytes of segments read. */
    uint64_t bytes;
    /** Good records of a sharded log's checkpoints. */
    uint64_t checkpoints;
    /** How many findings there are, notes included. */
    uint64_t findings;
    /** 1: no finding is worse than a note. 0 otherwise. */
    uint64_t clean;
    /** Those of the frames that hold the properties of their stream, with entries or without. */
    uint64_t property_frames;
    /**
     * Frames behind a cut, not counted in `frames`: they are no part of the stream any more, so their
     * payloads were not checked.
     */
    uint64_t void_frames;
} ironwal_verify_report_totals;

/**
 * One thing that a verification found. The texts belong to the report. Later versions may add
 * fields at the end, so pass its sizeof.
 */
typedef struct ironwal_finding {
    /** The stream, {NULL, 0} where it concerns none. */
    struct ironwal_str stream;
    /** The file or directory. */
    struct ironwal_str path;
    /** What was found. */
    struct ironwal_str what;
    /** The place in the file, in bytes; UINT64_MAX where it has none. */
    uint64_t offset;
    /** The first id concerned. */
    uint64_t first_id;
    /** One past the last id concerned; equal to `first_id` where none are known. */
    uint64_t end_id;
    /** One of IRONWAL_SEVERITY_...; a later version may add worse ones. */
    int32_t severity;
    /** Zero. */
    int32_t reserved;
} ironwal_finding;

/** What opening found. Later versions may add fields at the end, so pass its sizeof. */
typedef struct ironwal_recovery_report_totals {
    /** How many streams the log had on disk, damaged ones included. */
    uint64_t streams;
    /**
     * How many of them the report lists: those with damage, with remains of a crash, or that could not be
     * opened. All others were recovered whole.
     */
    uint64_t reported;
    /** How long opening took, in nanoseconds. */
    uint64_t duration_ns;
    /**
     * 1: nothing that was durable is missing or unreadable, as far as opening can know, which does not
     * read every payload. 0 otherwise.
     */
    uint64_t complete;
} ironwal_recovery_report_totals;

/**
 * What opening found and did in one stream. The texts belong to the report. Later versions may add
 * fields at the end, so pass its sizeof.
 */
typedef struct ironwal_recovered_stream {
    /** The name; that of the directory where the name is unknown. */
    struct ironwal_str stream;
    /** Why the stream is not served, or takes no appends; {NULL, 0} where it does both. */
    struct ironwal_str message;
    /**
     * One past the last id that was known to be durable before. Entries behind it may have been
     * recovered too.
     */
    uint64_t durable_end_before;
    /** The id of the next append. */
    uint64_t next_id;
    /** How many findings there are. */
    uint64_t findings;
    /**
     * 1: nothing that was durable is missing or unreadable, as far as opening can know. 0 otherwise.
     */
    uint64_t complete;
    /** The status that belongs to `message`; 0 where there is none. */
    int32_t status;
    /** Zero. */
    int32_t reserved;
} ironwal_recovered_stream;

/**
 * Takes how far an inspection of a directory is: the `ctx` it was given with, `done` of `total`, in the unit that
 * the function states. `done` never falls; the first call has 0, and the last one of an inspection that was not
 * cancelled has `total`. Returns 0 to go on, anything else to cancel: then no callback follows, and the
 * function returns ::IRONWAL_E_CANCELLED.
 *
 * Called on the thread of the inspection, under no lock of the library. It may call the library, also for other
 * logs. It must return, must not throw or longjmp.
 */
typedef int32_t (*ironwal_progress_fn)(uintptr_t ctx, uint64_t done, uint64_t total);

/**
 * Bytes that come out and stay the library's: those of an iterator until its next call, those
 * given with a pin until the pin is freed. Empty is {NULL, 0}.
 */
typedef struct ironwal_view {
    /** The first byte, or NULL where `len` is 0. */
    const uint8_t *data;
    /** Length in bytes. */
    size_t len;
} ironwal_view;

/**
 * One entry of a directory, or a run of ids that cannot be read. Later versions may add fields at the end.
 */
typedef struct ironwal_dumped_entry {
    /** The stream. */
    struct ironwal_str stream;
    /** The segment's file. */
    struct ironwal_str path;
    /** The entry's bytes, checked; empty where `status` is not 0. */
    struct ironwal_view data;
    /** Why the ids cannot be read; {NULL, 0} where `status` is 0. */
    struct ironwal_str message;
    /** Where the frame starts, or the damage, in bytes. */
    uint64_t offset;
    /** The entry's id, or the first id that cannot be read. */
    uint64_t first_id;
    /** One past the last: `first_id` + 1 of an entry. */
    uint64_t end_id;
    /** 1: the frame was compressed. 0 otherwise. */
    uint64_t compressed;
    /** ::IRONWAL_OK: an entry. Otherwise the status that reading these ids gives. */
    ironwal_status status;
    /** Zero. */
    int32_t reserved;
} ironwal_dumped_entry;

/**
 * Takes one entry and the `ctx` it was given with. The struct and all it points to end with the call; `size` is
 * its sizeof in the library. Returns 0 to go on, anything else to stop: then no callback follows, and the
 * function returns ::IRONWAL_OK.
 *
 * Called on the thread of the inspection, under no lock of the library. It may call the library, also for other
 * logs. It must return, must not throw or longjmp.
 */
typedef int32_t (*ironwal_entry_fn)(uintptr_t ctx,
                                    const struct ironwal_dumped_entry *entry,
                                    size_t size);

/** A log in numbers. Later versions may add fields at the end, so pass its sizeof. */
typedef struct ironwal_stat_totals {
    /** Streams. */
    uint64_t streams;
    /** Their segment files. */
    uint64_t segments;
    /** Those that are sealed. */
    uint64_t sealed_segments;
    /** Bytes of segment files, zeros ahead of the tail included. */
    uint64_t bytes;
    /** Streams that cannot be opened. */
    uint64_t unreadable_streams;
    /** Pieces of damage that opening the log would report. */
    uint64_t damage;
    /**
     * 1: the log has a commit journal, and all streams were selected. 0 otherwise; then the next are 0.
     */
    uint64_t has_journal;
    /** Files of the journal. */
    uint64_t journal_files;
    /** Their bytes. */
    uint64_t journal_bytes;
    /** Good records in it. */
    uint64_t journal_records;
    /** Pieces of damage in it. */
    uint64_t journal_damage;
    /** 1: a writer has the log open and uses the journal. 0: none does. */
    uint64_t journal_in_use;
} ironwal_stat_totals;

/**
 * A stream in numbers; payloads are not read. The texts belong to the report. Later versions may add fields at
 * the end, so pass its sizeof.
 */
typedef struct ironwal_stat_stream {
    /** Its name, or the name of its directory where that is unknown. */
    struct ironwal_str stream;
    /** Its directory. */
    struct ironwal_str path;
    /**
     * Why it cannot be opened; {NULL, 0} where it can. Then all but `segments` and `bytes` may be 0.
     */
    struct ironwal_str message;
    /** Segment files. */
    uint64_t segments;
    /** Those that are sealed. */
    uint64_t sealed_segments;
    /** How many segments ironwal_stat_report_get_segment() has of it. */
    uint64_t listed_segments;
    /** Bytes of segment files, zeros ahead of the tail included. */
    uint64_t bytes;
    /** The first id kept. */
    uint64_t first_id;
    /** The id that the next append gets. */
    uint64_t next_id;
    /** One past the last id known to be durable. */
    uint64_t durable_end;
    /** Ids between the first and the next that no segment holds. */
    uint64_t lost_ids;
    /** Properties of the stream. */
    uint64_t properties;
    /** 1: damage took the properties, and they were not replaced since. 0 otherwise. */
    uint64_t properties_lost;
    /** Pieces of damage that opening the log would report. */
    uint64_t damage;
} ironwal_stat_stream;

/**
 * A segment in numbers. The text belongs to the report. Later versions may add fields at the end, so pass its
 * sizeof.
 */
typedef struct ironwal_stat_segment {
    /** Its file. */
    struct ironwal_str path;
    /** The first id that the stream keeps in it. */
    uint64_t first_id;
    /** One past its last id. */
    uint64_t end_id;
    /** Ids directly before it that no segment holds. */
    uint64_t lost_before;
    /** Bytes of the file, zeros ahead of the tail included. */
    uint64_t bytes;
    /** Where its frames end, in bytes. */
    uint64_t frames_end;
    /** One of IRONWAL_SEGMENT_... */
    int32_t state;
    /** Zero. */
    int32_t reserved;
} ironwal_stat_segment;

/** A repair in numbers. Later versions may add fields at the end, so pass its sizeof. */
typedef struct ironwal_repair_totals {
    /** The streams of the old log. */
    uint64_t streams;
    /** Entries copied. */
    uint64_t entries;
    /** Ids that the copy lacks. */
    uint64_t lost_ids;
    /** Streams that could not be copied at all. */
    uint64_t unreadable_streams;
    /**
     * Pieces of damage in the commit journal: entries that only that part held are not in the copy.
     */
    uint64_t journal_damage;
    /** 1: the copy holds all that the old log held. 0 otherwise. */
    uint64_t complete;
} ironwal_repair_totals;

/**
 * What became of one stream. The texts belong to the report. Later versions may add fields at the end, so pass
 * its sizeof.
 */
typedef struct ironwal_repaired_stream {
    /** Its name. */
    struct ironwal_str stream;
    /** Why it could not be copied at all; {NULL, 0} where it was. */
    struct ironwal_str message;
    /** Entries copied. */
    uint64_t entries;
    /** The first id of the copy. */
    uint64_t first_id;
    /** The id that the next append to the copy gets. */
    uint64_t next_id;
    /**
     * The id that the next append to the old log would have got. If it is greater than `next_id`, entries were
     * lost at the end, and their ids are free again in the copy.
     */
    uint64_t old_next_id;
    /** How many runs of lost ids ironwal_repair_report_get_lost() has of it. */
    uint64_t lost_runs;
    /**
     * 1: damage took the newest properties; those of the copy are lost too, until they are replaced.
     */
    uint64_t properties_lost;
} ironwal_repaired_stream;

/**
 * A run of ids that the copy lacks. The text belongs to the report. Later versions may add fields at the end, so
 * pass its sizeof.
 */
typedef struct ironwal_lost_ids {
    /** Why. */
    struct ironwal_str why;
    /** The first id. */
    uint64_t first_id;
    /** One past the last id. */
    uint64_t end_id;
} ironwal_lost_ids;

/**
 * Bytes owned by the caller, released with ironwal_buffer_free().
 * Empty is {NULL, 0}.
 */
typedef struct ironwal_buffer {
    /** The first byte, or NULL where `len` is 0. */
    uint8_t *data;
    /** Length in bytes. Never change it: the library frees by it. */
    size_t len;
} ironwal_buffer;

/** Bytes that go in: `len` bytes from `data` on. {NULL, 0} is empty. Read during the call only. */
typedef struct ironwal_slice {
    /** The first byte, or NULL where `len` is 0. */
    const void *data;
    /** Length in bytes. */
    size_t len;
} ironwal_slice;

/** One change of a stream's properties. */
typedef struct ironwal_property {
    /** The key: 1 to 255 bytes. */
    struct ironwal_slice key;
    /** The new value: up to 4,000 bytes. */
    struct ironwal_slice value;
    /** One of IRONWAL_PROPERTY_... */
    int32_t op;
    /** Zero. */
    int32_t reserved;
} ironwal_property;

/**
 * A place in one stream, while its log is open: behind everything that was appended before. Passed by
 * value. Calls on another stream, or on a later opening of the log, refuse it with ::IRONWAL_E_CONFIG,
 * and so they do {0, 0}.
 */
typedef struct ironwal_mark {
    /**
     * Grows as the stream is appended to, also with properties alone, which have no id. Says nothing
     * about another stream.
     */
    uint64_t place;
    /** Which opening of which stream: for the library. */
    uint64_t opening;
} ironwal_mark;

/**
 * What an atomic batch appends to one stream: entries, changes of properties, or both. Fields that are not
 * needed are 0.
 */
typedef struct ironwal_atomic_part {
    /** A stream of the log. It comes once in a batch. */
    const struct ironwal_stream *stream;
    /** The entries, in their order. */
    const struct ironwal_slice *entries;
    /** How many entries. */
    size_t entry_count;
    /** Changes of properties, in their order. */
    const struct ironwal_property *properties;
    /** How many changes. */
    size_t property_count;
    /** The id that the first entry must get, if `expects_id` is 1. */
    uint64_t expected_id;
    /** 1: the batch is appended only if the stream's next id is `expected_id`. 0: at any id. */
    int32_t expects_id;
    /** Zero. */
    int32_t reserved;
} ironwal_atomic_part;

/**
 * Learns that everything in front of `mark` is durable (::IRONWAL_OK), or cannot become so:
 * ::IRONWAL_E_POISONED, ::IRONWAL_E_DETACHED, ::IRONWAL_E_CLOSED, ::IRONWAL_E_STREAM_NOT_FOUND. `ctx` and
 * `mark` are those of the registration.
 *
 * Called once, under no lock, on a thread of the library or on one that closes the log; callbacks of one
 * stream run one after the other. It may append, read, register and cancel. It must return soon, as
 * the syncs of other streams may wait for it; it must not throw or longjmp. It cannot close the log.
 * In a forked child none is called.
 */
typedef void (*ironwal_durable_fn)(uintptr_t ctx,
                                   struct ironwal_mark mark,
                                   ironwal_status status);

/** Names a callback that was registered, to cancel it. The contents are the library's. */
typedef struct ironwal_ticket {
    /** Which opening of which stream. */
    uint64_t stream;
    /** The place of the mark of the registration. */
    uint64_t mark;
    /** Which callback. */
    uint64_t listener;
} ironwal_ticket;

/** One entry of several that ironwal_iter_next_many() returns. */
typedef struct ironwal_entry {
    /** Its id. */
    uint64_t id;
    /** Its bytes. */
    struct ironwal_view view;
} ironwal_entry;

/** An entry of a batch: `value` goes to the shard of `key`. The key is not stored. */
typedef struct ironwal_keyed_slice {
    /** What the entry is routed by. */
    struct ironwal_slice key;
    /** The entry. */
    struct ironwal_slice value;
} ironwal_keyed_slice;

/** What a pruning removed. Later versions may add fields at the end, so pass its sizeof. */
typedef struct ironwal_prune_stats {
    /** In how many shards segments were removed. */
    uint64_t shards_pruned;
    /** How many segments were removed, in all shards. */
    uint64_t segments_deleted;
} ironwal_prune_stats;

/** What a compaction removed. Later versions may add fields at the end, so pass its sizeof. */
typedef struct ironwal_compaction_stats {
    /** How many checkpoints could be loaded before. */
    uint64_t checkpoints_before;
    /** How many can be loaded now. */
    uint64_t checkpoints_after;
    /** How much shorter the log of checkpoints is, in bytes. */
    uint64_t bytes_reclaimed;
} ironwal_compaction_stats;

/**
 * Counts of automatic checkpoints created and failed since the log was opened. Later versions may
 * add fields at the end, so pass its sizeof.
 */
typedef struct ironwal_automatic_status {
    /**
     * How many were made. One is counted when the retention after it has been applied too, so a
     * new checkpoint may be listed a moment before.
     */
    uint64_t created;
    /** How often making one, or removing what was to be removed after it, failed. */
    uint64_t failed;
} ironwal_automatic_status;

/**
 * Makes the id of an automatic checkpoint: writes it to `buffer`, which takes `capacity`
 * bytes (::IRONWAL_CHECKPOINT_ID_MAX), and returns its length. `number` is greater than that of any
 * checkpoint there is or was; one whose checkpoint failed may come again. 0, or more than
 * `capacity`, fails that checkpoint, which is tried again when the next one is due.
 *
 * Called on a thread of the library's, one call at a time per log, with no lock held: it may use the
 * log, and make and remove checkpoints. Only ironwal_sharded_close() is refused from within it, with
 * ::IRONWAL_E_INVALID_ARG. It must return, must not throw or longjmp, and must not free handles of
 * the log.
 */
typedef size_t (*ironwal_checkpoint_id_fn)(uintptr_t ctx,
                                           uint64_t number,
                                           uint8_t *buffer,
                                           size_t capacity);

/** What a snapshot holds. Later versions may add fields at the end, so pass its sizeof. */
typedef struct ironwal_snapshot_stats {
    /** How many streams it holds. */
    uint64_t streams;
    /** How many segments got a second name. */
    uint64_t segments_linked;
    /** How many were copied, whole or up to the end of their stream. */
    uint64_t segments_copied;
    /** Bytes copied. */
    uint64_t bytes_copied;
    /**
     * 1: all streams are as they were at one moment. 0 only after a call that does not demand that.
     */
    uint64_t is_one_moment;
} ironwal_snapshot_stats;

/**
 * What a stream reports about itself. Counts are of the time since the log was opened, and only grow; they
 * are 0 in a log that is open read-only. Times are in nanoseconds; a percentile is off by at most 3.2 %.
 * Later versions may add fields at the end, so pass its sizeof.
 */
typedef struct ironwal_stream_stats_t {
    /**
     * Appends that are in the kernel; a batch, a transaction and a change of properties are one each.
     */
    uint64_t appends;
    /** Entries in them. */
    uint64_t entries;
    /**
     * Bytes of their frames as they are stored: headers, tables, and payloads after compression.
     */
    uint64_t bytes;
    /** Rounds of group commit: each makes durable all that was written when it began. */
    uint64_t rounds;
    /** Callers that these rounds answered. Divided by `rounds`: callers of one round. */
    uint64_t callers;
    /** Syncs of segments by rounds. */
    uint64_t syncs;
    /** The time that these took together. */
    uint64_t sync_ns;
    /** Segments that followed a full one. */
    uint64_t rotations;
    /** Suffixes that were cut, and resets. */
    uint64_t cuts;
    /** Writes that failed and were rolled back, each with all appends in it. */
    uint64_t roll_backs;
    /** The first kept id, now. */
    uint64_t first_id;
    /** The id of the next append, now. */
    uint64_t next_id;
    /** One past the last durable id, now. */
    uint64_t durable_end;
    /** Bytes written since the last round began, now. */
    uint64_t unsynced_bytes;
    /** Callbacks, descriptors and waiting iterations that wait for durability, now. */
    uint64_t listeners;
    /** Segments, now. */
    uint64_t segments;
    /** 1: a failure has latched, and the stream takes no appends. 0 otherwise. */
    uint64_t poisoned;
    /**
     * Appends that were measured (ironwal_options_set_latencies()). Without it this and what follows is 0.
     */
    uint64_t measured_appends;
    /** The time that half of them did not exceed. */
    uint64_t append_p50_ns;
    /** That 99 % did not exceed. */
    uint64_t append_p99_ns;
    /** That 99.9 % did not exceed. */
    uint64_t append_p999_ns;
    /** The greatest time. */
    uint64_t append_max_ns;
} ironwal_stream_stats_t;

/**
 * What a log reports about itself. Counts are of all its streams since it was opened, streams deleted
 * meanwhile included, and only grow. Times are in nanoseconds; a percentile is off by at most 3.2 %. Later versions
 * may add fields at the end, so pass its sizeof.
 */
typedef struct ironwal_wal_stats_t {
    /** As of one stream: see ironwal_stream_stats_t. */
    uint64_t appends;
    /** Entries in them. */
    uint64_t entries;
    /** Bytes of their frames as they are stored. */
    uint64_t bytes;
    /** Rounds of group commit. */
    uint64_t rounds;
    /** Callers that these rounds answered. */
    uint64_t callers;
    /** Syncs of segments by rounds. */
    uint64_t syncs;
    /** The time that these took together. */
    uint64_t sync_ns;
    /** Segments that followed a full one. */
    uint64_t rotations;
    /** Suffixes that were cut, and resets. */
    uint64_t cuts;
    /** Writes that failed and were rolled back. */
    uint64_t roll_backs;
    /** The time that half of the syncs did not exceed. */
    uint64_t sync_p50_ns;
    /** That 99 % did not exceed. */
    uint64_t sync_p99_ns;
    /** That 99.9 % did not exceed. */
    uint64_t sync_p999_ns;
    /** The greatest time of a sync. */
    uint64_t sync_max_ns;
    /** Appends that were measured (ironwal_options_set_latencies()). Without it this is 0. */
    uint64_t measured_appends;
    /** The time that half of them did not exceed. */
    uint64_t append_p50_ns;
    /** That 99 % did not exceed. */
    uint64_t append_p99_ns;
    /** That 99.9 % did not exceed. */
    uint64_t append_p999_ns;
    /** The greatest time of an append. */
    uint64_t append_max_ns;
    /** Background syncs that had something to make durable. */
    uint64_t background_syncs;
    /** Streams that are served, now. */
    uint64_t streams;
    /** Streams that could not be opened. */
    uint64_t failed_streams;
    /** Streams that take no appends because a failure has latched, now. */
    uint64_t poisoned_streams;
    /** Segments of all streams, now. */
    uint64_t segments;
    /** Entries of all streams that are not durable, now. */
    uint64_t undurable_entries;
    /** Bytes of all streams written since the last round of each began, now. */
    uint64_t unsynced_bytes;
    /** Callbacks, descriptors and waiting iterations that wait for durability, now. */
    uint64_t listeners;
    /** Files open for writing, now. */
    uint64_t open_write_files;
    /** Files open for reading, now. */
    uint64_t open_read_files;
    /** How often a file was opened for writing. */
    uint64_t write_files_opened;
    /** How often a file was opened for reading: misses of the cache of open files. */
    uint64_t read_files_opened;
    /** Look-ups of a decompressed frame that found it in the block cache. */
    uint64_t block_cache_hits;
    /** Look-ups that did not. */
    uint64_t block_cache_misses;
    /** Bytes in the block cache, now. */
    uint64_t block_cache_bytes;
    /**
     * Streams that opening found with damage, with remains of a crash, or could not open: see
     * ironwal_wal_recovery().
     */
    uint64_t recovered_streams;
    /** Of these, those that have lost something that was durable. */
    uint64_t incomplete_streams;
    /** How long opening took. */
    uint64_t recovery_ns;
    /**
     * Records that were written into the commit journal. Each is one sync, for all streams in it. This and what
     * follows is 0 where the log uses no journal.
     */
    uint64_t journal_records;
    /** Items in these: ranges of streams, their slots, headers of segments, deletions. */
    uint64_t journal_items;
    /** Bytes of these records. */
    uint64_t journal_bytes;
    /**
     * Files of the journal that were written back into the streams' files, and took records again.
     */
    uint64_t journal_write_backs;
    /**
     * Ranges that the journal did not take, because it had no room or takes no more: their streams were synced
     * in place.
     */
    uint64_t journal_refused;
    /** Files of the journal, now. */
    uint64_t journal_files;
    /** Their bytes, now. */
    uint64_t journal_file_bytes;
    /**
     * Of these files, those that hold what poisoned streams need until the log is opened again, now.
     */
    uint64_t journal_files_aside;
    /**
     * Other than 0: the journal takes no more until the log is opened again; all streams are synced in place, and
     * batches over streams fail. 1: a record could not be written. 2: a file could not be made, or begun anew. 3: a
     * full file could not be written back, nor what poisoned streams need of it be kept aside.
     */
    uint64_t journal_retired;
} ironwal_wal_stats_t;

/** Success. */
#define IRONWAL_OK 0

/** A failure that fits no other status. */
#define IRONWAL_E_OTHER -1

/** A NULL that must not be, a length above PTRDIFF_MAX, an unknown enum value, a wrong handle. */
#define IRONWAL_E_INVALID_ARG -2

/** Not an error: no such entry (unknown stream, pruned, or not yet appended). */
#define IRONWAL_E_NOT_FOUND -3

/** Not an error: the iterator is at the current end of the log. */
#define IRONWAL_E_END -4

/** Not an error: the buffer is too small; the required size is returned. */
#define IRONWAL_E_BUFFER_TOO_SMALL -5

/** Not an error: the timeout expired. */
#define IRONWAL_E_TIMEOUT -6

/**
 * The operating system refused, or there was no memory (ENOMEM); the error object holds its code.
 */
#define IRONWAL_E_IO -7

/** No space, quota or file size left. Nothing was lost; try again once there is space. */
#define IRONWAL_E_NO_SPACE -8

/** The structure on disk is broken. */
#define IRONWAL_E_CORRUPT -9

/** A stored payload does not match its checksum. */
#define IRONWAL_E_CRC_MISMATCH -10

/** An option, a path or a stream name is out of its documented bounds. */
#define IRONWAL_E_CONFIG -11

/**
 * The entry was there once and its segment is gone: lost to damage, or pruned under an iterator.
 */
#define IRONWAL_E_SEGMENT_NOT_FOUND -12

/** There is no such stream. */
#define IRONWAL_E_STREAM_NOT_FOUND -13

/** A file stands where one of the log belongs and is not the log's. */
#define IRONWAL_E_INVALID_FILENAME -14

/** A value cannot be stored in the format. */
#define IRONWAL_E_SERIALIZATION -15

/** Another writer, in this process or another, has the log open. */
#define IRONWAL_E_LOCKED -16

/** An earlier failure latched: no appends until the log is closed and opened again. */
#define IRONWAL_E_POISONED -17

/** The frame would exceed the limit of 1 GiB. */
#define IRONWAL_E_TOO_LARGE -18

/** The next id of the stream is not the expected one. */
#define IRONWAL_E_SEQUENCE_MISMATCH -19

/** The log was closed. */
#define IRONWAL_E_CLOSED -20

/** This process is a fork of the one that opened the log. */
#define IRONWAL_E_FORKED -21

/** The file is of a format this version does not read. */
#define IRONWAL_E_UNSUPPORTED_VERSION -22

/** A defect inside the library was caught; the log accepts no further calls but close and free. */
#define IRONWAL_E_PANIC -23

/** The iterator has moved since this view was given out. */
#define IRONWAL_E_STALE_VIEW -24

/** There is no checkpoint of this id. */
#define IRONWAL_E_CHECKPOINT_NOT_FOUND -25

/** The checkpoint, or the file that holds it, is damaged. */
#define IRONWAL_E_CHECKPOINT_CORRUPTED -26

/** The log was made with another number of shards. */
#define IRONWAL_E_SHARD_COUNT_MISMATCH -27

/** An id of a checkpoint that is not 1 to 65,535 bytes long. */
#define IRONWAL_E_INVALID_CHECKPOINT_ID -28

/** The log has no checkpoint. */
#define IRONWAL_E_NO_CHECKPOINTS -29

/** The checkpoint counts on entries that were removed. */
#define IRONWAL_E_CHECKPOINT_PRUNED -30

/**
 * A batch over several shards is whole in some and absent from others; see
 * ironwal_error_committed_part().
 */
#define IRONWAL_E_BATCH_INCOMPLETE -31

/** The log was opened read-only; see ironwal_wal_open_read_only(). */
#define IRONWAL_E_READ_ONLY -32

/**
 * The log's directory, or LOCK in it, is not what this log locked any more: it was moved, removed or
 * replaced. Nothing at its path was changed, and nothing more can be appended.
 */
#define IRONWAL_E_DETACHED -33

/**
 * Ids that the iterator had returned were cut from the end of the stream, and may be other entries by
 * now; see ironwal_error_ids().
 */
#define IRONWAL_E_SUFFIX_CUT -34

/** The wait was cancelled. */
#define IRONWAL_E_CANCELLED -35

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/* Status ------------------------------------------------------------------------------------ */

/**
 * The name of a status, such as "IRONWAL_E_LOCKED".
 *
 * - Owns: the text is static, never free it.
 * - NULL: never returned; any number is accepted, unknown ones give "IRONWAL_E_OTHER".
 */
const char *ironwal_status_name(ironwal_status status);

/* Version ----------------------------------------------------------------------------------- */

/**
 * The version of the library that is linked; compare with IRONWAL_VERSION_NUMBER, the version of
 * the header: major * 1000000 + minor * 1000 + patch.
 */
uint32_t ironwal_version_number(void);

/**
 * The version of the library that is linked as text, such as "0.7.0".
 *
 * - Owns: the text is static, never free it.
 * - NULL: never returned.
 */
const char *ironwal_version_string(void);

/* Errors ------------------------------------------------------------------------------------ */

/**
 * The status that the failed call also returned.
 *
 * - NULL: a NULL error gives ::IRONWAL_OK.
 */
ironwal_status ironwal_error_status(const struct ironwal_error *error);

/**
 * The operating system's code (errno) behind the failure, ENOMEM where there was no memory, 0 where
 * there is none.
 *
 * - NULL: a NULL error gives 0.
 */
int32_t ironwal_error_os_error(const struct ironwal_error *error);

/**
 * What happened, where, and what to do about it, for people.
 *
 * - Owns: the text belongs to `error` and ends with it.
 * - NULL: a NULL error gives {NULL, 0}.
 */
struct ironwal_str ironwal_error_message(const struct ironwal_error *error);

/**
 * The stream concerned, {NULL, 0} where it is not known.
 *
 * - Owns: the text belongs to `error` and ends with it.
 * - NULL: a NULL error gives {NULL, 0}.
 */
struct ironwal_str ironwal_error_stream(const struct ironwal_error *error);

/**
 * The file or directory concerned, {NULL, 0} where it is not known.
 *
 * - Owns: the text belongs to `error` and ends with it.
 * - NULL: a NULL error gives {NULL, 0}.
 */
struct ironwal_str ironwal_error_path(const struct ironwal_error *error);

/**
 * The place in the file, in bytes. Returns whether it is known; `out_offset` is written only then.
 *
 * - NULL: a NULL error gives false; `out_offset` may be NULL.
 */
bool ironwal_error_offset(const struct ironwal_error *error,
                          uint64_t *out_offset);

/**
 * The ids concerned, `out_first_id` (inclusive) to `out_end_id` (exclusive). Returns whether they are
 * known; the outputs are written only then. Of ::IRONWAL_E_SUFFIX_CUT those from the cut on: the end is
 * UINT64_MAX.
 *
 * - NULL: a NULL error gives false; both outputs may be NULL.
 */
bool ironwal_error_ids(const struct ironwal_error *error,
                       uint64_t *out_first_id,
                       uint64_t *out_end_id);

/**
 * The id that the caller expected, and the stream's next id, of ::IRONWAL_E_SEQUENCE_MISMATCH; the
 * outputs are written only then. Returns whether they are known. They may be out of date: another append
 * follows, or one in front fails.
 *
 * - NULL: a NULL error gives false; both outputs may be NULL.
 */
bool ironwal_error_sequence(const struct ironwal_error *error,
                            uint64_t *out_expected_id,
                            uint64_t *out_found_id);

/**
 * In how many shards an incomplete batch is: those that hold their part of it whole. The parts of
 * all other shards are absent. 0 for every other error.
 *
 * - NULL: a NULL error gives 0.
 */
size_t ironwal_error_committed_count(const struct ironwal_error *error);

/**
 * One of the shards that hold their part of an incomplete batch, and the ids of that part, from
 * `out_first_id` (inclusive) to `out_end_id` (exclusive). Entries of one shard keep the order of the
 * batch. Returns whether there is one at `index`; the outputs are written only then.
 *
 * - NULL: a NULL error gives false; the outputs may be NULL.
 * - Durable: what is reported here is as durable as the sync mode promises for a batch.
 */
bool ironwal_error_committed_part(const struct ironwal_error *error,
                                  size_t index,
                                  uint32_t *out_shard,
                                  uint64_t *out_first_id,
                                  uint64_t *out_end_id);

/** Frees an error object and the texts that belong to it. */
void ironwal_error_free(struct ironwal_error *error);

/* Options ----------------------------------------------------------------------------------- */

/**
 * Makes options for the log in the directory `path`, with the defaults for everything else. The
 * directory is created when the log is opened; its parent must exist then.
 *
 * - Owns: `path` is copied; free `*out_options` with ironwal_options_free().
 * - Errors: ::IRONWAL_E_CONFIG where the path is empty, not UTF-8 or holds a NUL.
 */
ironwal_status ironwal_options_new(const char *path,
                                   size_t path_len,
                                   struct ironwal_options **out_options,
                                   struct ironwal_error **out_error);

/** Frees options. Logs that were opened with them are not affected. */
void ironwal_options_free(struct ironwal_options *options);

/**
 * Copies options, with their callback.
 *
 * - Owns: free `*out_options` with ironwal_options_free().
 * - Threads: one at a time per `options`.
 * - Errors: none of its own.
 */
ironwal_status ironwal_options_clone(const struct ironwal_options *options,
                                     struct ironwal_options **out_options,
                                     struct ironwal_error **out_error);

/**
 * Changes the options that `text` names, as `name=value` with `;` or line breaks between them, such as
 * `sync_mode=async; max_segment_size=64M; background_sync=5ms,1M`. The text may come from a configuration or
 * from getenv(); the library itself reads no variable.
 *
 * The names are those of the setters; values of constants are written in lower case (`batch_only`, `lz4`,
 * `standard_io`), flags as `true` or `false`. Numbers of bytes take `K`, `M`, `G` or `T` (powers of 1024),
 * times need one of `ns`, `us`, `ms`, `s`, `min`, `h`, `d`. `background_sync` is `INTERVAL,BYTES` or `none`.
 * `retention_max_bytes`, `retention_max_age` (or `none`) and `retention_keep_cursors` are the arguments of
 * ironwal_options_set_retention(). The directory of the log and the callback cannot be given.
 *
 * - Errors: ::IRONWAL_E_CONFIG for an unknown name, a value out of bounds or of another form, named in the
 *   message, and for text that is not UTF-8; no option has changed then.
 */
ironwal_status ironwal_options_parse(struct ironwal_options *options,
                                     const char *text,
                                     size_t text_len,
                                     struct ironwal_error **out_error);

/**
 * Sends the messages of every log opened with these options to `callback`, which gets `ctx` back
 * each time. It may be called until the last handle of the log is gone.
 *
 * - Owns: the object behind `ctx` stays the caller's and must outlive the log.
 * - NULL: a NULL `callback`, the default, sends nothing.
 * - Threads: one at a time per `options`; the callback runs on any thread, several at a time.
 */
ironwal_status ironwal_options_set_log(struct ironwal_options *options,
                                       ironwal_log_fn callback,
                                       uintptr_t ctx,
                                       struct ironwal_error **out_error);

/**
 * As ironwal_options_set_log(), with a context that the library releases: `release` gets it once, when
 * neither options nor an open log hold the callback any more, or when this call fails.
 *
 * - Owns: takes what is behind `ctx`, also when it fails.
 * - NULL: `callback` as above, then `ctx` is released at once; `release` may be NULL.
 * - Threads: one at a time per `options`; the callback and `release` run on any thread.
 * - Errors: none of its own.
 */
ironwal_status ironwal_options_set_log_owned(struct ironwal_options *options,
                                             ironwal_log_fn callback,
                                             uintptr_t ctx,
                                             ironwal_release_fn release,
                                             struct ironwal_error **out_error);

/**
 * The least severe level of which messages reach the callback: one of IRONWAL_LOG. The default is
 * ::IRONWAL_LOG_TRACE, everything. Holds for logs that are opened afterwards.
 *
 * - Errors: ::IRONWAL_E_INVALID_ARG where the level is none of these.
 */
ironwal_status ironwal_options_set_log_level(struct ironwal_options *options,
                                             int32_t level,
                                             struct ironwal_error **out_error);

/**
 * When appends are made durable: one of IRONWAL_SYNC.
 *
 * - Errors: ::IRONWAL_E_INVALID_ARG where the value is none of these.
 */
ironwal_status ironwal_options_set_sync_mode(struct ironwal_options *options,
                                             int32_t mode,
                                             struct ironwal_error **out_error);

/**
 * How frames are compressed: one of IRONWAL_COMPRESSION.
 *
 * - Errors: ::IRONWAL_E_INVALID_ARG where the value is none of these.
 */
ironwal_status ironwal_options_set_compression(struct ironwal_options *options,
                                               int32_t mode,
                                               struct ironwal_error **out_error);

/**
 * How segments are read: one of IRONWAL_READ.
 *
 * - Errors: ::IRONWAL_E_INVALID_ARG where the value is none of these.
 */
ironwal_status ironwal_options_set_read_strategy(struct ironwal_options *options,
                                                 int32_t mode,
                                                 struct ironwal_error **out_error);

/**
 * How the active segment is written: one of IRONWAL_WRITE.
 *
 * - Errors: ::IRONWAL_E_INVALID_ARG where the value is none of these.
 */
ironwal_status ironwal_options_set_write_strategy(struct ironwal_options *options,
                                                  int32_t mode,
                                                  struct ironwal_error **out_error);

/**
 * Where what a sync makes durable is written first: one of IRONWAL_COMMIT. The next opening may use another: a
 * journal that a crash left is written back by any.
 *
 * - Errors: ::IRONWAL_E_INVALID_ARG where the value is none of these.
 */
ironwal_status ironwal_options_set_commit_path(struct ironwal_options *options,
                                               int32_t mode,
                                               struct ironwal_error **out_error);

/**
 * The policy for damage below the durable end, found at open: one of IRONWAL_CORRUPTION.
 *
 * - Errors: ::IRONWAL_E_INVALID_ARG where the value is none of these.
 */
ironwal_status ironwal_options_set_on_corruption(struct ironwal_options *options,
                                                 int32_t mode,
                                                 struct ironwal_error **out_error);

/**
 * A segment is rotated before the frame that would take it past this many bytes; a single larger
 * frame is stored alone. 1 to UINT64_MAX, default 64 MiB.
 *
 * - Errors: ::IRONWAL_E_CONFIG out of bounds; the option then keeps its value.
 */
ironwal_status ironwal_options_set_max_segment_size(struct ironwal_options *options,
                                                    uint64_t bytes,
                                                    struct ironwal_error **out_error);

/**
 * A segment is rotated before the frame that would take it past this many entries; a single larger
 * batch is stored alone. 1 to UINT64_MAX, the default.
 *
 * - Errors: ::IRONWAL_E_CONFIG out of bounds; the option then keeps its value.
 */
ironwal_status ironwal_options_set_max_entries_per_segment(struct ironwal_options *options,
                                                           uint64_t entries,
                                                           struct ironwal_error **out_error);

/**
 * How many files are kept open for writing, over all streams. At least 1, default 128.
 *
 * - Errors: ::IRONWAL_E_CONFIG out of bounds; the option then keeps its value.
 */
ironwal_status ironwal_options_set_max_open_segments(struct ironwal_options *options,
                                                     size_t files,
                                                     struct ironwal_error **out_error);

/**
 * How many files are kept open (or mapped) for reading. At least 1, default 128.
 *
 * - Errors: ::IRONWAL_E_CONFIG out of bounds; the option then keeps its value.
 */
ironwal_status ironwal_options_set_max_open_read_segments(struct ironwal_options *options,
                                                          size_t files,
                                                          struct ironwal_error **out_error);

/**
 * Bytes of appended frames that are gathered into one write; larger ones are written from the
 * caller's memory. 0 to 1 GiB, default 64 KiB.
 *
 * - Errors: ::IRONWAL_E_CONFIG out of bounds; the option then keeps its value.
 */
ironwal_status ironwal_options_set_write_buffer_size(struct ironwal_options *options,
                                                     size_t bytes,
                                                     struct ironwal_error **out_error);

/**
 * Bytes read ahead by iterators and by recovery. 1 byte to 1 GiB, default 128 KiB.
 *
 * - Errors: ::IRONWAL_E_CONFIG out of bounds; the option then keeps its value.
 */
ironwal_status ironwal_options_set_read_buffer_size(struct ironwal_options *options,
                                                    size_t bytes,
                                                    struct ironwal_error **out_error);

/**
 * How many bytes the files of the commit journal may take together. They begin with 1 MiB each at most, and grow
 * as they are used; an opening after a crash reads all of them. 256 KiB to 1 GiB, default 64 MiB. A batch over
 * several streams takes at most a quarter of it, and 256 KiB at most. What poisoned streams need stays in
 * further files until the log is opened again; these take as much again at most.
 *
 * - Errors: ::IRONWAL_E_CONFIG out of bounds; the option then keeps its value.
 */
ironwal_status ironwal_options_set_journal_size(struct ironwal_options *options,
                                                uint64_t bytes,
                                                struct ironwal_error **out_error);

/**
 * Bytes of decompressed frames kept in memory; 0, the default, keeps none, and a read of one entry
 * unpacks its whole frame. Iterators and ironwal_get_batch() unpack each frame once without it.
 */
ironwal_status ironwal_options_set_block_cache_size(struct ironwal_options *options,
                                                    uint64_t bytes,
                                                    struct ironwal_error **out_error);

/** Payloads below this many bytes are never compressed. Default 1024. */
ironwal_status ironwal_options_set_min_compression_size(struct ironwal_options *options,
                                                        size_t bytes,
                                                        struct ironwal_error **out_error);

/**
 * Syncs a stream in the background no later than `interval_ns` after its oldest unsynced
 * append, and as soon as `bytes` of it are unsynced. Both at least 1; default one second, 16 MiB.
 * Where the system lets the library start no thread, an append that finds a sync due does it at its
 * end; what is appended last then waits for a later append, a sync or the close.
 *
 * - Errors: ::IRONWAL_E_CONFIG out of bounds; the option then keeps its value.
 */
ironwal_status ironwal_options_set_background_sync(struct ironwal_options *options,
                                                   uint64_t interval_ns,
                                                   uint64_t bytes,
                                                   struct ironwal_error **out_error);

/** Disables background sync; the operating system decides when to write back. */
ironwal_status ironwal_options_set_no_background_sync(struct ironwal_options *options,
                                                      struct ironwal_error **out_error);

/**
 * How many threads sync in the background, each for its share of the streams: more than one where many
 * streams at once have entries whose durability is awaited by ironwal_stream_on_durable(), a descriptor
 * or a waiting iterator. A thread starts when it is first needed. Default 1.
 *
 * - Errors: ::IRONWAL_E_CONFIG unless `threads` is 1 to 64; the option then keeps its value.
 */
ironwal_status ironwal_options_set_sync_threads(struct ironwal_options *options,
                                                size_t threads,
                                                struct ironwal_error **out_error);

/**
 * Measures how long each append takes, by two looks at the clock, for ironwal_stream_stats() and
 * ironwal_wal_stats(). Default false.
 */
ironwal_status ironwal_options_set_latencies(struct ironwal_options *options,
                                             bool measured,
                                             struct ironwal_error **out_error);

/**
 * Where pruning moves the segments that it removes, as a directory per stream, instead of deleting
 * them. Must lie outside of this log and all others, and belongs to the log that prunes into it first;
 * opening returns ::IRONWAL_E_CONFIG otherwise. `path` with `path_len` 0, the default: delete them.
 *
 * - Errors: ::IRONWAL_E_CONFIG where the path is not UTF-8 or holds a NUL; it then keeps its
 *   value.
 */
ironwal_status ironwal_options_set_archive_path(struct ironwal_options *options,
                                                const char *path,
                                                size_t path_len,
                                                struct ironwal_error **out_error);

/* A log: open, sync, list, close ------------------------------------------------------------ */

/**
 * Opens the log, creating or recovering it.
 *
 * - Owns: `options` is copied and stays the caller's. End `*out_wal` with ironwal_wal_close().
 * - Blocks: reads, and after an unclean end rewrites and syncs, what was written last (fsync).
 * - Durable: everything that can be read after a successful return is.
 * - Errors: ::IRONWAL_E_LOCKED where another writer has the log; ::IRONWAL_E_CORRUPT under
 *   ::IRONWAL_CORRUPTION_ERROR; ::IRONWAL_E_UNSUPPORTED_VERSION; ::IRONWAL_E_INVALID_FILENAME;
 *   ::IRONWAL_E_IO; ::IRONWAL_E_NO_SPACE.
 */
ironwal_status ironwal_wal_open(const struct ironwal_options *options,
                                struct ironwal_wal **out_wal,
                                struct ironwal_error **out_error);

/**
 * Closes the log for all its handles: makes everything durable, ends the library's threads and
 * releases the lock. Streams, transactions and iterators of it then return ::IRONWAL_E_CLOSED and
 * are still to be freed; pinned views stay readable.
 *
 * - Owns: takes `wal`, also when it fails, but for the refusal below.
 * - Threads: any; no other call may be using `wal` itself. Calls on its children may run.
 * - Blocks: until all is on the disk (fsync).
 * - Durable: everything, when it returns ::IRONWAL_OK.
 * - Errors: ::IRONWAL_E_IO, ::IRONWAL_E_NO_SPACE and ::IRONWAL_E_POISONED where something could
 *   not be made durable; ::IRONWAL_E_FORKED in a forked child, where nothing else is done;
 *   ::IRONWAL_E_INVALID_ARG from within a ::ironwal_durable_fn, where nothing is done at all.
 */
ironwal_status ironwal_wal_close(struct ironwal_wal *wal,
                                 struct ironwal_error **out_error);

/**
 * Releases the handle without reporting errors. The log itself is closed when its last stream and
 * transaction are freed too. Prefer ironwal_wal_close().
 *
 * - Blocks: as ironwal_wal_close() where it is the last handle; in a forked child never.
 * - Durable: everything, but a failure is not reported.
 */
void ironwal_wal_free(struct ironwal_wal *wal);

/**
 * Makes every stream durable.
 *
 * - Blocks: until the disk has it (fsync).
 * - Durable: everything appended before the call, when it returns ::IRONWAL_OK.
 * - Errors: ::IRONWAL_E_IO, ::IRONWAL_E_NO_SPACE, ::IRONWAL_E_POISONED.
 */
ironwal_status ironwal_wal_sync_all(const struct ironwal_wal *wal,
                                    struct ironwal_error **out_error);

/**
 * Lists the streams of the log as they are now.
 *
 * - Owns: free `*out_names` with ironwal_name_list_free(); it outlives the log.
 */
ironwal_status ironwal_wal_streams(const struct ironwal_wal *wal,
                                   struct ironwal_name_list **out_names,
                                   struct ironwal_error **out_error);

/**
 * How many names there are.
 *
 * - NULL: a NULL list has 0.
 */
size_t ironwal_name_list_count(const struct ironwal_name_list *names);

/**
 * The name at `index`, {NULL, 0} past the end.
 *
 * - Owns: the text belongs to `names` and ends with it.
 * - NULL: a NULL list gives {NULL, 0}.
 */
struct ironwal_str ironwal_name_list_get(const struct ironwal_name_list *names, size_t index);

/** Frees a list of names and the texts that belong to it. */
void ironwal_name_list_free(struct ironwal_name_list *names);

/**
 * Opens the log for reading only, while another process, or this one, may have it open for
 * writing. Nothing on disk is changed or locked. The handle is used like one of
 * ironwal_wal_open(); calls that write return ::IRONWAL_E_READ_ONLY.
 *
 * What it shows follows the writer: iterators at their end, reading an id behind the last,
 * ironwal_stream_next_id(), ironwal_stream_durable_end(), ironwal_stream_wait_durable() and
 * ironwal_wal_streams() look at the files again. The sync mode of the options chooses what is shown:
 * with ::IRONWAL_SYNC_STRICT (the default) entries that are known to be durable, otherwise all that
 * is written, also what a power cut may take.
 *
 * - Owns: `options` is copied and stays the caller's. End `*out_wal` with ironwal_wal_close().
 * - Blocks: never for a sync; reads what was written last.
 * - Errors: ::IRONWAL_E_IO where there is no such directory; ::IRONWAL_E_CORRUPT under
 *   ::IRONWAL_CORRUPTION_ERROR.
 */
ironwal_status ironwal_wal_open_read_only(const struct ironwal_options *options,
                                          struct ironwal_wal **out_wal,
                                          struct ironwal_error **out_error);

/** Returns whether the log was opened with ironwal_wal_open_read_only(). */
ironwal_status ironwal_wal_is_read_only(const struct ironwal_wal *wal,
                                        bool *out_read_only,
                                        struct ironwal_error **out_error);

/**
 * Looks at everything again in a log that is open read-only: new streams, deleted ones, truncated
 * and new segments. Reading does so where it has to. Does nothing in a log open for writing.
 *
 * - Blocks: never for a sync; reads what was written last.
 * - Errors: ::IRONWAL_E_IO.
 */
ironwal_status ironwal_wal_refresh(const struct ironwal_wal *wal,
                                   struct ironwal_error **out_error);

/* Verification ------------------------------------------------------------------------------ */

/**
 * Reads everything that is stored and checks it: headers, slots, frames, payloads, footers, the
 * chain of segments, index files, and the checkpoints of a sharded log. Changes nothing, and no call
 * waits for it. Beside a writer what is written meanwhile is not looked at.
 *
 * - Owns: free `*out_report` with ironwal_verify_report_free(); it outlives the log.
 * - Blocks: reads all segments; never for a sync.
 * - Errors: ::IRONWAL_E_IO where the directory cannot be listed; all else that cannot be read is a
 *   finding.
 */
ironwal_status ironwal_wal_verify(const struct ironwal_wal *wal,
                                  struct ironwal_verify_report **out_report,
                                  struct ironwal_error **out_error);

/**
 * What was read, and whether it is clean.
 *
 * - Errors: ::IRONWAL_E_INVALID_ARG if `out_totals_size` is not a known size of
 *   ::ironwal_verify_report_totals.
 */
ironwal_status ironwal_verify_report_get_totals(const struct ironwal_verify_report *report,
                                                struct ironwal_verify_report_totals *out_totals,
                                                size_t out_totals_size,
                                                struct ironwal_error **out_error);

/**
 * The finding at `index`, from 0.
 *
 * - Owns: `out_finding` stays the caller's; its texts belong to `report` and end with it.
 * - Errors: ::IRONWAL_E_NOT_FOUND (an answer) past the last one; ::IRONWAL_E_INVALID_ARG where
 *   `out_finding_size` is not a known size of ::ironwal_finding.
 */
ironwal_status ironwal_verify_report_get_finding(const struct ironwal_verify_report *report,
                                                 size_t index,
                                                 struct ironwal_finding *out_finding,
                                                 size_t out_finding_size,
                                                 struct ironwal_error **out_error);

/** Frees a report and the texts that belong to it. */
void ironwal_verify_report_free(struct ironwal_verify_report *report);

/* What opening found ------------------------------------------------------------------------ */

/**
 * What opening the log found and did. It does not change while the log is open. A consensus engine asks
 * it before it votes: a node that lost durable entries must not act as if its log were complete.
 *
 * - Owns: free `*out_report` with ironwal_recovery_report_free(); it outlives the log.
 * - Errors: those of every call on a log.
 */
ironwal_status ironwal_wal_recovery(const struct ironwal_wal *wal,
                                    struct ironwal_recovery_report **out_report,
                                    struct ironwal_error **out_error);

/**
 * What opening found, over all streams.
 *
 * - Errors: ::IRONWAL_E_INVALID_ARG if `out_totals_size` is not a known size of
 *   ::ironwal_recovery_report_totals.
 */
ironwal_status ironwal_recovery_report_get_totals(const struct ironwal_recovery_report *report,
                                                  struct ironwal_recovery_report_totals *out_totals,
                                                  size_t out_totals_size,
                                                  struct ironwal_error **out_error);

/**
 * The stream at `index`, from 0, sorted by name.
 *
 * - Owns: `out_stream` stays the caller's; its texts belong to `report` and end with it.
 * - Errors: ::IRONWAL_E_NOT_FOUND (an answer) past the last one; ::IRONWAL_E_INVALID_ARG where
 *   `out_stream_size` is not a known size of ::ironwal_recovered_stream.
 */
ironwal_status ironwal_recovery_report_get_stream(const struct ironwal_recovery_report *report,
                                                  size_t index,
                                                  struct ironwal_recovered_stream *out_stream,
                                                  size_t out_stream_size,
                                                  struct ironwal_error **out_error);

/**
 * The finding at `index` of the stream at `stream_index`, both from 0. First damage to what was durable
 * (::IRONWAL_SEVERITY_DAMAGE), then notes: what a crash left and recovery removed, none of which was ever
 * acknowledged as durable, and the files with bytes that were quarantined.
 *
 * - Owns: `out_finding` stays the caller's; its texts belong to `report` and end with it.
 * - Errors: ::IRONWAL_E_NOT_FOUND (an answer) past the last one of either; ::IRONWAL_E_INVALID_ARG where
 *   `out_finding_size` is not a known size of ::ironwal_finding.
 */
ironwal_status ironwal_recovery_report_get_finding(const struct ironwal_recovery_report *report,
                                                   size_t stream_index,
                                                   size_t index,
                                                   struct ironwal_finding *out_finding,
                                                   size_t out_finding_size,
                                                   struct ironwal_error **out_error);

/** Frees a report and the texts that belong to it. */
void ironwal_recovery_report_free(struct ironwal_recovery_report *report);

/* Directories of logs that are not opened --------------------------------------------------- */

/**
 * Reads and checks all that is stored in the directory of a log or a sharded log, as ironwal_wal_verify() does,
 * with no log open. Changes nothing and takes no lock, so another process, or this one, may have the log open.
 * Then what is written meanwhile is not looked at. `stream` NULL and `stream_len` 0: all streams, and the files
 * beside them.
 *
 * `progress` gets bytes of segment files: at the beginning, about every mebibyte, and at the end. The first
 * call comes after the headers of all streams were read.
 *
 * - Owns: free `*out_report` with ironwal_verify_report_free().
 * - NULL: `progress` may be NULL; `stream` only if `stream_len` is 0.
 * - Blocks: reads all segments that are selected; never for a sync.
 * - Errors: ::IRONWAL_E_CONFIG where the directory holds no log, or the path or the name is not UTF-8;
 *   ::IRONWAL_E_STREAM_NOT_FOUND; ::IRONWAL_E_CANCELLED; ::IRONWAL_E_IO where the directory cannot be listed. All
 *   else that cannot be read is a finding, also a file of a newer version.
 */
ironwal_status ironwal_verify_directory(const char *path,
                                        size_t path_len,
                                        const char *stream,
                                        size_t stream_len,
                                        ironwal_progress_fn progress,
                                        uintptr_t ctx,
                                        struct ironwal_verify_report **out_report,
                                        struct ironwal_error **out_error);

/**
 * Passes the entries in the directory of a log or a sharded log to `visit`, stream by stream in the order of the
 * names of their directories, and by id: those from `from_id` on and below `end_id`, of all streams or of one
 * (`stream` NULL and `stream_len` 0: all). Runs of ids that are lost or damaged are passed with their status.
 * Changes nothing and takes no lock, as ironwal_verify_directory().
 *
 * `progress` gets bytes of segment files: at the beginning, about every mebibyte, and at the end, unless `visit`
 * stopped it. Needs memory for the largest frame.
 *
 * - NULL: `progress` may be NULL; `stream` only if `stream_len` is 0; `visit` must not.
 * - Blocks: reads the segments that are selected; never for a sync.
 * - Errors: ::IRONWAL_E_CONFIG where the directory holds no log, the path or the name is not UTF-8, or `from_id` is
 *   above `end_id`; ::IRONWAL_E_STREAM_NOT_FOUND; ::IRONWAL_E_CANCELLED. Of a stream that cannot be read at all
 *   its error, after all others were passed: ::IRONWAL_E_UNSUPPORTED_VERSION, ::IRONWAL_E_CORRUPT,
 *   ::IRONWAL_E_IO.
 */
ironwal_status ironwal_dump_directory(const char *path,
                                      size_t path_len,
                                      const char *stream,
                                      size_t stream_len,
                                      uint64_t from_id,
                                      uint64_t end_id,
                                      ironwal_entry_fn visit,
                                      ironwal_progress_fn progress,
                                      uintptr_t ctx,
                                      struct ironwal_error **out_error);

/**
 * Collects the numbers of a log or a sharded log in a directory, with no log open, from headers, slots, trailers
 * and tails: payloads are not read. Changes nothing and takes no lock, so another process, or this one, may have
 * the log open. `stream` NULL and `stream_len` 0: all streams, and the commit journal.
 *
 * `progress` gets directories of streams, not bytes: before the first and after each.
 *
 * - Owns: free `*out_report` with ironwal_stat_report_free().
 * - NULL: `progress` may be NULL; `stream` only if `stream_len` is 0.
 * - Blocks: reads the ends of all segments; never for a sync.
 * - Errors: ::IRONWAL_E_CONFIG where the directory holds no log, or the path or the name is not UTF-8;
 *   ::IRONWAL_E_STREAM_NOT_FOUND; ::IRONWAL_E_CANCELLED; ::IRONWAL_E_IO where the directory cannot be listed; those
 *   of a commit journal that cannot be read. A stream that cannot be read has its message.
 */
ironwal_status ironwal_stat_directory(const char *path,
                                      size_t path_len,
                                      const char *stream,
                                      size_t stream_len,
                                      ironwal_progress_fn progress,
                                      uintptr_t ctx,
                                      struct ironwal_stat_report **out_report,
                                      struct ironwal_error **out_error);

/**
 * The numbers over all streams, and of the commit journal.
 *
 * - Errors: ::IRONWAL_E_INVALID_ARG if `out_totals_size` is not a known size of ::ironwal_stat_totals.
 */
ironwal_status ironwal_stat_report_get_totals(const struct ironwal_stat_report *report,
                                              struct ironwal_stat_totals *out_totals,
                                              size_t out_totals_size,
                                              struct ironwal_error **out_error);

/**
 * The stream at `index`, from 0, in the order of the names of their directories.
 *
 * - Owns: `out_stream` stays the caller's; its texts belong to `report` and end with it.
 * - Errors: ::IRONWAL_E_NOT_FOUND (an answer) past the last one; ::IRONWAL_E_INVALID_ARG where
 *   `out_stream_size` is not a known size of ::ironwal_stat_stream.
 */
ironwal_status ironwal_stat_report_get_stream(const struct ironwal_stat_report *report,
                                              size_t index,
                                              struct ironwal_stat_stream *out_stream,
                                              size_t out_stream_size,
                                              struct ironwal_error **out_error);

/**
 * The segment at `index` of the stream at `stream_index`, both from 0, oldest first.
 *
 * - Owns: `out_segment` stays the caller's; its text belongs to `report` and ends with it.
 * - Errors: ::IRONWAL_E_NOT_FOUND (an answer) past the last one of either; ::IRONWAL_E_INVALID_ARG where
 *   `out_segment_size` is not a known size of ::ironwal_stat_segment.
 */
ironwal_status ironwal_stat_report_get_segment(const struct ironwal_stat_report *report,
                                               size_t stream_index,
                                               size_t index,
                                               struct ironwal_stat_segment *out_segment,
                                               size_t out_segment_size,
                                               struct ironwal_error **out_error);

/** Frees a report and the texts that belong to it. */
void ironwal_stat_report_free(struct ironwal_stat_report *report);

/**
 * Makes a healthy copy of the log or sharded log in the directory `from`, with no log open, in the new directory
 * `to`, which must not exist: every entry that can be read, under its old id, in frames compressed by
 * `compression` (one of IRONWAL_COMPRESSION). Ids that cannot be read are recorded there as lost. The old log is
 * locked against writers meanwhile, and not changed. The copy is made beside `to` and gets its name when it is
 * whole and durable; after a failure or a cancellation nothing of it is left.
 *
 * `progress` gets bytes of segment files: at the beginning, about every mebibyte, and when all is read. The
 * last call can still cancel.
 *
 * - Owns: free `*out_report` with ironwal_repair_report_free().
 * - NULL: `progress` may be NULL.
 * - Blocks: reads all segments, writes the copy, and waits until it is on the disk (fsync).
 * - Durable: on return.
 * - Errors: ::IRONWAL_E_LOCKED while a writer has the old log open; ::IRONWAL_E_CONFIG where `from` holds no log,
 *   where `to` exists or lies in `from`, where the remains of an interrupted copy are in the way, and where a path
 *   is not UTF-8; ::IRONWAL_E_INVALID_FILENAME where a link stands for a file to copy; ::IRONWAL_E_INVALID_ARG for
 *   another `compression`; ::IRONWAL_E_CANCELLED; ::IRONWAL_E_NO_SPACE, ::IRONWAL_E_IO.
 */
ironwal_status ironwal_repair_directory(const char *from,
                                        size_t from_len,
                                        const char *to,
                                        size_t to_len,
                                        int32_t compression,
                                        ironwal_progress_fn progress,
                                        uintptr_t ctx,
                                        struct ironwal_repair_report **out_report,
                                        struct ironwal_error **out_error);

/**
 * The numbers over all streams.
 *
 * - Errors: ::IRONWAL_E_INVALID_ARG if `out_totals_size` is not a known size of ::ironwal_repair_totals.
 */
ironwal_status ironwal_repair_report_get_totals(const struct ironwal_repair_report *report,
                                                struct ironwal_repair_totals *out_totals,
                                                size_t out_totals_size,
                                                struct ironwal_error **out_error);

/**
 * The stream at `index`, from 0, in the order of the names of their directories.
 *
 * - Owns: `out_stream` stays the caller's; its texts belong to `report` and end with it.
 * - Errors: ::IRONWAL_E_NOT_FOUND (an answer) past the last one; ::IRONWAL_E_INVALID_ARG where
 *   `out_stream_size` is not a known size of ::ironwal_repaired_stream.
 */
ironwal_status ironwal_repair_report_get_stream(const struct ironwal_repair_report *report,
                                                size_t index,
                                                struct ironwal_repaired_stream *out_stream,
                                                size_t out_stream_size,
                                                struct ironwal_error **out_error);

/**
 * The run of lost ids at `index` of the stream at `stream_index`, both from 0, by id.
 *
 * - Owns: `out_lost` stays the caller's; its text belongs to `report` and ends with it.
 * - Errors: ::IRONWAL_E_NOT_FOUND (an answer) past the last one of either; ::IRONWAL_E_INVALID_ARG where
 *   `out_lost_size` is not a known size of ::ironwal_lost_ids.
 */
ironwal_status ironwal_repair_report_get_lost(const struct ironwal_repair_report *report,
                                              size_t stream_index,
                                              size_t index,
                                              struct ironwal_lost_ids *out_lost,
                                              size_t out_lost_size,
                                              struct ironwal_error **out_error);

/** Frees a report and the texts that belong to it. */
void ironwal_repair_report_free(struct ironwal_repair_report *report);

/* Bytes that come out ----------------------------------------------------------------------- */

/**
 * Frees the bytes of a buffer and resets it to {NULL, 0}, so that a second call does nothing.
 *
 * - Owns: takes the bytes; the struct itself stays the caller's.
 */
void ironwal_buffer_free(struct ironwal_buffer *buffer);

/** Releases a view: its bytes must not be read any more. */
void ironwal_view_pin_free(struct ironwal_view_pin *pin);

/**
 * How many ids were asked for.
 *
 * - NULL: NULL has 0.
 */
size_t ironwal_entry_list_count(const struct ironwal_entry_list *entries);

/**
 * The entry for the id that was the `index`-th asked for.
 *
 * - Owns: the view belongs to `entries` and ends with it.
 * - Errors: ::IRONWAL_E_NOT_FOUND (an answer) where there was no such entry;
 *   ::IRONWAL_E_INVALID_ARG for an index past the end.
 */
ironwal_status ironwal_entry_list_get(const struct ironwal_entry_list *entries,
                                      size_t index,
                                      struct ironwal_view *out_view,
                                      struct ironwal_error **out_error);

/** Frees what was found, and the bytes that belong to it. */
void ironwal_entry_list_free(struct ironwal_entry_list *entries);

/* Append and read by name ------------------------------------------------------------------- */

/**
 * Appends one entry to a stream, which its first append creates, and returns its id. Stream names
 * are 1 to 255 bytes of UTF-8 without a NUL.
 *
 * - NULL: `out_id` may be NULL.
 * - Blocks: under ::IRONWAL_SYNC_STRICT until the disk has it (fsync), otherwise not for a sync.
 * - Durable: under ::IRONWAL_SYNC_STRICT on return. Otherwise it survives the process at once and
 *   power loss after a sync.
 * - Errors: ::IRONWAL_E_NO_SPACE (nothing appended; try again), ::IRONWAL_E_IO,
 *   ::IRONWAL_E_POISONED, ::IRONWAL_E_TOO_LARGE, ::IRONWAL_E_CONFIG for a bad name. The entry may
 *   exist after reopening where the disk failed.
 */
ironwal_status ironwal_append(const struct ironwal_wal *wal,
                              const char *stream,
                              size_t stream_len,
                              const void *data,
                              size_t len,
                              uint64_t *out_id,
                              struct ironwal_error **out_error);

/**
 * Appends several entries as one: ids `out_first_id` (inclusive) to `out_end_id` (exclusive).
 * No entries: both are the stream's next id, and nothing is created.
 *
 * - NULL: the outputs may be NULL.
 * - Blocks: until the disk has it (fsync), except under ::IRONWAL_SYNC_ASYNC.
 * - Durable: on return, except under ::IRONWAL_SYNC_ASYNC. After any crash it is there whole or
 *   not at all.
 * - Errors: ::IRONWAL_E_NO_SPACE (nothing appended; try again), ::IRONWAL_E_IO,
 *   ::IRONWAL_E_POISONED, ::IRONWAL_E_TOO_LARGE, ::IRONWAL_E_CONFIG for a bad name. The entry may
 *   exist after reopening where the disk failed.
 */
ironwal_status ironwal_append_batch(const struct ironwal_wal *wal,
                                    const char *stream,
                                    size_t stream_len,
                                    const struct ironwal_slice *entries,
                                    size_t entry_count,
                                    uint64_t *out_first_id,
                                    uint64_t *out_end_id,
                                    struct ironwal_error **out_error);

/**
 * Appends one entry that is gathered from several parts, and returns its id. No parts make an empty
 * entry.
 *
 * - NULL: `out_id` may be NULL.
 * - Blocks: under ::IRONWAL_SYNC_STRICT until the disk has it (fsync), otherwise not for a sync.
 * - Durable: under ::IRONWAL_SYNC_STRICT on return. Otherwise it survives the process at once and
 *   power loss after a sync.
 * - Errors: ::IRONWAL_E_NO_SPACE (nothing appended; try again), ::IRONWAL_E_IO,
 *   ::IRONWAL_E_POISONED, ::IRONWAL_E_TOO_LARGE, ::IRONWAL_E_CONFIG for a bad name. The entry may
 *   exist after reopening where the disk failed.
 */
ironwal_status ironwal_append_vectored(const struct ironwal_wal *wal,
                                       const char *stream,
                                       size_t stream_len,
                                       const struct ironwal_slice *parts,
                                       size_t part_count,
                                       uint64_t *out_id,
                                       struct ironwal_error **out_error);

/**
 * Reads one entry into memory of the library's.
 *
 * - Owns: release `*out_buffer` with ironwal_buffer_free(); what was in it before is overwritten.
 * - Errors: ::IRONWAL_E_NOT_FOUND (an answer: unknown stream, pruned, or not yet appended);
 *   ::IRONWAL_E_CRC_MISMATCH, ::IRONWAL_E_CORRUPT and ::IRONWAL_E_SEGMENT_NOT_FOUND for damage;
 *   ::IRONWAL_E_IO.
 */
ironwal_status ironwal_get(const struct ironwal_wal *wal,
                           const char *stream,
                           size_t stream_len,
                           uint64_t id,
                           struct ironwal_buffer *out_buffer,
                           struct ironwal_error **out_error);

/**
 * Reads one entry into the caller's memory. One that does not fit is not copied at all; `*out_len`
 * is the size needed then.
 *
 * - Owns: `buffer` stays the caller's; it is written on success only, and only the entry's length.
 * - Errors: ::IRONWAL_E_BUFFER_TOO_SMALL (an answer), ::IRONWAL_E_NOT_FOUND (an answer: unknown
 *   stream, pruned, or not yet appended); ::IRONWAL_E_CRC_MISMATCH, ::IRONWAL_E_CORRUPT and
 *   ::IRONWAL_E_SEGMENT_NOT_FOUND for damage; ::IRONWAL_E_IO.
 */
ironwal_status ironwal_get_into(const struct ironwal_wal *wal,
                                const char *stream,
                                size_t stream_len,
                                uint64_t id,
                                void *buffer,
                                size_t capacity,
                                size_t *out_len,
                                struct ironwal_error **out_error);

/**
 * Reads several entries of a stream, in the order of `ids`; an id may occur more than once. A
 * compressed batch is unpacked once, in whatever order its entries are asked for.
 *
 * - Owns: free `*out_entries` with ironwal_entry_list_free(); it outlives the log.
 * - Errors: as ironwal_get(), and nothing is read then; ids that are not found are reported by
 *   ironwal_entry_list_get().
 */
ironwal_status ironwal_get_batch(const struct ironwal_wal *wal,
                                 const char *stream,
                                 size_t stream_len,
                                 const uint64_t *ids,
                                 size_t id_count,
                                 struct ironwal_entry_list **out_entries,
                                 struct ironwal_error **out_error);

/**
 * Makes one stream durable.
 *
 * - Blocks: until the disk has it (fsync).
 * - Durable: everything appended to the stream before the call, when it returns ::IRONWAL_OK.
 * - Errors: ::IRONWAL_E_IO, ::IRONWAL_E_NO_SPACE, ::IRONWAL_E_POISONED,
 *   ::IRONWAL_E_STREAM_NOT_FOUND.
 */
ironwal_status ironwal_sync(const struct ironwal_wal *wal,
                            const char *stream,
                            size_t stream_len,
                            struct ironwal_error **out_error);

/* Truncate and delete by name --------------------------------------------------------------- */

/**
 * Removes segments whose entries are all below `safe_id`, and returns their number. With an archive
 * path they are moved there, otherwise deleted. The active one stays, unless nothing of the stream
 * is kept (`safe_id` is its next id or more), it holds 16 KiB or more, and there is no archive:
 * then it goes too, and ids go on.
 *
 * A file that cannot be removed keeps no other: the rest is done, the first failure is reported,
 * and each later call tries again. So after ::IRONWAL_E_IO the entries may be truncated already;
 * ::IRONWAL_OK means that no file of a truncated segment is left.
 *
 * - NULL: `out_segments` may be NULL.
 * - Blocks: until the directory is on the disk (fsync).
 * - Durable: on return.
 * - Errors: ::IRONWAL_E_STREAM_NOT_FOUND, ::IRONWAL_E_IO; ::IRONWAL_E_CONFIG where the archive belongs
 *   to another log, or lies in a log.
 */
ironwal_status ironwal_truncate(const struct ironwal_wal *wal,
                                const char *stream,
                                size_t stream_len,
                                uint64_t safe_id,
                                size_t *out_segments,
                                struct ironwal_error **out_error);

/**
 * Restores the segments of a stream that pruning moved to the archive, and returns their number.
 *
 * - NULL: `out_segments` may be NULL.
 * - Blocks: until the directory is on the disk (fsync).
 * - Durable: on return.
 * - Errors: ::IRONWAL_E_IO, ::IRONWAL_E_CORRUPT; ::IRONWAL_E_CONFIG where the archive belongs to
 *   another log, or lies in a log.
 */
ironwal_status ironwal_restore_archived(const struct ironwal_wal *wal,
                                        const char *stream,
                                        size_t stream_len,
                                        size_t *out_segments,
                                        struct ironwal_error **out_error);

/**
 * Deletes a stream with all its entries. Deleting what is not there succeeds. Handles of the
 * stream return ::IRONWAL_E_STREAM_NOT_FOUND afterwards; a later append by name begins a new
 * stream at id 0.
 *
 * - Blocks: until the directory is on the disk (fsync).
 * - Durable: on return.
 * - Errors: ::IRONWAL_E_IO; ::IRONWAL_E_POISONED where the commit journal alone holds entries of a poisoned
 *   stream: it is deleted once the log is opened again.
 */
ironwal_status ironwal_delete_stream(const struct ironwal_wal *wal,
                                     const char *stream,
                                     size_t stream_len,
                                     struct ironwal_error **out_error);

/**
 * The id of the first entry of the segment that appends go to.
 *
 * - Errors: ::IRONWAL_E_NOT_FOUND (an answer) before the first append.
 */
ironwal_status ironwal_current_segment_start_id(const struct ironwal_wal *wal,
                                                const char *stream,
                                                size_t stream_len,
                                                uint64_t *out_id,
                                                struct ironwal_error **out_error);

/* Transactions ------------------------------------------------------------------------------ */

/**
 * Begins a transaction on a stream, which its first append creates.
 *
 * - Owns: end `*out_txn` with ironwal_txn_commit() or ironwal_txn_abort(); it keeps the log open
 *   until then, unless that is closed.
 * - Errors: ::IRONWAL_E_CONFIG for a bad name.
 */
ironwal_status ironwal_txn_begin(const struct ironwal_wal *wal,
                                 const char *stream,
                                 size_t stream_len,
                                 struct ironwal_txn **out_txn,
                                 struct ironwal_error **out_error);

/**
 * Begins a transaction on the stream.
 *
 * - Owns: as ironwal_txn_begin().
 * - Errors: none of its own; the commit returns ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted.
 */
ironwal_status ironwal_stream_begin(const struct ironwal_stream *stream,
                                    struct ironwal_txn **out_txn,
                                    struct ironwal_error **out_error);

/**
 * Adds an entry to a transaction.
 *
 * - Durable: nothing is written before the commit.
 * - Errors: ::IRONWAL_E_IO without memory for it (the transaction stays as it was).
 */
ironwal_status ironwal_txn_add(struct ironwal_txn *txn,
                               const void *data,
                               size_t len,
                               struct ironwal_error **out_error);

/**
 * Appends all entries of the transaction as one: their ids go from `out_first_id` up to and
 * without `out_end_id`; both are 0 where it has none.
 *
 * - Owns: takes `txn`, also when it fails; the entries of a failed commit are gone.
 * - NULL: the outputs may be NULL.
 * - Blocks: until the disk has it (fsync), except under ::IRONWAL_SYNC_ASYNC.
 * - Durable: on return, except under ::IRONWAL_SYNC_ASYNC. After any crash it is there whole or
 *   not at all.
 * - Errors: as ironwal_append_batch().
 */
ironwal_status ironwal_txn_commit(struct ironwal_txn *txn,
                                  uint64_t *out_first_id,
                                  uint64_t *out_end_id,
                                  struct ironwal_error **out_error);

/**
 * Discards the transaction.
 *
 * - Blocks: as ironwal_wal_free() where it is the last handle of the log; in a forked child never.
 * - Durable: nothing of it is written.
 */
void ironwal_txn_abort(struct ironwal_txn *txn);

/* One stream, by handle --------------------------------------------------------------------- */

/**
 * Makes a handle of a stream, for many calls on it without a look-up each. The stream itself is
 * created by its first append.
 *
 * - Owns: free `*out_stream` with ironwal_stream_free(); it keeps the log open until then, unless
 *   that is closed.
 * - Errors: ::IRONWAL_E_CONFIG for a bad name; damage of the stream found at opening.
 */
ironwal_status ironwal_stream_open(const struct ironwal_wal *wal,
                                   const char *stream,
                                   size_t stream_len,
                                   struct ironwal_stream **out_stream,
                                   struct ironwal_error **out_error);

/**
 * Releases the handle. The stream and its entries stay.
 *
 * - Blocks: as ironwal_wal_free() where it is the last handle of the log; in a forked child never.
 * - Durable: everything, where it is the last handle of the log.
 */
void ironwal_stream_free(struct ironwal_stream *stream);

/**
 * Appends one entry to the stream, which its first append creates, and returns its id.
 *
 * - NULL: `out_id` may be NULL.
 * - Blocks: under ::IRONWAL_SYNC_STRICT until the disk has it (fsync), otherwise not for a sync.
 * - Durable: under ::IRONWAL_SYNC_STRICT on return. Otherwise it survives the process at once and
 *   power loss after a sync.
 * - Errors: ::IRONWAL_E_NO_SPACE (nothing appended; try again), ::IRONWAL_E_IO,
 *   ::IRONWAL_E_POISONED, ::IRONWAL_E_TOO_LARGE, ::IRONWAL_E_STREAM_NOT_FOUND where the stream was
 *   deleted. The entry may exist after reopening where the disk failed.
 */
ironwal_status ironwal_stream_append(const struct ironwal_stream *stream,
                                     const void *data,
                                     size_t len,
                                     uint64_t *out_id,
                                     struct ironwal_error **out_error);

/**
 * Appends several entries as one: ids `out_first_id` (inclusive) to `out_end_id` (exclusive).
 * No entries: both are the stream's next id, and nothing is created.
 *
 * - NULL: the outputs may be NULL.
 * - Blocks: until the disk has it (fsync), except under ::IRONWAL_SYNC_ASYNC.
 * - Durable: on return, except under ::IRONWAL_SYNC_ASYNC. After any crash it is there whole or
 *   not at all.
 * - Errors: ::IRONWAL_E_NO_SPACE (nothing appended; try again), ::IRONWAL_E_IO,
 *   ::IRONWAL_E_POISONED, ::IRONWAL_E_TOO_LARGE, ::IRONWAL_E_STREAM_NOT_FOUND where the stream was
 *   deleted. The entry may exist after reopening where the disk failed.
 */
ironwal_status ironwal_stream_append_batch(const struct ironwal_stream *stream,
                                           const struct ironwal_slice *entries,
                                           size_t entry_count,
                                           uint64_t *out_first_id,
                                           uint64_t *out_end_id,
                                           struct ironwal_error **out_error);

/**
 * Appends one entry that is gathered from several parts, and returns its id. No parts make an empty
 * entry.
 *
 * - NULL: `out_id` may be NULL.
 * - Blocks: under ::IRONWAL_SYNC_STRICT until the disk has it (fsync), otherwise not for a sync.
 * - Durable: under ::IRONWAL_SYNC_STRICT on return. Otherwise it survives the process at once and
 *   power loss after a sync.
 * - Errors: ::IRONWAL_E_NO_SPACE (nothing appended; try again), ::IRONWAL_E_IO,
 *   ::IRONWAL_E_POISONED, ::IRONWAL_E_TOO_LARGE, ::IRONWAL_E_STREAM_NOT_FOUND where the stream was
 *   deleted. The entry may exist after reopening where the disk failed.
 */
ironwal_status ironwal_stream_append_vectored(const struct ironwal_stream *stream,
                                              const struct ironwal_slice *parts,
                                              size_t part_count,
                                              uint64_t *out_id,
                                              struct ironwal_error **out_error);

/**
 * Makes the stream durable.
 *
 * - Blocks: until the disk has it (fsync).
 * - Durable: everything appended before the call, when it returns ::IRONWAL_OK.
 * - Errors: ::IRONWAL_E_IO, ::IRONWAL_E_NO_SPACE, ::IRONWAL_E_POISONED.
 */
ironwal_status ironwal_stream_sync(const struct ironwal_stream *stream,
                                   struct ironwal_error **out_error);

/**
 * Waits until the entry `id`, which need not be appended yet, is durable, at most `timeout_ns`
 * nanoseconds; 0 only asks, UINT64_MAX waits for ever. It asks a thread of the library for a sync, so
 * nothing else has to sync.
 *
 * - Blocks: at most as long as given, until the entry is appended and that sync is done (fsync). Where
 *   the system lets the library start no thread the call syncs itself, for as long as that takes.
 * - Durable: the entry and all before it, when it returns ::IRONWAL_OK.
 * - Errors: ::IRONWAL_E_TIMEOUT (an answer), ::IRONWAL_E_POISONED, ::IRONWAL_E_STREAM_NOT_FOUND.
 */
ironwal_status ironwal_stream_wait_durable(const struct ironwal_stream *stream,
                                           uint64_t id,
                                           uint64_t timeout_ns,
                                           struct ironwal_error **out_error);

/**
 * The first id that is kept: those below were pruned.
 *
 * - Errors: ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted.
 */
ironwal_status ironwal_stream_first_id(const struct ironwal_stream *stream,
                                       uint64_t *out_id,
                                       struct ironwal_error **out_error);

/**
 * The id that the next append gets.
 *
 * - Errors: ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted.
 */
ironwal_status ironwal_stream_next_id(const struct ironwal_stream *stream,
                                      uint64_t *out_id,
                                      struct ironwal_error **out_error);

/**
 * The end of what is durable: every entry below this id is.
 *
 * - Errors: ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted.
 */
ironwal_status ironwal_stream_durable_end(const struct ironwal_stream *stream,
                                          uint64_t *out_id,
                                          struct ironwal_error **out_error);

/**
 * Gives the stream with this key, or all whose keys begin with it, options of their own, such as
 * `sync_mode=async; max_segment_size=64M`; `match_by` is one of IRONWAL_MATCH. Of several patterns with a key one
 * holds, whole: the exact key, else the longest prefix. A pattern that is given again replaces the earlier one.
 *
 * The form is that of ironwal_options_parse(), the names are `sync_mode`, `max_segment_size`,
 * `max_entries_per_segment`, `compression`, `min_compression_size`, `write_strategy`, `commit_path` and
 * `background_sync`. What the text leaves out is as the log has it. An open log keeps what it was opened with.
 *
 * - Errors: ::IRONWAL_E_INVALID_ARG where `match_by` is none of these; ::IRONWAL_E_CONFIG for a key that no stream
 *   can have, a name that no stream has, a value out of bounds or of another form, and for text that is not
 *   UTF-8; no option has changed then.
 */
ironwal_status ironwal_options_set_stream(struct ironwal_options *options,
                                          int32_t match_by,
                                          const char *key,
                                          size_t key_len,
                                          const char *text,
                                          size_t text_len,
                                          struct ironwal_error **out_error);

/**
 * When appends to the stream are made durable: one of IRONWAL_SYNC. The same as long as the log is open.
 *
 * - Errors: none of its own.
 */
ironwal_status ironwal_stream_sync_mode(const struct ironwal_stream *stream,
                                        int32_t *out_mode,
                                        struct ironwal_error **out_error);

/**
 * Reads one entry into memory of the library's.
 *
 * - Owns: release `*out_buffer` with ironwal_buffer_free(); what was in it before is overwritten.
 * - Errors: ::IRONWAL_E_NOT_FOUND (an answer: unknown stream, pruned, or not yet appended);
 *   ::IRONWAL_E_CRC_MISMATCH, ::IRONWAL_E_CORRUPT and ::IRONWAL_E_SEGMENT_NOT_FOUND for damage;
 *   ::IRONWAL_E_IO.
 */
ironwal_status ironwal_stream_get(const struct ironwal_stream *stream,
                                  uint64_t id,
                                  struct ironwal_buffer *out_buffer,
                                  struct ironwal_error **out_error);

/**
 * Reads the last visible entry into memory of the library's. Ids that were lost to damage behind it are
 * passed over.
 *
 * - Owns: release `*out_buffer` with ironwal_buffer_free(); what was in it before is overwritten.
 * - NULL: `out_id` may be NULL.
 * - Errors: ::IRONWAL_E_NOT_FOUND (an answer) where nothing is kept, or nothing is visible yet;
 *   ::IRONWAL_E_CRC_MISMATCH and ::IRONWAL_E_CORRUPT where it is damaged; ::IRONWAL_E_IO.
 */
ironwal_status ironwal_stream_last(const struct ironwal_stream *stream,
                                   uint64_t *out_id,
                                   struct ironwal_buffer *out_buffer,
                                   struct ironwal_error **out_error);

/**
 * Writes 16 bytes to `out_digest` that two streams share if they have the same entries from `first_id`
 * (inclusive) to `end_id` (exclusive), however these are batched, compressed and split into segments:
 * SipHash-2-4-128 with the key 0, over the id and the length of each entry (little-endian uint64_t)
 * and its bytes. For comparing replicas; no defence against forgery. Reads and checks every entry.
 *
 * - Owns: `out_digest` points to 16 bytes of the caller's, which are written on success only.
 * - Errors: ::IRONWAL_E_SEGMENT_NOT_FOUND where an id is truncated, lost or not visible;
 *   ::IRONWAL_E_CONFIG where the range runs backwards; ::IRONWAL_E_CRC_MISMATCH and
 *   ::IRONWAL_E_CORRUPT for damage; ::IRONWAL_E_IO.
 */
ironwal_status ironwal_stream_digest(const struct ironwal_stream *stream,
                                     uint64_t first_id,
                                     uint64_t end_id,
                                     uint8_t *out_digest,
                                     struct ironwal_error **out_error);

/**
 * Reads one entry into the caller's memory. One that does not fit is not copied at all; `*out_len`
 * is the size needed then.
 *
 * - Owns: `buffer` stays the caller's; it is written on success only, and only the entry's length.
 * - Errors: ::IRONWAL_E_BUFFER_TOO_SMALL (an answer), ::IRONWAL_E_NOT_FOUND (an answer: unknown
 *   stream, pruned, or not yet appended); ::IRONWAL_E_CRC_MISMATCH, ::IRONWAL_E_CORRUPT and
 *   ::IRONWAL_E_SEGMENT_NOT_FOUND for damage; ::IRONWAL_E_IO.
 */
ironwal_status ironwal_stream_get_into(const struct ironwal_stream *stream,
                                       uint64_t id,
                                       void *buffer,
                                       size_t capacity,
                                       size_t *out_len,
                                       struct ironwal_error **out_error);

/**
 * Reads one entry without copying it. The bytes stay where they are until the pin is freed,
 * whatever happens to the stream and the log.
 *
 * - Owns: free `*out_pin` with ironwal_view_pin_free(); `*out_view` ends with it.
 * - Errors: ::IRONWAL_E_NOT_FOUND (an answer: unknown stream, pruned, or not yet appended);
 *   ::IRONWAL_E_CRC_MISMATCH, ::IRONWAL_E_CORRUPT and ::IRONWAL_E_SEGMENT_NOT_FOUND for damage;
 *   ::IRONWAL_E_IO.
 */
ironwal_status ironwal_stream_view(const struct ironwal_stream *stream,
                                   uint64_t id,
                                   struct ironwal_view *out_view,
                                   struct ironwal_view_pin **out_pin,
                                   struct ironwal_error **out_error);

/**
 * The id of the first entry of the segment that appends go to.
 *
 * - Errors: ::IRONWAL_E_NOT_FOUND (an answer) before the first append;
 *   ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted.
 */
ironwal_status ironwal_stream_current_segment_start_id(const struct ironwal_stream *stream,
                                                       uint64_t *out_id,
                                                       struct ironwal_error **out_error);

/**
 * Removes the segments that lie entirely below `safe_id`, and returns how many: as
 * ironwal_truncate() does by name.
 *
 * - NULL: `out_segments` may be NULL.
 * - Blocks: until the directory is on the disk (fsync).
 * - Durable: on return.
 * - Errors: ::IRONWAL_E_STREAM_NOT_FOUND, ::IRONWAL_E_IO, ::IRONWAL_E_READ_ONLY.
 */
ironwal_status ironwal_stream_truncate(const struct ironwal_stream *stream,
                                       uint64_t safe_id,
                                       size_t *out_segments,
                                       struct ironwal_error **out_error);

/**
 * Brings back the segments of the stream that truncation moved to the archive, and returns how many.
 *
 * - NULL: `out_segments` may be NULL.
 * - Blocks: until the directory is on the disk (fsync).
 * - Durable: on return.
 * - Errors: ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted; ::IRONWAL_E_IO;
 *   ::IRONWAL_E_CORRUPT; ::IRONWAL_E_READ_ONLY.
 */
ironwal_status ironwal_stream_restore_archived(const struct ironwal_stream *stream,
                                               size_t *out_segments,
                                               struct ironwal_error **out_error);

/**
 * Deletes the stream with all its entries. The handle stays, to be freed; every handle of the
 * stream then returns ::IRONWAL_E_STREAM_NOT_FOUND. A later append by name starts a new stream at id
 * 0, which this handle never deletes. After ::IRONWAL_E_IO ironwal_delete_stream() tries again to
 * remove what is left.
 *
 * - Blocks: until the directory is on the disk (fsync).
 * - Durable: on return.
 * - Errors: ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted before; ::IRONWAL_E_IO;
 *   ::IRONWAL_E_READ_ONLY; ::IRONWAL_E_POISONED where the commit journal alone holds entries of a poisoned
 *   stream: it is deleted once the log is opened again.
 */
ironwal_status ironwal_stream_delete(const struct ironwal_stream *stream,
                                     struct ironwal_error **out_error);

/* Append at an expected id, by handle ------------------------------------------------------- */

/**
 * Appends one entry if it gets the id `expected_id`; otherwise nothing is appended, and
 * ironwal_error_sequence() returns the id that it would have got. Of several threads that try the same
 * id exactly one succeeds.
 *
 * - NULL: `out_id` may be NULL.
 * - Blocks: under ::IRONWAL_SYNC_STRICT until the disk has it (fsync), otherwise not for a sync.
 * - Durable: under ::IRONWAL_SYNC_STRICT on return. Otherwise it survives the process at once and
 *   power loss after a sync.
 * - Errors: ::IRONWAL_E_SEQUENCE_MISMATCH; ::IRONWAL_E_INVALID_ARG for ::IRONWAL_ANY_ID; those of
 *   ironwal_stream_append().
 */
ironwal_status ironwal_stream_append_at(const struct ironwal_stream *stream,
                                        uint64_t expected_id,
                                        const void *data,
                                        size_t len,
                                        uint64_t *out_id,
                                        struct ironwal_error **out_error);

/**
 * Appends entries and changes properties as one: after any crash all of it is there or nothing. The
 * entries get ids from `out_first_id` (inclusive) to `out_end_id` (exclusive), from `expected_id` on
 * unless that is ::IRONWAL_ANY_ID. Properties change in the order of the array. Without entries both
 * outputs are the next id, and `expected_id` is compared all the same; without entries and properties
 * nothing is written.
 *
 * `*out_mark` is the place behind the append: see ironwal_stream_is_durable().
 *
 * - NULL: the outputs may be NULL.
 * - Blocks: until the disk has it (fsync), if `durability` makes it durable on return.
 * - Durable: as `durability` says, one of the IRONWAL_DURABILITY constants.
 * - Errors: ::IRONWAL_E_SEQUENCE_MISMATCH, with nothing appended; those of
 *   ironwal_stream_set_properties() and ironwal_stream_append_batch().
 */
ironwal_status ironwal_stream_append_with(const struct ironwal_stream *stream,
                                          uint64_t expected_id,
                                          const struct ironwal_slice *entries,
                                          size_t entry_count,
                                          const struct ironwal_property *properties,
                                          size_t property_count,
                                          int32_t durability,
                                          uint64_t *out_first_id,
                                          uint64_t *out_end_id,
                                          struct ironwal_mark *out_mark,
                                          struct ironwal_error **out_error);

/* What is durable --------------------------------------------------------------------------- */

/**
 * The mark behind everything appended so far.
 *
 * - Errors: ::IRONWAL_E_READ_ONLY; ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted.
 */
ironwal_status ironwal_stream_mark(const struct ironwal_stream *stream,
                                   struct ironwal_mark *out_mark,
                                   struct ironwal_error **out_error);

/**
 * Whether everything in front of the mark is durable: the append that returned it, and all before.
 * Once true it stays true.
 *
 * - Errors: ::IRONWAL_E_CONFIG for a mark of another stream or opening; ::IRONWAL_E_POISONED or
 *   ::IRONWAL_E_DETACHED where it is not durable and cannot become so;
 *   ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted.
 */
ironwal_status ironwal_stream_is_durable(const struct ironwal_stream *stream,
                                         struct ironwal_mark mark,
                                         bool *out_durable,
                                         struct ironwal_error **out_error);

/* Properties -------------------------------------------------------------------------------- */

/**
 * The value of a property. A stream has a small map of properties beside its entries: a vote, a commit
 * index, cursors. Keys have 1 to 255 bytes, values up to 4,000; all together take at most 4,096 bytes,
 * with 4 more for each. Shows what was written last, durable or not.
 *
 * - Owns: release `*out_value` with ironwal_buffer_free(); what was in it before is overwritten.
 * - Errors: ::IRONWAL_E_NOT_FOUND (an answer) where the stream has no such property;
 *   ::IRONWAL_E_CORRUPT where damage took the newest properties: an older map is never shown;
 *   ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted.
 */
ironwal_status ironwal_stream_property(const struct ironwal_stream *stream,
                                       const void *key,
                                       size_t key_len,
                                       struct ironwal_buffer *out_value,
                                       struct ironwal_error **out_error);

/**
 * Changes properties, in the order of the array, as one: after any crash all changes are there or
 * none. Begins a stream that does not exist, without an entry. Without changes nothing is written.
 *
 * - NULL: `out_mark` may be NULL.
 * - Blocks: until the disk has it (fsync), if `durability` makes it durable on return.
 * - Durable: as `durability` says, one of the IRONWAL_DURABILITY constants.
 * - Errors: ::IRONWAL_E_CONFIG for a key that is not 1 to 255 bytes long; ::IRONWAL_E_TOO_LARGE for a
 *   value above 4,000 bytes, or more than 4,096 in all; ::IRONWAL_E_CORRUPT where damage took the newest
 *   properties; those of ironwal_stream_append_batch().
 */
ironwal_status ironwal_stream_set_properties(const struct ironwal_stream *stream,
                                             const struct ironwal_property *properties,
                                             size_t property_count,
                                             int32_t durability,
                                             struct ironwal_mark *out_mark,
                                             struct ironwal_error **out_error);

/**
 * Replaces all properties by these, as one: after any crash the old ones are there or the new ones.
 * Also the way out where damage took the newest properties.
 *
 * - NULL: `out_mark` may be NULL.
 * - Blocks: until the disk has it (fsync), if `durability` makes it durable on return.
 * - Durable: as `durability` says, one of the IRONWAL_DURABILITY constants.
 * - Errors: ::IRONWAL_E_INVALID_ARG for another `op` than ::IRONWAL_PROPERTY_SET; ::IRONWAL_E_CONFIG and
 *   ::IRONWAL_E_TOO_LARGE as of ironwal_stream_set_properties(); those of ironwal_stream_append_batch().
 */
ironwal_status ironwal_stream_replace_properties(const struct ironwal_stream *stream,
                                                 const struct ironwal_property *properties,
                                                 size_t property_count,
                                                 int32_t durability,
                                                 struct ironwal_mark *out_mark,
                                                 struct ironwal_error **out_error);

/**
 * Lists the properties of the stream, as ironwal_stream_property() shows them.
 *
 * - Owns: free `*out_list` with ironwal_property_list_free(); it outlives the log.
 * - Errors: ::IRONWAL_E_CORRUPT where damage took the newest properties;
 *   ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted.
 */
ironwal_status ironwal_stream_properties(const struct ironwal_stream *stream,
                                         struct ironwal_property_list **out_list,
                                         struct ironwal_error **out_error);

/**
 * How many properties are listed.
 *
 * - NULL: a NULL list has 0.
 */
size_t ironwal_property_list_count(const struct ironwal_property_list *list);

/**
 * The key and the value of the property at `index`.
 *
 * - Owns: the views belong to `list` and end with it.
 * - Errors: ::IRONWAL_E_NOT_FOUND (an answer) past the last one.
 */
ironwal_status ironwal_property_list_get(const struct ironwal_property_list *list,
                                         size_t index,
                                         struct ironwal_view *out_key,
                                         struct ironwal_view *out_value,
                                         struct ironwal_error **out_error);

/** Frees a list of properties and the bytes that belong to it. */
void ironwal_property_list_free(struct ironwal_property_list *list);

/* Append over several streams, all or nothing ----------------------------------------------- */

/**
 * Appends a part to each of several streams: after any crash all parts are there or none. The ids of each part
 * go from its element of `out_first_ids` (inclusive) to that of `out_end_ids` (exclusive), in the order of
 * `parts`; both are the stream's next id for a part of properties alone. Both are arrays of `part_count` elements.
 * No parts: nothing happens.
 *
 * A batch takes at most 256 KiB, or a quarter of ironwal_options_set_journal_size() where that is less: its
 * bytes, 16 for each entry, up to 6.2 KiB for each part, and twice the properties that a stream has. Threads that
 * append batches at the same time share syncs.
 *
 * - Owns: the entries and properties are copied; the arrays stay the caller's and are written on success only.
 * - NULL: `out_first_ids` and `out_end_ids` may be NULL. In a part `entries` and `properties` may be NULL if their
 *   count is 0.
 * - Blocks: until the disk has it (one fsync, of the commit journal, whatever the commit path is).
 * - Durable: on return, in every sync mode.
 * - Errors: nothing is appended anywhere, and ironwal_error_stream() names the stream of the part concerned.
 *   ::IRONWAL_E_SEQUENCE_MISMATCH where a part does not get the id that it expects, which
 *   ironwal_error_sequence() reports; ::IRONWAL_E_TOO_LARGE, whose message has the limit;
 *   ::IRONWAL_E_CONFIG where a stream comes twice, belongs to another log, or is a shard of a sharded log (see
 *   ironwal_sharded_append_batch_atomic()), and for a part without entries and properties;
 *   ::IRONWAL_E_STREAM_NOT_FOUND; ::IRONWAL_E_READ_ONLY; ::IRONWAL_E_NO_SPACE. After ::IRONWAL_E_IO it may be
 *   unknown what the disk did: then all the streams are poisoned, and once the log is opened again all parts are
 *   there or none.
 */
ironwal_status ironwal_append_atomic(const struct ironwal_wal *wal,
                                     const struct ironwal_atomic_part *parts,
                                     size_t part_count,
                                     uint64_t *out_first_ids,
                                     uint64_t *out_end_ids,
                                     struct ironwal_error **out_error);

/* Cut, replace and reset -------------------------------------------------------------------- */

/**
 * Replaces the ids from `from_id` on by these entries, which get ids from `out_first_id` (`from_id`)
 * to `out_end_id` (exclusive), and changes properties in the same step. After any crash the stream is
 * the old one or the new one, each whole. At the next id it is an append. Properties that the array
 * does not name stay.
 *
 * Appends meanwhile wait, and get ids behind the entries. Views keep their bytes. An iterator that has
 * returned an id that is cut ends with ::IRONWAL_E_SUFFIX_CUT; any other goes on.
 *
 * - NULL: the outputs may be NULL.
 * - Blocks: until the disk has it (fsync).
 * - Durable: on return, in every sync mode, and so is all that was appended before.
 * - Errors: ::IRONWAL_E_SEQUENCE_MISMATCH where `from_id` lies behind the next id or below the first kept
 *   one; ::IRONWAL_E_CONFIG below the offset of a live checkpoint; those of ironwal_stream_set_properties()
 *   for the properties; ::IRONWAL_E_TOO_LARGE; what reading the entry before `from_id` returns where that is damaged;
 *   ::IRONWAL_E_POISONED; ::IRONWAL_E_READ_ONLY; ::IRONWAL_E_STREAM_NOT_FOUND where the stream was
 *   deleted. After these nothing has changed. ::IRONWAL_E_IO and ::IRONWAL_E_NO_SPACE leave the old
 *   stream, unless it is poisoned then: either may be there once the log is opened again.
 */
ironwal_status ironwal_stream_replace_suffix(const struct ironwal_stream *stream,
                                             uint64_t from_id,
                                             const struct ironwal_slice *entries,
                                             size_t entry_count,
                                             const struct ironwal_property *properties,
                                             size_t property_count,
                                             uint64_t *out_first_id,
                                             uint64_t *out_end_id,
                                             struct ironwal_error **out_error);

/**
 * Removes the ids from `from_id` on, and returns how many there were. The next append gets `from_id`.
 * Otherwise as ironwal_stream_replace_suffix() without entries.
 *
 * - NULL: `out_cut` may be NULL.
 * - Blocks: until the disk has it (fsync).
 * - Durable: on return, in every sync mode, and so is all that was appended before.
 * - Errors: those of ironwal_stream_replace_suffix().
 */
ironwal_status ironwal_stream_truncate_suffix(const struct ironwal_stream *stream,
                                              uint64_t from_id,
                                              uint64_t *out_cut,
                                              struct ironwal_error **out_error);

/**
 * Removes all entries, and appends these from `next_id` on, which may be any id and is the first kept
 * one then. One step with the changes of properties, as ironwal_stream_replace_suffix(); without entries
 * the next append gets `next_id`. Begins a stream that does not exist, and works on one whose entries are
 * damaged or lost. What it removes is not archived.
 *
 * - NULL: the outputs may be NULL.
 * - Blocks: until the disk has it (fsync).
 * - Durable: on return, in every sync mode.
 * - Errors: ::IRONWAL_E_CONFIG while a sharded log has a live checkpoint; those of
 *   ironwal_stream_replace_suffix().
 */
ironwal_status ironwal_stream_reset(const struct ironwal_stream *stream,
                                    uint64_t next_id,
                                    const struct ironwal_slice *entries,
                                    size_t entry_count,
                                    const struct ironwal_property *properties,
                                    size_t property_count,
                                    uint64_t *out_first_id,
                                    uint64_t *out_end_id,
                                    struct ironwal_error **out_error);

/**
 * Hides the ids below `first_id`, exactly, and removes the segments that hold no other id, whose number
 * it returns; `first_id` is the first kept id from now on. All entries may be hidden: ids go on. A
 * segment that is hidden whole while it is the newest one goes later, and to no archive. At or below
 * the first kept id nothing is done.
 *
 * - NULL: `out_segments` may be NULL.
 * - Blocks: until the disk has it (fsync).
 * - Durable: on return.
 * - Errors: ::IRONWAL_E_SEQUENCE_MISMATCH where `first_id` lies behind the next id; those of
 *   ironwal_truncate().
 */
ironwal_status ironwal_stream_truncate_prefix(const struct ironwal_stream *stream,
                                              uint64_t first_id,
                                              size_t *out_segments,
                                              struct ironwal_error **out_error);

/* The same by name -------------------------------------------------------------------------- */

/**
 * Appends one entry if it gets the id `expected_id`, as ironwal_stream_append_at(). A stream that does
 * not exist is begun at id 0.
 *
 * - NULL: `out_id` may be NULL.
 * - Blocks: under ::IRONWAL_SYNC_STRICT until the disk has it (fsync), otherwise not for a sync.
 * - Durable: under ::IRONWAL_SYNC_STRICT on return. Otherwise it survives the process at once and
 *   power loss after a sync.
 * - Errors: those of ironwal_stream_append_at(); ::IRONWAL_E_CONFIG for a bad name.
 */
ironwal_status ironwal_append_at(const struct ironwal_wal *wal,
                                 const char *stream,
                                 size_t stream_len,
                                 uint64_t expected_id,
                                 const void *data,
                                 size_t len,
                                 uint64_t *out_id,
                                 struct ironwal_error **out_error);

/**
 * Appends entries and changes properties as one, as ironwal_stream_append_with().
 *
 * - NULL: the outputs may be NULL.
 * - Blocks: until the disk has it (fsync), if `durability` makes it durable on return.
 * - Durable: as `durability` says, one of the IRONWAL_DURABILITY constants.
 * - Errors: those of ironwal_stream_append_with(); ::IRONWAL_E_CONFIG for a bad name.
 */
ironwal_status ironwal_append_with(const struct ironwal_wal *wal,
                                   const char *stream,
                                   size_t stream_len,
                                   uint64_t expected_id,
                                   const struct ironwal_slice *entries,
                                   size_t entry_count,
                                   const struct ironwal_property *properties,
                                   size_t property_count,
                                   int32_t durability,
                                   uint64_t *out_first_id,
                                   uint64_t *out_end_id,
                                   struct ironwal_mark *out_mark,
                                   struct ironwal_error **out_error);

/**
 * The value of a property, as ironwal_stream_property(). A stream that does not exist has none.
 *
 * - Owns: release `*out_value` with ironwal_buffer_free(); what was in it before is overwritten.
 * - Errors: ::IRONWAL_E_NOT_FOUND (an answer) where the stream has no such property; those of
 *   ironwal_stream_property(); ::IRONWAL_E_CONFIG for a bad name.
 */
ironwal_status ironwal_get_property(const struct ironwal_wal *wal,
                                    const char *stream,
                                    size_t stream_len,
                                    const void *key,
                                    size_t key_len,
                                    struct ironwal_buffer *out_value,
                                    struct ironwal_error **out_error);

/**
 * Lists the properties of the stream, as ironwal_stream_properties(). A stream that does not exist has
 * none.
 *
 * - Owns: free `*out_list` with ironwal_property_list_free(); it outlives the log.
 * - Errors: those of ironwal_stream_properties(); ::IRONWAL_E_CONFIG for a bad name.
 */
ironwal_status ironwal_get_properties(const struct ironwal_wal *wal,
                                      const char *stream,
                                      size_t stream_len,
                                      struct ironwal_property_list **out_list,
                                      struct ironwal_error **out_error);

/**
 * Changes properties as one, as ironwal_stream_set_properties().
 *
 * - NULL: `out_mark` may be NULL.
 * - Blocks: until the disk has it (fsync), if `durability` makes it durable on return.
 * - Durable: as `durability` says, one of the IRONWAL_DURABILITY constants.
 * - Errors: those of ironwal_stream_set_properties(); ::IRONWAL_E_CONFIG for a bad name.
 */
ironwal_status ironwal_set_properties(const struct ironwal_wal *wal,
                                      const char *stream,
                                      size_t stream_len,
                                      const struct ironwal_property *properties,
                                      size_t property_count,
                                      int32_t durability,
                                      struct ironwal_mark *out_mark,
                                      struct ironwal_error **out_error);

/**
 * Replaces all properties as one, as ironwal_stream_replace_properties().
 *
 * - NULL: `out_mark` may be NULL.
 * - Blocks: until the disk has it (fsync), if `durability` makes it durable on return.
 * - Durable: as `durability` says, one of the IRONWAL_DURABILITY constants.
 * - Errors: those of ironwal_stream_replace_properties(); ::IRONWAL_E_CONFIG for a bad name.
 */
ironwal_status ironwal_replace_properties(const struct ironwal_wal *wal,
                                          const char *stream,
                                          size_t stream_len,
                                          const struct ironwal_property *properties,
                                          size_t property_count,
                                          int32_t durability,
                                          struct ironwal_mark *out_mark,
                                          struct ironwal_error **out_error);

/**
 * Replaces the ids from `from_id` on by these entries, in one step with the properties, as
 * ironwal_stream_replace_suffix().
 *
 * - NULL: the outputs may be NULL.
 * - Blocks: until the disk has it (fsync).
 * - Durable: on return, in every sync mode, and so is all that was appended before.
 * - Errors: those of ironwal_stream_replace_suffix(); ::IRONWAL_E_CONFIG for a bad name.
 */
ironwal_status ironwal_replace_suffix(const struct ironwal_wal *wal,
                                      const char *stream,
                                      size_t stream_len,
                                      uint64_t from_id,
                                      const struct ironwal_slice *entries,
                                      size_t entry_count,
                                      const struct ironwal_property *properties,
                                      size_t property_count,
                                      uint64_t *out_first_id,
                                      uint64_t *out_end_id,
                                      struct ironwal_error **out_error);

/**
 * Removes the ids from `from_id` on, and returns how many there were, as
 * ironwal_stream_truncate_suffix().
 *
 * - NULL: `out_cut` may be NULL.
 * - Blocks: until the disk has it (fsync).
 * - Durable: on return, in every sync mode, and so is all that was appended before.
 * - Errors: ::IRONWAL_E_STREAM_NOT_FOUND for an unknown stream; those of
 *   ironwal_stream_replace_suffix(); ::IRONWAL_E_CONFIG for a bad name.
 */
ironwal_status ironwal_truncate_suffix(const struct ironwal_wal *wal,
                                       const char *stream,
                                       size_t stream_len,
                                       uint64_t from_id,
                                       uint64_t *out_cut,
                                       struct ironwal_error **out_error);

/**
 * Removes all entries, and appends these from `next_id` on, in one step with the properties, as
 * ironwal_stream_reset().
 *
 * - NULL: the outputs may be NULL.
 * - Blocks: until the disk has it (fsync).
 * - Durable: on return, in every sync mode.
 * - Errors: those of ironwal_stream_reset(); ::IRONWAL_E_CONFIG for a bad name.
 */
ironwal_status ironwal_reset(const struct ironwal_wal *wal,
                             const char *stream,
                             size_t stream_len,
                             uint64_t next_id,
                             const struct ironwal_slice *entries,
                             size_t entry_count,
                             const struct ironwal_property *properties,
                             size_t property_count,
                             uint64_t *out_first_id,
                             uint64_t *out_end_id,
                             struct ironwal_error **out_error);

/**
 * Hides the ids below `first_id`, exactly, and returns the number of segments that it removes, as
 * ironwal_stream_truncate_prefix().
 *
 * - NULL: `out_segments` may be NULL.
 * - Blocks: until the disk has it (fsync).
 * - Durable: on return.
 * - Errors: ::IRONWAL_E_STREAM_NOT_FOUND for an unknown stream; those of
 *   ironwal_stream_truncate_prefix(); ::IRONWAL_E_CONFIG for a bad name.
 */
ironwal_status ironwal_truncate_prefix(const struct ironwal_wal *wal,
                                       const char *stream,
                                       size_t stream_len,
                                       uint64_t first_id,
                                       size_t *out_segments,
                                       struct ironwal_error **out_error);

/* Notification ------------------------------------------------------------------------------ */

/**
 * Has `callback` called once everything in front of `mark` is durable, or cannot become so. Returns at
 * once, also where the mark is durable already. Asks for a sync, so that nothing else has to.
 * ironwal_wal_close() completes all callbacks before it returns.
 *
 * - Owns: the object behind `ctx` stays the caller's, and must live until the callback has returned or
 *   is cancelled.
 * - NULL: `out_ticket` may be NULL.
 * - Blocks: for a sync only if the system lets the library start no thread.
 * - Errors: after each nothing is registered. ::IRONWAL_E_CONFIG for a mark of another stream or
 *   opening; ::IRONWAL_E_IO where the system starts no thread; ::IRONWAL_E_READ_ONLY;
 *   ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted.
 */
ironwal_status ironwal_stream_on_durable(const struct ironwal_stream *stream,
                                         struct ironwal_mark mark,
                                         ironwal_durable_fn callback,
                                         uintptr_t ctx,
                                         struct ironwal_ticket *out_ticket,
                                         struct ironwal_error **out_error);

/**
 * Cancels a callback. `*out_cancelled` is true if it was not called and will not be. False: it was
 * called and has returned, except where this is called from within that very callback; or the ticket
 * is of another stream. Waits for a callback that runs, so what it uses can be freed afterwards.
 *
 * - NULL: `out_cancelled` may be NULL.
 * - Errors: none of its own. After ::IRONWAL_E_CLOSED every callback has returned.
 */
ironwal_status ironwal_stream_cancel_durable(const struct ironwal_stream *stream,
                                             const struct ironwal_ticket *ticket,
                                             bool *out_cancelled,
                                             struct ironwal_error **out_error);

/**
 * Opens a descriptor for poll(), epoll, kqueue or an event loop, on Unix. It is readable when the stream
 * has grown since the last ironwal_events_drain(), or has ended; not at first, so drain it once to learn
 * where the stream is. With ::IRONWAL_EVENT_DURABLE what is appended while it lives is synced as soon as
 * a thread of the library is free, and one sync covers what came meanwhile.
 *
 * - Owns: free `*out_events` with ironwal_events_free(); it keeps the log open until then, unless that
 *   is closed.
 * - Errors: ::IRONWAL_E_IO where no descriptor is left; ::IRONWAL_E_READ_ONLY;
 *   ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted; ::IRONWAL_E_OTHER on other systems.
 */
ironwal_status ironwal_stream_events(const struct ironwal_stream *stream,
                                     int32_t event,
                                     struct ironwal_events **out_events,
                                     struct ironwal_error **out_error);

/**
 * The descriptor, to wait until it is readable.
 *
 * - Owns: it belongs to `events` and ends with it: neither read nor close it.
 * - Errors: those of every call on a log.
 */
ironwal_status ironwal_events_fd(const struct ironwal_events *events,
                                 int32_t *out_fd,
                                 struct ironwal_error **out_error);

/**
 * Makes the descriptor not readable, and returns one past the last id that is durable or in the kernel,
 * by the event. What comes after this makes it readable again, so nothing is missed.
 *
 * - Errors: why the stream will not grow any more: ::IRONWAL_E_CLOSED, ::IRONWAL_E_STREAM_NOT_FOUND,
 *   ::IRONWAL_E_POISONED, ::IRONWAL_E_DETACHED. Each makes the descriptor readable once.
 */
ironwal_status ironwal_events_drain(const struct ironwal_events *events,
                                    uint64_t *out_end_id,
                                    struct ironwal_error **out_error);

/**
 * Frees the handle and closes the descriptor.
 *
 * - Blocks: as ironwal_wal_free() where it is the last handle of the log; in a forked child never.
 * - Durable: everything, where it is the last handle of the log.
 */
void ironwal_events_free(struct ironwal_events *events);

/* Iterators --------------------------------------------------------------------------------- */

/**
 * Begins to read a stream at `start_id`, or at the first id kept where that is later. An unknown
 * stream and a start past the end have no entries for now.
 *
 * - Owns: free `*out_iter` with ironwal_iter_free().
 * - Errors: ::IRONWAL_E_CONFIG for a bad name; ::IRONWAL_E_IO.
 */
ironwal_status ironwal_wal_iter(const struct ironwal_wal *wal,
                                const char *stream,
                                size_t stream_len,
                                uint64_t start_id,
                                struct ironwal_iter **out_iter,
                                struct ironwal_error **out_error);

/**
 * Begins to read the stream at `start_id`, or at the first id kept where that is later.
 *
 * - Owns: free `*out_iter` with ironwal_iter_free().
 * - Errors: ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted; ::IRONWAL_E_IO.
 */
ironwal_status ironwal_stream_iter(const struct ironwal_stream *stream,
                                   uint64_t start_id,
                                   struct ironwal_iter **out_iter,
                                   struct ironwal_error **out_error);

/**
 * Begins to read a stream backward; as ironwal_stream_iter_rev(). An unknown stream has no entries.
 *
 * - Owns: free `*out_iter` with ironwal_iter_free().
 * - Errors: ::IRONWAL_E_CONFIG for a bad name; ::IRONWAL_E_IO.
 */
ironwal_status ironwal_wal_iter_rev(const struct ironwal_wal *wal,
                                    const char *stream,
                                    size_t stream_len,
                                    uint64_t from_id,
                                    struct ironwal_iter **out_iter,
                                    struct ironwal_error **out_error);

/**
 * Begins to read the stream backward: from the entry `from_id`, or from the last entry that reads show
 * where that is earlier, to the first one kept. UINT64_MAX: from the last entry.
 *
 * The last entry is that of the first ironwal_iter_next(); what is appended later is not shown. After the
 * first entry kept ironwal_iter_next() returns ::IRONWAL_E_END, now and later. A run of damaged ids is one
 * error, after which the next call continues below it. A truncation ends the iteration, at the latest
 * where the file that it reads begins. A cut of ids that it has returned ends it with
 * ::IRONWAL_E_SUFFIX_CUT. ironwal_iter_wait() and ironwal_iter_canceller() refuse such an iterator.
 *
 * - Owns: free `*out_iter` with ironwal_iter_free().
 * - Errors: ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted; ::IRONWAL_E_IO.
 */
ironwal_status ironwal_stream_iter_rev(const struct ironwal_stream *stream,
                                       uint64_t from_id,
                                       struct ironwal_iter **out_iter,
                                       struct ironwal_error **out_error);

/**
 * Moves to the next entry, in the direction of the iterator. At the end of the log, ::IRONWAL_E_END; a
 * later call finds what was appended since, unless the iterator moves backward.
 *
 * - Owns: `*out_view` stays the library's, until the next call on `iter`.
 * - NULL: `out_id` may be NULL.
 * - Errors: ::IRONWAL_E_END (an answer); ::IRONWAL_E_CRC_MISMATCH, ::IRONWAL_E_CORRUPT and
 *   ::IRONWAL_E_SEGMENT_NOT_FOUND once per run of damaged ids, after which the next call continues
 *   past it; forward, ::IRONWAL_E_SEGMENT_NOT_FOUND also once where a truncation took the entries
 *   that come next (the error object names their ids), after which the next call gives the first
 *   entry kept; ::IRONWAL_E_SUFFIX_CUT where ids that it had returned were cut, which ends it;
 *   ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted; ::IRONWAL_E_IO.
 */
ironwal_status ironwal_iter_next(struct ironwal_iter *iter,
                                 uint64_t *out_id,
                                 struct ironwal_view *out_view,
                                 struct ironwal_error **out_error);

/**
 * Moves over several entries in one call, for callers to whom a call is expensive (other languages): up to
 * `capacity` of them, ending with the one that brings their bytes to `max_bytes` or more. There are fewer
 * where the end of the log, or damage, comes first; the error of that damage is returned by the next call.
 * The entries are copied once, which ironwal_iter_next() does not do. There are also fewer where memory runs
 * out: no entry is passed over, the next call begins with the first one that was not returned.
 *
 * - Owns: `out_entries` is the caller's array; the bytes stay the library's, until the next call on `iter`.
 * - Errors: as ironwal_iter_next(), where there is not even one entry; ::IRONWAL_E_IO without memory for
 *   the copy of the first one, which ironwal_iter_next() returns without a copy.
 */
ironwal_status ironwal_iter_next_many(struct ironwal_iter *iter,
                                      struct ironwal_entry *out_entries,
                                      size_t capacity,
                                      size_t max_bytes,
                                      size_t *out_count,
                                      struct ironwal_error **out_error);

/**
 * The view of entry `id` once more, if it is still the iterator's current one: use it to
 * detect that another caller has advanced the iterator.
 *
 * - Owns: `*out_view` stays the library's, until the next ironwal_iter_next().
 * - Errors: ::IRONWAL_E_STALE_VIEW where the iterator moved.
 */
ironwal_status ironwal_iter_current(struct ironwal_iter *iter,
                                    uint64_t id,
                                    struct ironwal_view *out_view,
                                    struct ironwal_error **out_error);

/** Frees an iterator, and with it the view it gave out last. */
void ironwal_iter_free(struct ironwal_iter *iter);

/* Follow a stream --------------------------------------------------------------------------- */

/**
 * Begins to read the stream at `start_id`, or at the first id kept where that is later, as far as `view`
 * shows it: one of the IRONWAL_VIEW constants. At the end ironwal_iter_next() returns ::IRONWAL_E_END;
 * ironwal_iter_wait() waits for more.
 *
 * - Owns: free `*out_iter` with ironwal_iter_free().
 * - Errors: ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted; ::IRONWAL_E_IO.
 */
ironwal_status ironwal_stream_follow(const struct ironwal_stream *stream,
                                     uint64_t start_id,
                                     int32_t view,
                                     struct ironwal_iter **out_iter,
                                     struct ironwal_error **out_error);

/**
 * Waits until the iterator has something to show, an entry or an error, at most `timeout_ns` nanoseconds;
 * 0 only asks. Durable entries are waited for without another sync: a thread of the library syncs.
 *
 * - Blocks: at most as long as given, for the sync of that thread too (fsync).
 * - Errors: ::IRONWAL_E_TIMEOUT (an answer); ::IRONWAL_E_CANCELLED, once for each cancellation; where
 *   nothing will come: ::IRONWAL_E_CLOSED, ::IRONWAL_E_STREAM_NOT_FOUND, ::IRONWAL_E_POISONED,
 *   ::IRONWAL_E_DETACHED; ::IRONWAL_E_CONFIG where an error has ended the iteration;
 *   ::IRONWAL_E_INVALID_ARG for an iterator that moves backward.
 */
ironwal_status ironwal_iter_wait(struct ironwal_iter *iter,
                                 uint64_t timeout_ns,
                                 struct ironwal_error **out_error);

/**
 * Makes what cancels the waits of the iterator. The iterator itself is for one thread at a time; the
 * canceller is for any number of them.
 *
 * - Owns: free `*out_canceller` with ironwal_canceller_free().
 * - Errors: ::IRONWAL_E_INVALID_ARG for an iterator that moves backward.
 */
ironwal_status ironwal_iter_canceller(struct ironwal_iter *iter,
                                      struct ironwal_canceller **out_canceller,
                                      struct ironwal_error **out_error);

/**
 * Ends the wait that is under way with ::IRONWAL_E_CANCELLED, or the next one if none is; the wait after
 * that one waits. Does nothing in a forked child, and once the iterator is freed.
 *
 * - Errors: none but for a NULL.
 */
ironwal_status ironwal_canceller_cancel(const struct ironwal_canceller *canceller,
                                        struct ironwal_error **out_error);

/** Frees a canceller; it cancels nothing. */
void ironwal_canceller_free(struct ironwal_canceller *canceller);

/* Sharded logs: open, close, shards --------------------------------------------------------- */

/**
 * The shard of a key among `shard_count` shards: SipHash-1-3 with key 0 over the length of the key
 * as a little-endian uint64_t and then the key, modulo `shard_count`. For programs in other
 * languages that route by themselves: docs/FORMAT.md spells it out, with test vectors.
 *
 * - Errors: ::IRONWAL_E_CONFIG for a count of 0 or above 65,535.
 */
ironwal_status ironwal_sharded_route(const void *key,
                                     size_t key_len,
                                     uint32_t shard_count,
                                     uint32_t *out_shard,
                                     struct ironwal_error **out_error);

/**
 * Opens a sharded log, creating or recovering it. The number of shards is recorded durably before
 * this returns, and compared at every later opening. A number above max_open_segments is reported to
 * the callback of ironwal_options_set_log() as a warning.
 *
 * - Owns: both options are copied and stay the caller's. End `*out_sharded` with
 *   ironwal_sharded_close().
 * - Blocks: as ironwal_wal_open() (fsync).
 * - Durable: everything that can be read after a successful return is.
 * - Errors: those of ironwal_wal_open(); ::IRONWAL_E_SHARD_COUNT_MISMATCH; ::IRONWAL_E_CORRUPT
 *   where the record of the count is damaged, or missing beside existing shards, and under
 *   ::IRONWAL_CORRUPTION_ERROR for damaged checkpoints; ::IRONWAL_E_IO also where checkpoints.log cannot be
 *   read, or a rollback that was interrupted cannot be finished; ::IRONWAL_E_CONFIG for automatic
 *   checkpoints that are neither due by entries nor by time.
 */
ironwal_status ironwal_sharded_open(const struct ironwal_options *options,
                                    const struct ironwal_sharded_options *sharded_options,
                                    struct ironwal_sharded **out_sharded,
                                    struct ironwal_error **out_error);

/**
 * Opens a sharded log for reading only, while another process, or this one, may have it open for
 * writing. Nothing on disk is changed, recovered or locked. The handle is used like one of
 * ironwal_sharded_open(); calls that change something answer ::IRONWAL_E_READ_ONLY.
 * `shard_count` is compared with the recorded count; 0 takes that one.
 *
 * Shards follow the writer as the streams of ironwal_wal_open_read_only() do, the sync mode of the options
 * included; ironwal_sharded_wal() reads, follows and watches them. Calls that load, count and
 * list checkpoints look at the file first. A checkpoint is there once its record is written, up to two
 * syncs before ironwal_sharded_create_checkpoint() returns; if that fails then, or power does, it
 * disappears again. All that is below its offsets is durable in any case. While a rollback is under way,
 * and after one that was interrupted, shards may still show entries that it removes.
 *
 * - Owns: `options` is copied and stays the caller's. End `*out_sharded` with
 *   ironwal_sharded_close().
 * - Blocks: never for a sync; reads what was written last.
 * - Errors: those of ironwal_wal_open_read_only(); ::IRONWAL_E_IO also where no shard count is
 *   recorded yet; ::IRONWAL_E_SHARD_COUNT_MISMATCH; ::IRONWAL_E_CONFIG for a count above 65,535;
 *   ::IRONWAL_E_CORRUPT where the record of the count is damaged, or missing beside existing
 *   shards, and under ::IRONWAL_CORRUPTION_ERROR for damaged checkpoints and lost shards;
 *   ::IRONWAL_E_UNSUPPORTED_VERSION.
 */
ironwal_status ironwal_sharded_open_read_only(const struct ironwal_options *options,
                                              uint32_t shard_count,
                                              struct ironwal_sharded **out_sharded,
                                              struct ironwal_error **out_error);

/**
 * Looks at all shards and checkpoints again in a sharded log that is open read-only. Reading and loading
 * do so where they have to. Does nothing in a log open for writing.
 *
 * - Blocks: never for a sync; reads what was written last.
 * - Errors: ::IRONWAL_E_IO; ::IRONWAL_E_SHARD_COUNT_MISMATCH and ::IRONWAL_E_CORRUPT where another log is
 *   in the directory by now.
 */
ironwal_status ironwal_sharded_refresh(const struct ironwal_sharded *sharded,
                                       struct ironwal_error **out_error);

/**
 * Ends the automatic checkpoints and closes the log for all its handles, as ironwal_wal_close()
 * does. Checkpoints that were loaded stay readable.
 *
 * - Owns: takes `sharded`, also when it fails, except from within the callback of
 *   ironwal_sharded_options_set_checkpoint_ids().
 * - Threads: any; no other call may be using `sharded` itself. Calls on its children may run.
 * - Blocks: until all is on the disk (fsync), and for an automatic checkpoint under way.
 * - Durable: everything, when it returns ::IRONWAL_OK.
 * - Errors: ::IRONWAL_E_IO, ::IRONWAL_E_NO_SPACE and ::IRONWAL_E_POISONED where something could
 *   not be made durable; ::IRONWAL_E_FORKED in a forked child, where nothing else is done.
 */
ironwal_status ironwal_sharded_close(struct ironwal_sharded *sharded,
                                     struct ironwal_error **out_error);

/**
 * Releases the handle without reporting errors: automatic checkpoints end, and the log is closed
 * when the last handle of it is freed too. Prefer ironwal_sharded_close().
 *
 * - Blocks: as ironwal_sharded_close() where it is the last handle; in a forked child never.
 * - Durable: everything, but a failure is not reported.
 */
void ironwal_sharded_free(struct ironwal_sharded *sharded);

/** How many shards there are. */
ironwal_status ironwal_sharded_shard_count(const struct ironwal_sharded *sharded,
                                           uint32_t *out_shard_count,
                                           struct ironwal_error **out_error);

/**
 * A handle of the log below, in which shard n is the stream "shard_%02u": for reading, syncing and
 * watching shards by ironwal_stream_open() and the like. It is unrestricted, so entries that
 * are appended or removed through it bypass routing and checkpoints: after
 * ironwal_delete_stream() the shard returns ::IRONWAL_E_STREAM_NOT_FOUND, and after the next
 * opening ::IRONWAL_E_CORRUPT where a checkpoint counts on it; a checkpoint below what
 * ironwal_truncate() left returns ::IRONWAL_E_CHECKPOINT_PRUNED.
 *
 * - Owns: end `*out_wal` with ironwal_wal_free(); it keeps the log open until then, unless that is
 *   closed. ironwal_wal_close() on it closes the sharded log too.
 */
ironwal_status ironwal_sharded_wal(const struct ironwal_sharded *sharded,
                                   struct ironwal_wal **out_wal,
                                   struct ironwal_error **out_error);

/**
 * Begins to read a shard at `start_id`, or at the first id kept where that is later. A shard
 * without entries, and a start past its end, have none for now.
 *
 * - Owns: free `*out_iter` with ironwal_iter_free().
 * - Errors: ::IRONWAL_E_CONFIG where there is no such shard; ::IRONWAL_E_STREAM_NOT_FOUND where
 *   its stream was deleted; ::IRONWAL_E_CORRUPT where it was found lost or damaged at opening;
 *   ::IRONWAL_E_IO.
 */
ironwal_status ironwal_sharded_iter_shard(const struct ironwal_sharded *sharded,
                                          uint32_t shard,
                                          uint64_t start_id,
                                          struct ironwal_iter **out_iter,
                                          struct ironwal_error **out_error);

/**
 * Makes everything appended to a shard so far durable, in every sync mode.
 *
 * - Blocks: until the disk has it (fsync).
 * - Durable: everything appended to the shard before the call, when it returns ::IRONWAL_OK.
 * - Errors: ::IRONWAL_E_CONFIG where there is no such shard; those of ironwal_stream_sync().
 */
ironwal_status ironwal_sharded_flush_shard(const struct ironwal_sharded *sharded,
                                           uint32_t shard,
                                           struct ironwal_error **out_error);

/**
 * Makes everything appended so far durable, in all shards at once and in every sync mode. The
 * first failure is reported after all were tried.
 *
 * - Blocks: until the disk has it (fsync).
 * - Durable: everything appended before the call, when it returns ::IRONWAL_OK.
 * - Errors: those of ironwal_stream_sync(), of any shard.
 */
ironwal_status ironwal_sharded_flush_all(const struct ironwal_sharded *sharded,
                                         struct ironwal_error **out_error);

/* Append to sharded logs -------------------------------------------------------------------- */

/**
 * Appends one entry to the shard of its key; returns the shard and the entry's id in it. The key is
 * not stored.
 *
 * - NULL: `key` and `data` may be NULL if their length is 0; the outputs may be NULL.
 * - Blocks: under ::IRONWAL_SYNC_STRICT until the disk has it (fsync), otherwise not for a sync.
 * - Durable: under ::IRONWAL_SYNC_STRICT on return. Otherwise it survives the process at once and
 *   power loss after a sync, a flush or a checkpoint.
 * - Errors: those of ironwal_stream_append(); ::IRONWAL_E_CORRUPT for a shard that was found lost
 *   or damaged at opening.
 */
ironwal_status ironwal_sharded_append(const struct ironwal_sharded *sharded,
                                      const void *key,
                                      size_t key_len,
                                      const void *data,
                                      size_t len,
                                      uint32_t *out_shard,
                                      uint64_t *out_id,
                                      struct ironwal_error **out_error);

/**
 * Appends several entries to the shards of their keys. `out_shards` and `out_ids` are arrays of
 * `entry_count` elements and get the shard and the id of each entry, in the order of `entries`.
 * Within a shard the batch is atomic; over several shards it is not. No entries: nothing happens.
 *
 * - Owns: the entries are copied; the arrays stay the caller's and are written on success only.
 * - NULL: `out_shards` and `out_ids` may be NULL.
 * - Blocks: until the disk has it (fsync, all shards at once), except under ::IRONWAL_SYNC_ASYNC.
 * - Durable: on return, except under ::IRONWAL_SYNC_ASYNC.
 * - Errors: ::IRONWAL_E_BATCH_INCOMPLETE where some shards hold their part, which
 *   ironwal_error_committed_part() reports, and others do not; those of ironwal_sharded_append()
 *   where none does.
 */
ironwal_status ironwal_sharded_append_batch(const struct ironwal_sharded *sharded,
                                            const struct ironwal_keyed_slice *entries,
                                            size_t entry_count,
                                            uint32_t *out_shards,
                                            uint64_t *out_ids,
                                            struct ironwal_error **out_error);

/**
 * As ironwal_sharded_append_batch(), but all or nothing over all shards, after any crash. The limits are those
 * of ironwal_append_atomic(), with a part for each shard that gets an entry.
 *
 * - Owns: the entries are copied; the arrays stay the caller's and are written on success only.
 * - NULL: `out_shards` and `out_ids` may be NULL.
 * - Blocks: until the disk has it (one fsync, of the commit journal, whatever the commit path is).
 * - Durable: on return, in every sync mode.
 * - Errors: those of ironwal_append_atomic(), with nothing appended anywhere; ::IRONWAL_E_CORRUPT for a shard
 *   that was found lost or damaged at opening.
 */
ironwal_status ironwal_sharded_append_batch_atomic(const struct ironwal_sharded *sharded,
                                                   const struct ironwal_keyed_slice *entries,
                                                   size_t entry_count,
                                                   uint32_t *out_shards,
                                                   uint64_t *out_ids,
                                                   struct ironwal_error **out_error);

/**
 * Appends several entries to the shard of one key as one: their ids go from `out_first_id` up to
 * and without `out_end_id`. No entries: nothing happens, and both ids are 0.
 *
 * - NULL: `key` may be NULL if `key_len` is 0, `entries` if `entry_count` is 0; the outputs may be
 *   NULL.
 * - Blocks: until the disk has it (fsync), except under ::IRONWAL_SYNC_ASYNC.
 * - Durable: on return, except under ::IRONWAL_SYNC_ASYNC. After any crash it is there whole or
 *   not at all.
 * - Errors: those of ironwal_sharded_append().
 */
ironwal_status ironwal_sharded_append_batch_for_key(const struct ironwal_sharded *sharded,
                                                    const void *key,
                                                    size_t key_len,
                                                    const struct ironwal_slice *entries,
                                                    size_t entry_count,
                                                    uint32_t *out_shard,
                                                    uint64_t *out_first_id,
                                                    uint64_t *out_end_id,
                                                    struct ironwal_error **out_error);

/* Checkpoints ------------------------------------------------------------------------------- */

/**
 * Makes a checkpoint, a consistent cut through all shards: if one append returned before another
 * was called, no checkpoint holds the second without the first. Appends wait only while the next
 * ids are read. An older checkpoint of the same id is superseded.
 *
 * - NULL: `id` must have 1 to 65,535 bytes, of any content.
 * - Threads: any, at the same time; those that make or remove checkpoints wait for each other.
 * - Blocks: until the disk has it (fsync).
 * - Durable: the checkpoint and everything below its offsets, in every sync mode.
 * - Errors: ::IRONWAL_E_INVALID_CHECKPOINT_ID; ::IRONWAL_E_IO, ::IRONWAL_E_NO_SPACE,
 *   ::IRONWAL_E_POISONED, ::IRONWAL_E_STREAM_NOT_FOUND and ::IRONWAL_E_CORRUPT of any shard. There
 *   is no such checkpoint then, except that where making checkpoints returns ::IRONWAL_E_POISONED
 *   from then on, one may show after the next opening.
 */
ironwal_status ironwal_sharded_create_checkpoint(const struct ironwal_sharded *sharded,
                                                 const void *id,
                                                 size_t id_len,
                                                 struct ironwal_error **out_error);

/**
 * Loads the checkpoint of an id.
 *
 * - Owns: free `*out_checkpoint` with ironwal_checkpoint_free(); it outlives the log.
 * - NULL: `id` must have 1 to 65,535 bytes.
 * - Durable: the checkpoint and everything below its offsets is.
 * - Errors: ::IRONWAL_E_CHECKPOINT_NOT_FOUND; ::IRONWAL_E_CHECKPOINT_PRUNED where entries it
 *   counts on were removed; ::IRONWAL_E_CHECKPOINT_CORRUPTED; ::IRONWAL_E_INVALID_CHECKPOINT_ID;
 *   ::IRONWAL_E_UNSUPPORTED_VERSION; ::IRONWAL_E_IO.
 */
ironwal_status ironwal_sharded_load_checkpoint(const struct ironwal_sharded *sharded,
                                               const void *id,
                                               size_t id_len,
                                               struct ironwal_checkpoint **out_checkpoint,
                                               struct ironwal_error **out_error);

/**
 * Loads the newest checkpoint, in the order in which they were made.
 *
 * - Owns: free `*out_checkpoint` with ironwal_checkpoint_free(); it outlives the log.
 * - Durable: the checkpoint and everything below its offsets is.
 * - Errors: ::IRONWAL_E_NO_CHECKPOINTS; ::IRONWAL_E_CHECKPOINT_CORRUPTED where the newest is
 *   damaged, since an older one is loaded by its id only; ::IRONWAL_E_CHECKPOINT_PRUNED;
 *   ::IRONWAL_E_UNSUPPORTED_VERSION; ::IRONWAL_E_IO.
 */
ironwal_status ironwal_sharded_load_latest_checkpoint(const struct ironwal_sharded *sharded,
                                                      struct ironwal_checkpoint **out_checkpoint,
                                                      struct ironwal_error **out_error);

/** How many checkpoints can be loaded. */
ironwal_status ironwal_sharded_checkpoint_count(const struct ironwal_sharded *sharded,
                                                size_t *out_count,
                                                struct ironwal_error **out_error);

/**
 * Lists the checkpoints that can be loaded as they are now, oldest first.
 *
 * - Owns: free `*out_list` with ironwal_checkpoint_list_free(); it outlives the log.
 */
ironwal_status ironwal_sharded_list_checkpoints(const struct ironwal_sharded *sharded,
                                                struct ironwal_checkpoint_list **out_list,
                                                struct ironwal_error **out_error);

/**
 * The id of the checkpoint.
 *
 * - Owns: the view belongs to `checkpoint` and ends with it.
 * - NULL: a NULL checkpoint gives {NULL, 0}.
 */
struct ironwal_view ironwal_checkpoint_id(const struct ironwal_checkpoint *checkpoint);

/**
 * When the checkpoint was made, in nanoseconds since 1970. The order of checkpoints does not
 * follow it.
 *
 * - NULL: a NULL checkpoint gives 0.
 */
uint64_t ironwal_checkpoint_timestamp_ns(const struct ironwal_checkpoint *checkpoint);

/**
 * How many shards the checkpoint goes through.
 *
 * - NULL: a NULL checkpoint gives 0.
 */
uint32_t ironwal_checkpoint_shard_count(const struct ironwal_checkpoint *checkpoint);

/**
 * The next id of a shard at the time of the checkpoint: the checkpoint holds what is below it, and
 * replay starts there.
 *
 * - Errors: ::IRONWAL_E_CONFIG where there is no such shard.
 */
ironwal_status ironwal_checkpoint_offset(const struct ironwal_checkpoint *checkpoint,
                                         uint32_t shard,
                                         uint64_t *out_id,
                                         struct ironwal_error **out_error);

/** Frees a checkpoint that was loaded, and the bytes of its id. The log keeps its own. */
void ironwal_checkpoint_free(struct ironwal_checkpoint *checkpoint);

/**
 * How many checkpoints are listed.
 *
 * - NULL: a NULL list has 0.
 */
size_t ironwal_checkpoint_list_count(const struct ironwal_checkpoint_list *list);

/**
 * The id and the time, in nanoseconds since 1970, of the checkpoint at `index`.
 *
 * - Owns: the view belongs to `list` and ends with it.
 * - NULL: `out_timestamp_ns` may be NULL.
 * - Errors: ::IRONWAL_E_INVALID_ARG for an index past the end.
 */
ironwal_status ironwal_checkpoint_list_get(const struct ironwal_checkpoint_list *list,
                                           size_t index,
                                           struct ironwal_view *out_id,
                                           uint64_t *out_timestamp_ns,
                                           struct ironwal_error **out_error);

/** Frees a list of checkpoints and the ids that belong to it. */
void ironwal_checkpoint_list_free(struct ironwal_checkpoint_list *list);

/* Prune and compact checkpoints ------------------------------------------------------------- */

/**
 * Removes the segments that hold only entries below the checkpoint's offsets, as
 * ironwal_truncate() does in each shard; all shards are tried, and the first failure is reported.
 * Older checkpoints are pruned by it, durably and before anything is removed. With an archive path
 * segments are moved there.
 *
 * - NULL: `id` must have 1 to 65,535 bytes; `out_stats` may be NULL.
 * - Threads: any, at the same time; those that make or remove checkpoints wait for each other.
 * - Blocks: until the directories are on the disk (fsync).
 * - Durable: on return.
 * - Errors: ::IRONWAL_E_CHECKPOINT_NOT_FOUND; ::IRONWAL_E_CHECKPOINT_PRUNED where entries were
 *   removed up to a later checkpoint; ::IRONWAL_E_CHECKPOINT_CORRUPTED;
 *   ::IRONWAL_E_INVALID_CHECKPOINT_ID; ::IRONWAL_E_INVALID_ARG where `out_stats_size` is not a known size
 *   of ::ironwal_prune_stats; ::IRONWAL_E_STREAM_NOT_FOUND and ::IRONWAL_E_CORRUPT of any shard,
 *   after all were tried; ::IRONWAL_E_IO.
 */
ironwal_status ironwal_sharded_prune_before_checkpoint(const struct ironwal_sharded *sharded,
                                                       const void *id,
                                                       size_t id_len,
                                                       struct ironwal_prune_stats *out_stats,
                                                       size_t out_stats_size,
                                                       struct ironwal_error **out_error);

/**
 * Removes all entries that the checkpoint does not hold, and all later checkpoints, in one step: after any crash
 * all of it has happened or nothing. The next entry of each shard gets the id that is the shard's offset
 * in the checkpoint, which itself stays. Iterators behind the offsets end with ::IRONWAL_E_SUFFIX_CUT.
 * Entries removed are not archived.
 *
 * - NULL: `id` must have 1 to 65,535 bytes.
 * - Threads: any, at the same time; appends to all shards and calls that make or remove checkpoints wait.
 * - Blocks: until the disk has it (fsync), some syncs per shard.
 * - Durable: on return.
 * - Errors: ::IRONWAL_E_CHECKPOINT_NOT_FOUND; ::IRONWAL_E_CHECKPOINT_PRUNED, also where a shard was truncated
 *   beyond the checkpoint; ::IRONWAL_E_CHECKPOINT_CORRUPTED; ::IRONWAL_E_INVALID_CHECKPOINT_ID; those of
 *   a shard that is poisoned, lost or damaged right before its offset. Then nothing has changed. After
 *   ::IRONWAL_E_IO and ::IRONWAL_E_NO_SPACE either nothing has changed, or all shards return
 *   ::IRONWAL_E_POISONED: then the next open as a sharded log finishes the rollback if it was committed.
 */
ironwal_status ironwal_sharded_rollback_to_checkpoint(const struct ironwal_sharded *sharded,
                                                      const void *id,
                                                      size_t id_len,
                                                      struct ironwal_error **out_error);

/**
 * Removes all checkpoints but the newest `keep_latest_n`, 0 included, and what superseded, pruned
 * and damaged ones took in the file. Removes no entries.
 *
 * - NULL: `out_stats` may be NULL.
 * - Threads: any, at the same time; those that make or remove checkpoints wait for each other.
 * - Blocks: until the file and its directory are on the disk (fsync).
 * - Durable: on return.
 * - Errors: ::IRONWAL_E_CHECKPOINT_CORRUPTED where the newest checkpoint is damaged, unless none is
 *   to be kept; ::IRONWAL_E_INVALID_ARG if `out_stats_size` is not a known size of
 *   ::ironwal_compaction_stats; ::IRONWAL_E_IO; ::IRONWAL_E_NO_SPACE.
 */
ironwal_status ironwal_sharded_compact_checkpoints(const struct ironwal_sharded *sharded,
                                                   size_t keep_latest_n,
                                                   struct ironwal_compaction_stats *out_stats,
                                                   size_t out_stats_size,
                                                   struct ironwal_error **out_error);

/**
 * Counts of automatic checkpoints created and failed, and the error of a failed last attempt.
 *
 * - Owns: release `*out_last_error`, UTF-8 without a NUL, with ironwal_buffer_free(); what was in
 *   it before is overwritten. `out_status` stays the caller's.
 * - NULL: `out_status` and `out_last_error` may be NULL. `*out_last_error` is {NULL, 0} after a
 *   failure, and where the last attempt succeeded.
 * - Errors: ::IRONWAL_E_NOT_FOUND (an answer) where the log was opened without automatic
 *   checkpoints; ::IRONWAL_E_INVALID_ARG if `out_status_size` is not a known size of
 *   ::ironwal_automatic_status.
 */
ironwal_status ironwal_sharded_automatic_status(const struct ironwal_sharded *sharded,
                                                struct ironwal_automatic_status *out_status,
                                                size_t out_status_size,
                                                struct ironwal_buffer *out_last_error,
                                                struct ironwal_error **out_error);

/* Options of sharded logs ------------------------------------------------------------------- */

/**
 * Makes options for a log of `shard_count` shards, without automatic checkpoints. The count, 1 to
 * 65,535, is recorded when the log is made and fixed from then on.
 *
 * - Owns: free `*out_options` with ironwal_sharded_options_free().
 * - Durable: options are not stored; the count is when the log is opened.
 * - Errors: ::IRONWAL_E_CONFIG for a count of 0 or above 65,535.
 */
ironwal_status ironwal_sharded_options_new(uint32_t shard_count,
                                           struct ironwal_sharded_options **out_options,
                                           struct ironwal_error **out_error);

/** Frees options. Logs that were opened with them are not affected. */
void ironwal_sharded_options_free(struct ironwal_sharded_options *options);

/**
 * Has the log make a checkpoint whenever `entries` more entries were appended, over all shards. At
 * opening those count that no checkpoint holds yet.
 *
 * - Errors: ::IRONWAL_E_CONFIG for 0.
 */
ironwal_status ironwal_sharded_options_set_checkpoint_every_entries(struct ironwal_sharded_options *options,
                                                                    uint64_t entries,
                                                                    struct ironwal_error **out_error);

/**
 * Has the log make a checkpoint every `interval_ns` nanoseconds, if there are entries that the last
 * one does not hold.
 *
 * - Errors: ::IRONWAL_E_CONFIG for 0.
 */
ironwal_status ironwal_sharded_options_set_checkpoint_interval(struct ironwal_sharded_options *options,
                                                               uint64_t interval_ns,
                                                               struct ironwal_error **out_error);

/**
 * Names automatic checkpoints `prefix` followed by 20 digits, which grow and are never used twice.
 * That is also the default, with the prefix "auto-".
 *
 * - Errors: ::IRONWAL_E_INVALID_CHECKPOINT_ID for a prefix that leaves no space for the digits.
 */
ironwal_status ironwal_sharded_options_set_checkpoint_prefix(struct ironwal_sharded_options *options,
                                                             const void *prefix,
                                                             size_t prefix_len,
                                                             struct ironwal_error **out_error);

/**
 * Calls automatic checkpoints as `callback` says, which gets `ctx` back each time. It may be
 * called until the sharded log is closed or freed.
 *
 * - Owns: the object behind `ctx` stays the caller's and must outlive the log.
 * - Threads: one at a time per `options`; the callback runs on a thread of the library's.
 * - Errors: none but for a NULL.
 */
ironwal_status ironwal_sharded_options_set_checkpoint_ids(struct ironwal_sharded_options *options,
                                                          ironwal_checkpoint_id_fn callback,
                                                          uintptr_t ctx,
                                                          struct ironwal_error **out_error);

/**
 * Has the log, after each automatic checkpoint, prune the entries before the oldest of the newest
 * `keep_latest` checkpoints, where there are so many, and the older checkpoints with them, those
 * made by hand included. Their space is reclaimed periodically.
 *
 * - Errors: ::IRONWAL_E_CONFIG for 0.
 */
ironwal_status ironwal_sharded_options_set_retention(struct ironwal_sharded_options *options,
                                                     size_t keep_latest,
                                                     struct ironwal_error **out_error);

/* Snapshots --------------------------------------------------------------------------------- */

/**
 * Puts a copy of the log, as it is at one moment, into the new directory `dir`: it opens without
 * recovery. If one append returned before another was called, the snapshot never holds the second
 * without the first, whatever their streams. The archive is not included. `mode` is one of the
 * IRONWAL_SNAPSHOT constants.
 *
 * A log that is open read-only takes the snapshot beside the writer, which waits for nothing. It holds what was
 * written, also what is not yet durable in the log. The moment is one at which no stream but one grew while
 * the ends of all were read, and read again. What the writer truncated since may be missing.
 *
 * - NULL: `out_stats` may be NULL.
 * - Threads: any, at the same time; truncation, deletion and close wait.
 * - Blocks: until the disk has it (fsync); copies files.
 * - Durable: on return, and so is everything that the snapshot holds.
 * - Errors: ::IRONWAL_E_CONFIG where `dir` exists or lies in the log, a sharded log has this one open, or
 *   the log is sharded and open read-only; those of a stream that is damaged or poisoned: a snapshot is
 *   whole or is not; ::IRONWAL_E_TIMEOUT where a log that is open read-only finds no such moment for ten seconds;
 *   ::IRONWAL_E_IO; ::IRONWAL_E_NO_SPACE. `dir` does not exist then, unless the last sync failed: then
 *   it is whole.
 */
ironwal_status ironwal_wal_snapshot_to(const struct ironwal_wal *wal,
                                       const char *dir,
                                       size_t dir_len,
                                       int32_t mode,
                                       struct ironwal_snapshot_stats *out_stats,
                                       size_t out_stats_size,
                                       struct ironwal_error **out_error);

/**
 * As ironwal_wal_snapshot_to(), also where a log that is open read-only finds no moment at which the writer
 * pauses: `is_one_moment` of the result says whether it found one. If not, each stream is as it was at a
 * moment of its own during the call, a prefix of its entries. Their ends are read in the reverse order of
 * their keys: if one append returned before another was called, and the key of the first one's stream sorts
 * before that of the second one's, the snapshot never holds the second without the first.
 *
 * - NULL: `out_stats` may be NULL.
 * - Threads: any, at the same time; truncation, deletion and close wait.
 * - Blocks: until the disk has it (fsync); copies files.
 * - Durable: on return, and so is everything that the snapshot holds.
 * - Errors: those of ironwal_wal_snapshot_to(); ::IRONWAL_E_TIMEOUT where a stream is cut, reset or deleted
 *   again and again while it is copied, for ten seconds.
 */
ironwal_status ironwal_wal_snapshot_streams_to(const struct ironwal_wal *wal,
                                               const char *dir,
                                               size_t dir_len,
                                               int32_t mode,
                                               struct ironwal_snapshot_stats *out_stats,
                                               size_t out_stats_size,
                                               struct ironwal_error **out_error);

/**
 * As ironwal_wal_snapshot_to(), with the checkpoints: each one in the snapshot can be loaded there.
 *
 * - NULL: `out_stats` may be NULL.
 * - Threads: any, at the same time; truncation, deletion, checkpoints and close wait.
 * - Blocks: until the disk has it (fsync); copies files.
 * - Durable: on return, and so is everything that the snapshot holds.
 * - Errors: ::IRONWAL_E_CHECKPOINT_CORRUPTED where the checkpoints cannot be used; those of
 *   ironwal_wal_snapshot_to().
 */
ironwal_status ironwal_sharded_snapshot_to(const struct ironwal_sharded *sharded,
                                           const char *dir,
                                           size_t dir_len,
                                           int32_t mode,
                                           struct ironwal_snapshot_stats *out_stats,
                                           size_t out_stats_size,
                                           struct ironwal_error **out_error);

/* Statistics -------------------------------------------------------------------------------- */

/**
 * Returns what has happened to a stream since the log was opened, and where it is now. Figures are read one
 * after the other, so they may belong to moments that lie a little apart.
 *
 * - Errors: ::IRONWAL_E_STREAM_NOT_FOUND once it was deleted.
 */
ironwal_status ironwal_stream_stats(const struct ironwal_stream *stream,
                                    struct ironwal_stream_stats_t *out_stats,
                                    size_t out_stats_size,
                                    struct ironwal_error **out_error);

/**
 * Returns what has happened to all streams of a log since it was opened, and where they are now, with figures
 * of the log itself. It reads one stream after the other, and appends go on.
 */
ironwal_status ironwal_wal_stats(const struct ironwal_wal *wal,
                                 struct ironwal_wal_stats_t *out_stats,
                                 size_t out_stats_size,
                                 struct ironwal_error **out_error);

/* Replicas ---------------------------------------------------------------------------------- */

/**
 * Where a replica stands, as bytes for ironwal_stream_export() of its primary, which may be on another
 * machine. Counts everything written; after a power failure the position may be an earlier one.
 *
 * - Owns: release `*out_position` with ironwal_buffer_free(); what was in it before is overwritten.
 * - Errors: ::IRONWAL_E_CONFIG where damage has taken entries: the stream can be no replica any
 *   more; ::IRONWAL_E_POISONED; ::IRONWAL_E_READ_ONLY.
 */
ironwal_status ironwal_stream_frame_position(const struct ironwal_stream *stream,
                                             struct ironwal_buffer *out_position,
                                             struct ironwal_error **out_error);

/**
 * A packet of the frames behind a replica's position, for ironwal_stream_apply() there: at least one
 * frame, more while the packet has at most `max_bytes` bytes. Empty: there is no more for now. No bytes
 * as the position begin a replica. Only durable frames leave; ironwal_stream_export_written() exports
 * all. Works in a log that is open read-only too.
 *
 * A replica gets entries, batches, compression, properties, segments, cuts, resets and truncations as
 * they are in the files.
 *
 * - Owns: release `*out_packet` with ironwal_buffer_free(); what was in it before is overwritten.
 * - Blocks: may wait for a sync under way.
 * - Errors: ::IRONWAL_E_SEGMENT_NOT_FOUND where frames that the replica needs were truncated
 *   here or lost: delete the replica's stream and begin it again; ::IRONWAL_E_CONFIG where the
 *   replica is none of this stream, or has a cut that this log, an older copy, lacks;
 *   ::IRONWAL_E_SEQUENCE_MISMATCH where it has more than is durable here, with both ids (in a log that
 *   is open read-only the packet is empty where the same frames are written here);
 *   ::IRONWAL_E_CORRUPT for a damaged position, for damage, and while the properties are lost;
 *   ::IRONWAL_E_UNSUPPORTED_VERSION; ::IRONWAL_E_IO.
 */
ironwal_status ironwal_stream_export(const struct ironwal_stream *stream,
                                     const void *position,
                                     size_t position_len,
                                     size_t max_bytes,
                                     struct ironwal_buffer *out_packet,
                                     struct ironwal_error **out_error);

/**
 * As ironwal_stream_export(), of all frames that are written, also those that no sync has covered. For a
 * primary whose entries count as safe once replicas have them. A replica then reports to the primary
 * only what is durable there: the ids below ironwal_stream_durable_end() of the replica, not its position.
 *
 * If the primary loses frames to a power failure, the replica keeps them. The primary then refuses it
 * as one that has more, or other frames: make that replica the primary, or delete its stream and begin it
 * again. The first frame of a segment leaves once the segment before is sealed, which the sync does
 * that covers it. After a failed sync only durable frames leave.
 *
 * - Owns: release `*out_packet` with ironwal_buffer_free(); what was in it before is overwritten.
 * - Errors: those of ironwal_stream_export(); ::IRONWAL_E_SEQUENCE_MISMATCH where the replica has more
 *   than is written here.
 */
ironwal_status ironwal_stream_export_written(const struct ironwal_stream *stream,
                                             const void *position,
                                             size_t position_len,
                                             size_t max_bytes,
                                             struct ironwal_buffer *out_packet,
                                             struct ironwal_error **out_error);

/**
 * Writes the frames of a packet where they were in the primary. Their entries have the ids from
 * `out_first_id` (inclusive) to `out_end_id` (exclusive); both are equal where there are none. Cuts,
 * resets and truncations of the primary happen here too. Once both logs are closed the stream's
 * segments are equal to the byte. Nothing else may append to the stream meanwhile. Begins a
 * stream that does not exist. The packet is checked whole before anything is changed.
 *
 * - NULL: the outputs may be NULL.
 * - Blocks: until the disk has it (fsync), except for plain frames under ::IRONWAL_SYNC_ASYNC.
 * - Durable: as a batch. A cut, a reset and a truncation are on return, in every mode.
 * - Errors: ::IRONWAL_E_SEQUENCE_MISMATCH where the packet begins at another id than the next one;
 *   ::IRONWAL_E_CONFIG for a packet of another stream, or where the two have different histories;
 *   ::IRONWAL_E_CORRUPT for bytes that are no whole packet; ::IRONWAL_E_UNSUPPORTED_VERSION; nothing
 *   has changed after these. Also those of ironwal_stream_append_batch() and
 *   ironwal_stream_replace_suffix(): some frames may be there then, and the position says which.
 */
ironwal_status ironwal_stream_apply(const struct ironwal_stream *stream,
                                    const void *packet,
                                    size_t packet_len,
                                    uint64_t *out_first_id,
                                    uint64_t *out_end_id,
                                    struct ironwal_error **out_error);

/* Retention --------------------------------------------------------------------------------- */

/**
 * Removes old segments of a stream, whole ones and oldest first, as long as it has more than `max_bytes` bytes
 * of segments, or the oldest was last changed more than `max_age_ns` ago by the clock of the file system;
 * returns their number. ::IRONWAL_NO_LIMIT for either sets no such limit. They go as by ironwal_truncate().
 *
 * Stays: the newest segment; what a live checkpoint of a sharded log needs; with `keep_cursors` what a cursor has
 * not read. A cursor is a property with a key that begins with "cursor/"; its value is the next id to read, as
 * 8 bytes, the lowest first.
 *
 * - NULL: `out_segments` may be NULL.
 * - Blocks: until the directory is on the disk (fsync), where something is removed; while a snapshot is taken.
 * - Durable: on return.
 * - Errors: ::IRONWAL_E_CONFIG for a cursor whose value is not 8 bytes, in a log with checkpoints that is not open
 *   as a sharded log, and as of ironwal_truncate(); ::IRONWAL_E_STREAM_NOT_FOUND, ::IRONWAL_E_IO,
 *   ::IRONWAL_E_READ_ONLY.
 */
ironwal_status ironwal_stream_apply_retention(const struct ironwal_stream *stream,
                                              uint64_t max_bytes,
                                              uint64_t max_age_ns,
                                              bool keep_cursors,
                                              size_t *out_segments,
                                              struct ironwal_error **out_error);

/**
 * As ironwal_stream_apply_retention(), for each stream of a log. Attempts all streams, then returns the first
 * failure.
 *
 * - NULL: `out_segments` may be NULL.
 * - Blocks: until the directories are on the disk (fsync), where something is removed; while a snapshot is taken.
 * - Durable: on return.
 * - Errors: those of ironwal_stream_apply_retention(), ::IRONWAL_E_POISONED.
 */
ironwal_status ironwal_wal_apply_retention(const struct ironwal_wal *wal,
                                           uint64_t max_bytes,
                                           uint64_t max_age_ns,
                                           bool keep_cursors,
                                           size_t *out_segments,
                                           struct ironwal_error **out_error);

/**
 * Applies a retention to all streams once a minute, on a thread of the log, as ironwal_wal_apply_retention()
 * does. A failure goes to the log callback, and stops no other stream. Not for a log of replicas, which are
 * truncated as their primary is. Both limits ::IRONWAL_NO_LIMIT, the default: no retention is applied.
 */
ironwal_status ironwal_options_set_retention(struct ironwal_options *options,
                                             uint64_t max_bytes,
                                             uint64_t max_age_ns,
                                             bool keep_cursors,
                                             struct ironwal_error **out_error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* IRONWAL_H */
