package ironwal

// Behaviours of ../behaviours.md on one log: options, appends, reads, durability, reports.

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"
)

// lazy is a log that syncs only when it is asked to.
var lazy = &Options{SyncMode: SyncAsync, NoBackgroundSync: true}

func newLog(t testing.TB, options *Options) *Log {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "log"), options)
}

func batch(entries ...string) (made [][]byte) {
	for _, entry := range entries {
		made = append(made, []byte(entry))
	}
	return made
}

func appendAll(t testing.TB, s *Stream, entries ...string) Appended {
	t.Helper()
	appended, err := s.AppendBatchAt(AnyID, batch(entries...), nil, ByMode)
	must(t, err)
	return appended
}

func expectEntries(t testing.TB, s *Stream, firstID uint64, want ...string) {
	t.Helper()
	ids, all := entries(t, s)
	expect(t, strings.Join(all, "|"), strings.Join(want, "|"))
	for i, id := range ids {
		expect(t, id, firstID+uint64(i))
	}
}

func durableEnd(t testing.TB, s *Stream) uint64 {
	t.Helper()
	end, err := s.DurableEnd()
	must(t, err)
	return end
}

func TestEveryOptionReachesTheLibrary(t *testing.T) {
	dir := t.TempDir()
	size, age := uint64(1<<30), time.Hour
	log := open(t, filepath.Join(dir, "log"), &Options{
		SyncMode: SyncBatchOnly, Compression: CompressionLZ4, ReadStrategy: ReadMmap, WriteStrategy: WriteStandardIO,
		CommitPath: CommitJournal, JournalSize: 1 << 20,
		OnCorruption: CorruptionError, MaxSegmentSize: 1 << 20, MaxEntriesPerSegment: 10, MaxOpenSegments: 4,
		MaxOpenReadSegments: 4, WriteBufferSize: -1, ReadBufferSize: 4096, BlockCacheSize: 1 << 16,
		MinCompressionSize: 64, BackgroundSync: time.Second, BackgroundSyncBytes: 1 << 20, SyncThreads: 2,
		Latencies: true, ArchivePath: filepath.Join(dir, "archive"),
		Retention: &Retention{MaxBytes: &size, MaxAge: &age, KeepCursors: true},
		Streams: []StreamOptions{
			{MatchPrefix, "chat/", "sync_mode=async"},
			{MatchExact, "chat/ledger", "sync_mode=strict"},
		},
	})
	modes := map[string]SyncMode{"s": SyncBatchOnly, "chat/1": SyncAsync, "chat/ledger": SyncStrict}
	for name, due := range modes {
		mode, err := stream(t, log, name).SyncMode()
		must(t, err)
		expect(t, mode, due)
	}
	s := stream(t, log, "s")
	for i := 0; i < 25; i++ {
		_, err := s.Append(make([]byte, 1000))
		must(t, err)
	}
	stats, err := s.Stats()
	must(t, err)
	expect(t, []uint64{stats.Segments, stats.MeasuredAppends}, []uint64{3, 25})
	if stats.Bytes >= 25*1000 {
		t.Fatal("not compressed: ", stats.Bytes)
	}
	segments, err := s.Truncate(20)
	must(t, err)
	expect(t, segments, 2)
	_, err = os.Stat(filepath.Join(dir, "archive"))
	must(t, err)
	segments, err = s.RestoreArchived()
	must(t, err)
	expect(t, segments, 2)
	source, err := os.ReadFile("log.go")
	must(t, err)
	// Every setter of the header but those of the log callback is called.
	for _, name := range headerFunctions(t) {
		if strings.HasPrefix(name, "ironwal_options_set_") && !strings.HasPrefix(name, "ironwal_options_set_log") &&
			!bytes.Contains(source, []byte("C."+name+"(")) {
			t.Errorf("log.go does not call %s", name)
		}
	}
}

