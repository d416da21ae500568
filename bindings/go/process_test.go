package ironwal

// Does the end of a process harm nothing? Each test runs this program again, as a child.

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

const childVariable = "IRONWAL_GO_CHILD"

// children are the programs that a test may run, by name. Each gets the path of a log and an argument.
var children = map[string]func(path, argument string) error{
	"full disk": childFillsTheDisk,
	"no close":  childEndsWithoutClosing,
	"writer":    childWrites,
}

func TestMain(m *testing.M) {
	if name := os.Getenv(childVariable); name != "" {
		if err := children[name](os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(name, path, argument string) *exec.Cmd {
	command := exec.Command(os.Args[0], path, argument)
	command.Env = append(os.Environ(), childVariable+"="+name)
	command.Stderr = os.Stderr
	return command
}

func childFillsTheDisk(path, _ string) error {
	// A limit on the size of files stands for a full disk; it belongs to the whole process.
	signal.Ignore(syscall.SIGXFSZ)
	log, err := Open(path, &Options{MaxSegmentSize: 1 << 30})
	if err != nil {
		return err
	}
	s, err := log.Stream("s")
	if err != nil {
		return err
	}
	if _, err := s.Append([]byte("kept")); err != nil {
		return err
	}
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 20, Max: before.Max}); err != nil {
		return err
	}
	_, err = s.Append(make([]byte, 4<<20))
	var failed *Error
	if !errors.Is(err, ErrNoSpace) || !errors.Is(err, syscall.EFBIG) || !errors.As(err, &failed) ||
		!strings.HasPrefix(failed.Path, path) {
		return fmt.Errorf("with the limit: %v", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		return err
	}
	if id, err := s.Append([]byte("again")); err != nil || id != 1 {
		return fmt.Errorf("without the limit: %d, %v", id, err)
	}
	return log.Close()
}

func TestAFullDiskIsNoSpaceAndLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	must(t, child("full disk", path, "").Run())
	expectEntries(t, stream(t, open(t, path, nil), "s"), 0, "kept", "again")
}

func childEndsWithoutClosing(path, _ string) error {
	log, err := Open(path, lazy)
	if err != nil {
		return err
	}
	s, err := log.Stream("s")
	if err != nil {
		return err
	}
	if _, err := s.AppendBatchAt(0, batch("a", "b"), nil, ByMode); err != nil {
		return err
	}
	_, err = s.Append([]byte("c"))
	return err
}

func TestAProgramThatEndsWithoutClosingLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	must(t, child("no close", path, "").Run())
	expectEntries(t, stream(t, open(t, path, nil), "s"), 0, "a", "b", "c")
}

func entryOf(name string, id uint64) []byte { return []byte(fmt.Sprint(name, " ", id)) }

// childWrites appends to two streams without end, and reports each id up to which all is acknowledged.
func childWrites(path, mode string) error {
	number, err := strconv.Atoi(mode)
	if err != nil {
		return err
	}
	log, err := Open(path, &Options{SyncMode: SyncMode(number), MaxSegmentSize: 1 << 16})
	if err != nil {
		return err
	}
	failed := make(chan error)
	var out sync.Mutex
	for _, name := range []string{"a", "b"} {
		go func(name string) { failed <- childWritesStream(log, name, &out) }(name)
	}
	return <-failed
}

func childWritesStream(log *Log, name string, out *sync.Mutex) error {
	s, err := log.Stream(name)
	if err != nil {
		return err
	}
	id, err := s.NextID()
	for err == nil {
		var appended Appended
		if id%4 == 0 {
			entries := [][]byte{entryOf(name, id), entryOf(name, id+1), entryOf(name, id+2)}
			appended, err = s.AppendBatchAt(id, entries, nil, ByMode)
		} else {
			at := make([]byte, 8)
			binary.LittleEndian.PutUint64(at, id)
			change := []Property{{Key: []byte("at"), Value: at}}
			appended, err = s.AppendBatchAt(AnyID, [][]byte{entryOf(name, id)}, change, ByMode)
		}
		if err != nil {
			return err
		}
		id = appended.End
		out.Lock()
		_, err = fmt.Println(name, id)
		out.Unlock()
	}
	return err
}

func TestAKilledProcessLosesNothingAcknowledgedInEverySyncMode(t *testing.T) {
	rounds := 4
	if text := os.Getenv("IRONWAL_ROUNDS"); text != "" {
		var err error
		rounds, err = strconv.Atoi(text)
		must(t, err)
	}
	for _, mode := range []SyncMode{SyncStrict, SyncBatchOnly, SyncAsync} {
		path := filepath.Join(t.TempDir(), "log")
		acknowledged := map[string]uint64{"a": 0, "b": 0}
		for round := 0; round < rounds; round++ {
			writer := child("writer", path, strconv.Itoa(int(mode)))
			pipe, err := writer.StdoutPipe()
			must(t, err)
			must(t, writer.Start())
			lines := bufio.NewReader(pipe)
			for count := 0; ; count++ {
				if count == 40+round%50*17 {
					must(t, writer.Process.Kill())
				}
				line, err := lines.ReadString('\n')
				if err != nil {
					break // a last line without its end says nothing
				}
				words := strings.Fields(line)
				id, err := strconv.ParseUint(words[1], 10, 64)
				must(t, err)
				if id > acknowledged[words[0]] {
					acknowledged[words[0]] = id
				}
			}
			if err := writer.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
				t.Fatal("the writer: ", err)
			}
			expectAcknowledged(t, path, mode, acknowledged)
		}
	}
}

func expectAcknowledged(t *testing.T, path string, mode SyncMode, acknowledged map[string]uint64) {
	t.Helper()
	log := open(t, path, &Options{SyncMode: mode})
	for name, end := range acknowledged {
		s := stream(t, log, name)
		next, err := s.NextID()
		must(t, err)
		if next < end {
			t.Fatalf("%s ends at %d, and %d were acknowledged", name, next, end)
		}
		ids, all := entries(t, s)
		expect(t, len(ids), next)
		for i := range ids {
			expect(t, ids[i], i)
			expect(t, all[i], string(entryOf(name, uint64(i))))
		}
		// Batches are whole, and an entry and its property were one append.
		if next%4 != 0 && next%4 != 3 {
			t.Fatalf("%s ends at %d, within a batch", name, next)
		}
		at, err := s.Property([]byte("at"))
		if next < 4 {
			expectStatus(t, err, ErrNotFound)
			continue
		}
		must(t, err)
		want := make([]byte, 8)
		if next%4 == 0 {
			binary.LittleEndian.PutUint64(want, next-1)
		} else {
			binary.LittleEndian.PutUint64(want, next-4)
		}
		if !bytes.Equal(at, want) {
			t.Fatalf("%s ends at %d, and its property is %v", name, next, at)
		}
	}
	must(t, log.Close())
}
