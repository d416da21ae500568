// How does Go use ironwal? With cgo:
//
//	CGO_CFLAGS=-I.../include CGO_LDFLAGS="-L.../lib -Wl,-rpath,.../lib" go run . DIRECTORY
package main

/*
#cgo LDFLAGS: -lironwal
#include <ironwal.h>
*/
import "C"

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"unsafe"
)

// Error is the failure of a library call.
type Error struct {
	Status  int32
	Message string
}

func (e *Error) Error() string { return e.Message }

// failure turns a status and its error object, which it frees, into a Go error. Goroutines change
// threads between calls, so the details come with the call and not from a later one.
func failure(status C.ironwal_status, details *C.ironwal_error) error {
	if status == C.IRONWAL_OK {
		return nil
	}
	message := C.GoString(C.ironwal_status_name(status))
	if details != nil {
		text := C.ironwal_error_message(details)
		message = C.GoStringN(text.data, C.int(text.len))
		C.ironwal_error_free(details)
	}
	return &Error{int32(status), message}
}

func isStatus(err error, status int32) bool {
	var failed *Error
	return errors.As(err, &failed) && failed.Status == status
}

// text converts a Go string for C: pointer and length, no NUL.
func text(s string) (*C.char, C.size_t) {
	return (*C.char)(data([]byte(s))), C.size_t(len(s))
}

func data(b []byte) unsafe.Pointer {
	if len(b) == 0 {
		return nil
	}
	return unsafe.Pointer(&b[0])
}

// Wal is an open log, for any number of goroutines.
type Wal struct{ handle *C.ironwal_wal }

// Open opens or creates the log in a directory.
func Open(path string) (*Wal, error) {
	var options *C.ironwal_options
	var details *C.ironwal_error
	at, length := text(path)
	if err := failure(C.ironwal_options_new(at, length, &options, &details), details); err != nil {
		return nil, err
	}
	defer C.ironwal_options_free(options)
	wal := new(Wal)
	if err := failure(C.ironwal_wal_open(options, &wal.handle, &details), details); err != nil {
		return nil, err
	}
	return wal, nil
}

// Close returns nil if everything is durable.
func (w *Wal) Close() error {
	var details *C.ironwal_error
	status := C.ironwal_wal_close(w.handle, &details)
	w.handle = nil
	return failure(status, details)
}

// Append returns the entry's id once it is durable.
func (w *Wal) Append(stream string, entry []byte) (uint64, error) {
	var id C.uint64_t
	var details *C.ironwal_error
	name, length := text(stream)
	status := C.ironwal_append(w.handle, name, length, data(entry), C.size_t(len(entry)), &id, &details)
	return uint64(id), failure(status, details)
}

// Get returns nil without an error if there is no such entry.
func (w *Wal) Get(stream string, id uint64) ([]byte, error) {
	var buffer C.ironwal_buffer
	var details *C.ironwal_error
	name, length := text(stream)
	status := C.ironwal_get(w.handle, name, length, C.uint64_t(id), &buffer, &details)
	if status == C.IRONWAL_E_NOT_FOUND {
		return nil, nil
	}
	defer C.ironwal_buffer_free(&buffer)
	return C.GoBytes(unsafe.Pointer(buffer.data), C.int(buffer.len)), failure(status, details)
}

// Each calls back for every entry from start to the end of the log as it is now.
func (w *Wal) Each(stream string, start uint64, visit func(id uint64, entry []byte)) error {
	var iter *C.ironwal_iter
	var details *C.ironwal_error
	name, length := text(stream)
	status := C.ironwal_wal_iter(w.handle, name, length, C.uint64_t(start), &iter, &details)
	if err := failure(status, details); err != nil {
		return err
	}
	defer C.ironwal_iter_free(iter)
	for {
		var id C.uint64_t
		var view C.ironwal_view
		status := C.ironwal_iter_next(iter, &id, &view, &details)
		if status == C.IRONWAL_E_END {
			return nil
		}
		if err := failure(status, details); err != nil {
			return err
		}
		// Copied: the view ends with the next step.
		visit(uint64(id), C.GoBytes(unsafe.Pointer(view.data), C.int(view.len)))
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(good bool, what string) {
	if !good {
		must(errors.New("not so: " + what))
	}
}

func main() {
	const writers, each = 8, 25
	wal, err := Open(os.Args[1])
	must(err)
	var done sync.WaitGroup
	for writer := 0; writer < writers; writer++ {
		done.Add(1)
		go func(writer int) {
			defer done.Done()
			for n := 0; n < each; n++ {
				_, err := wal.Append(fmt.Sprint("writer-", writer), bytes.Repeat([]byte{byte(n)}, n))
				must(err)
			}
		}(writer)
	}
	done.Wait()
	must(wal.Close())

	wal, err = Open(os.Args[1])
	must(err)
	for writer := 0; writer < writers; writer++ {
		stream, want := fmt.Sprint("writer-", writer), 0
		must(wal.Each(stream, 0, func(id uint64, entry []byte) {
			check(int(id) == want && bytes.Equal(entry, bytes.Repeat([]byte{byte(want)}, want)), stream)
			want++
		}))
		check(want == each, stream+" is complete")
		entry, err := wal.Get(stream, each)
		check(err == nil && entry == nil, "no entry is no error")
	}
	_, err = wal.Append("", []byte("x"))
	check(isStatus(err, C.IRONWAL_E_CONFIG), "a stream without a name is refused")
	fmt.Println("refused, as it should be:", err)
	must(wal.Close())
	fmt.Println("go:", writers*each, "entries written by", writers, "goroutines, reopened and read back")
}