func TestEntriesThatWentThroughTheJournalAreThereAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	options := &Options{CommitPath: CommitJournal, JournalSize: 256 << 10}
	log, err := Open(path, options)
	must(t, err)
	names := []string{"bids", "asks"}
	journal := filepath.Join(path, "commit-journal")
	// A helper makes the journal during the first syncs, which go in place.
	count := 0
	for deadline := time.Now().Add(30 * time.Second); ; count++ {
		for _, name := range names {
			_, err := stream(t, log, name).Append([]byte(name))
			must(t, err)
		}
		files, _ := os.ReadDir(journal)
		if len(files) > 0 && count >= 20 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no journal is made")
		}
	}
	must(t, log.Close())
	if _, err := os.Stat(journal); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("the close leaves the journal: ", err)
	}
	log = open(t, path, nil)
	for _, name := range names {
		s := stream(t, log, name)
		expect(t, durableEnd(t, s), uint64(count+1))
		entry, err := s.Get(uint64(count))
		must(t, err)
		expect(t, string(entry), name)
	}
}

func TestABatchOverSeveralStreamsIsAppendedWholeOrNotAtAll(t *testing.T) {
	log := open(t, filepath.Join(t.TempDir(), "log"), nil)
	alice, bob := stream(t, log, "alice"), stream(t, log, "bob")
	x := [][]byte{[]byte("x")}
	ids, err := log.AppendAtomic([]Part{
		{Stream: alice, Entries: [][]byte{[]byte("-30")}, Expects: true},
		{Stream: bob, Entries: [][]byte{[]byte("+30"), nil}, Properties: []Property{{Key: []byte("balance"), Value: []byte("30")}}},
	})
	must(t, err)
	expect(t, len(ids), 2)
	expect(t, ids[0], IDs{0, 1})
	expect(t, ids[1], IDs{0, 2})
	entry, err := bob.Get(0)
	must(t, err)
	expect(t, string(entry), "+30")
	value, err := bob.Property([]byte("balance"))
	must(t, err)
	expect(t, string(value), "30")

	_, err = log.AppendAtomic([]Part{{Stream: alice, Entries: x}, {Stream: bob, Entries: x, Expects: true, ExpectedID: 7}})
	var failed *Error
	if !errors.As(err, &failed) || !errors.Is(err, ErrSequenceMismatch) {
		t.Fatal(err)
	}
	expect(t, failed.Stream, "bob")
	expect(t, failed.FoundID, uint64(2))
	_, err = log.AppendAtomic([]Part{{Stream: alice, Entries: x}, {Stream: alice, Entries: x}})
	if !errors.Is(err, ErrConfig) {
		t.Fatal(err)
	}
	_, err = log.AppendAtomic([]Part{{Stream: alice, Entries: [][]byte{make([]byte, 1<<18)}}})
	if !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
	none, err := log.AppendAtomic(nil)
	must(t, err)
	expect(t, len(none), 0)
	for s, end := range map[*Stream]uint64{alice: 1, bob: 2} {
		next, err := s.NextID()
		must(t, err)
		expect(t, next, end)
	}
}

func TestAnOptionOutOfBoundsIsRefusedAndNothingIsCreated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for _, options := range []*Options{
		{BackgroundSync: time.Second}, {BackgroundSyncBytes: 1}, {SyncThreads: 65}, {WriteBufferSize: 1<<30 + 1},
		{ReadBufferSize: 1<<30 + 1}, {ArchivePath: "a\x00b"}, {JournalSize: 1}, {JournalSize: 1<<30 + 1},
	} {
		_, err := Open(path, options)
		expectStatus(t, err, ErrConfig)
	}
	for _, options := range []*Options{
		{SyncMode: SyncMode(CompressionLZ4)}, {Compression: Compression(SyncAsync)},
		{ReadStrategy: ReadStrategy(WriteMmap)}, {WriteStrategy: WriteStrategy(ReadMmap)}, {OnCorruption: 1},
		{CommitPath: CommitPath(WriteMmap)},
	} {
		_, err := Open(path, options)
		expectStatus(t, err, ErrInvalidArg)
	}
	for _, bad := range []string{"", "a\x00b", "\xff"} {
		_, err := Open(bad, nil)
		expectStatus(t, err, ErrConfig)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("created: ", err)
	}
}

