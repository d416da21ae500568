package ironwal

// How is a C handle freed when no call uses it any more, and not before?
//
// A lock for readers and writers would not do: a waiting writer stops new readers, and a function given
// to OnDurable would wait for a Close that waits for that very function.

import (
	"math"
	"sync/atomic"
)

// closing, added to the number of calls under way, says that no more may begin.
const closing = math.MinInt64

type guard struct {
	calls int64
	idle  chan struct{} // closed when the last call under way returns after closing began
}

func newGuard() guard { return guard{idle: make(chan struct{})} }

// enter begins a call. False: the handle is closed, or about to be.
func (g *guard) enter() bool {
	for {
		calls := atomic.LoadInt64(&g.calls)
		if calls < 0 {
			return false
		}
		if atomic.CompareAndSwapInt64(&g.calls, calls, calls+1) {
			return true
		}
	}
}

func (g *guard) leave() {
	if atomic.AddInt64(&g.calls, -1) == closing {
		close(g.idle)
	}
}

// close refuses new calls and waits for those under way. False: another one has closed.
func (g *guard) close() bool {
	for {
		calls := atomic.LoadInt64(&g.calls)
		if calls < 0 {
			return false
		}
		if atomic.CompareAndSwapInt64(&g.calls, calls, calls+closing) {
			if calls > 0 {
				<-g.idle
			}
			return true
		}
	}
}

// reopen allows calls again after close, by the caller for which close was true.
func (g *guard) reopen() {
	g.idle = make(chan struct{})
	atomic.StoreInt64(&g.calls, 0)
}
