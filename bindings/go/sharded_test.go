package ironwal

// Behaviours of ../behaviours.md on sharded logs.

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const shards = 4

func openSharded(t testing.TB, path string, options *ShardedOptions) *ShardedLog {
	t.Helper()
	log, err := OpenSharded(path, shards, options)
	must(t, err)
	t.Cleanup(func() { log.Close() })
	return log
}

func key(n int) []byte { return []byte(fmt.Sprint("key ", n)) }

// fromID returns the entries of a shard from an id on.
func fromID(t testing.TB, log *ShardedLog, shard uint32, id uint64) (all []string) {
	t.Helper()
	s, err := log.Shard(shard)
	must(t, err)
	defer s.Close()
	it, err := s.Iterate(id)
	must(t, err)
	defer it.Close()
	for it.Next() {
		all = append(all, string(it.Entry()))
	}
	must(t, it.Err())
	return all
}

func TestEntriesGoToTheShardOfTheirKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	log := openSharded(t, path, nil)
	var entries []KeyedEntry
	for n := 0; n < 40; n++ {
		entries = append(entries, KeyedEntry{Key: key(n), Entry: []byte(fmt.Sprint(n))})
	}
	placed, err := log.AppendBatch(entries)
	must(t, err)
	for n, at := range placed {
		shard, err := Route(key(n), shards)
		must(t, err)
		expect(t, at.Shard, shard)
		expect(t, fromID(t, log, at.Shard, at.ID)[0], n)
	}
	// Bytes may lie beside pointers, as those of a stream's append may.
	r := &struct {
		next  *int
		bytes [8]byte
	}{next: new(int)}
	_, err = log.Append(r.bytes[:4], r.bytes[4:])
	must(t, err)
	_, err = Route(r.bytes[:4], shards)
	must(t, err)
	whole, err := log.AppendBatchAtomic(entries[:8])
	must(t, err)
	for n, at := range whole {
		expect(t, at.Shard, placed[n].Shard)
		expect(t, fromID(t, log, at.Shard, at.ID)[0], n)
	}
	none, err := log.AppendBatch(nil)
	must(t, err)
	expect(t, len(none), 0)
	again, err := log.Append(key(0), []byte("again"))
	must(t, err)
	expect(t, again.Shard, placed[0].Shard)
	must(t, log.Flush())
	expect(t, fromID(t, log, again.Shard, again.ID), "[again]")
	_, err = log.Shard(shards)
	expectStatus(t, err, ErrConfig)
	_, err = Route(nil, 0)
	expectStatus(t, err, ErrConfig)
	must(t, log.Close())
	expectStatus(t, log.Close(), ErrClosed)
	_, err = log.Append(key(0), nil)
	expectStatus(t, err, ErrClosed)
	_, err = OpenSharded(path, shards+1, nil)
	expectStatus(t, err, ErrShardCountMismatch)
}

func TestAReaderOfAShardedLogSeesWhatItsWriterAppends(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	readOnly := Options{ReadOnly: true}
	_, err := OpenSharded(path, 0, &ShardedOptions{Log: readOnly})
	expectStatus(t, err, ErrIO)
	log := openSharded(t, path, nil)
	placed, err := log.Append(key(0), []byte("0"))
	must(t, err)
	must(t, log.CreateCheckpoint("first"))
	_, err = OpenSharded(path, shards+1, &ShardedOptions{Log: readOnly})
	expectStatus(t, err, ErrShardCountMismatch)
	_, err = OpenSharded(path, 0, &ShardedOptions{Log: readOnly, Retention: 1})
	expectStatus(t, err, ErrConfig)
	reader, err := OpenSharded(path, 0, &ShardedOptions{Log: readOnly})
	must(t, err)
	defer reader.Close()
	expect(t, fromID(t, reader, placed.Shard, placed.ID), "[0]")
	_, err = log.Append(key(0), []byte("1"))
	must(t, err)
	must(t, reader.Refresh())
	expect(t, fromID(t, reader, placed.Shard, placed.ID), "[0 1]")
	ids, err := reader.Checkpoints()
	must(t, err)
	expect(t, ids, "[first]")
	_, err = reader.Append(key(0), nil)
	expectStatus(t, err, ErrReadOnly)
	expectStatus(t, reader.CreateCheckpoint("second"), ErrReadOnly)
	_, err = reader.Shard(shards)
	expectStatus(t, err, ErrConfig)
}

