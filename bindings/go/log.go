// Package ironwal is an embedded, durable, segmented write-ahead log: a binding of the C library.
//
//	log, err := ironwal.Open("orders", nil)
//	stream, err := log.Stream("trades")
//	id, err := stream.Append([]byte("100@42")) // durable
//	entry, err := stream.Get(id)
//	err = log.Close()
//
// Every failure is an *Error; errors.Is compares it with a Status. Any goroutine may use a Log and a
// Stream, several at once; an Iterator is for one at a time. Bytes that go in are read during the call
// only, bytes that come out are copies. The C library keeps no pointer to Go memory.
//
// Close what you open. What is forgotten is released when the garbage collector finds it, and then a
// failure to reach the disk is not reported.
package ironwal

// #include "shim.h"
import "C"

import (
	"runtime"
	"time"
	"unsafe"
)

// SyncMode says when appends are durable.
type SyncMode int32

const (
	SyncStrict    SyncMode = C.IRONWAL_SYNC_STRICT     // each append, when it returns
	SyncBatchOnly SyncMode = C.IRONWAL_SYNC_BATCH_ONLY // batches, when they return
	SyncAsync     SyncMode = C.IRONWAL_SYNC_ASYNC      // by a later sync
)

// Compression says how frames are stored.
type Compression int32

const (
	CompressionNone Compression = C.IRONWAL_COMPRESSION_NONE
	CompressionLZ4  Compression = C.IRONWAL_COMPRESSION_LZ4
)

// ReadStrategy says how segments are read.
type ReadStrategy int32

const (
	ReadStandardIO ReadStrategy = C.IRONWAL_READ_STANDARD_IO
	ReadMmap       ReadStrategy = C.IRONWAL_READ_MMAP
)

// WriteStrategy says how the active segment is written.
type WriteStrategy int32

const (
	WriteAuto       WriteStrategy = C.IRONWAL_WRITE_AUTO
	WriteStandardIO WriteStrategy = C.IRONWAL_WRITE_STANDARD_IO
	WriteMmap       WriteStrategy = C.IRONWAL_WRITE_MMAP
)

// CommitPath says where what a sync makes durable is written first.
type CommitPath int32

const (
	CommitAuto    CommitPath = C.IRONWAL_COMMIT_AUTO     // the library chooses for each sync
	CommitInPlace CommitPath = C.IRONWAL_COMMIT_IN_PLACE // the stream's own file
	CommitJournal CommitPath = C.IRONWAL_COMMIT_JOURNAL  // one file that all streams share
)

// Match says which streams options of their own are for.
type Match int32

const (
	MatchExact  Match = C.IRONWAL_MATCH_EXACT  // the stream with this name
	MatchPrefix Match = C.IRONWAL_MATCH_PREFIX // all whose names begin with this
)

// StreamOptions are options of streams, in place of those of the log.
type StreamOptions struct {
	Match Match
	Name  string
	// Options is text such as "sync_mode=async; max_segment_size=256M"; include/ironwal.h names them at
	// ironwal_options_set_stream.
	Options string
}

// OnCorruption says what Open does about damage.
type OnCorruption int32

const (
	CorruptionTruncate OnCorruption = C.IRONWAL_CORRUPTION_TRUNCATE // keep what is good
	CorruptionError    OnCorruption = C.IRONWAL_CORRUPTION_ERROR    // refuse to open
)

// Options of a log. A zero value is the default of the C library, which include/ironwal.h names. None of
// it is stored.
type Options struct {
	SyncMode             SyncMode
	Compression          Compression
	ReadStrategy         ReadStrategy
	WriteStrategy        WriteStrategy
	CommitPath           CommitPath
	JournalSize          uint64 // bytes that the files of the commit journal may take
	OnCorruption         OnCorruption
	MaxSegmentSize       uint64 // bytes
	MaxEntriesPerSegment uint64
	MaxOpenSegments      int    // files kept open for writing
	MaxOpenReadSegments  int    // files kept open or mapped for reading
	WriteBufferSize      int    // bytes of frames gathered into one write; below 0: none are
	ReadBufferSize       int    // bytes read ahead
	BlockCacheSize       uint64 // bytes of decompressed frames kept in memory
	MinCompressionSize   int    // bytes; below 0: every payload is compressed
	// BackgroundSync syncs a stream no later than this after its oldest unsynced append, and once
	// BackgroundSyncBytes are unsynced. Both or none.
	BackgroundSync      time.Duration
	BackgroundSyncBytes uint64
	NoBackgroundSync    bool
	// SyncThreads is how many streams are synced in the background at once: 1 to 64.
	SyncThreads int
	// Latencies measures how long each append takes.
	Latencies bool
	// ArchivePath is where truncation moves segments instead of deleting them.
	ArchivePath string
	// Retention is applied to all streams once a minute.
	Retention *Retention
	// Streams have options of their own. Of several with a name one holds, whole: the exact one, else that
	// with the longest prefix.
	Streams []StreamOptions
	// ReadOnly reads a log that another process may write; nothing on disk is changed or locked.
	ReadOnly bool
}

