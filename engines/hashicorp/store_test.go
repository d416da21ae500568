package ironwalraft

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"ironwal"
)

var (
	_ raft.LogStore    = (*Store)(nil)
	_ raft.StableStore = (*Store)(nil)
	// What versions of raft later than the one of this module look for.
	_ interface {
		IsMonotonic() bool
		StageCommitIndex(uint64) error
		GetCommitIndex() (uint64, error)
	} = (*Store)(nil)
)

func newStore(t testing.TB) *Store {
	t.Helper()
	store, err := Open(filepath.Join(t.TempDir(), "raft"))
	must(t, err)
	t.Cleanup(func() { store.Close() })
	return store
}

func logs(first, end uint64) (all []*raft.Log) {
	for index := first; index < end; index++ {
		all = append(all, &raft.Log{Index: index, Term: 1, Data: []byte(fmt.Sprint("entry ", index))})
	}
	return all
}

// expectEntries checks that the store holds the entries from first to end (exclusive).
func expectEntries(t testing.TB, s *Store, first, end uint64) {
	t.Helper()
	wantFirst, wantLast := first, end-1
	if first == end {
		wantFirst, wantLast = 0, 0
	}
	gotFirst, err := s.FirstIndex()
	must(t, err)
	gotLast, err := s.LastIndex()
	must(t, err)
	if gotFirst != wantFirst || gotLast != wantLast {
		t.Fatalf("holds %d to %d, want %d to %d", gotFirst, gotLast, wantFirst, wantLast)
	}
	for index := first; index < end; index++ {
		var log raft.Log
		must(t, s.GetLog(index, &log))
		if want := fmt.Sprint("entry ", index); log.Index != index || string(log.Data) != want {
			t.Fatalf("entry %d is %+v", index, log)
		}
	}
	for _, outside := range []uint64{first - 1, end, math.MaxUint64} {
		if err := s.GetLog(outside, new(raft.Log)); !errors.Is(err, raft.ErrLogNotFound) {
			t.Fatalf("entry %d: %v", outside, err)
		}
	}
}

func TestAnEmptyStoreHasNoIndexes(t *testing.T) {
	s := newStore(t)
	expectEntries(t, s, 0, 0)
	must(t, s.StoreLogs(nil))
	must(t, s.DeleteRange(0, math.MaxUint64))
	expectEntries(t, s, 0, 0)
	commit, err := s.GetCommitIndex()
	must(t, err)
	if commit != 0 || !s.IsMonotonic() {
		t.Fatal(commit)
	}
}

func TestTheFirstEntryMayHaveAnyIndex(t *testing.T) {
	for _, first := range []uint64{0, 1, 2, 1 << 40} {
		s := newStore(t)
		must(t, s.StoreLogs(logs(first, first+3)))
		var log raft.Log
		must(t, s.GetLog(first+2, &log))
		last, err := s.LastIndex()
		must(t, err)
		if last != first+2 {
			t.Fatal(last)
		}
	}
}

func TestEntriesBehindAGapReplaceAll(t *testing.T) {
	s := newStore(t)
	must(t, s.StoreLogs(logs(1, 5)))
	must(t, s.StoreLogs(logs(10, 12)))
	expectEntries(t, s, 10, 12)
}

func TestEntriesThatAreThereAlreadyAndBatchesWithHolesAreRefused(t *testing.T) {
	s := newStore(t)
	must(t, s.StoreLogs(logs(1, 5)))
	for _, refused := range [][]*raft.Log{
		logs(4, 6), logs(1, 2), logs(0, 9),
		{logs(5, 6)[0], logs(7, 8)[0]},
		{logs(5, 6)[0], logs(5, 6)[0]},
	} {
		if err := s.StoreLogs(refused); err == nil {
			t.Fatalf("stored %v", refused)
		}
		expectEntries(t, s, 1, 5)
	}
	must(t, s.StoreLog(logs(5, 6)[0]))
	expectEntries(t, s, 1, 6)
}