func TestAShardIsFollowedAsAStream(t *testing.T) {
	log := openSharded(t, filepath.Join(t.TempDir(), "log"), &ShardedOptions{Log: Options{SyncMode: SyncAsync}})
	placed, err := log.Append([]byte("key"), []byte("0"))
	must(t, err)
	s, err := log.Shard(placed.Shard)
	must(t, err)
	it, err := s.Follow(placed.ID, ViewDurable)
	must(t, err)
	defer it.Close()
	must(t, it.Wait(20*time.Second))
	expect(t, it.Next(), true)
	_, err = log.Append([]byte("key"), []byte("1"))
	must(t, err)
	must(t, it.Wait(20*time.Second))
	expect(t, it.Next(), true)
	expect(t, string(it.Entry()), "1")
	must(t, log.Close())
	_, err = s.Get(0)
	expectStatus(t, err, ErrClosed)
}

func TestReplayStartsAtTheNewestCheckpoint(t *testing.T) {
	dir := t.TempDir()
	path, copied := filepath.Join(dir, "log"), filepath.Join(dir, "copy")
	options := &ShardedOptions{Log: Options{SyncMode: SyncAsync, MaxEntriesPerSegment: 5}}
	log := openSharded(t, path, options)
	_, err := log.LoadLatestCheckpoint()
	expectStatus(t, err, ErrNoCheckpoints)
	appendKeys := func(count int, entry string) {
		for n := 0; n < count; n++ {
			_, err := log.Append(key(n), []byte(entry))
			must(t, err)
		}
	}
	appendKeys(100, "before")
	must(t, log.CreateCheckpoint("first"))
	appendKeys(10, "after")
	must(t, log.CreateCheckpoint("second"))
	appendKeys(3, "tail")
	expectStatus(t, log.CreateCheckpoint(""), ErrInvalidCheckpointID)
	must(t, log.Close())

	log = openSharded(t, path, options)
	latest, err := log.LoadLatestCheckpoint()
	must(t, err)
	expect(t, latest.ID, "second")
	first, err := log.LoadCheckpoint("first")
	must(t, err)
	sums := [2]uint64{}
	var tail []string
	for shard := range latest.Offsets {
		sums[0] += first.Offsets[shard]
		sums[1] += latest.Offsets[shard]
		tail = append(tail, fromID(t, log, uint32(shard), latest.Offsets[shard])...)
	}
	expect(t, sums, "[100 110]")
	expect(t, tail, "[tail tail tail]")
	if first.Time.After(time.Now()) || first.Time.Before(time.Now().Add(-time.Hour)) {
		t.Fatal(first.Time)
	}
	ids, err := log.Checkpoints()
	must(t, err)
	expect(t, ids, "[first second]")
	stats, err := log.SnapshotTo(copied, SnapshotLink)
	must(t, err)
	expect(t, stats.Streams, shards)
	must(t, log.RollbackToCheckpoint("second"))
	for shard := range latest.Offsets {
		expect(t, len(fromID(t, log, uint32(shard), latest.Offsets[shard])), 0)
	}
	pruned, err := log.PruneBeforeCheckpoint("second")
	must(t, err)
	expect(t, pruned.SegmentsDeleted > 0, true)
	_, err = log.LoadCheckpoint("first")
	expectStatus(t, err, ErrCheckpointPruned)
	_, err = log.LoadCheckpoint("third")
	expectStatus(t, err, ErrCheckpointNotFound)
	must(t, log.CreateCheckpoint("third"))
	compacted, err := log.CompactCheckpoints(1)
	must(t, err)
	expect(t, compacted.CheckpointsAfter, 1)
	again, err := openSharded(t, copied, nil).LoadCheckpoint("first")
	must(t, err)
	expect(t, again.Offsets, first.Offsets)
}

func TestCheckpointsAreMadeByThemselves(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	log := openSharded(t, path, &ShardedOptions{CheckpointEveryEntries: 10, CheckpointPrefix: "mine-", Retention: 2})
	var status AutomaticStatus
	for deadline := time.Now().Add(20 * time.Second); status.Created == 0 && time.Now().Before(deadline); {
		_, err := log.Append([]byte("key"), []byte("entry"))
		must(t, err)
		status, err = log.AutomaticStatus()
		must(t, err)
	}
	ids, err := log.Checkpoints()
	must(t, err)
	expect(t, strings.HasPrefix(ids[0], "mine-"), true)
	expect(t, []bool{status.Created >= 1, status.Failed == 0, status.LastError == ""}, "[true true true]")
	must(t, log.Close())
	_, err = openSharded(t, path, nil).AutomaticStatus()
	expectStatus(t, err, ErrNotFound)
	_, err = OpenSharded(filepath.Join(t.TempDir(), "log"), shards, &ShardedOptions{Retention: 1})
	expectStatus(t, err, ErrConfig)
	_, err = OpenSharded(filepath.Join(t.TempDir(), "log"), 0, nil)
	expectStatus(t, err, ErrConfig)
}
