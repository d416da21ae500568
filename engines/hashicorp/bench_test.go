package ironwalraft

// raft's own benchmark of stores, and batches as a busy leader stores them, beside raft-boltdb.

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb"
	raftbench "github.com/hashicorp/raft/bench"
)

type store interface {
	raft.LogStore
	raft.StableStore
	Close() error
}

var stores = []struct {
	name string
	open func(b *testing.B) (store, error)
}{
	{"ironwal", func(b *testing.B) (store, error) { return Open(filepath.Join(b.TempDir(), "raft")) }},
	{"boltdb", func(b *testing.B) (store, error) { return raftboltdb.NewBoltStore(filepath.Join(b.TempDir(), "raft")) }},
}

// each runs the benchmark on a new store of each kind.
func each(b *testing.B, run func(b *testing.B, s store)) {
	for _, kind := range stores {
		b.Run(kind.name, func(b *testing.B) {
			s, err := kind.open(b)
			must(b, err)
			defer s.Close()
			run(b, s)
		})
	}
}

func BenchmarkFirstIndex(b *testing.B) {
	each(b, func(b *testing.B, s store) { raftbench.FirstIndex(b, s) })
}
func BenchmarkLastIndex(b *testing.B) {
	each(b, func(b *testing.B, s store) { raftbench.LastIndex(b, s) })
}
func BenchmarkGetLog(b *testing.B) { each(b, func(b *testing.B, s store) { raftbench.GetLog(b, s) }) }
func BenchmarkStoreLog(b *testing.B) {
	each(b, func(b *testing.B, s store) { raftbench.StoreLog(b, s) })
}
func BenchmarkStoreLogs(b *testing.B) {
	each(b, func(b *testing.B, s store) { raftbench.StoreLogs(b, s) })
}
func BenchmarkSet(b *testing.B) { each(b, func(b *testing.B, s store) { raftbench.Set(b, s) }) }
func BenchmarkGet(b *testing.B) { each(b, func(b *testing.B, s store) { raftbench.Get(b, s) }) }
func BenchmarkSetUint64(b *testing.B) {
	each(b, func(b *testing.B, s store) { raftbench.SetUint64(b, s) })
}
func BenchmarkGetUint64(b *testing.B) {
	each(b, func(b *testing.B, s store) { raftbench.GetUint64(b, s) })
}

// raftbench.DeleteRange stores batches with holes, which raft never does and this store refuses. Here
// ten entries are removed from the front of a log at a time, as compaction does.
func BenchmarkDeleteRange(b *testing.B) {
	each(b, func(b *testing.B, s store) {
		var all []*raft.Log
		for index := uint64(1); index <= uint64(10*b.N); index++ {
			all = append(all, &raft.Log{Index: index, Data: []byte("data")})
		}
		must(b, s.StoreLogs(all))
		b.ResetTimer()
		for n := uint64(0); n < uint64(b.N); n++ {
			must(b, s.DeleteRange(10*n+1, 10*n+10))
		}
	})
}

func BenchmarkStoreBatch(b *testing.B) {
	for _, size := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			each(b, func(b *testing.B, s store) {
				data := make([]byte, 256)
				index := uint64(1)
				start := time.Now()
				for n := 0; n < b.N; n++ {
					batch := make([]*raft.Log, size)
					for i := range batch {
						batch[i] = &raft.Log{Index: index, Term: 1, Data: data}
						index++
					}
					must(b, s.StoreLogs(batch))
				}
				b.ReportMetric(float64(b.N*size)/time.Since(start).Seconds(), "entries/s")
			})
		})
	}
}
