package ironwal

// How do entries go to the shard of their key, and how are checkpoints made, loaded and pruned?

// #include "shim.h"
import "C"

import (
	"fmt"
	"reflect"
	"runtime"
	"time"
	"unsafe"
)

// ShardedOptions is what a sharded log is opened with. A zero value is the default of the C library. Log.ReadOnly reads
// a log that another process may write, without options of checkpoints.
type ShardedOptions struct {
	Log Options
	// CheckpointEveryEntries makes a checkpoint whenever so many more entries were appended.
	CheckpointEveryEntries uint64
	// CheckpointInterval makes a checkpoint so often, if there are new entries.
	CheckpointInterval time.Duration
	// CheckpointPrefix names automatic checkpoints so, followed by 20 digits.
	CheckpointPrefix string
	// Retention prunes, after each automatic checkpoint, what is older than so many of the newest ones.
	Retention int
}

// ShardedLog is an open log of many shards.
type ShardedLog struct {
	guard  guard
	handle *C.ironwal_sharded
	shards uint32
}

// OpenSharded opens a sharded log in the directory path, creating or recovering it. The number of shards, 1 to
// 65,535, is recorded when the log is made; another one is ErrShardCountMismatch later, and 0 takes the recorded one
// if the log is opened read-only. options may be nil.
func OpenSharded(path string, shards uint32, options *ShardedOptions) (*ShardedLog, error) {
	if options == nil {
		options = &ShardedOptions{}
	}
	if options.Log.ReadOnly {
		return openShardedReadOnly(path, shards, options)
	}
	var object *C.ironwal_error
	var made *C.ironwal_sharded_options
	status := C.ironwal_sharded_options_new(C.uint32_t(shards), &made, &object)
	if err := failure(status, object); err != nil {
		return nil, err
	}
	defer C.ironwal_sharded_options_free(made)
	if err := options.apply(made); err != nil {
		return nil, err
	}
	o, err := options.Log.make(path)
	if err != nil {
		return nil, err
	}
	defer C.ironwal_options_free(o)
	var handle *C.ironwal_sharded
	status = C.ironwal_sharded_open(o, made, &handle, &object)
	if err := failure(status, object); err != nil {
		return nil, err
	}
	return newShardedLog(handle, shards), nil
}

func newShardedLog(handle *C.ironwal_sharded, shards uint32) *ShardedLog {
	l := &ShardedLog{guard: newGuard(), handle: handle, shards: shards}
	runtime.SetFinalizer(l, func(l *ShardedLog) { C.ironwal_sharded_free(l.handle) })
	return l
}

func openShardedReadOnly(path string, shards uint32, options *ShardedOptions) (*ShardedLog, error) {
	rest := *options
	rest.Log = Options{}
	if !reflect.DeepEqual(rest, ShardedOptions{}) {
		return nil, &Error{Status: ErrConfig, Message: "a log that is open read-only makes no checkpoints"}
	}
	o, err := options.Log.make(path)
	if err != nil {
		return nil, err
	}
	defer C.ironwal_options_free(o)
	var object *C.ironwal_error
	var handle *C.ironwal_sharded
	status := C.ironwal_sharded_open_read_only(o, C.uint32_t(shards), &handle, &object)
	if err := failure(status, object); err != nil {
		return nil, err
	}
	var count C.uint32_t
	status = C.ironwal_sharded_shard_count(handle, &count, &object)
	if err := failure(status, object); err != nil {
		C.ironwal_sharded_free(handle)
		return nil, err
	}
	return newShardedLog(handle, uint32(count)), nil
}

func (o *ShardedOptions) apply(to *C.ironwal_sharded_options) error {
	var object *C.ironwal_error
	if o.CheckpointEveryEntries != 0 {
		status := C.ironwal_sharded_options_set_checkpoint_every_entries(to, C.uint64_t(o.CheckpointEveryEntries), &object)
		if err := failure(status, object); err != nil {
			return err
		}
	}
	if o.CheckpointInterval != 0 {
		interval := C.uint64_t(o.CheckpointInterval.Nanoseconds())
		status := C.ironwal_sharded_options_set_checkpoint_interval(to, interval, &object)
		if err := failure(status, object); err != nil {
			return err
		}
	}
	if o.CheckpointPrefix != "" {
		status := C.ironwal_sharded_options_set_checkpoint_prefix(to, untyped(o.CheckpointPrefix), C.size_t(len(o.CheckpointPrefix)), &object)
		if err := failure(status, object); err != nil {
			return err
		}
	}
	if o.Retention != 0 {
		status := C.ironwal_sharded_options_set_retention(to, C.size_t(o.Retention), &object)
		if err := failure(status, object); err != nil {
			return err
		}
	}
	return nil
}

