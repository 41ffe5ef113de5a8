package etcd

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/store"
)

// fleetVariable makes a client of this program: it holds the cluster's address
// and etcd's.
const fleetVariable = "E6_TEST_FLEET_CLIENT"

// TestFleetProcess is no test: it is a client of the fleet, which does what it
// reads commands on its standard input, one word a line, and acknowledges each.
func TestFleetProcess(t *testing.T) {
	address, etcd, child := strings.Cut(os.Getenv(fleetVariable), "@")
	if !child {
		return
	}
	s := open(t, clientv3.Config{Endpoints: []string{etcd}}, WithCallTimeout(time.Second), WithRefresh(time.Second))
	record, err := s.Load(within(t), address+"/")
	require.NoError(t, err)
	client, err := e6.Open(t.Context(), e6.Config{Address: address, User: "user@example.com", Token: "secret-token"}, e6.WithStore(&known{Store: s, record: record}))
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	defer func() {
		if t.Failed() {
			record, err := s.Load(context.Background(), address+"/")
			fmt.Fprintf(os.Stderr, "process %d finds %+v in the store (error %v)\n", os.Getpid(), record, err)
			for _, e := range client.History() {
				fmt.Fprintln(os.Stderr, "process", os.Getpid(), e)
			}
		}
	}()
	load := &load{client: client}
	for commands := bufio.NewScanner(os.Stdin); commands.Scan(); {
		switch directive := commands.Text(); directive {
		case "query":
			result, err := client.QueryAll(within(t), "SELECT 42")
			require.NoError(t, err)
			settle(t, client)
			fmt.Println(result.Handle.Side, "with", refusals(client), "refusals")
		case "probe": // receives what the cluster announces
			_, err := client.QueryAll(within(t), "SELECT 42")
			require.NoError(t, err)
			settle(t, client)
			fmt.Println("probed")
		case "blue", "green": // wait for it, without a call to the cluster
			require.Eventually(t, func() bool { return client.Strategy().Active.String() == directive }, patience, time.Millisecond)
			fmt.Println("knows", directive)
		case "load":
			load.start()
			load.more(t)
			fmt.Println("loading")
		case "more":
			load.more(t)
			fmt.Println("served more")
		case "stop":
			fmt.Println("failed", load.stop(), "of many")
		}
	}
}

// known is a store that returns the record at once for the first time. A client waits for it
// for 20 ms only before it probes the sides by itself, and a busy machine takes longer.
type known struct {
	*Store
	record   store.Record
	returned atomic.Bool
}

func (k *known) Load(ctx context.Context, cluster string) (store.Record, error) {
	if k.returned.CompareAndSwap(false, true) {
		return k.record, nil
	}
	return k.Store.Load(ctx, cluster)
}

// settle waits until the queries are cleared on the server, so that nothing
// is left that a side could refuse.
func settle(t *testing.T, client *e6.Client) {
	require.Eventually(t, func() bool {
		inFlight := client.Stats().InFlight
		return inFlight[e6.Blue]+inFlight[e6.Green] == 0
	}, patience, time.Millisecond)
}

func refusals(client *e6.Client) (n int64) {
	for _, refused := range client.Stats().Refused {
		n += refused
	}
	return n
}

// load is a number of loops that query one after the other.
type load struct {
	client         *e6.Client
	end            context.CancelFunc
	loops          sync.WaitGroup
	served, failed atomic.Int64
}

func rows(r *e6.Result) (n int) {
	for range r.Rows() {
		n++
	}
	return n
}

func (l *load) start() {
	ctx, cancel := context.WithCancel(context.Background())
	l.end = cancel
	for range 4 {
		l.loops.Go(func() {
			for ctx.Err() == nil {
				// Each query has its own time: the end of the load is not the end of a query.
				one, cancel := context.WithTimeout(context.Background(), patience)
				result, err := l.client.QueryAll(one, "SELECT SLEEP(5)")
				cancel()
				if err != nil || rows(result) != 1 {
					l.failed.Add(1)
					fmt.Fprintln(os.Stderr, "a query failed:", err)
				}
				l.served.Add(1)
			}
		})
	}
}

// more waits until queries that began after the call were served by every loop.
func (l *load) more(t *testing.T) {
	then := l.served.Load()
	require.Eventually(t, func() bool { return l.served.Load() > then+50 }, patience, time.Millisecond)
}

func (l *load) stop() int64 {
	l.end()
	l.loops.Wait()
	return l.failed.Load()
}

// A process is a client of the fleet.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	output *bufio.Scanner
}

type fleet []*process