func TestStreamsAreListedAndDeleted(t *testing.T) {
	log := newLog(t, nil)
	for _, name := range []string{"b", "a", "ä/ö"} {
		_, err := stream(t, log, name).Append(nil)
		must(t, err)
	}
	names, err := log.Streams()
	must(t, err)
	expect(t, names, []string{"a", "b", "ä/ö"})
	must(t, log.DeleteStream("b"))
	must(t, log.DeleteStream("b"))
	a := stream(t, log, "a")
	must(t, a.Delete())
	_, err = a.Append(nil)
	expectStatus(t, err, ErrStreamNotFound)
	names, err = log.Streams()
	must(t, err)
	expect(t, names, []string{"ä/ö"})
	for _, bad := range []string{"", "a\x00", strings.Repeat("x", 256)} {
		_, err = log.Stream(bad)
		expectStatus(t, err, ErrConfig)
	}
}

func TestABatchGetsConsecutiveIdsAndAMarkInEverySyncMode(t *testing.T) {
	for _, mode := range []SyncMode{SyncStrict, SyncBatchOnly, SyncAsync} {
		s := stream(t, newLog(t, &Options{SyncMode: mode, NoBackgroundSync: true}), "s")
		appended := appendAll(t, s, "a", "b")
		expect(t, []uint64{appended.First, appended.End}, []uint64{0, 2})
		durable, err := s.IsDurable(appended.Mark)
		must(t, err)
		expect(t, durable, mode != SyncAsync)
		none := appendAll(t, s)
		expect(t, []uint64{none.First, none.End}, []uint64{2, 2})
		many := make([]string, 100)
		expect(t, appendAll(t, s, many...).End, 102)
		expectEntries(t, s, 0, append([]string{"a", "b"}, many...)...)
	}
}

func TestDurabilityIsChosenForEachAppend(t *testing.T) {
	strict := stream(t, newLog(t, &Options{NoBackgroundSync: true}), "s")
	_, err := strict.AppendBatchAt(0, batch("a"), nil, Written)
	must(t, err)
	expect(t, durableEnd(t, strict), 0)
	log := newLog(t, lazy)
	s := stream(t, log, "s")
	appendAll(t, s, "a")
	expect(t, durableEnd(t, s), 0)
	_, err = s.AppendBatchAt(1, batch("b"), nil, Durable)
	must(t, err)
	expect(t, durableEnd(t, s), 2)
	appendAll(t, s, "c")
	expect(t, durableEnd(t, s), 2)
	must(t, s.Sync())
	expect(t, durableEnd(t, s), 3)
	appendAll(t, s, "d")
	must(t, log.SyncAll())
	expect(t, durableEnd(t, s), 4)
}

func TestAGetIntoABufferFillsItsFrontOrReturnsTheLength(t *testing.T) {
	s := stream(t, newLog(t, nil), "s")
	appendAll(t, s, "entry", "")
	buffer := []byte("........")
	n, err := s.GetInto(0, buffer)
	must(t, err)
	expect(t, n, 5)
	expect(t, string(buffer), "entry...")
	small := []byte("....")
	n, err = s.GetInto(0, small)
	expectStatus(t, err, ErrBufferTooSmall)
	expect(t, n, 5)
	expect(t, string(small), "....")
	n, err = s.GetInto(1, nil)
	must(t, err)
	expect(t, n, 0)
	beside := &struct {
		next  *int
		bytes [8]byte
	}{next: new(int)}
	n, err = s.GetInto(0, beside.bytes[:])
	must(t, err)
	expect(t, string(beside.bytes[:n]), "entry")
	_, err = s.GetInto(2, buffer)
	expectStatus(t, err, ErrNotFound)
}

