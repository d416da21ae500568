package ironwalraft

// Does a cluster of three processes keep every write that it acknowledged, while its processes are killed?
// IRONWAL_CLUSTER_SECONDS sets how long that goes on.

import (
	"bufio"
	"fmt"
	"math/rand"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const nodes = 3

type cluster struct {
	t     *testing.T
	dir   string
	ports []string
	alive [nodes]*exec.Cmd
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{t: t, dir: t.TempDir()}
	for i := 0; i < 2*nodes; i++ {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		defer listener.Close()
		_, port, err := net.SplitHostPort(listener.Addr().String())
		must(t, err)
		c.ports = append(c.ports, port)
	}
	t.Cleanup(func() {
		for n := range c.alive {
			c.kill(n)
		}
	})
	return c
}

func (c *cluster) start(n int) {
	node := exec.Command(os.Args[0])
	node.Env = append(os.Environ(), fmt.Sprint(nodeNumber, "=", n), nodeDir+"="+c.dir, nodePorts+"="+strings.Join(c.ports, ","))
	node.Stderr = os.Stderr
	must(c.t, node.Start())
	c.alive[n] = node
}

// kill ends a node with SIGKILL; nothing if it is not running.
func (c *cluster) kill(n int) {
	if node := c.alive[n]; node != nil {
		node.Process.Kill()
		node.Wait()
		c.alive[n] = nil
	}
}

// connection is a client's, to one node after the other.
type connection struct {
	ports []string
	node  int
	conn  net.Conn
	lines *bufio.Reader
}

// ask sends a request to the node; an error closes the connection.
func (c *connection) ask(request string) (string, error) {
	if c.conn == nil {
		conn, err := net.DialTimeout("tcp", "127.0.0.1:"+c.ports[2*c.node+1], time.Second)
		if err != nil {
			return "", err
		}
		c.conn, c.lines = conn, bufio.NewReader(conn)
	}
	c.conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, err := fmt.Fprintln(c.conn, request)
	var reply string
	if err == nil {
		reply, err = c.lines.ReadString('\n')
	}
	if err != nil {
		c.close()
		return "", err
	}
	return strings.TrimSuffix(reply, "\n"), nil
}

func (c *connection) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// ask asks one node once.
func (c *cluster) ask(n int, request string) (string, error) {
	connection := connection{ports: c.ports, node: n}
	defer connection.close()
	return connection.ask(request)
}

// leader returns the node that leads, and -1 if none says so.
func (c *cluster) leader() int {
	for n := range c.alive {
		if state, err := c.ask(n, "state"); err == nil && state == "Leader" {
			return n
		}
	}
	return -1
}

// write sends values until stop is closed, and returns those that were acknowledged.
func (c *cluster) write(next *uint64, stop <-chan struct{}) (acknowledged []uint64) {
	client := connection{ports: c.ports}
	defer client.close()
	for {
		select {
		case <-stop:
			return acknowledged
		default:
		}
		value := atomic.AddUint64(next, 1) // never sent a second time
		reply, err := client.ask(strconv.FormatUint(value, 10))
		if err == nil && reply == "ok" {
			acknowledged = append(acknowledged, value)
			continue
		}
		client.close()
		client.node = (client.node + 1) % nodes
		time.Sleep(20 * time.Millisecond)
	}
}

// settle waits until all nodes have applied the same, and returns it.
func (c *cluster) settle(next *uint64) string {
	c.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	stop := make(chan struct{})
	close(stop)
	for time.Now().Before(deadline) {
		time.Sleep(100 * time.Millisecond)
		leader := c.leader()
		if leader < 0 {
			continue
		}
		// A write of its own: what was committed before it is applied then.
		if reply, err := c.ask(leader, strconv.FormatUint(atomic.AddUint64(next, 1), 10)); err != nil || reply != "ok" {
			continue
		}
		for time.Now().Before(deadline) {
			var digests [nodes]string
			for n := range digests {
				digests[n], _ = c.ask(n, "digest")
			}
			if digests[0] != "" && digests[0] == digests[1] && digests[1] == digests[2] {
				all, err := c.ask(leader, "values")
				must(c.t, err)
				return all
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	c.t.Fatal("the nodes do not agree")
	return ""
}

func TestAClusterWhoseProcessesAreKilledKeepsEveryAcknowledgedWrite(t *testing.T) {
	if testing.Short() {
		t.Skip()
	}
	duration := time.Duration(rounds("IRONWAL_CLUSTER_SECONDS", 20)) * time.Second
	c := newCluster(t)
	for n := range c.alive {
		c.start(n)
	}
	var next uint64
	var acknowledged []uint64
	var mu sync.Mutex
	var writers sync.WaitGroup
	stop := make(chan struct{})
	for i := 0; i < 4; i++ {
		writers.Add(1)
		go func() {
			defer writers.Done()
			written := c.write(&next, stop)
			mu.Lock()
			defer mu.Unlock()
			acknowledged = append(acknowledged, written...)
		}()
	}
	random := rand.New(rand.NewSource(1))
	kills, leaders := 0, 0
	for end := time.Now().Add(duration); time.Now().Before(end); {
		time.Sleep(time.Duration(1000+random.Intn(1500)) * time.Millisecond)
		n := random.Intn(nodes)
		if kills%2 == 0 {
			if leader := c.leader(); leader >= 0 {
				n = leader
				leaders++
			}
		}
		c.kill(n)
		kills++
		time.Sleep(time.Duration(random.Intn(600)) * time.Millisecond)
		c.start(n)
	}
	for n := range c.alive { // all at once
		c.kill(n)
	}
	close(stop)
	writers.Wait()
	for n := range c.alive {
		c.start(n)
	}
	times := make(map[string]int)
	for _, value := range strings.Fields(c.settle(&next)) {
		times[value]++
		if times[value] > 1 {
			t.Fatalf("value %s was applied twice", value)
		}
	}
	for _, value := range acknowledged {
		if times[strconv.FormatUint(value, 10)] != 1 {
			t.Fatalf("value %d was acknowledged and is gone", value)
		}
	}
	t.Logf("%d writes acknowledged, %d applied, %d kills, %d of them of the leader", len(acknowledged), len(times), kills, leaders)
	if len(acknowledged) == 0 || leaders == 0 {
		t.Fatal("nothing was tested")
	}
}