func TestDeletingRangesKeepsTheRest(t *testing.T) {
	for _, c := range []struct{ min, max, first, end uint64 }{
		{11, 13, 14, 21}, // from the first
		{0, 13, 14, 21},
		{18, 20, 11, 18}, // to the last
		{18, math.MaxUint64, 11, 18},
		{11, 20, 0, 0}, // all
		{0, math.MaxUint64, 0, 0},
		{1, 10, 11, 21}, // none
		{21, 30, 11, 21},
		{15, 14, 11, 21},
	} {
		s := newStore(t)
		must(t, s.StoreLogs(logs(11, 21)))
		must(t, s.DeleteRange(c.min, c.max))
		expectEntries(t, s, c.first, c.end)
		// Goes on behind the last; an emptied store anywhere, also in front of what it held.
		next := c.end
		if c.end == 0 {
			next = 5
			c.first = 5
		}
		must(t, s.StoreLogs(logs(next, next+2)))
		expectEntries(t, s, c.first, next+2)
	}
}

func TestAHoleIsRefused(t *testing.T) {
	s := newStore(t)
	must(t, s.StoreLogs(logs(1, 11)))
	if err := s.DeleteRange(4, 6); err == nil || !strings.Contains(err.Error(), "hole") {
		t.Fatal(err)
	}
	expectEntries(t, s, 1, 11)
}

func TestKeysThatWereNeverSetAreNotFoundAndOthersKeepTheirValues(t *testing.T) {
	s := newStore(t)
	for _, key := range []string{"", "CurrentTerm", "commit"} {
		if _, err := s.Get([]byte(key)); !errors.Is(err, ErrKeyNotFound) || err.Error() != "not found" {
			t.Fatal(err)
		}
		if _, err := s.GetUint64([]byte(key)); !errors.Is(err, ErrKeyNotFound) {
			t.Fatal(err)
		}
	}
	must(t, s.Set([]byte("commit"), []byte("of raft")))
	must(t, s.SetUint64([]byte("number"), math.MaxUint64))
	must(t, s.Set([]byte("empty"), nil))
	commit, err := s.GetCommitIndex()
	must(t, err)
	value, err := s.Get([]byte("commit"))
	must(t, err)
	number, err := s.GetUint64([]byte("number"))
	must(t, err)
	empty, err := s.Get([]byte("empty"))
	must(t, err)
	if commit != 0 || string(value) != "of raft" || number != math.MaxUint64 || len(empty) != 0 {
		t.Fatal(commit, string(value), number, empty)
	}
	if _, err := s.GetUint64([]byte("commit")); err == nil {
		t.Fatal("seven bytes are a number")
	}
	if err := s.Set([]byte("big"), make([]byte, 5_000)); !errors.Is(err, ironwal.ErrTooLarge) {
		t.Fatal(err)
	}
}

func TestAStagedCommitIndexIsStoredOnlyWithEntries(t *testing.T) {
	path := filepath.Join(t.TempDir(), "raft")
	s, err := Open(path)
	must(t, err)
	commitIs := func(want uint64) {
		t.Helper()
		got, err := s.GetCommitIndex()
		must(t, err)
		if got != want {
			t.Fatalf("%d, want %d", got, want)
		}
	}
	must(t, s.StageCommitIndex(3))
	must(t, s.SetUint64([]byte("CurrentTerm"), 1))
	commitIs(0)
	must(t, s.StoreLogs(logs(1, 5)))
	commitIs(3)
	must(t, s.StageCommitIndex(4))
	must(t, s.StageCommitIndex(5))
	if err := s.StoreLogs(logs(2, 3)); err == nil {
		t.Fatal("stored")
	}
	commitIs(3)
	must(t, s.StoreLogs(logs(20, 22))) // also with a reset
	commitIs(5)
	must(t, s.StageCommitIndex(21))
	must(t, s.Close())
	s, err = Open(path)
	must(t, err)
	defer s.Close()
	commitIs(5)
}

func TestAnEntryComesBackAsItWas(t *testing.T) {
	for _, log := range []raft.Log{
		{},
		{Index: 1, Term: math.MaxUint64, Type: 255, Data: []byte("data"), Extensions: []byte("extensions")},
		{Index: 1 << 40, Extensions: bytes.Repeat([]byte("x"), 300)},
		{Index: 7, Data: make([]byte, 100_000)},
	} {
		bytes := encode(nil, &log)
		var got raft.Log
		must(t, decode(log.Index, bytes, &got))
		if !reflect.DeepEqual(got, log) {
			t.Fatalf("%+v, want %+v", got, log)
		}
		head := len(bytes) - len(log.Data)
		for length := 0; length < head; length++ {
			if err := decode(1, bytes[:length], &got); !errors.Is(err, errNoEntry) {
				t.Fatalf("%d bytes: %v", length, err)
			}
		}
	}
	if err := decode(1, []byte{9, 0, 0, 0, 0}, new(raft.Log)); err == nil || !strings.Contains(err.Error(), "layout 9") {
		t.Fatal(err)
	}
}