func TestIterationBeginsAtAnIdAndFindsWhatComesLater(t *testing.T) {
	s := stream(t, newLog(t, nil), "s")
	appendAll(t, s, "0", "1", "2")
	it, err := s.Iterate(1)
	must(t, err)
	defer it.Close()
	for id := uint64(1); id < 3; id++ {
		expect(t, it.Next(), true)
		expect(t, it.ID(), id)
	}
	expect(t, it.Next(), false)
	must(t, it.Err())
	appendAll(t, s, "3")
	expect(t, it.Next(), true)
	expect(t, string(it.Entry()), "3")
	behind, err := s.Iterate(9)
	must(t, err)
	defer behind.Close()
	expect(t, behind.Next(), false)
	must(t, behind.Err())
}

func TestAnIteratorReportsATruncationWithItsIds(t *testing.T) {
	s := stream(t, newLog(t, &Options{MaxEntriesPerSegment: 1}), "s")
	for _, entry := range []string{"0", "1", "2", "3"} {
		appendAll(t, s, entry)
	}
	it, err := s.Iterate(0)
	must(t, err)
	defer it.Close()
	expect(t, it.Next(), true)
	_, err = s.TruncatePrefix(2)
	must(t, err)
	expect(t, it.Next(), false)
	var failed *Error
	if !errors.As(it.Err(), &failed) || failed.Status != ErrSegmentNotFound || failed.FirstID != 1 || failed.EndID != 2 {
		t.Fatal(it.Err())
	}
	expect(t, it.Next(), true)
	expect(t, it.ID(), 2)
}

func TestADurableViewShowsNothingThatIsOnlyWritten(t *testing.T) {
	s := stream(t, newLog(t, &Options{NoBackgroundSync: true}), "s")
	var its []*Iterator
	for _, view := range []View{ViewWritten, ViewDurable, ViewByMode} {
		it, err := s.Follow(0, view)
		must(t, err)
		defer it.Close()
		its = append(its, it)
	}
	_, err := s.AppendBatchAt(0, batch("a"), nil, Written)
	must(t, err)
	for i, shown := range []bool{true, false, false} {
		expect(t, its[i].Next(), shown)
		must(t, its[i].Err())
	}
	must(t, s.Sync())
	for _, it := range its[1:] {
		expect(t, it.Next(), true)
		expect(t, string(it.Entry()), "a")
	}
}

func TestClosingTheLogEndsAWait(t *testing.T) {
	log := newLog(t, nil)
	it, err := stream(t, log, "s").Follow(0, ViewByMode)
	must(t, err)
	defer it.Close()
	ended := make(chan error)
	go func() { ended <- it.Wait(time.Minute) }()
	time.Sleep(20 * time.Millisecond)
	must(t, log.Close())
	expectStatus(t, <-ended, ErrClosed)
}

func TestAReaderFollowsAnotherWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	s := stream(t, open(t, path, nil), "s")
	appendAll(t, s, "a")
	log := open(t, path, &Options{ReadOnly: true})
	readOnly, err := log.IsReadOnly()
	must(t, err)
	expect(t, readOnly, true)
	must(t, log.Refresh())
	it, err := stream(t, log, "s").Follow(0, ViewByMode)
	must(t, err)
	defer it.Close()
	expect(t, it.Next(), true)
	expect(t, it.Next(), false)
	go s.Append([]byte("b"))
	must(t, it.Wait(20*time.Second))
	expect(t, it.Next(), true)
	expect(t, string(it.Entry()), "b")
}

func TestAWaitForAnIdEndsWithItOrWithItsTimeout(t *testing.T) {
	s := stream(t, newLog(t, lazy), "s")
	appendAll(t, s, "a")
	expectStatus(t, s.WaitDurableID(1, 0), ErrTimeout)
	began := time.Now()
	expectStatus(t, s.WaitDurableID(1, 50*time.Millisecond), ErrTimeout)
	if time.Since(began) < 50*time.Millisecond {
		t.Fatal("too early")
	}
	go s.AppendBatchAt(1, batch("b"), nil, Durable)
	must(t, s.WaitDurableID(1, time.Minute))
	must(t, s.WaitDurableID(0, -1))
}

func TestAWaitHoldsUpNoOtherGoroutine(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	s := stream(t, newLog(t, lazy), "s")
	var all sync.WaitGroup
	for i := 0; i < 20; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			if err := s.WaitDurableID(0, time.Minute); err != nil {
				t.Error(err)
			}
		}()
	}
	began := time.Now()
	appendAll(t, s, "a")
	must(t, s.Sync())
	all.Wait()
	if time.Since(began) > 30*time.Second {
		t.Fatal("too late")
	}
}