// Route returns the shard of a key among so many shards.
func Route(key []byte, shards uint32) (uint32, error) {
	var object *C.ironwal_error
	var shard C.uint32_t
	status := C.iw_sharded_route(first(key), C.size_t(len(key)), C.uint32_t(shards), &shard, &object)
	return uint32(shard), failure(status, object)
}

// Close ends the automatic checkpoints and closes the log for all its handles: see Log.Close.
func (l *ShardedLog) Close() error {
	if !l.guard.close() {
		return closed("the log")
	}
	var object *C.ironwal_error
	status := C.ironwal_sharded_close(l.handle, &object)
	if status == C.IRONWAL_E_INVALID_ARG {
		l.guard.reopen()
	} else {
		l.handle = nil
		runtime.SetFinalizer(l, nil)
	}
	return failure(status, object)
}

// with calls f with the handle, unless the log is closed.
func (l *ShardedLog) with(f func(*C.ironwal_sharded) error) error {
	if !l.guard.enter() {
		return closed("the log")
	}
	defer l.guard.leave()
	return f(l.handle)
}

// Shard returns a shard as a stream, for following and watching it. What is appended or removed through it
// bypasses routing and checkpoints.
func (l *ShardedLog) Shard(shard uint32) (s *Stream, err error) {
	if shard >= l.shards {
		return nil, &Error{Status: ErrConfig, Message: fmt.Sprintf("there is no shard %d of %d", shard, l.shards)}
	}
	err = l.with(func(sharded *C.ironwal_sharded) error {
		var object *C.ironwal_error
		var wal *C.ironwal_wal
		if err := failure(C.ironwal_sharded_wal(sharded, &wal, &object), object); err != nil {
			return err
		}
		defer C.ironwal_wal_free(wal)
		name := fmt.Sprintf("shard_%02d", shard)
		opened := C.iw_stream_open(wal, chars(name), C.size_t(len(name)))
		if err := failure(opened.status, opened.error); err != nil {
			return err
		}
		s = &Stream{guard: newGuard(), handle: (*C.ironwal_stream)(opened.handle)}
		runtime.SetFinalizer(s, func(s *Stream) { C.ironwal_stream_free(s.handle) })
		return nil
	})
	return s, err
}

// untyped is where the bytes of a text begin, for the time of one call: a copy of its own, so that cgo, which looks for
// pointers in the whole object, finds none.
func untyped(s string) unsafe.Pointer {
	return unsafe.Pointer(first([]byte(s)))
}

// Placed is where an entry went.
type Placed struct {
	Shard uint32
	ID    uint64
}

// Append appends one entry to the shard of its key. The key is not stored.
func (l *ShardedLog) Append(key, entry []byte) (placed Placed, err error) {
	err = l.with(func(sharded *C.ironwal_sharded) error {
		var object *C.ironwal_error
		var shard C.uint32_t
		var id C.uint64_t
		status := C.iw_sharded_append(sharded, first(key), C.size_t(len(key)), first(entry), C.size_t(len(entry)),
			&shard, &id, &object)
		placed = Placed{Shard: uint32(shard), ID: uint64(id)}
		return failure(status, object)
	})
	return placed, err
}

// KeyedEntry is an entry of a batch.
type KeyedEntry struct{ Key, Entry []byte }

// AppendBatch appends several entries to the shards of their keys, and returns where each went. Within a shard the
// batch is atomic; over several it is not: ErrBatchIncomplete, with Error.Committed.
func (l *ShardedLog) AppendBatch(entries []KeyedEntry) (placed []Placed, err error) {
	return l.appendBatch(entries, false)
}

// AppendBatchAtomic is as AppendBatch, but all or nothing over all shards, and durable on return in every sync mode. A
// batch takes at most 256 KiB: ErrTooLarge.
func (l *ShardedLog) AppendBatchAtomic(entries []KeyedEntry) (placed []Placed, err error) {
	return l.appendBatch(entries, true)
}

