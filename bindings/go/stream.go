package ironwal

// What can be done with the entries of one stream?

// #include "shim.h"
import "C"

import (
	"math"
	"runtime"
	"sync"
	"unsafe"
)

// AnyID in place of an expected id expects none.
const AnyID uint64 = math.MaxUint64

// Durability says how durable one write is when it returns.
type Durability int32

const (
	ByMode  Durability = C.IRONWAL_DURABILITY_BY_MODE // as the SyncMode of the log says
	Written Durability = C.IRONWAL_DURABILITY_WRITTEN // survives the process, not a power loss
	Durable Durability = C.IRONWAL_DURABILITY_DURABLE // survives a power loss
)

// Mark is a place in one stream, while its log is open: behind everything that was appended before. Calls
// on another stream, or on a later opening of the log, refuse it with ErrConfig, and so they do the zero
// Mark.
type Mark struct{ raw C.ironwal_mark }

// Before reports whether the place is in front of another one of the same stream.
func (m Mark) Before(other Mark) bool { return m.raw.place < other.raw.place }

// Appended says where entries are: ids from First to End (exclusive), and the place behind them. ReplaceSuffix
// and Reset, durable on return, give no mark.
type Appended struct {
	First, End uint64
	Mark       Mark
}

// Stream is one stream of an open log.
type Stream struct {
	guard  guard
	handle *C.ironwal_stream
}

// Close releases the handle after the calls under way. The stream and its entries stay. If it is the
// last handle of its log, everything becomes durable.
func (s *Stream) Close() error {
	if !s.guard.close() {
		return closed("the stream's handle")
	}
	C.ironwal_stream_free(s.handle)
	s.handle = nil
	runtime.SetFinalizer(s, nil)
	return nil
}

func (s *Stream) enter() error {
	if !s.guard.enter() {
		return closed("the stream's handle")
	}
	return nil
}

// Append appends an entry and returns its id. Durable by the mode of the log.
func (s *Stream) Append(entry []byte) (uint64, error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.guard.leave()
	r := C.iw_append(s.handle, first(entry), C.size_t(len(entry)))
	return uint64(r.value), failure(r.status, r.error)
}

// AppendBatchAt appends entries and changes properties as one: after any crash all of it is there, or
// nothing. The entries get ids from expectedID on, otherwise nothing is appended and the error is
// ErrSequenceMismatch; AnyID expects none.
func (s *Stream) AppendBatchAt(expectedID uint64, entries [][]byte, properties []Property, durability Durability) (Appended, error) {
	return s.write(C.IW_APPEND, expectedID, entries, properties, durability)
}

// ReplaceSuffix replaces the ids from fromID on by these entries and changes properties in the same step:
// after any crash the stream is the old one or the new one. Durable on return.
func (s *Stream) ReplaceSuffix(fromID uint64, entries [][]byte, properties []Property) (Appended, error) {
	return s.write(C.IW_REPLACE_SUFFIX, fromID, entries, properties, Durable)
}

// Reset removes all entries, appends these from nextID on, and changes properties in the same step. The
// next id may be any. Durable on return.
func (s *Stream) Reset(nextID uint64, entries [][]byte, properties []Property) (Appended, error) {
	return s.write(C.IW_RESET, nextID, entries, properties, Durable)
}

// TruncatePrefix hides the ids below firstID, exactly, and removes the segments that hold no other;
// returns how many. All entries may be hidden. Durable on return.
func (s *Stream) TruncatePrefix(firstID uint64) (segments int, err error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.guard.leave()
	r := C.iw_truncate_prefix(s.handle, C.uint64_t(firstID))
	return int(r.value), failure(r.status, r.error)
}

// TruncateSuffix removes the ids from fromID on, and returns how many there were. Durable on return.
func (s *Stream) TruncateSuffix(fromID uint64) (cut uint64, err error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.guard.leave()
	r := C.iw_truncate_suffix(s.handle, C.uint64_t(fromID))
	return uint64(r.value), failure(r.status, r.error)
}

// Sync makes everything appended before durable.
func (s *Stream) Sync() error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.guard.leave()
	var object *C.ironwal_error
	status := C.ironwal_stream_sync(s.handle, &object)
	return failure(status, object)
}

// FirstID returns the first id that is kept.
func (s *Stream) FirstID() (uint64, error) { return s.number(C.IW_FIRST_ID) }

// SyncMode returns when appends are made durable: the mode of the log, or that of the stream's own options.
func (s *Stream) SyncMode() (SyncMode, error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.guard.leave()
	var mode C.int32_t
	var object *C.ironwal_error
	status := C.ironwal_stream_sync_mode(s.handle, &mode, &object)
	return SyncMode(mode), failure(status, object)
}

// NextID returns the id that the next append gets.
func (s *Stream) NextID() (uint64, error) { return s.number(C.IW_NEXT_ID) }

// DurableEnd returns the end of what is durable: every entry below this id is.
func (s *Stream) DurableEnd() (uint64, error) { return s.number(C.IW_DURABLE_END) }

