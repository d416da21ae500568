package ironwalraft

// What a node of the cluster under test does: a raft server on TCP whose state is the list of the values
// applied, and a port that takes values and answers questions.

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

const (
	nodeNumber = "IRONWAL_NODE"       // from 0
	nodeDir    = "IRONWAL_NODE_DIR"   // of all nodes
	nodePorts  = "IRONWAL_NODE_PORTS" // raft and client port of each, by commas
)

// values is the state machine: the values in the order in which they were applied.
type values struct {
	mu  sync.Mutex
	all []uint64
}

func (v *values) Apply(log *raft.Log) interface{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.all = append(v.all, binary.BigEndian.Uint64(log.Data))
	return nil
}

func (v *values) Snapshot() (raft.FSMSnapshot, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return snapshot(v.all[:len(v.all):len(v.all)]), nil
}

func (v *values) Restore(from io.ReadCloser) error {
	defer from.Close()
	bytes, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	var all []uint64
	for ; len(bytes) >= 8; bytes = bytes[8:] {
		all = append(all, binary.BigEndian.Uint64(bytes))
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.all = all
	return nil
}

type snapshot []uint64

func (s snapshot) Persist(sink raft.SnapshotSink) error {
	bytes := make([]byte, 0, 8*len(s))
	for _, value := range s {
		bytes = binary.BigEndian.AppendUint64(bytes, value)
	}
	if _, err := sink.Write(bytes); err != nil {
		sink.Cancel()
		return err
	}
	return sink.Close()
}

func (s snapshot) Release() {}

// runNode runs a node until its process is killed.
func runNode() {
	if err := serveNode(); err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		os.Exit(1)
	}
}

func serveNode() error {
	number, err := strconv.Atoi(os.Getenv(nodeNumber))
	if err != nil {
		return err
	}
	ports := strings.Split(os.Getenv(nodePorts), ",")
	dir := filepath.Join(os.Getenv(nodeDir), strconv.Itoa(number))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	quiet, err := os.OpenFile(filepath.Join(dir, "raft.txt"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	store, err := Open(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	snapshots, err := raft.NewFileSnapshotStore(dir, 2, quiet)
	if err != nil {
		return err
	}
	transport, err := raft.NewTCPTransport("127.0.0.1:"+ports[2*number], nil, 3, 2*time.Second, quiet)
	if err != nil {
		return err
	}
	config := raft.DefaultConfig()
	config.LocalID = raft.ServerID(strconv.Itoa(number))
	config.HeartbeatTimeout = 300 * time.Millisecond
	config.ElectionTimeout = 300 * time.Millisecond
	config.LeaderLeaseTimeout = 200 * time.Millisecond
	config.CommitTimeout = 10 * time.Millisecond
	// Small, so that logs are compacted and followers get snapshots.
	config.SnapshotThreshold = 500
	config.SnapshotInterval = 500 * time.Millisecond
	config.TrailingLogs = 100
	config.LogOutput = quiet
	hasState, err := raft.HasExistingState(store, store, snapshots)
	if err != nil {
		return err
	}
	if !hasState {
		var all raft.Configuration
		for n := 0; n < len(ports)/2; n++ {
			id := strconv.Itoa(n)
			all.Servers = append(all.Servers, raft.Server{ID: raft.ServerID(id), Address: raft.ServerAddress("127.0.0.1:" + ports[2*n])})
		}
		// Each node does this: all of them write the same first entry.
		if err := raft.BootstrapCluster(config, store, store, snapshots, transport, all); err != nil {
			return err
		}
	}
	state := &values{}
	node, err := raft.NewRaft(config, state, store, store, snapshots, transport)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+ports[2*number+1])
	if err != nil {
		return err
	}
	for {
		client, err := listener.Accept()
		if err != nil {
			return err
		}
		go answer(client, node, state)
	}
}

// answer takes requests, one a line: a number is a value to apply; "state" asks for the role; "digest"
// for the number and a hash of the values; "values" for all of them.
func answer(client net.Conn, node *raft.Raft, state *values) {
	defer client.Close()
	lines := bufio.NewScanner(client)
	for lines.Scan() {
		var reply string
		switch request := lines.Text(); request {
		case "state":
			reply = node.State().String()
		case "digest":
			state.mu.Lock()
			hash := fnv.New64a()
			for _, value := range state.all {
				binary.Write(hash, binary.BigEndian, value)
			}
			reply = fmt.Sprintf("%d %x", len(state.all), hash.Sum64())
			state.mu.Unlock()
		case "values":
			state.mu.Lock()
			words := make([]string, len(state.all))
			for i, value := range state.all {
				words[i] = strconv.FormatUint(value, 10)
			}
			reply = strings.Join(words, " ")
			state.mu.Unlock()
		default:
			value, err := strconv.ParseUint(request, 10, 64)
			if err == nil {
				err = node.Apply(binary.BigEndian.AppendUint64(nil, value), 2*time.Second).Error()
			}
			reply = "ok"
			if err != nil {
				reply = "error: " + err.Error()
			}
		}
		if _, err := fmt.Fprintln(client, reply); err != nil {
			return
		}
	}
}