func TestAFunctionOfADeletedStreamIsCalled(t *testing.T) {
	s := stream(t, newLog(t, lazy), "s")
	mayEnd, answer := make(chan struct{}), make(chan error, 1)
	// So that the next one still waits when the stream goes.
	_, err := s.OnDurable(appendAll(t, s, "a").Mark, func(error) { <-mayEnd })
	must(t, err)
	_, err = s.OnDurable(appendAll(t, s, "b").Mark, func(err error) { answer <- err })
	must(t, err)
	deleted := make(chan error, 1)
	go func() { deleted <- s.Delete() }()
	close(mayEnd)
	must(t, <-deleted)
	if err := <-answer; err != nil {
		expectStatus(t, err, ErrStreamNotFound)
	}
}

func TestAWaitForAMarkThatIsGivenUpLeavesNothingBehind(t *testing.T) {
	log := newLog(t, lazy)
	s := stream(t, log, "s")
	must(t, s.WaitDurableContext(context.Background(), appendAll(t, s, "a").Mark))
	// A function that does not return keeps the next one waiting.
	mayEnd := make(chan struct{})
	_, err := s.OnDurable(appendAll(t, s, "b").Mark, func(error) { <-mayEnd })
	must(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	// By mode nothing else syncs; what the wait asked for may have made it durable before.
	if err := s.WaitDurableContext(ctx, appendAll(t, s, "c").Mark); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	close(mayEnd)
	must(t, s.WaitDurable(appendAll(t, s, "d").Mark))
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		stats, err := log.Stats()
		must(t, err)
		if stats.Listeners == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d listeners are left", stats.Listeners)
		}
	}
}

func TestAWaitOfAnIteratorEndsWithItsContextAndLosesNoEntry(t *testing.T) {
	s := stream(t, newLog(t, lazy), "s")
	it, err := s.Follow(0, ViewWritten)
	must(t, err)
	defer it.Close()
	written := make(chan error, 1)
	go func() {
		for i := 0; i < 200; i++ {
			if _, err := s.Append([]byte{byte(i)}); err != nil {
				written <- err
				return
			}
			if i%10 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		written <- nil
	}()
	for shown := uint64(0); shown < 200; {
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Microsecond)
		err := it.WaitContext(ctx)
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		for it.Next() {
			expect(t, it.ID(), shown)
			shown++
		}
		must(t, it.Err())
	}
	must(t, <-written)
	// No cancellation is left over.
	expectStatus(t, it.Wait(0), ErrTimeout)
	done, cancel := context.WithCancel(context.Background())
	cancel()
	if err := it.WaitContext(done); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	it.Close()
	expectStatus(t, it.WaitContext(context.Background()), ErrClosed)
}

func TestTruncationAndRetentionRemoveWholeSegments(t *testing.T) {
	log := newLog(t, &Options{SyncMode: SyncAsync, MaxEntriesPerSegment: 10})
	s := stream(t, log, "s")
	for i := 0; i < 35; i++ {
		appendAll(t, s, "x")
	}
	segments, err := s.Truncate(15)
	must(t, err)
	expect(t, segments, 1)
	cursor := make([]byte, 8)
	binary.LittleEndian.PutUint64(cursor, 25)
	_, err = s.SetProperties([]Property{{Key: []byte("cursor/reader"), Value: cursor}}, ByMode)
	must(t, err)
	none := uint64(0)
	segments, err = s.ApplyRetention(Retention{})
	must(t, err)
	expect(t, segments, 0)
	segments, err = log.ApplyRetention(Retention{MaxBytes: &none, KeepCursors: true})
	must(t, err)
	expect(t, segments, 1)
	first, err := s.FirstID()
	must(t, err)
	expect(t, first, 20)
}

