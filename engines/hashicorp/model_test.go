package ironwalraft

// A model of what raft may ask of its stores, random steps on it, and the programs that compare.
//
// All writes of a store reach the disk in the order of the calls and are durable on return. So after any
// crash a store must be as the model was after some number of steps: no fewer than had returned, no more
// than were begun.

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"ironwal"
)

var keys = [][]byte{[]byte("CurrentTerm"), []byte("LastVoteTerm"), []byte("LastVoteCand")}

// model is what a store holds, as raft sees it.
type model struct {
	entries     []raft.Log
	stable      [3]string
	commit      uint64
	staged      uint64
	hasStaged   bool
	term, calls uint64
}

func (m *model) next() uint64 {
	if len(m.entries) == 0 {
		return m.calls + 1 // anywhere
	}
	return m.entries[len(m.entries)-1].Index + 1
}

// step changes the model, and returns the call that must do the same to a store. The same source of
// numbers makes the same steps.
func (m *model) step(random *rand.Rand) (name string, call func(*Store) error) {
	m.calls++
	switch kind := random.Intn(12); {
	case kind < 5:
		first := m.next()
		if len(m.entries) == 0 {
			first = uint64(1 + random.Intn(20))
		} else if random.Intn(10) == 0 { // a snapshot was installed
			first += uint64(1 + random.Intn(9))
			m.entries = nil
		}
		var logs []*raft.Log
		for i := 0; i <= random.Intn(4); i++ {
			log := raft.Log{Index: first + uint64(i), Term: m.term, Type: raft.LogType(random.Intn(6))}
			log.Data = append(log.Data, fmt.Sprintf("entry %d of call %d", log.Index, m.calls)...)
			log.Data = append(log.Data, make([]byte, random.Intn(300))...)
			if random.Intn(3) == 0 {
				log.Extensions = []byte("extensions")
			}
			m.entries = append(m.entries, log)
			logs = append(logs, &log)
		}
		if m.hasStaged {
			m.commit, m.hasStaged = m.staged, false
		}
		return fmt.Sprint("StoreLogs at ", first), func(s *Store) error { return s.StoreLogs(logs) }
	case kind < 7: // a vote: the term never goes back
		which := random.Intn(len(keys))
		m.term += uint64(random.Intn(2))
		if which == 2 {
			value := fmt.Sprint("candidate ", m.calls)
			m.stable[which] = value
			return "Set", func(s *Store) error { return s.Set(keys[which], []byte(value)) }
		}
		term := m.term
		m.stable[which] = strconv.FormatUint(term, 10)
		return "SetUint64", func(s *Store) error { return s.SetUint64(keys[which], term) }
	case kind < 8:
		m.staged, m.hasStaged = m.calls, true
		staged := m.staged
		return "StageCommitIndex", func(s *Store) error { return s.StageCommitIndex(staged) }
	default:
		if len(m.entries) == 0 {
			return "nothing", func(*Store) error { return nil }
		}
		first, count := m.entries[0].Index, random.Intn(len(m.entries))+1
		low, high := uint64(0), first+uint64(count)-1
		if random.Intn(2) == 0 { // from the first, perhaps all
			m.entries = append([]raft.Log(nil), m.entries[count:]...)
		} else {
			low, high = first+uint64(count)-1, m.next()-1+uint64(random.Intn(2))
			m.entries = append([]raft.Log(nil), m.entries[:count-1]...)
		}
		return fmt.Sprint("DeleteRange ", low, " ", high), func(s *Store) error { return s.DeleteRange(low, high) }
	}
}

// describe returns what the model says a store that was opened now holds.
func (m *model) describe() string {
	out := fmt.Sprintf("stable %q commit %d\n", m.stable, m.commit)
	for _, log := range m.entries {
		out += fmt.Sprintf("%d %d %d %q %q\n", log.Index, log.Term, log.Type, log.Data, log.Extensions)
	}
	return out
}

// describe returns what a store holds, in the same form.
func describe(s *Store) (string, error) {
	var found model
	for i, key := range keys {
		value, err := s.Get(key)
		if err == nil && i < 2 {
			var number uint64
			number, err = s.GetUint64(key)
			value = strconv.AppendUint(nil, number, 10)
		}
		if err != nil && !errors.Is(err, ErrKeyNotFound) {
			return "", err
		}
		found.stable[i] = string(value)
	}
	var err error
	if found.commit, err = s.GetCommitIndex(); err != nil {
		return "", err
	}
	first, err := s.FirstIndex()
	if err != nil {
		return "", err
	}
	last, err := s.LastIndex()
	if err != nil {
		return "", err
	}
	for index := first; index != 0 && index <= last; index++ {
		var log raft.Log
		if err := s.GetLog(index, &log); err != nil {
			return "", err
		}
		found.entries = append(found.entries, log)
	}
	for _, outside := range []uint64{first - 1, last + 1} {
		if err := s.GetLog(outside, new(raft.Log)); !errors.Is(err, raft.ErrLogNotFound) {
			return "", fmt.Errorf("entry %d: %v", outside, err)
		}
	}
	return found.describe(), nil
}

