package ironwal

// Why did a call fail, and how does a program decide by it?

// #include "shim.h"
import "C"

import "syscall"

// Status says which kind of failure a call had. It is an error, to be compared with:
//
//	if errors.Is(err, ironwal.ErrSequenceMismatch) { … }
type Status int32

// The statuses of the C library; include/ironwal.h explains each.
const (
	ErrOther               Status = C.IRONWAL_E_OTHER
	ErrInvalidArg          Status = C.IRONWAL_E_INVALID_ARG
	ErrNotFound            Status = C.IRONWAL_E_NOT_FOUND
	ErrEnd                 Status = C.IRONWAL_E_END
	ErrBufferTooSmall      Status = C.IRONWAL_E_BUFFER_TOO_SMALL
	ErrTimeout             Status = C.IRONWAL_E_TIMEOUT
	ErrIO                  Status = C.IRONWAL_E_IO
	ErrNoSpace             Status = C.IRONWAL_E_NO_SPACE
	ErrCorrupt             Status = C.IRONWAL_E_CORRUPT
	ErrCRCMismatch         Status = C.IRONWAL_E_CRC_MISMATCH
	ErrConfig              Status = C.IRONWAL_E_CONFIG
	ErrSegmentNotFound     Status = C.IRONWAL_E_SEGMENT_NOT_FOUND
	ErrStreamNotFound      Status = C.IRONWAL_E_STREAM_NOT_FOUND
	ErrInvalidFilename     Status = C.IRONWAL_E_INVALID_FILENAME
	ErrSerialization       Status = C.IRONWAL_E_SERIALIZATION
	ErrLocked              Status = C.IRONWAL_E_LOCKED
	ErrPoisoned            Status = C.IRONWAL_E_POISONED
	ErrTooLarge            Status = C.IRONWAL_E_TOO_LARGE
	ErrSequenceMismatch    Status = C.IRONWAL_E_SEQUENCE_MISMATCH
	ErrClosed              Status = C.IRONWAL_E_CLOSED
	ErrForked              Status = C.IRONWAL_E_FORKED
	ErrUnsupportedVersion  Status = C.IRONWAL_E_UNSUPPORTED_VERSION
	ErrPanic               Status = C.IRONWAL_E_PANIC
	ErrStaleView           Status = C.IRONWAL_E_STALE_VIEW
	ErrCheckpointNotFound  Status = C.IRONWAL_E_CHECKPOINT_NOT_FOUND
	ErrCheckpointCorrupted Status = C.IRONWAL_E_CHECKPOINT_CORRUPTED
	ErrShardCountMismatch  Status = C.IRONWAL_E_SHARD_COUNT_MISMATCH
	ErrInvalidCheckpointID Status = C.IRONWAL_E_INVALID_CHECKPOINT_ID
	ErrNoCheckpoints       Status = C.IRONWAL_E_NO_CHECKPOINTS
	ErrCheckpointPruned    Status = C.IRONWAL_E_CHECKPOINT_PRUNED
	ErrBatchIncomplete     Status = C.IRONWAL_E_BATCH_INCOMPLETE
	ErrReadOnly            Status = C.IRONWAL_E_READ_ONLY
	ErrDetached            Status = C.IRONWAL_E_DETACHED
	ErrSuffixCut           Status = C.IRONWAL_E_SUFFIX_CUT
	ErrCancelled           Status = C.IRONWAL_E_CANCELLED
)

// Error returns the name of the status, such as "IRONWAL_E_LOCKED".
func (s Status) Error() string {
	return C.GoString(C.ironwal_status_name(C.ironwal_status(s)))
}

// Error is the failure of a call of the library. Fields that the library does not know are zero.
type Error struct {
	Status  Status
	Message string // what happened, where, and what to do about it, for people
	Stream  string
	Path    string // the file or directory

	Offset    uint64 // the place in the file, in bytes
	HasOffset bool

	FirstID uint64 // the ids concerned
	EndID   uint64 // exclusive
	HasIDs  bool

	ExpectedID  uint64 // of ErrSequenceMismatch: what the caller expected
	FoundID     uint64 // and the next id of the stream; may be out of date
	HasSequence bool

	// Committed is, of ErrBatchIncomplete, the parts of the batch that are there; those of all other shards are not.
	Committed []CommittedPart

	OSError syscall.Errno // 0: none
}

// CommittedPart is the part of an incomplete batch that one shard holds whole.
type CommittedPart struct {
	Shard          uint32
	FirstID, EndID uint64 // EndID exclusive
}

func (e *Error) Error() string { return e.Message }

// Is reports whether target is the status of the error.
func (e *Error) Is(target error) bool {
	status, ok := target.(Status)
	return ok && status == e.Status
}

// Unwrap returns the operating system's error, such as syscall.ENOSPC, or nil.
func (e *Error) Unwrap() error {
	if e.OSError == 0 {
		return nil
	}
	return e.OSError
}

// failure makes a Go error of what a call returned, and frees the error object. A goroutine changes its
// thread between two calls, so all details come in the object and none from a later call.
func failure(status C.ironwal_status, object *C.ironwal_error) error {
	if status == C.IRONWAL_OK {
		return nil
	}
	err := &Error{Status: Status(status)}
	if object == nil {
		err.Message = err.Status.Error()
		return err
	}
	d := C.iw_error_details(object)
	err.Message = text(d.message)
	err.Stream = text(d.stream)
	err.Path = text(d.path)
	err.OSError = syscall.Errno(d.os_error)
	if err.HasOffset = bool(d.has_offset); err.HasOffset {
		err.Offset = uint64(d.offset)
	}
	if err.HasIDs = bool(d.has_ids); err.HasIDs {
		err.FirstID, err.EndID = uint64(d.first_id), uint64(d.end_id)
	}
	if err.HasSequence = bool(d.has_sequence); err.HasSequence {
		err.ExpectedID, err.FoundID = uint64(d.expected_id), uint64(d.found_id)
	}
	for i := C.size_t(0); i < C.ironwal_error_committed_count(object); i++ {
		var shard C.uint32_t
		var firstID, endID C.uint64_t
		if C.ironwal_error_committed_part(object, i, &shard, &firstID, &endID) {
			err.Committed = append(err.Committed, CommittedPart{uint32(shard), uint64(firstID), uint64(endID)})
		}
	}
	C.ironwal_error_free(object)
	return err
}

// text copies a text of the library.
func text(s C.ironwal_str) string {
	return C.GoStringN(s.data, C.int(s.len))
}

func closed(what string) error {
	return &Error{Status: ErrClosed, Message: what + " was closed"}
}
