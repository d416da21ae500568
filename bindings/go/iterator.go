package ironwal

// How are the entries of a stream read in order, and those to come waited for?

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"math"
	"runtime"
	"time"
)

// View says which entries an iterator shows.
type View int32

const (
	ViewByMode  View = C.IRONWAL_VIEW_BY_MODE // those that reads show in the mode of the log
	ViewWritten View = C.IRONWAL_VIEW_WRITTEN // all; a power loss may take some back
	ViewDurable View = C.IRONWAL_VIEW_DURABLE
)

// Iterator reads a stream in one direction, one goroutine at a time.
//
//	for it.Next() {
//		use(it.ID(), it.Entry())
//	}
//	err := it.Err()
type Iterator struct {
	handle    *C.ironwal_iter
	canceller *C.ironwal_canceller
	id        uint64
	entry     []byte
	err       error
}

// Iterate reads from startID on, or from the first id kept if that is greater, what reads show.
func (s *Stream) Iterate(startID uint64) (*Iterator, error) { return s.Follow(startID, ViewByMode) }

// Follow is Iterate for a view. At the end of the stream, Wait waits for more.
func (s *Stream) Follow(startID uint64, view View) (*Iterator, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.guard.leave()
	r := C.iw_follow(s.handle, C.uint64_t(startID), C.int32_t(view))
	if err := failure(r.status, r.error); err != nil {
		return nil, err
	}
	it := &Iterator{handle: (*C.ironwal_iter)(r.handle)}
	c := C.iw_canceller(it.handle)
	if err := failure(c.status, c.error); err != nil {
		C.ironwal_iter_free(it.handle)
		return nil, err
	}
	it.canceller = (*C.ironwal_canceller)(c.handle)
	runtime.SetFinalizer(it, (*Iterator).free)
	return it, nil
}

// IterateBackward reads from fromID, or from the last entry that reads show if that is earlier, back to the
// first id kept; math.MaxUint64: from the last entry. It shows nothing that is appended later, Wait returns
// ErrInvalidArg, and Cancel ErrClosed.
func (s *Stream) IterateBackward(fromID uint64) (*Iterator, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.guard.leave()
	r := C.iw_iter_rev(s.handle, C.uint64_t(fromID))
	if err := failure(r.status, r.error); err != nil {
		return nil, err
	}
	it := &Iterator{handle: (*C.ironwal_iter)(r.handle)}
	runtime.SetFinalizer(it, (*Iterator).free)
	return it, nil
}

// Next moves to the next entry. False: the end for now, or an error, which Err returns. After either
// Next may be called again: behind the end it finds what was appended since; after ErrCRCMismatch,
// ErrCorrupt and ErrSegmentNotFound it goes on behind what is damaged or gone.
func (it *Iterator) Next() bool {
	it.entry, it.err = nil, nil
	if it.handle == nil {
		it.err = closed("the iterator")
		return false
	}
	r := C.iw_iter_next(it.handle)
	if r.status != C.IRONWAL_OK {
		if r.status != C.IRONWAL_E_END {
			it.err = failure(r.status, r.error)
		}
		return false
	}
	it.id, it.entry = uint64(r.id), copied(r.data, r.len)
	runtime.KeepAlive(it)
	return true
}

// ID returns the id of the entry.
func (it *Iterator) ID() uint64 { return it.id }

// Entry returns the entry; it is the caller's.
func (it *Iterator) Entry() []byte { return it.entry }

// Err returns why the last Next was false; nil: the end of the stream for now.
func (it *Iterator) Err() error { return it.err }

// Wait waits until Next has something to return. ErrTimeout, ErrCancelled: not yet.
func (it *Iterator) Wait(timeout time.Duration) error {
	if it.handle == nil {
		return closed("the iterator")
	}
	if timeout < 0 {
		timeout = 0
	}
	var object *C.ironwal_error
	status := C.ironwal_iter_wait(it.handle, C.uint64_t(timeout.Nanoseconds()), &object)
	runtime.KeepAlive(it)
	return failure(status, object)
}

// WaitContext waits until Next has something to return, or the context is done, and returns the error of the
// context then. A wait that is given up loses no entry.
func (it *Iterator) WaitContext(ctx context.Context) error {
	if it.handle == nil {
		return closed("the iterator")
	}
	over, cancelled := make(chan struct{}), make(chan error, 1)
	go func() {
		select {
		case <-ctx.Done():
			// It fails for a closed iterator only, whose wait has ended.
			_ = it.Cancel()
			cancelled <- ctx.Err()
		case <-over:
			cancelled <- nil
		}
	}()
	err := it.Wait(math.MaxInt64)
	close(over)
	done := <-cancelled
	if done == nil {
		return err
	}
	if !errors.Is(err, ErrCancelled) {
		// The cancellation came behind the wait. It is used up here, so that the next wait is none of its.
		if again := it.Wait(0); !errors.Is(again, ErrCancelled) {
			return again
		}
		return err
	}
	return done
}

// Cancel ends the Wait that is under way with ErrCancelled, or the next one if none is. Any goroutine
// may call it, but not beside or after Close.
func (it *Iterator) Cancel() error {
	if it.canceller == nil {
		return closed("the iterator")
	}
	var object *C.ironwal_error
	status := C.ironwal_canceller_cancel(it.canceller, &object)
	runtime.KeepAlive(it)
	return failure(status, object)
}

// Close releases the iterator.
func (it *Iterator) Close() {
	runtime.SetFinalizer(it, nil)
	it.free()
}

func (it *Iterator) free() {
	C.ironwal_canceller_free(it.canceller)
	C.ironwal_iter_free(it.handle)
	it.canceller, it.handle = nil, nil
}
