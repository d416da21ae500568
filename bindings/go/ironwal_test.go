package ironwal

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func open(t testing.TB, path string, options *Options) *Log {
	t.Helper()
	log, err := Open(path, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

func stream(t testing.TB, log *Log, name string) *Stream {
	t.Helper()
	s, err := log.Stream(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// entries reads what the stream holds, from the first id on.
func entries(t testing.TB, s *Stream) (ids []uint64, all []string) {
	t.Helper()
	it, err := s.Iterate(0)
	must(t, err)
	defer it.Close()
	for it.Next() {
		ids, all = append(ids, it.ID()), append(all, string(it.Entry()))
	}
	must(t, it.Err())
	return ids, all
}

func expect(t testing.TB, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func expectStatus(t testing.TB, err error, want Status) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

func TestEntriesAreThereAfterTheLogIsOpenedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	log := open(t, path, nil)
	s := stream(t, log, "orders")
	long := bytes.Repeat([]byte("x"), 100_000)
	for i, entry := range [][]byte{[]byte("a"), nil, long} {
		id, err := s.Append(entry)
		must(t, err)
		expect(t, id, i)
	}
	must(t, log.Close())
	expectStatus(t, log.Close(), ErrClosed)
	_, err := s.Append(nil)
	expectStatus(t, err, ErrClosed)

	log = open(t, path, nil)
	names, err := log.Streams()
	must(t, err)
	expect(t, names, []string{"orders"})
	s = stream(t, log, "orders")
	for i, want := range [][]byte{[]byte("a"), nil, long} {
		got, err := s.Get(uint64(i))
		must(t, err)
		if !bytes.Equal(got, want) {
			t.Fatalf("entry %d has %d bytes", i, len(got))
		}
	}
	_, err = s.Get(3)
	expectStatus(t, err, ErrNotFound)
	id, last, err := s.Last()
	must(t, err)
	if id != 2 || !bytes.Equal(last, long) {
		t.Fatalf("last is %d with %d bytes", id, len(last))
	}
}

func TestAnAppendAtAnotherIdIsRefusedWithBothIds(t *testing.T) {
	s := stream(t, open(t, filepath.Join(t.TempDir(), "log"), nil), "s")
	appended, err := s.AppendBatchAt(0, [][]byte{[]byte("a"), []byte("b")}, nil, Durable)
	must(t, err)
	expect(t, []uint64{appended.First, appended.End}, []uint64{0, 2})
	durable, err := s.IsDurable(appended.Mark)
	must(t, err)
	expect(t, durable, true)
	_, err = s.AppendBatchAt(5, [][]byte{[]byte("c")}, nil, Durable)
	expectStatus(t, err, ErrSequenceMismatch)
	var failed *Error
	if !errors.As(err, &failed) || !failed.HasSequence || failed.ExpectedID != 5 || failed.FoundID != 2 {
		t.Fatalf("%+v", failed)
	}
	expect(t, failed.Stream, "s")
	_, err = s.AppendBatchAt(AnyID, [][]byte{[]byte("c")}, nil, 999)
	expectStatus(t, err, ErrInvalidArg)
	_, all := entries(t, s)
	expect(t, all, "[a b]")
}

func TestPropertiesAndEntriesChangeTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	log := open(t, path, nil)
	s := stream(t, log, "s")
	set := func(key, value string) Property { return Property{Key: []byte(key), Value: []byte(value)} }
	_, err := s.AppendBatchAt(0, [][]byte{[]byte("a")}, []Property{set("vote", "1"), set("gone", "x")}, Durable)
	must(t, err)
	many := []Property{{Key: []byte("gone"), Remove: true}}
	for i := 0; i < 20; i++ {
		many = append(many, set(fmt.Sprint("key ", i), fmt.Sprint(i)))
	}
	_, err = s.SetProperties(many, Durable)
	must(t, err)
	must(t, log.Close())

	s = stream(t, open(t, path, nil), "s")
	vote, err := s.Property([]byte("vote"))
	must(t, err)
	expect(t, string(vote), "1")
	_, err = s.Property([]byte("gone"))
	expectStatus(t, err, ErrNotFound)
	all, err := s.Properties()
	must(t, err)
	expect(t, len(all), 21)
	expect(t, string(all["key 19"]), "19")
	_, err = s.ReplaceProperties([]Property{set("only", "")}, Durable)
	must(t, err)
	all, err = s.Properties()
	must(t, err)
	expect(t, all, map[string][]byte{"only": {}})
	_, err = s.SetProperties([]Property{set("", "")}, Durable)
	expectStatus(t, err, ErrConfig)
	_, err = s.SetProperties([]Property{{Key: []byte("big"), Value: make([]byte, 4_001)}}, Durable)
	expectStatus(t, err, ErrTooLarge)
}

func TestCutsReplacementsAndResetsLeaveWhatTheySay(t *testing.T) {
	s := stream(t, open(t, filepath.Join(t.TempDir(), "log"), nil), "s")
	var batch [][]byte
	for i := 0; i < 20; i++ {
		batch = append(batch, []byte(fmt.Sprint(i)))
	}
	_, err := s.AppendBatchAt(0, batch, nil, Durable)
	must(t, err)
	_, err = s.TruncatePrefix(14)
	must(t, err)
	cut, err := s.TruncateSuffix(18)
	must(t, err)
	expect(t, cut, 2)
	replaced, err := s.ReplaceSuffix(16, [][]byte{[]byte("new")}, []Property{{Key: []byte("p"), Value: []byte("v")}})
	must(t, err)
	expect(t, []uint64{replaced.First, replaced.End}, []uint64{16, 17})
	ids, all := entries(t, s)
	expect(t, ids, "[14 15 16]")
	expect(t, all, "[14 15 new]")
	_, err = s.TruncateSuffix(3)
	expectStatus(t, err, ErrSequenceMismatch)
	_, err = s.Reset(100, [][]byte{[]byte("far")}, []Property{{Key: []byte("p"), Remove: true}})
	must(t, err)
	ids, _ = entries(t, s)
	expect(t, ids, "[100]")
	_, err = s.Property([]byte("p"))
	expectStatus(t, err, ErrNotFound)
	for name, call := range map[string]func() (uint64, error){"first": s.FirstID, "next": s.NextID, "durable": s.DurableEnd} {
		got, err := call()
		must(t, err)
		expect(t, got, map[string]uint64{"first": 100, "next": 101, "durable": 101}[name])
	}
}

func TestStreamsWithTheSameEntriesHaveTheSameDigest(t *testing.T) {
	log := open(t, filepath.Join(t.TempDir(), "log"), nil)
	a, b := stream(t, log, "a"), stream(t, log, "b")
	_, err := a.AppendBatchAt(0, [][]byte{[]byte("x"), []byte("y")}, nil, Durable)
	must(t, err)
	for _, entry := range []string{"x", "y", "z"} {
		_, err := b.Append([]byte(entry))
		must(t, err)
	}
	ofA, err := a.Digest(0, 2)
	must(t, err)
	ofB, err := b.Digest(0, 2)
	must(t, err)
	expect(t, ofA, ofB)
	ofB, err = b.Digest(1, 3)
	must(t, err)
	if ofA == ofB {
		t.Fatal("different entries, one digest")
	}
	_, err = a.Digest(0, 3)
	expectStatus(t, err, ErrSegmentNotFound)
}

func TestEachDurableFunctionIsCalledOnce(t *testing.T) {
	log := open(t, filepath.Join(t.TempDir(), "log"), &Options{SyncMode: SyncAsync, NoBackgroundSync: true})
	s := stream(t, log, "s")
	const count = 200
	var calls [count]int32
	var all sync.WaitGroup
	for i := range calls {
		i := i
		appended, err := s.AppendBatchAt(uint64(i), [][]byte{[]byte("entry")}, nil, Written)
		must(t, err)
		all.Add(1)
		_, err = s.OnDurable(appended.Mark, func(err error) {
			if end, endErr := s.DurableEnd(); err != nil || endErr != nil || end <= uint64(i) {
				t.Errorf("%d: %v, %v, durable up to %d", i, err, endErr, end)
			}
			if log.Close() == nil {
				t.Error("closed the log within its function")
			}
			atomic.AddInt32(&calls[i], 1)
			all.Done()
		})
		must(t, err)
	}
	all.Wait()
	mark, err := s.Mark()
	must(t, err)
	must(t, s.WaitDurable(mark))
	must(t, log.Close())
	for i := range calls {
		expect(t, atomic.LoadInt32(&calls[i]), 1)
	}
	_, err = s.OnDurable(mark, func(error) {})
	expectStatus(t, err, ErrClosed)
}

func TestACancelledFunctionIsNeverCalled(t *testing.T) {
	log := open(t, filepath.Join(t.TempDir(), "log"), &Options{SyncMode: SyncAsync})
	s := stream(t, log, "s")
	var cancelled, called int32
	for i := 0; i < 100; i++ {
		appended, err := s.AppendBatchAt(AnyID, [][]byte{[]byte("entry")}, nil, Written)
		must(t, err)
		ticket, err := s.OnDurable(appended.Mark, func(error) { atomic.AddInt32(&called, 1) })
		must(t, err)
		was, err := s.Cancel(ticket)
		must(t, err)
		if was {
			cancelled++
		}
		again, err := s.Cancel(ticket)
		must(t, err)
		expect(t, again, false)
	}
	must(t, log.Close())
	expect(t, cancelled+atomic.LoadInt32(&called), 100)
}

func TestAnIteratorWaitsForEntriesAndCanBeCancelled(t *testing.T) {
	log := open(t, filepath.Join(t.TempDir(), "log"), &Options{SyncMode: SyncAsync})
	s := stream(t, log, "s")
	it, err := s.Follow(0, ViewDurable)
	must(t, err)
	defer it.Close()
	expectStatus(t, it.Wait(time.Millisecond), ErrTimeout)
	expect(t, it.Next(), false)
	must(t, it.Err())
	go s.Append([]byte("come"))
	must(t, it.Wait(10*time.Second))
	expect(t, it.Next(), true)
	expect(t, string(it.Entry()), "come")
	go func() {
		if err := it.Cancel(); err != nil {
			t.Error(err)
		}
	}()
	expectStatus(t, it.Wait(10*time.Second), ErrCancelled)
	_, err = s.TruncateSuffix(0)
	must(t, err)
	expect(t, it.Next(), false)
	expectStatus(t, it.Err(), ErrSuffixCut)
	it.Close()
	it.Close()
	expect(t, it.Next(), false)
	expectStatus(t, it.Err(), ErrClosed)
	expectStatus(t, it.Wait(0), ErrClosed)
}

func TestAnIterationBackwardShowsNothingAppendedLater(t *testing.T) {
	s := stream(t, open(t, filepath.Join(t.TempDir(), "log"), nil), "s")
	for _, entry := range []string{"0", "1", "2"} {
		_, err := s.Append([]byte(entry))
		must(t, err)
	}
	for _, from := range []uint64{1, math.MaxUint64} {
		it, err := s.IterateBackward(from)
		must(t, err)
		id := from
		if id > 2 {
			id = 2
		}
		for it.Next() {
			expect(t, it.ID(), id)
			expect(t, string(it.Entry()), strconv.FormatUint(id, 10))
			if id == 1 {
				_, err := s.Append([]byte("later"))
				must(t, err)
			}
			id--
		}
		must(t, it.Err())
		expect(t, id, uint64(math.MaxUint64))
		expect(t, it.Next(), false)
		must(t, it.Err())
		expectStatus(t, it.Wait(0), ErrInvalidArg)
		it.Close()
		_, err = s.TruncateSuffix(3)
		must(t, err)
	}
}

func TestASecondWriterIsRefusedAndAReaderIsNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	s := stream(t, open(t, path, nil), "s")
	_, err := s.Append([]byte("a"))
	must(t, err)
	_, err = Open(path, nil)
	expectStatus(t, err, ErrLocked)
	reader := stream(t, open(t, path, &Options{ReadOnly: true}), "s")
	got, err := reader.Get(0)
	must(t, err)
	expect(t, string(got), "a")
	_, err = reader.Append(nil)
	expectStatus(t, err, ErrReadOnly)
}

func TestAnErrorOfTheSystemIsUnwrapped(t *testing.T) {
	_, err := Open(filepath.Join(t.TempDir(), "no", "such", "parent"), nil)
	expectStatus(t, err, ErrIO)
	if !errors.Is(err, syscall.ENOENT) || !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var failed *Error
	if !errors.As(err, &failed) || failed.Path == "" || failed.Message == "" {
		t.Fatalf("%+v", failed)
	}
	for _, options := range []*Options{{SyncMode: 77}, {Compression: 77}, {OnCorruption: 77}} {
		_, err := Open(filepath.Join(t.TempDir(), "log"), options)
		expectStatus(t, err, ErrInvalidArg)
	}
	_, err = Open("", nil)
	expectStatus(t, err, ErrConfig)
}

func TestManyGoroutinesAppendReadAndCloseAtOnce(t *testing.T) {
	for round := 0; round < 20; round++ {
		log := open(t, filepath.Join(t.TempDir(), "log"), &Options{SyncMode: SyncAsync})
		s := stream(t, log, "s")
		var all sync.WaitGroup
		for worker := 0; worker < 8; worker++ {
			all.Add(1)
			go func() {
				defer all.Done()
				for {
					id, err := s.Append([]byte("entry"))
					if err == nil {
						_, err = s.Get(id)
					}
					if err == nil {
						_, err = log.Streams()
					}
					if err != nil {
						if !errors.Is(err, ErrClosed) {
							t.Error(err)
						}
						return
					}
				}
			}()
		}
		time.Sleep(time.Duration(round) * 100 * time.Microsecond)
		if round%2 == 0 {
			must(t, log.Close())
			must(t, s.Close())
		} else {
			must(t, s.Close())
			must(t, log.Close())
		}
		all.Wait()
		expectStatus(t, s.Close(), ErrClosed)
	}
}

func TestAForgottenLogIsReleasedByTheGarbageCollector(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	func() {
		log, err := Open(path, nil)
		must(t, err)
		s := stream(t, log, "s")
		_, err = s.Append([]byte("a"))
		must(t, err)
		it, err := s.Iterate(0)
		must(t, err)
		expect(t, it.Next(), true)
	}()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		runtime.GC()
		log, err := Open(path, nil)
		if err == nil {
			must(t, log.Close())
			return
		}
		expectStatus(t, err, ErrLocked)
		if time.Now().After(deadline) {
			t.Fatal("the log is still locked")
		}
	}
}

func TestEveryStatusOfTheHeaderHasAName(t *testing.T) {
	header, err := os.ReadFile("../../include/ironwal.h")
	if err != nil {
		t.Skip("the header of the repository is not here: ", err)
	}
	source, err := os.ReadFile("errors.go")
	must(t, err)
	found := regexp.MustCompile(`#define (IRONWAL_E_\w+) (-\d+)`).FindAllSubmatch(header, -1)
	if len(found) < 35 {
		t.Fatalf("%d statuses in the header", len(found))
	}
	for _, status := range found {
		if !regexp.MustCompile(`\bC\.` + string(status[1]) + `\b`).Match(source) {
			t.Errorf("errors.go lacks %s", status[1])
		}
		number, err := strconv.Atoi(string(status[2]))
		must(t, err)
		expect(t, Status(number).Error(), string(status[1]))
	}
}

func BenchmarkAppendAsync(b *testing.B) {
	s := stream(b, open(b, filepath.Join(b.TempDir(), "log"), &Options{SyncMode: SyncAsync}), "s")
	entry := make([]byte, 64)
	b.ReportAllocs()
	for i := 0; i < b.N; i++ {
		if _, err := s.Append(entry); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	s := stream(b, open(b, filepath.Join(b.TempDir(), "log"), &Options{SyncMode: SyncAsync}), "s")
	for i := 0; i < 1000; i++ {
		if _, err := s.Append(make([]byte, 64)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		if _, err := s.Get(uint64(i % 1000)); err != nil {
			b.Fatal(err)
		}
	}
}

func TestAMarkBelongsToItsStream(t *testing.T) {
	log := open(t, filepath.Join(t.TempDir(), "log"), &Options{SyncThreads: 4})
	a, b := stream(t, log, "a"), stream(t, log, "b")
	first, err := a.AppendBatchAt(0, [][]byte{[]byte("x")}, nil, Durable)
	must(t, err)
	second, err := a.AppendBatchAt(1, [][]byte{[]byte("y")}, nil, Durable)
	must(t, err)
	_, err = b.Append([]byte("x"))
	must(t, err)
	expect(t, []bool{first.Mark.Before(second.Mark), second.Mark.Before(first.Mark)}, "[true false]")
	for _, mark := range []Mark{first.Mark, {}} {
		_, err = b.IsDurable(mark)
		expectStatus(t, err, ErrConfig)
		_, err = b.OnDurable(mark, func(error) { t.Error("called") })
		expectStatus(t, err, ErrConfig)
	}
	_, err = Open(filepath.Join(t.TempDir(), "other"), &Options{SyncThreads: 65})
	expectStatus(t, err, ErrConfig)
}

// Bytes may be part of an object that holds pointers: the library reads the bytes only. cgo looks at the whole
// object where it is given an untyped pointer, and panicked.
func TestBytesMayLieBesidePointers(t *testing.T) {
	type record struct {
		next  *record
		bytes [16]byte
	}
	s := stream(t, open(t, t.TempDir()+"/log", nil), "s")
	r := &record{next: &record{}}
	copy(r.bytes[:], "a record")
	id, err := s.Append(r.bytes[:8])
	must(t, err)
	_, err = s.AppendBatchAt(AnyID, [][]byte{r.bytes[:8]}, []Property{{Key: r.bytes[:1], Value: r.bytes[:8]}}, ByMode)
	must(t, err)
	entry, err := s.Get(id)
	must(t, err)
	value, err := s.Property(r.bytes[:1])
	must(t, err)
	if string(entry) != "a record" || string(value) != "a record" {
		t.Fatalf("%q, %q", entry, value)
	}
}
