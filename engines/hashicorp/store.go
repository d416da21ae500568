// Package ironwalraft is a log store and a stable store for hashicorp/raft, on a stream of ironwal.
//
//	store, err := ironwalraft.Open("raft-log")
//	node, err := raft.NewRaft(config, fsm, store, store, snapshots, transport)
//
// How does the log of a raft node become a stream?
//
//	raft                               ironwal
//	index of an entry                  id of an entry
//	StoreLogs                          append at the expected id, durable on return
//	StoreLogs behind the end           reset: what is in front of the gap is in a snapshot
//	DeleteRange from the first entry   TruncatePrefix
//	DeleteRange to the last entry      TruncateSuffix
//	DeleteRange of all                 reset behind the last
//	Set, SetUint64                     a property of the stream, durable on return
//	StageCommitIndex                   a property, in the frame of the entries stored next
//
// All of a node is in one stream, so it reaches the disk in the order of the calls.
package ironwalraft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/hashicorp/raft"

	"ironwal"
)

// ErrKeyNotFound is what Get and GetUint64 return for a key that was never set; raft recognises its text.
var ErrKeyNotFound = errors.New("not found")

// The keys of raft have this in front, so that they never are that of the commit index.
const stablePrefix = "k/"

var commitKey = []byte("commit")

// Store is the log and the stable store of one raft node. It implements raft.LogStore and
// raft.StableStore, and what later versions of raft look for: raft.MonotonicLogStore and
// raft.CommitTrackingLogStore. Any goroutine may use it.
type Store struct {
	stream *ironwal.Stream
	log    *ironwal.Log // nil: the log is the caller's

	mu sync.Mutex // held by each write, for as long as the disk takes
	// Where the entries are; a write changes it when it is done.
	held   span
	heldMu sync.RWMutex
	// The commit index that goes with the entries stored next.
	staged    uint64
	hasStaged bool
	encoded   []byte
}

// span says which indexes the log holds: from first to next (exclusive). Where the two are equal it is
// empty, and next is the only index at which it goes on without a reset.
type span struct{ first, next uint64 }

func (h span) isEmpty() bool { return h.first >= h.next }

// Open opens the log in the directory path, creating or recovering it, and the store in it. The parent of
// path must exist. A damaged log is not opened: a node that lost durable entries must not vote as if
// it had them.
func Open(path string) (*Store, error) {
	log, err := ironwal.Open(path, &ironwal.Options{
		SyncMode:     ironwal.SyncAsync, // each write says how durable it is
		OnCorruption: ironwal.CorruptionError,
	})
	if err != nil {
		return nil, err
	}
	store, err := New(log, "raft")
	if err != nil {
		log.Close()
		return nil, err
	}
	store.log = log
	return store, nil
}

// New returns the store in a stream of an open log. One log holds the stores of any number of nodes
// under different names. Open the log with CorruptionError. Entries that are stored directly in the stream
// are not for this store.
func New(log *ironwal.Log, stream string) (*Store, error) {
	opened, err := log.Stream(stream)
	if err != nil {
		return nil, err
	}
	s := &Store{stream: opened}
	if err := s.refresh(); err != nil {
		opened.Close()
		return nil, err
	}
	return s, nil
}

// Close closes the store, and the log if Open opened it. Everything acknowledged is durable before.
func (s *Store) Close() error {
	err := s.stream.Close()
	if s.log != nil {
		err = s.log.Close()
	}
	return err
}

// refresh reads where the entries are; called with mu held, behind each change.
func (s *Store) refresh() error {
	first, err := s.stream.FirstID()
	if err != nil {
		return err
	}
	next, err := s.stream.NextID()
	if err != nil {
		return err
	}
	s.heldMu.Lock()
	defer s.heldMu.Unlock()
	s.held = span{first, next}
	return nil
}

// holds returns where the entries are. It does not wait for a write under way.
func (s *Store) holds() span {
	s.heldMu.RLock()
	defer s.heldMu.RUnlock()
	return s.held
}

// IsMonotonic says that entries follow each other without a gap: after a snapshot was installed, raft
// removes all entries first.
func (s *Store) IsMonotonic() bool { return true }

// FirstIndex returns the index of the first entry, and 0 if there is none.
func (s *Store) FirstIndex() (uint64, error) {
	held := s.holds()
	if held.isEmpty() {
		return 0, nil
	}
	return held.first, nil
}

// LastIndex returns the index of the last entry, and 0 if there is none.
func (s *Store) LastIndex() (uint64, error) {
	held := s.holds()
	if held.isEmpty() {
		return 0, nil
	}
	return held.next - 1, nil
}

// GetLog fills log with the entry at index. raft.ErrLogNotFound: there is none.
func (s *Store) GetLog(index uint64, log *raft.Log) error {
	bytes, err := s.stream.Get(index)
	if errors.Is(err, ironwal.ErrNotFound) {
		return raft.ErrLogNotFound
	}
	if err != nil {
		return err
	}
	return decode(index, bytes, log)
}