// openSmall opens a store whose removals and appends cross segments.
func openSmall(path string) (*Store, error) {
	log, err := ironwal.Open(path, &ironwal.Options{
		SyncMode:       ironwal.SyncAsync,
		OnCorruption:   ironwal.CorruptionError,
		MaxSegmentSize: 2_000,
	})
	if err != nil {
		return nil, err
	}
	store, err := New(log, "raft")
	if err != nil {
		return nil, err
	}
	store.log = log
	return store, nil
}

func rounds(variable string, usual int) int {
	if given, err := strconv.Atoi(os.Getenv(variable)); err == nil {
		return given
	}
	return usual
}

func TestAStoreIsTheSameAfterEachCallWhenItIsOpenedAgain(t *testing.T) {
	for seed := 0; seed < rounds("REOPEN_ROUNDS", 6); seed++ {
		path := filepath.Join(t.TempDir(), "raft")
		random := rand.New(rand.NewSource(int64(seed)))
		var m model
		for call := 0; call < 60; call++ {
			store, err := openSmall(path)
			must(t, err)
			m.hasStaged = false // what was staged is not stored
			name, step := m.step(random)
			must(t, step(store))
			for _, when := range []string{"before", "after"} {
				found, err := describe(store)
				must(t, err)
				if want := m.describe(); found != want {
					t.Fatalf("seed %d, call %d, %s, %s closing:\n%s\nwant\n%s", seed, call, name, when, found, want)
				}
				must(t, store.Close())
				if when == "before" {
					store, err = openSmall(path)
					must(t, err)
				}
			}
		}
	}
}

const (
	killPath = "IRONWAL_KILL_PATH"
	killSeed = "IRONWAL_KILL_SEED"
)

// killedChild takes steps and says so until it is killed.
func killedChild(path string) {
	seed, _ := strconv.Atoi(os.Getenv(killSeed))
	random := rand.New(rand.NewSource(int64(seed)))
	store, err := openSmall(path)
	if err != nil {
		panic(err)
	}
	var m model
	for {
		_, step := m.step(random)
		os.Stdout.WriteString("begun\n")
		if err := step(store); err != nil {
			panic(err)
		}
		os.Stdout.WriteString("returned\n")
	}
}

func TestAProcessThatIsKilledLosesNothingThatACallHadReturned(t *testing.T) {
	if testing.Short() {
		t.Skip()
	}
	seen := 0
	for seed := 0; seed < rounds("KILL_ROUNDS", 12); seed++ {
		path := filepath.Join(t.TempDir(), "raft")
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), killPath+"="+path, fmt.Sprint(killSeed, "=", seed))
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		must(t, err)
		must(t, child.Start())
		wait := time.Duration(30+rand.New(rand.NewSource(int64(seed))).Intn(200)) * time.Millisecond
		timer := time.AfterFunc(wait, func() { child.Process.Kill() })
		begun, returned := 0, 0
		for lines := bufio.NewScanner(out); lines.Scan(); {
			switch {
			case bytes.Equal(lines.Bytes(), []byte("begun")):
				begun++
			case bytes.Equal(lines.Bytes(), []byte("returned")):
				returned++
			}
		}
		if err := child.Wait(); timer.Stop() {
			t.Fatalf("seed %d: the child ended by itself: %v", seed, err)
		}
		seen += returned

		store, err := openSmall(path)
		must(t, err)
		found, err := describe(store)
		must(t, err)
		must(t, store.Close())
		var m model
		random := rand.New(rand.NewSource(int64(seed)))
		is := false
		for call := 0; call <= begun && !is; call++ {
			is = call >= returned && m.describe() == found
			m.step(random)
		}
		if !is {
			t.Fatalf("seed %d: after %d to %d calls the store holds\n%s", seed, returned, begun, found)
		}
	}
	if seen == 0 {
		t.Fatal("no child got to its first call")
	}
	t.Logf("%d calls had returned", seen)
}