// Log is an open log: the only writer of its directory.
type Log struct {
	guard  guard
	handle *C.ironwal_wal
}

// Open opens the log in the directory path, creating or recovering it. The parent must exist. options
// may be nil. Everything that can be read afterwards is durable, unless the log is opened read-only.
func Open(path string, options *Options) (*Log, error) {
	if options == nil {
		options = &Options{}
	}
	o, err := options.make(path)
	if err != nil {
		return nil, err
	}
	defer C.ironwal_options_free(o)
	opened := C.iw_open(o, C.bool(options.ReadOnly))
	if err := failure(opened.status, opened.error); err != nil {
		return nil, err
	}
	l := &Log{guard: newGuard(), handle: (*C.ironwal_wal)(opened.handle)}
	runtime.SetFinalizer(l, func(l *Log) { C.ironwal_wal_free(l.handle) })
	return l, nil
}

// make makes the options of the library, which the caller frees.
func (o *Options) make(path string) (*C.ironwal_options, error) {
	made := C.iw_options_new(chars(path), C.size_t(len(path)))
	if err := failure(made.status, made.error); err != nil {
		return nil, err
	}
	options := (*C.ironwal_options)(made.handle)
	if err := o.apply(options); err != nil {
		C.ironwal_options_free(options)
		return nil, err
	}
	return options, nil
}

// atLeastNone is a size for which 0 has a meaning of its own, and is asked for by a negative one.
func atLeastNone(size int) C.size_t {
	if size < 0 {
		return 0
	}
	return C.size_t(size)
}