func TestASnapshotOpensAsTheLogWas(t *testing.T) {
	for _, mode := range []SnapshotMode{SnapshotLink, SnapshotCopy} {
		dir := t.TempDir()
		path, copied, byReader := filepath.Join(dir, "log"), filepath.Join(dir, "copy"), filepath.Join(dir, "reader")
		log := open(t, path, &Options{SyncMode: SyncAsync, MaxEntriesPerSegment: 4})
		a, b := stream(t, log, "a"), stream(t, log, "b")
		_, err := a.AppendBatchAt(0, batch("1", "2"), []Property{{Key: []byte("p"), Value: []byte("v")}}, ByMode)
		must(t, err)
		for i := 0; i < 10; i++ {
			appendAll(t, b, "x")
		}
		stats, err := log.SnapshotTo(copied, mode)
		must(t, err)
		expect(t, stats.Streams, 2)
		expect(t, []bool{stats.IsOneMoment, stats.SegmentsLinked > 0}, []bool{true, mode == SnapshotLink})
		appendAll(t, a, "later")
		_, err = log.SnapshotTo(copied, mode)
		expectStatus(t, err, ErrConfig)
		_, err = log.SnapshotTo(filepath.Join(dir, "other"), 1)
		expectStatus(t, err, ErrInvalidArg)
		stats, err = open(t, path, &Options{SyncMode: SyncAsync, ReadOnly: true}).SnapshotStreamsTo(byReader, mode)
		must(t, err)
		expect(t, stats.Streams, 2)
		snapshot := open(t, copied, nil)
		expectEntries(t, stream(t, snapshot, "a"), 0, "1", "2")
		value, err := stream(t, snapshot, "a").Property([]byte("p"))
		must(t, err)
		expect(t, string(value), "v")
		expectEntries(t, stream(t, open(t, byReader, nil), "a"), 0, "1", "2", "later")
	}
}

func TestStatisticsCountWhatHappened(t *testing.T) {
	log := newLog(t, nil)
	s := stream(t, log, "s")
	appendAll(t, s, "a", "b")
	appendAll(t, s, "c")
	_, err := s.TruncateSuffix(2)
	must(t, err)
	stats, err := s.Stats()
	must(t, err)
	expect(t, []uint64{stats.Appends, stats.Entries, stats.Cuts, stats.NextID}, []uint64{2, 3, 1, 2})
	expect(t, []uint64{stats.DurableEnd, stats.Poisoned, stats.MeasuredAppends, stats.AppendMaxNs}, []uint64{2, 0, 0, 0})
	whole, err := log.Stats()
	must(t, err)
	expect(t, []uint64{whole.Streams, whole.Appends, whole.PoisonedStreams}, []uint64{1, 2, 0})
	if whole.RecoveryNs == 0 {
		t.Fatal("the last field is that of the header")
	}
}

const damagedEntry = "entry 5 entry 5"

// fill makes a log of one stream with 12 entries in 3 segments.
func fill(t testing.TB, path string) {
	t.Helper()
	log := open(t, path, &Options{SyncMode: SyncAsync, MaxEntriesPerSegment: 4})
	s := stream(t, log, "s")
	for i := 0; i < 12; i++ {
		appendAll(t, s, strings.Repeat("entry "+string("0123456789ab"[i])+" ", 100))
	}
	must(t, log.Close())
}

// fileWith returns the file below the directory that holds the text, and its bytes.
func fileWith(t testing.TB, dir, wanted string) (path string, data []byte) {
	t.Helper()
	must(t, filepath.Walk(dir, func(at string, info os.FileInfo, err error) error {
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		read, err := os.ReadFile(at)
		if bytes.Contains(read, []byte(wanted)) {
			path, data = at, read
		}
		return err
	}))
	if path == "" {
		t.Fatal("no file has ", wanted)
	}
	return path, data
}