func (s *Stream) number(which C.int) (uint64, error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.guard.leave()
	r := C.iw_number_of(s.handle, which)
	return uint64(r.value), failure(r.status, r.error)
}

// buffers are what entries are read into before they are copied at their size, and what batches are
// gathered in.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

// release gives a buffer back, unless it has grown large.
func release(b *[]byte) {
	if cap(*b) <= 1<<20 {
		buffers.Put(b)
	}
}

// Get returns the entry. ErrNotFound: there is no such entry.
func (s *Stream) Get(id uint64) ([]byte, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.guard.leave()
	b := buffers.Get().(*[]byte)
	defer release(b)
	for {
		r := C.iw_get_into(s.handle, C.uint64_t(id), first((*b)[:1]), C.size_t(cap(*b)))
		if r.status == C.IRONWAL_E_BUFFER_TOO_SMALL {
			*b = make([]byte, 0, int(r.value))
			continue
		}
		if err := failure(r.status, r.error); err != nil {
			return nil, err
		}
		return append(make([]byte, 0, int(r.value)), (*b)[:int(r.value)]...), nil
	}
}

// GetInto reads the entry into the front of the buffer, and returns its length. One that does not fit is not copied:
// ErrBufferTooSmall, with the length that it takes.
func (s *Stream) GetInto(id uint64, buffer []byte) (int, error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.guard.leave()
	at := first(buffer)
	if at == nil {
		at = new(C.uint8_t) // the library demands memory, also where none of it is to be used
	}
	r := C.iw_get_into(s.handle, C.uint64_t(id), at, C.size_t(len(buffer)))
	return int(r.value), failure(r.status, r.error)
}

// Delete deletes the stream with all its entries, durably. The handle is still to be closed.
func (s *Stream) Delete() error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.guard.leave()
	var object *C.ironwal_error
	status := C.ironwal_stream_delete(s.handle, &object)
	return failure(status, object)
}

// Last returns the last visible entry. ErrNotFound: nothing is kept, or nothing is visible yet.
func (s *Stream) Last() (id uint64, entry []byte, err error) {
	if err := s.enter(); err != nil {
		return 0, nil, err
	}
	defer s.guard.leave()
	r := C.iw_last(s.handle)
	if err := failure(r.status, r.error); err != nil {
		return 0, nil, err
	}
	defer C.iw_bytes_free(r.data, r.len)
	return uint64(r.id), copied(r.data, r.len), nil
}

// Digest returns 16 bytes that two streams share if they have the same entries from firstID to endID
// (exclusive). For comparing replicas; no defence against forgery.
func (s *Stream) Digest(firstID, endID uint64) (digest [16]byte, err error) {
	if err := s.enter(); err != nil {
		return digest, err
	}
	defer s.guard.leave()
	var object *C.ironwal_error
	out := (*C.uint8_t)(unsafe.Pointer(&digest[0]))
	status := C.ironwal_stream_digest(s.handle, C.uint64_t(firstID), C.uint64_t(endID), out, &object)
	return digest, failure(status, object)
}

// write makes one of the calls that take entries and properties.
func (s *Stream) write(what C.int, id uint64, entries [][]byte, properties []Property, durability Durability) (Appended, error) {
	if err := s.enter(); err != nil {
		return Appended{}, err
	}
	defer s.guard.leave()
	var few [16]C.size_t
	lengths := few[:0]
	var bytes []byte
	if len(entries) == 1 && len(properties) == 0 {
		bytes = entries[0] // nothing to gather
		lengths = append(lengths, C.size_t(len(bytes)))
	} else {
		gathered := buffers.Get().(*[]byte)
		defer release(gathered)
		*gathered = (*gathered)[:0]
		*gathered, lengths = gather(*gathered, lengths, entries, properties)
		bytes = *gathered
	}
	var lengthsAt *C.size_t
	if len(lengths) > 0 {
		lengthsAt = &lengths[0]
	}
	r := C.iw_write(s.handle, what, C.uint64_t(id), first(bytes), lengthsAt,
		C.size_t(len(entries)), C.size_t(len(properties)), C.int32_t(durability))
	if err := failure(r.status, r.error); err != nil {
		return Appended{}, err
	}
	return Appended{First: uint64(r.first), End: uint64(r.end), Mark: Mark{r.mark}}, nil
}

// gather appends the bytes of entries and properties, and their lengths as shim.h takes them.
func gather(bytes []byte, lengths []C.size_t, entries [][]byte, properties []Property) ([]byte, []C.size_t) {
	for _, entry := range entries {
		bytes = append(bytes, entry...)
		lengths = append(lengths, C.size_t(len(entry)))
	}
	for _, p := range properties {
		bytes = append(append(bytes, p.Key...), p.Value...)
		remove := C.size_t(0)
		if p.Remove {
			remove = 1
		}
		lengths = append(lengths, C.size_t(len(p.Key)), C.size_t(len(p.Value)), remove)
	}
	return bytes, lengths
}

// copied copies bytes of the library.
func copied(data *C.uint8_t, length C.size_t) []byte {
	return append(make([]byte, 0, int(length)), unsafe.Slice((*byte)(data), int(length))...)
}