// StoreLog stores one entry, as StoreLogs.
func (s *Store) StoreLog(log *raft.Log) error { return s.StoreLogs([]*raft.Log{log}) }

// StoreLogs appends entries, whose indexes follow each other. Durable on return, with the commit index
// that was staged; after any crash all of it is there, or nothing.
//
// Entries that begin behind the end replace all there are: raft stores such entries only when what is in
// front of them is in a snapshot. Entries that are in the store already are refused, as raft deletes
// a range before it stores others there.
func (s *Store) StoreLogs(logs []*raft.Log) error {
	if len(logs) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	held, first := s.holds(), logs[0].Index
	if !held.isEmpty() && first < held.next {
		return fmt.Errorf("entry %d cannot be stored: the log holds %d to %d; delete the range first", first, held.first, held.next-1)
	}
	entries, err := s.encode(logs)
	if err != nil {
		return err
	}
	var properties []ironwal.Property
	if s.hasStaged {
		value := binary.BigEndian.AppendUint64(nil, s.staged)
		properties = []ironwal.Property{{Key: commitKey, Value: value}}
	}
	if first == held.next {
		_, err = s.stream.AppendBatchAt(first, entries, properties, ironwal.Durable)
	} else {
		_, err = s.stream.Reset(first, entries, properties)
	}
	if err == nil {
		s.hasStaged = false
	}
	return s.changed(err)
}

// encode returns the bytes of the entries, which are parts of s.encoded.
func (s *Store) encode(logs []*raft.Log) ([][]byte, error) {
	const keep = 1 << 20
	if cap(s.encoded) > keep {
		s.encoded = nil
	}
	s.encoded = s.encoded[:0]
	ends := make([]int, len(logs))
	for i, log := range logs {
		if want := logs[0].Index + uint64(i); log.Index != want {
			return nil, fmt.Errorf("an entry with index %d where %d belongs: entries must follow each other", log.Index, want)
		}
		s.encoded = encode(s.encoded, log)
		ends[i] = len(s.encoded)
	}
	entries := make([][]byte, len(logs))
	start := 0
	for i, end := range ends {
		entries[i] = s.encoded[start:end]
		start = end
	}
	return entries, nil
}

// changed ends a write. After an error the store looks again at what is there.
func (s *Store) changed(err error) error {
	if refreshed := s.refresh(); err == nil {
		return refreshed
	}
	return err
}

// DeleteRange removes the entries from min to max, inclusive, as far as there are any. Durable on return.
// A range with entries in front of it and behind it is refused, as it would leave a hole.
func (s *Store) DeleteRange(min, max uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.holds()
	if min > max || held.isEmpty() || max < held.first || min >= held.next {
		return nil
	}
	isFirst, isLast := min <= held.first, max >= held.next-1
	var err error
	switch {
	case isFirst && isLast:
		_, err = s.stream.Reset(held.next, nil, nil)
	case isFirst:
		_, err = s.stream.TruncatePrefix(max + 1)
	case isLast:
		_, err = s.stream.TruncateSuffix(min)
	default:
		return fmt.Errorf("deleting %d to %d would leave a hole: the log holds %d to %d", min, max, held.first, held.next-1)
	}
	return s.changed(err)
}

// StageCommitIndex has the commit index stored with the entries that are stored next, in one step. By
// itself it stores nothing.
func (s *Store) StageCommitIndex(index uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.staged, s.hasStaged = index, true
	return nil
}

// GetCommitIndex returns the commit index that was stored last, and 0 if none was.
func (s *Store) GetCommitIndex() (uint64, error) {
	index, err := s.number(commitKey)
	if errors.Is(err, ErrKeyNotFound) {
		return 0, nil
	}
	return index, err
}

// Set stores the value of a key. Durable on return. All keys and values together take at most about 4 KiB;
// raft has three keys.
func (s *Store) Set(key, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	properties := []ironwal.Property{{Key: stableKey(key), Value: value}}
	_, err := s.stream.SetProperties(properties, ironwal.Durable)
	return err
}

// Get returns the value of a key, and ErrKeyNotFound if it was never set.
func (s *Store) Get(key []byte) ([]byte, error) { return s.property(stableKey(key)) }

// SetUint64 is Set for a number.
func (s *Store) SetUint64(key []byte, value uint64) error {
	return s.Set(key, binary.BigEndian.AppendUint64(nil, value))
}

// GetUint64 is Get for a number.
func (s *Store) GetUint64(key []byte) (uint64, error) { return s.number(stableKey(key)) }

func (s *Store) property(key []byte) ([]byte, error) {
	value, err := s.stream.Property(key)
	if errors.Is(err, ironwal.ErrNotFound) {
		return nil, ErrKeyNotFound
	}
	return value, err
}

func (s *Store) number(key []byte) (uint64, error) {
	value, err := s.property(key)
	if err != nil {
		return 0, err
	}
	if len(value) != 8 {
		return 0, fmt.Errorf("the value of %q is not a number: it has %d bytes", key, len(value))
	}
	return binary.BigEndian.Uint64(value), nil
}

func stableKey(key []byte) []byte { return append([]byte(stablePrefix), key...) }