func (l *ShardedLog) appendBatch(entries []KeyedEntry, atomic bool) (placed []Placed, err error) {
	err = l.with(func(sharded *C.ironwal_sharded) error {
		if len(entries) == 0 {
			return nil
		}
		var bytes []byte
		lengths := make([]C.size_t, 0, 2*len(entries))
		for _, e := range entries {
			bytes = append(append(bytes, e.Key...), e.Entry...)
			lengths = append(lengths, C.size_t(len(e.Key)), C.size_t(len(e.Entry)))
		}
		shards, ids := make([]C.uint32_t, len(entries)), make([]C.uint64_t, len(entries))
		var object *C.ironwal_error
		var status C.ironwal_status
		if atomic {
			status = C.iw_sharded_append_batch_atomic(sharded, first(bytes), &lengths[0], C.size_t(len(entries)),
				&shards[0], &ids[0], &object)
		} else {
			status = C.iw_sharded_append_batch(sharded, first(bytes), &lengths[0], C.size_t(len(entries)),
				&shards[0], &ids[0], &object)
		}
		if err := failure(status, object); err != nil {
			return err
		}
		for i := range entries {
			placed = append(placed, Placed{Shard: uint32(shards[i]), ID: uint64(ids[i])})
		}
		return nil
	})
	return placed, err
}

// Refresh looks at all shards and checkpoints again in a log that is open read-only. Reading and loading do so where
// they have to.
func (l *ShardedLog) Refresh() error {
	return l.with(func(sharded *C.ironwal_sharded) error {
		var object *C.ironwal_error
		status := C.ironwal_sharded_refresh(sharded, &object)
		return failure(status, object)
	})
}

// Flush makes everything appended so far durable, in all shards at once.
func (l *ShardedLog) Flush() error {
	return l.with(func(sharded *C.ironwal_sharded) error {
		var object *C.ironwal_error
		status := C.ironwal_sharded_flush_all(sharded, &object)
		return failure(status, object)
	})
}

// Checkpoint is a checkpoint that was loaded: for each shard the id from which replay starts.
type Checkpoint struct {
	ID      string
	Time    time.Time
	Offsets []uint64
}

// checkpoint copies a checkpoint of the library, and frees it.
func checkpoint(loaded *C.ironwal_checkpoint) (*Checkpoint, error) {
	defer C.ironwal_checkpoint_free(loaded)
	id := C.ironwal_checkpoint_id(loaded)
	made := &Checkpoint{
		ID:   string(copied(id.data, id.len)),
		Time: time.Unix(0, int64(C.ironwal_checkpoint_timestamp_ns(loaded))),
	}
	for shard := C.uint32_t(0); shard < C.ironwal_checkpoint_shard_count(loaded); shard++ {
		var object *C.ironwal_error
		var offset C.uint64_t
		if err := failure(C.ironwal_checkpoint_offset(loaded, shard, &offset, &object), object); err != nil {
			return nil, err
		}
		made.Offsets = append(made.Offsets, uint64(offset))
	}
	return made, nil
}

// CreateCheckpoint makes a checkpoint, a consistent cut through all shards. An id has 1 to 65,535 bytes.
func (l *ShardedLog) CreateCheckpoint(id string) error {
	return l.with(func(sharded *C.ironwal_sharded) error {
		var object *C.ironwal_error
		status := C.ironwal_sharded_create_checkpoint(sharded, untyped(id), C.size_t(len(id)), &object)
		return failure(status, object)
	})
}

// LoadCheckpoint loads the checkpoint of an id.
func (l *ShardedLog) LoadCheckpoint(id string) (made *Checkpoint, err error) {
	err = l.with(func(sharded *C.ironwal_sharded) error {
		var object *C.ironwal_error
		var loaded *C.ironwal_checkpoint
		status := C.ironwal_sharded_load_checkpoint(sharded, untyped(id), C.size_t(len(id)), &loaded, &object)
		if err := failure(status, object); err != nil {
			return err
		}
		made, err = checkpoint(loaded)
		return err
	})
	return made, err
}

// LoadLatestCheckpoint loads the newest checkpoint. ErrNoCheckpoints: there is none.
func (l *ShardedLog) LoadLatestCheckpoint() (made *Checkpoint, err error) {
	err = l.with(func(sharded *C.ironwal_sharded) error {
		var object *C.ironwal_error
		var loaded *C.ironwal_checkpoint
		status := C.ironwal_sharded_load_latest_checkpoint(sharded, &loaded, &object)
		if err := failure(status, object); err != nil {
			return err
		}
		made, err = checkpoint(loaded)
		return err
	})
	return made, err
}