func (o *Options) apply(to *C.ironwal_options) error {
	set := func(call func(out **C.ironwal_error) C.ironwal_status) error {
		var object *C.ironwal_error
		status := call(&object)
		return failure(status, object)
	}
	type e = *C.ironwal_error
	steps := []struct {
		wanted bool
		call   func(out *e) C.ironwal_status
	}{
		{o.SyncMode != 0, func(out *e) C.ironwal_status {
			return C.ironwal_options_set_sync_mode(to, C.int32_t(o.SyncMode), out)
		}},
		{o.Compression != 0, func(out *e) C.ironwal_status {
			return C.ironwal_options_set_compression(to, C.int32_t(o.Compression), out)
		}},
		{o.ReadStrategy != 0, func(out *e) C.ironwal_status {
			return C.ironwal_options_set_read_strategy(to, C.int32_t(o.ReadStrategy), out)
		}},
		{o.WriteStrategy != 0, func(out *e) C.ironwal_status {
			return C.ironwal_options_set_write_strategy(to, C.int32_t(o.WriteStrategy), out)
		}},
		{o.CommitPath != 0, func(out *e) C.ironwal_status {
			return C.ironwal_options_set_commit_path(to, C.int32_t(o.CommitPath), out)
		}},
		{o.JournalSize != 0, func(out *e) C.ironwal_status {
			return C.ironwal_options_set_journal_size(to, C.uint64_t(o.JournalSize), out)
		}},
		{o.MaxEntriesPerSegment != 0, func(out *e) C.ironwal_status {
			return C.ironwal_options_set_max_entries_per_segment(to, C.uint64_t(o.MaxEntriesPerSegment), out)
		}},
		{o.MaxOpenSegments != 0, func(out *e) C.ironwal_status {
			return C.ironwal_options_set_max_open_segments(to, C.size_t(o.MaxOpenSegments), out)
		}},
		{o.MaxOpenReadSegments != 0, func(out *e) C.ironwal_status {
			return C.ironwal_options_set_max_open_read_segments(to, C.size_t(o.MaxOpenReadSegments), out)
		}},
		{o.WriteBufferSize != 0, func(out *e) C.ironwal_status {
			return C.ironwal_options_set_write_buffer_size(to, atLeastNone(o.WriteBufferSize), out)
		}},
		{o.ReadBufferSize != 0, func(out *e) C.ironwal_status {
			return C.ironwal_options_set_read_buffer_size(to, C.size_t(o.ReadBufferSize), out)
		}},
		{o.BlockCacheSize != 0, func(out *e) C.ironwal_status {
			return C.ironwal_options_set_block_cache_size(to, C.uint64_t(o.BlockCacheSize), out)
		}},
		{o.MinCompressionSize != 0, func(out *e) C.ironwal_status {
			return C.ironwal_options_set_min_compression_size(to, atLeastNone(o.MinCompressionSize), out)
		}},
		{o.Latencies, func(out *e) C.ironwal_status {
			return C.ironwal_options_set_latencies(to, true, out)
		}},
		{o.ArchivePath != "", func(out *e) C.ironwal_status {
			return C.ironwal_options_set_archive_path(to, chars(o.ArchivePath), C.size_t(len(o.ArchivePath)), out)
		}},
		{o.Retention != nil, func(out *e) C.ironwal_status {
			bytes, age, cursors := o.Retention.limits()
			return C.ironwal_options_set_retention(to, bytes, age, cursors, out)
		}},
		{o.OnCorruption != 0, func(out *e) C.ironwal_status {
			return C.ironwal_options_set_on_corruption(to, C.int32_t(o.OnCorruption), out)
		}},
		{o.MaxSegmentSize != 0, func(out *e) C.ironwal_status {
			return C.ironwal_options_set_max_segment_size(to, C.uint64_t(o.MaxSegmentSize), out)
		}},
		{o.BackgroundSync != 0 || o.BackgroundSyncBytes != 0, func(out *e) C.ironwal_status {
			interval := C.uint64_t(o.BackgroundSync.Nanoseconds())
			return C.ironwal_options_set_background_sync(to, interval, C.uint64_t(o.BackgroundSyncBytes), out)
		}},
		{o.NoBackgroundSync, func(out *e) C.ironwal_status {
			return C.ironwal_options_set_no_background_sync(to, out)
		}},
		{o.SyncThreads != 0, func(out *e) C.ironwal_status {
			return C.ironwal_options_set_sync_threads(to, C.size_t(o.SyncThreads), out)
		}},
	}
	for _, step := range steps {
		if step.wanted {
			if err := set(step.call); err != nil {
				return err
			}
		}
	}
	for _, own := range o.Streams {
		err := set(func(out *e) C.ironwal_status {
			return C.ironwal_options_set_stream(to, C.int32_t(own.Match), chars(own.Name), C.size_t(len(own.Name)),
				chars(own.Options), C.size_t(len(own.Options)), out)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Close makes everything durable and closes the log, also for its streams, after the calls on the Log
// that are under way. It completes every function given to OnDurable. The log is closed even if an error
// is returned, except for ErrInvalidArg: such a function called Close, and nothing was done. A second
// Close returns ErrClosed.
func (l *Log) Close() error {
	if !l.guard.close() {
		return closed("the log")
	}
	var object *C.ironwal_error
	status := C.ironwal_wal_close(l.handle, &object)
	if status == C.IRONWAL_E_INVALID_ARG {
		l.guard.reopen()
	} else {
		l.handle = nil
		runtime.SetFinalizer(l, nil)
	}
	return failure(status, object)
}

// with calls f with the handle, unless the log is closed.
func (l *Log) with(f func(*C.ironwal_wal) error) error {
	if !l.guard.enter() {
		return closed("the log")
	}
	defer l.guard.leave()
	return f(l.handle)
}

// SyncAll makes every stream durable.
func (l *Log) SyncAll() error {
	return l.with(func(wal *C.ironwal_wal) error {
		var object *C.ironwal_error
		status := C.ironwal_wal_sync_all(wal, &object)
		return failure(status, object)
	})
}

// Streams returns the names of the streams, sorted.
func (l *Log) Streams() (names []string, err error) {
	err = l.with(func(wal *C.ironwal_wal) error {
		listed := C.iw_streams(wal)
		if err := failure(listed.status, listed.error); err != nil {
			return err
		}
		list := (*C.ironwal_name_list)(listed.handle)
		defer C.ironwal_name_list_free(list)
		for i := C.size_t(0); i < C.ironwal_name_list_count(list); i++ {
			names = append(names, text(C.ironwal_name_list_get(list, i)))
		}
		return nil
	})
	return names, err
}

// IsReadOnly reports whether the log was opened with Options.ReadOnly.
func (l *Log) IsReadOnly() (readOnly bool, err error) {
	err = l.with(func(wal *C.ironwal_wal) error {
		var object *C.ironwal_error
		var found C.bool
		status := C.ironwal_wal_is_read_only(wal, &found, &object)
		readOnly = bool(found)
		return failure(status, object)
	})
	return readOnly, err
}

// Refresh looks at everything again in a log that is open read-only. Reading does so where it has to.
func (l *Log) Refresh() error {
	return l.with(func(wal *C.ironwal_wal) error {
		var object *C.ironwal_error
		status := C.ironwal_wal_refresh(wal, &object)
		return failure(status, object)
	})
}

// DeleteStream deletes a stream with all its entries, durably. Deleting what is not there succeeds.
func (l *Log) DeleteStream(name string) error {
	return l.with(func(wal *C.ironwal_wal) error {
		var object *C.ironwal_error
		status := C.ironwal_delete_stream(wal, chars(name), C.size_t(len(name)), &object)
		return failure(status, object)
	})
}

// Stream returns a handle of the stream, which its first append creates.
func (l *Log) Stream(name string) (s *Stream, err error) {
	err = l.with(func(wal *C.ironwal_wal) error {
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

// chars is where the bytes of a string begin, for the time of one call.
func chars(s string) *C.char {
	if s == "" {
		return nil
	}
	return (*C.char)(unsafe.Pointer(&[]byte(s)[0]))
}

// first is where bytes begin, for the time of one call. The type says that no pointers are there: given an untyped
// pointer, cgo looks for them in the whole object that the bytes are part of.
func first(b []byte) *C.uint8_t {
	if len(b) == 0 {
		return nil
	}
	return (*C.uint8_t)(unsafe.Pointer(&b[0]))
}