func TestADamagedEntryIsReportedAndTheOthersAreRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	fill(t, path)
	file, data := fileWith(t, path, damagedEntry)
	data[bytes.Index(data, []byte(damagedEntry))] ^= 1
	must(t, os.WriteFile(file, data, 0o600))
	log := open(t, path, nil)
	s := stream(t, log, "s")
	_, err := s.Get(5)
	var failed *Error
	if !errors.As(err, &failed) || failed.Status != ErrCRCMismatch || failed.Path != file || failed.FirstID != 5 {
		t.Fatal(err)
	}
	_, err = s.Get(4)
	must(t, err)
	it, err := s.Iterate(0)
	must(t, err)
	defer it.Close()
	var found []uint64
	problems := 0
	for {
		if it.Next() {
			found = append(found, it.ID())
		} else if it.Err() == nil {
			break
		} else {
			expectStatus(t, it.Err(), ErrCRCMismatch)
			problems++
		}
	}
	expect(t, found, "[0 1 2 3 4 6 7 8 9 10 11]")
	expect(t, problems, 1)
	report, err := log.Verify()
	must(t, err)
	expect(t, report.Clean, false)
	expect(t, report.Entries, 11)
	var damages []Finding
	for _, finding := range report.Findings {
		if finding.Severity == SeverityDamage {
			damages = append(damages, finding)
		}
	}
	if len(damages) != 1 || damages[0].Stream != "s" || damages[0].Path != file || damages[0].FirstID != 5 ||
		damages[0].EndID != 6 || !damages[0].HasOffset || damages[0].What == "" {
		t.Fatalf("%+v", damages)
	}
}

func TestWhatOpeningFoundIsReportedAndADamagedLogCanBeRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	fill(t, path)
	log := open(t, path, nil)
	report, err := log.Recovery()
	must(t, err)
	expect(t, []bool{report.Complete, len(report.Reported) == 0}, "[true true]")
	verified, err := log.Verify()
	must(t, err)
	expect(t, verified.Clean, true)
	must(t, log.Close())
	file, _ := fileWith(t, path, damagedEntry)
	must(t, os.Remove(file))
	_, err = Open(path, &Options{OnCorruption: CorruptionError})
	expectStatus(t, err, ErrCorrupt)
	log = open(t, path, nil)
	report, err = log.Recovery()
	must(t, err)
	expect(t, []bool{report.Complete, report.Streams == 1, len(report.Reported) == 1}, "[false true true]")
	lost := report.Reported[0]
	if lost.Stream != "s" || lost.Complete || lost.NextID != 12 || lost.DurableEndBefore != 12 {
		t.Fatalf("%+v", lost)
	}
	if f := lost.Findings[0]; f.Severity != SeverityDamage || f.FirstID != 4 || f.EndID != 8 {
		t.Fatalf("%+v", f)
	}
	s := stream(t, log, "s")
	_, err = s.Get(5)
	expectStatus(t, err, ErrSegmentNotFound)
	id, err := s.Append([]byte("goes on"))
	must(t, err)
	expect(t, id, 12)
}

func TestGoroutinesThatShareAStreamGetEachIdOnce(t *testing.T) {
	s := stream(t, newLog(t, lazy), "s")
	given := make(chan uint64, 1600)
	var all sync.WaitGroup
	for worker := 0; worker < 8; worker++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := 0; i < 200; i++ {
				id, err := s.Append([]byte("entry"))
				if err != nil {
					t.Error(err)
				}
				given <- id
			}
		}()
	}
	all.Wait()
	close(given)
	var ids []uint64
	for id := range given {
		ids = append(ids, id)
	}
	sort.Slice(ids, func(i, j int) bool { return ids[i] < ids[j] })
	for i, id := range ids {
		expect(t, id, i)
	}
	expect(t, len(ids), 1600)
}

// headerFunctions returns the names of all functions of the header.
func headerFunctions(t testing.TB) (names []string) {
	t.Helper()
	header, err := os.ReadFile("../../include/ironwal.h")
	if err != nil {
		t.Skip("the header of the repository is not here: ", err)
	}
	for _, found := range regexp.MustCompile(`(?m)^\w[\w ]*[ *](ironwal_\w+)\(`).FindAllSubmatch(header, -1) {
		names = append(names, string(found[1]))
	}
	if len(names) < 180 {
		t.Fatalf("%d functions in the header", len(names))
	}
	return names
}