// Checkpoints returns the ids of the checkpoints that can be loaded, oldest first.
func (l *ShardedLog) Checkpoints() (ids []string, err error) {
	err = l.with(func(sharded *C.ironwal_sharded) error {
		var object *C.ironwal_error
		var list *C.ironwal_checkpoint_list
		if err := failure(C.ironwal_sharded_list_checkpoints(sharded, &list, &object), object); err != nil {
			return err
		}
		defer C.ironwal_checkpoint_list_free(list)
		for i := C.size_t(0); i < C.ironwal_checkpoint_list_count(list); i++ {
			var id C.ironwal_view
			if err := failure(C.iw_checkpoint_at(list, i, &id, &object), object); err != nil {
				return err
			}
			ids = append(ids, string(copied(id.data, id.len)))
		}
		return nil
	})
	return ids, err
}

// PruneStats is what a pruning removed.
type PruneStats struct{ ShardsPruned, SegmentsDeleted uint64 }

// PruneBeforeCheckpoint removes the segments that hold only entries below the checkpoint's offsets, and older
// checkpoints.
func (l *ShardedLog) PruneBeforeCheckpoint(id string) (made PruneStats, err error) {
	err = l.with(func(sharded *C.ironwal_sharded) error {
		var object *C.ironwal_error
		var s C.ironwal_prune_stats
		status := C.ironwal_sharded_prune_before_checkpoint(sharded, untyped(id), C.size_t(len(id)),
			&s, C.size_t(unsafe.Sizeof(s)), &object)
		made = PruneStats{ShardsPruned: uint64(s.shards_pruned), SegmentsDeleted: uint64(s.segments_deleted)}
		return failure(status, object)
	})
	return made, err
}

// RollbackToCheckpoint removes all entries that the checkpoint does not hold, and all later checkpoints, in one step.
func (l *ShardedLog) RollbackToCheckpoint(id string) error {
	return l.with(func(sharded *C.ironwal_sharded) error {
		var object *C.ironwal_error
		status := C.ironwal_sharded_rollback_to_checkpoint(sharded, untyped(id), C.size_t(len(id)), &object)
		return failure(status, object)
	})
}

// CompactionStats is what a compaction removed.
type CompactionStats struct{ CheckpointsBefore, CheckpointsAfter, BytesReclaimed uint64 }

// CompactCheckpoints removes all checkpoints but the newest keepLatest. It removes no entries.
func (l *ShardedLog) CompactCheckpoints(keepLatest int) (made CompactionStats, err error) {
	err = l.with(func(sharded *C.ironwal_sharded) error {
		var object *C.ironwal_error
		var s C.ironwal_compaction_stats
		status := C.ironwal_sharded_compact_checkpoints(sharded, C.size_t(keepLatest), &s, C.size_t(unsafe.Sizeof(s)), &object)
		made = CompactionStats{
			CheckpointsBefore: uint64(s.checkpoints_before), CheckpointsAfter: uint64(s.checkpoints_after),
			BytesReclaimed: uint64(s.bytes_reclaimed),
		}
		return failure(status, object)
	})
	return made, err
}

// AutomaticStatus counts automatic checkpoints since the log was opened.
type AutomaticStatus struct {
	Created, Failed uint64
	LastError       string // of a failed last attempt; empty where it succeeded
}

// AutomaticStatus returns how automatic checkpoints went. ErrNotFound: the log was opened without them.
func (l *ShardedLog) AutomaticStatus() (made AutomaticStatus, err error) {
	err = l.with(func(sharded *C.ironwal_sharded) error {
		var object *C.ironwal_error
		var s C.ironwal_automatic_status
		var last C.ironwal_buffer
		status := C.ironwal_sharded_automatic_status(sharded, &s, C.size_t(unsafe.Sizeof(s)), &last, &object)
		if err := failure(status, object); err != nil {
			return err
		}
		defer C.ironwal_buffer_free(&last)
		made = AutomaticStatus{
			Created: uint64(s.created), Failed: uint64(s.failed), LastError: string(copied(last.data, last.len)),
		}
		return nil
	})
	return made, err
}

// SnapshotTo puts a copy of the log with its checkpoints, as it is at one moment, into the new directory dir.
func (l *ShardedLog) SnapshotTo(dir string, mode SnapshotMode) (made SnapshotStats, err error) {
	err = l.with(func(sharded *C.ironwal_sharded) error {
		var object *C.ironwal_error
		var s C.ironwal_snapshot_stats
		status := C.ironwal_sharded_snapshot_to(sharded, chars(dir), C.size_t(len(dir)), C.int32_t(mode),
			&s, C.size_t(unsafe.Sizeof(s)), &object)
		made = snapshotStats(&s)
		return failure(status, object)
	})
	return made, err
}