func TestTheBytesOfAnEntryStayAsTheyAre(t *testing.T) {
	log := raft.Log{Index: 5, Term: 300, Type: raft.LogConfiguration, Data: []byte("d"), Extensions: []byte("e")}
	if got := encode(nil, &log); string(got) != "\x01\xac\x02\x05\x00\x01ed" {
		t.Fatalf("%q", got)
	}
}

// Later versions of raft.Log have the field; this one has it too.
type laterLog struct {
	Index      uint64
	AppendedAt time.Time
}

func TestTheTimeOfAnAppendIsKeptWhereRaftHasOne(t *testing.T) {
	if got := appendedAt.get(&raft.Log{}); got != 0 {
		t.Fatal(got)
	}
	later := timeField{reflect.TypeOf(laterLog{}), "AppendedAt"}.find()
	at := time.Unix(1_700_000_000, 123)
	from, to := laterLog{AppendedAt: at}, laterLog{}
	later.set(&to, later.get(&from))
	if !to.AppendedAt.Equal(at) {
		t.Fatal(to.AppendedAt)
	}
	later.set(&to, later.get(&laterLog{}))
	if !to.AppendedAt.Equal(at) || later.get(&laterLog{}) != 0 {
		t.Fatal("no time became one")
	}
}

func TestStoresOfOneLogAreSeparateAndTheLogStaysTheCallers(t *testing.T) {
	log, err := ironwal.Open(filepath.Join(t.TempDir(), "log"), nil)
	must(t, err)
	a, err := New(log, "a")
	must(t, err)
	b, err := New(log, "b")
	must(t, err)
	must(t, a.StoreLogs(logs(1, 3)))
	must(t, b.SetUint64([]byte("CurrentTerm"), 5))
	expectEntries(t, b, 0, 0)
	expectEntries(t, a, 1, 3)
	must(t, a.Close())
	expectEntries(t, b, 0, 0)
	must(t, b.Close())
	must(t, log.Close())
	if err := a.StoreLogs(logs(3, 4)); !errors.Is(err, ironwal.ErrClosed) {
		t.Fatal(err)
	}
}

func TestReadersBesideAWriterSeeWholeEntries(t *testing.T) {
	s := newStore(t)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for i := 0; i < 3; i++ {
		readers.Add(1)
		go func() {
			defer readers.Done()
			for {
				select {
				case <-done:
					return
				default:
				}
				last, err := s.LastIndex()
				var log raft.Log
				if err == nil {
					err = s.GetLog(last, &log)
				}
				if err != nil && !errors.Is(err, raft.ErrLogNotFound) {
					t.Error(err)
					return
				}
				if want := fmt.Sprint("entry ", log.Index); err == nil && string(log.Data) != want {
					t.Errorf("entry %d is %q", last, log.Data)
					return
				}
			}
		}()
	}
	for first := uint64(1); first < 300; first += 3 {
		must(t, s.StoreLogs(logs(first, first+5)))
		must(t, s.DeleteRange(first+3, first+4)) // as a follower does
		must(t, s.DeleteRange(0, first))
	}
	close(done)
	readers.Wait()
}

func TestWhatACallStoresIsDurableWhenItReturns(t *testing.T) {
	log, err := ironwal.Open(filepath.Join(t.TempDir(), "log"), &ironwal.Options{
		SyncMode: ironwal.SyncAsync, NoBackgroundSync: true,
	})
	must(t, err)
	defer log.Close()
	s, err := New(log, "raft")
	must(t, err)
	for i, call := range []func() error{
		func() error { return s.StoreLogs(logs(1, 5)) },
		func() error { return s.StoreLog(logs(5, 6)[0]) },
		func() error { return s.Set([]byte("LastVoteCand"), []byte("me")) },
		func() error { return s.SetUint64([]byte("CurrentTerm"), 7) },
		func() error { return s.DeleteRange(5, 5) },
		func() error { return s.DeleteRange(1, 2) },
		func() error { return s.StoreLogs(logs(20, 22)) },
		func() error { return s.DeleteRange(20, 21) },
	} {
		must(t, call())
		mark, err := s.stream.Mark()
		must(t, err)
		if durable, err := s.stream.IsDurable(mark); err != nil || !durable {
			t.Fatalf("call %d: %v", i, err)
		}
	}
}