// What is not bound: calls that take the name of a stream, as a handle does the same; what a longer call does too;
// transactions, views, descriptors, replicas, options as text, the callbacks that a library of Go has other means for, and
// what looks at a directory that is not open, as ironwalctl does.
const leftOut = `append append_at append_batch append_vectored append_with get get_into get_batch sync truncate
restore_archived get_property get_properties set_properties replace_properties replace_suffix truncate_suffix
truncate_prefix reset wal_iter wal_iter_rev current_segment_start_id stream_current_segment_start_id stream_iter
entry_list_count entry_list_get entry_list_free stream_append_at stream_append_batch stream_append_vectored stream_get
stream_view view_pin_free iter_current txn_begin txn_add txn_commit txn_abort stream_events events_fd events_drain
events_free stream_frame_position stream_export stream_export_written stream_apply options_set_log sharded_options_set_checkpoint_ids
sharded_iter_shard sharded_flush_shard sharded_append_batch_for_key sharded_checkpoint_count
version_number version_string error_status options_clone options_parse options_set_log_owned
options_set_log_level stream_begin iter_next_many
verify_directory dump_directory stat_directory stat_report_get_totals stat_report_get_stream
stat_report_get_segment stat_report_free repair_directory repair_report_get_totals
repair_report_get_stream repair_report_get_lost repair_report_free`

func TestEveryFunctionOfTheHeaderIsBoundOrNamedAsLeftOut(t *testing.T) {
	files, err := filepath.Glob("*.go")
	must(t, err)
	var sources []byte
	for _, file := range append(files, "shim.h") {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		must(t, err)
		sources = append(sources, source...)
	}
	named := make(map[string]bool)
	for _, name := range strings.Fields(leftOut) {
		named["ironwal_"+name] = true
	}
	for _, name := range headerFunctions(t) {
		bound := regexp.MustCompile(`\b` + name + `\b`).Match(sources)
		if bound == named[name] {
			t.Errorf("%s: bound %v, left out %v", name, bound, named[name])
		}
		delete(named, name)
	}
	expect(t, len(named), 0)
}

func residentBytes(t testing.TB) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("the size of a process is read from /proc")
	}
	var pages int
	for _, digit := range strings.Fields(string(text))[1] {
		pages = pages*10 + int(digit-'0')
	}
	return pages * os.Getpagesize()
}

func TestCallsLeaveNoMemoryBehind(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector keeps memory of its own")
	}
	log := newLog(t, &Options{SyncMode: SyncAsync})
	big := bytes.Repeat([]byte("x"), 500)
	first := stream(t, log, "s")
	_, err := first.AppendBatchAt(0, [][]byte{big}, []Property{{Key: []byte("p"), Value: big}}, ByMode)
	must(t, err)
	turns := func(count int) {
		for i := 0; i < count; i++ {
			s := stream(t, log, "s")
			it, err := s.Follow(0, ViewWritten)
			must(t, err)
			expect(t, it.Next(), true)
			it.Close()
			_, err = s.Get(0)
			must(t, err)
			_, _, err = s.Last()
			must(t, err)
			_, err = s.Properties()
			must(t, err)
			_, err = log.Streams()
			must(t, err)
			mark, err := s.Mark()
			must(t, err)
			ticket, err := s.OnDurable(mark, func(error) {})
			must(t, err)
			_, err = s.Cancel(ticket)
			must(t, err)
			_, err = s.AppendBatchAt(9, nil, nil, ByMode)
			expectStatus(t, err, ErrSequenceMismatch)
			must(t, s.Close())
		}
		debug.FreeOSMemory()
	}
	turns(1000)
	// What is lost is lost in each round: 500 bytes a turn would be 2 MB. The collector's own heap comes and goes.
	smallest := math.MaxInt
	for round := 0; round < 5; round++ {
		before := residentBytes(t)
		turns(4000)
		if grown := residentBytes(t) - before; grown < smallest {
			smallest = grown
		}
	}
	if smallest > 1<<19 {
		t.Fatalf("%d bytes more in each round", smallest)
	}
}