func startFleet(t *testing.T, n int, cluster *e6test.Cluster, etcd string) (f fleet) {
	t.Helper()
	for range n {
		p := &process{t: t, cmd: exec.Command(os.Args[0], "-test.run=^TestFleetProcess$")}
		p.cmd.Env = append(os.Environ(), fleetVariable+"="+cluster.Addr()+"@"+etcd)
		p.cmd.Stderr = os.Stderr
		var err error
		p.stdin, err = p.cmd.StdinPipe()
		require.NoError(t, err)
		stdout, err := p.cmd.StdoutPipe()
		require.NoError(t, err)
		p.output = bufio.NewScanner(stdout)
		require.NoError(t, p.cmd.Start())
		t.Cleanup(func() {
			if p.cmd.ProcessState == nil {
				_ = p.cmd.Process.Kill()
				_ = p.cmd.Wait()
			}
		})
		f = append(f, p)
	}
	return f
}

// does sends a command to all processes, and waits for their acknowledgements.
func (f fleet) does(directive, answer string) {
	for _, p := range f {
		p.t.Helper()
		_, err := fmt.Fprintln(p.stdin, directive)
		require.NoError(p.t, err)
	}
	for i, p := range f {
		require.True(p.t, p.output.Scan(), "process %d ended at %q: %v", i, directive, p.output.Err())
		require.Equal(p.t, answer, p.output.Text(), "process %d at %q", i, directive)
	}
}

// leave ends the processes, which finds out what they leaked.
func (f fleet) leave() {
	for _, p := range f {
		p.t.Helper()
		require.NoError(p.t, p.stdin.Close())
		for p.output.Scan() { // PASS
		}
		require.NoError(p.t, p.cmd.Wait())
	}
}

func startCluster(t *testing.T) *e6test.Cluster {
	t.Helper()
	cluster, err := e6test.Start()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	return cluster
}

// recordSettles waits until the record in etcd has a side and no announcement. The clients
// write it after they have changed the side themselves.
func recordSettles(t *testing.T, etcd *server, cluster *e6test.Cluster, on e6.Side) {
	t.Helper()
	s := open(t, etcd.config())
	require.Eventually(t, func() bool {
		r, err := s.Load(t.Context(), cluster.Addr()+"/")
		return err == nil && r.Active == on && r.Announced == e6.None
	}, patience, time.Millisecond)
}

func TestFleet_ACutoverThatOneProcessReceivesReachesAll(t *testing.T) {
	etcd, cluster := startEtcd(t), startCluster(t)
	all := startFleet(t, 3, cluster, etcd.addr)
	all.does("query", "blue with 0 refusals")

	cluster.OpenSide(e6.Green)
	cluster.Announce(e6.Green)
	all[:1].does("probe", "probed")
	all.does("green", "knows green")
	cluster.CloseSide(e6.Blue)
	all.does("query", "green with 0 refusals")

	// A process that starts later begins where the others are.
	recordSettles(t, etcd, cluster, e6.Green)
	late := startFleet(t, 1, cluster, etcd.addr)
	late.does("query", "green with 0 refusals")
	append(all, late...).leave()
	require.Empty(t, cluster.Stats().Violations)
	require.Empty(t, cluster.OpenQueries())
}

func TestOutage_NoQueryFailsWhenEtcdStopsDuringACutover(t *testing.T) {
	etcd, cluster := startEtcd(t), startCluster(t)
	all := startFleet(t, 3, cluster, etcd.addr)
	all.does("load", "loading")

	// The cutover begins, etcd dies, the cutover ends.
	cluster.OpenSide(e6.Green)
	cluster.Announce(e6.Green)
	etcd.Kill()
	all.does("more", "served more")
	all.does("green", "knows green")
	cluster.CloseSide(e6.Blue)
	all.does("more", "served more")

	// One more, abrupt, with the loss of an engine, and without etcd from its
	// beginning to its end.
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Blue, Kind: e6test.Abrupt, EngineGone: true}))
	all.does("blue", "knows blue")
	all.does("more", "served more")
	all.does("stop", "failed 0 of many")

	// Etcd comes back with what was true when it died. Once the fleet has brought it
	// the new record, what one process receives reaches all again.
	etcd.start()
	cluster.OpenSide(e6.Green)
	cluster.Announce(e6.Green)
	all.does("probe", "probed")
	all.does("green", "knows green")
	recordSettles(t, etcd, cluster, e6.Green)
	cluster.Announce(e6.Blue)
	all[:1].does("probe", "probed")
	all.does("blue", "knows blue")
	all.leave()
	require.Empty(t, cluster.Stats().Violations)
	require.Empty(t, cluster.OpenQueries())
}
