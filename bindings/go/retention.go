package ironwal

// Which old segments of a stream are removed?

// #include "shim.h"
import "C"

import (
	"math"
	"time"
)

// Retention says which old segments are removed: whole ones, oldest first, never the newest. Nil limits nothing.
type Retention struct {
	MaxBytes *uint64        // as long as the stream has more bytes of segments
	MaxAge   *time.Duration // since the last change of the oldest
	// KeepCursors keeps what a cursor has not read: a property "cursor/NAME", the next id to read as 8 bytes,
	// the lowest first.
	KeepCursors bool
}

func (r *Retention) limits() (bytes, age C.uint64_t, keepCursors C.bool) {
	bytes, age = math.MaxUint64, math.MaxUint64
	if r.MaxBytes != nil {
		bytes = C.uint64_t(*r.MaxBytes)
	}
	if r.MaxAge != nil {
		age = C.uint64_t(r.MaxAge.Nanoseconds())
	}
	return bytes, age, C.bool(r.KeepCursors)
}

// ApplyRetention removes old segments of the stream, and returns how many. Durable on return.
func (s *Stream) ApplyRetention(retention Retention) (segments int, err error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.guard.leave()
	bytes, age, cursors := retention.limits()
	var object *C.ironwal_error
	var count C.size_t
	status := C.ironwal_stream_apply_retention(s.handle, bytes, age, cursors, &count, &object)
	return int(count), failure(status, object)
}

// ApplyRetention removes old segments of all streams, and returns how many. Durable on return.
func (l *Log) ApplyRetention(retention Retention) (segments int, err error) {
	err = l.with(func(wal *C.ironwal_wal) error {
		bytes, age, cursors := retention.limits()
		var object *C.ironwal_error
		var count C.size_t
		status := C.ironwal_wal_apply_retention(wal, bytes, age, cursors, &count, &object)
		segments = int(count)
		return failure(status, object)
	})
	return segments, err
}

// Truncate removes the segments that lie entirely below safeID, and returns how many. Durable on return.
func (s *Stream) Truncate(safeID uint64) (segments int, err error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.guard.leave()
	var object *C.ironwal_error
	var count C.size_t
	status := C.ironwal_stream_truncate(s.handle, C.uint64_t(safeID), &count, &object)
	return int(count), failure(status, object)
}

// RestoreArchived brings back the segments that truncation moved to the archive, and returns how many.
func (s *Stream) RestoreArchived() (segments int, err error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.guard.leave()
	var object *C.ironwal_error
	var count C.size_t
	status := C.ironwal_stream_restore_archived(s.handle, &count, &object)
	return int(count), failure(status, object)
}
