package ironwal

// How does a program learn that a place of a stream is durable?

// #include "shim.h"
// extern void ironwalGoDurable(uintptr_t context, ironwal_mark mark, ironwal_status status);
import "C"

import (
	"context"
	"runtime/cgo"
	"time"
)

// Mark returns the place behind everything appended so far.
func (s *Stream) Mark() (Mark, error) {
	if err := s.enter(); err != nil {
		return Mark{}, err
	}
	defer s.guard.leave()
	r := C.iw_mark(s.handle)
	return Mark{r.mark}, failure(r.status, r.error)
}

// IsDurable reports whether everything in front of the mark is durable. Once true it stays true.
func (s *Stream) IsDurable(mark Mark) (bool, error) {
	if err := s.enter(); err != nil {
		return false, err
	}
	defer s.guard.leave()
	r := C.iw_is_durable(s.handle, mark.raw)
	return r.value != 0, failure(r.status, r.error)
}

// Ticket names a function given to OnDurable.
type Ticket struct {
	ticket  C.ironwal_ticket
	context cgo.Handle
}

// OnDurable has f called once, with nil when everything in front of the mark is durable, or with the
// status that keeps it from becoming so: ErrPoisoned, ErrDetached, ErrClosed, ErrStreamNotFound. Returns
// at once, and asks for a sync.
//
// f is called on a thread of the library, or on the one that closes the log. It may append, read,
// register and cancel, and must return soon: hand over to a goroutine what may wait. It must not panic;
// it cannot close the log.
func (s *Stream) OnDurable(mark Mark, f func(error)) (*Ticket, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.guard.leave()
	t := &Ticket{context: cgo.NewHandle(f)}
	var object *C.ironwal_error
	status := C.ironwal_stream_on_durable(s.handle, mark.raw, (C.ironwal_durable_fn)(C.ironwalGoDurable),
		C.uintptr_t(t.context), &t.ticket, &object)
	if err := failure(status, object); err != nil {
		t.context.Delete()
		return nil, err
	}
	return t, nil
}

// Cancel cancels the function that the ticket names. True: it was not called and will not be. False: it
// has been called and has returned, unless it is what calls Cancel.
func (s *Stream) Cancel(t *Ticket) (bool, error) {
	if err := s.enter(); err != nil {
		return false, err
	}
	defer s.guard.leave()
	var object *C.ironwal_error
	var cancelled C.bool
	status := C.ironwal_stream_cancel_durable(s.handle, &t.ticket, &cancelled, &object)
	if err := failure(status, object); err != nil {
		return false, err
	}
	if cancelled {
		t.context.Delete()
	}
	return bool(cancelled), nil
}

// WaitDurable returns when everything in front of the mark is durable, or cannot become so. The
// goroutine waits, no thread does.
func (s *Stream) WaitDurable(mark Mark) error {
	done := make(chan error, 1)
	if _, err := s.OnDurable(mark, func(err error) { done <- err }); err != nil {
		return err
	}
	return <-done
}

// WaitDurableContext is WaitDurable until the context is done; it returns the error of the context then, and
// leaves nothing behind.
func (s *Stream) WaitDurableContext(ctx context.Context, mark Mark) error {
	done := make(chan error, 1)
	ticket, err := s.OnDurable(mark, func(err error) { done <- err })
	if err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	if cancelled, err := s.Cancel(ticket); err == nil && cancelled {
		return ctx.Err()
	}
	// It was called meanwhile, or by the close.
	return <-done
}

// WaitDurableID returns when the entry id, which need not be appended yet, is durable. ErrTimeout: it is not yet. The
// goroutine occupies a thread meanwhile.
func (s *Stream) WaitDurableID(id uint64, timeout time.Duration) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.guard.leave()
	if timeout < 0 {
		timeout = 0
	}
	var object *C.ironwal_error
	status := C.ironwal_stream_wait_durable(s.handle, C.uint64_t(id), C.uint64_t(timeout.Nanoseconds()), &object)
	return failure(status, object)
}

//export ironwalGoDurable
func ironwalGoDurable(context C.uintptr_t, _ C.ironwal_mark, status C.ironwal_status) {
	handle := cgo.Handle(context)
	f := handle.Value().(func(error))
	handle.Delete()
	f(failure(status, nil))
}
