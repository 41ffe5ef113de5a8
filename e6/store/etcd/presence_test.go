package etcd

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// A roster holds the last list of WatchClients.
type roster struct {
	t     testing.TB
	lists chan []store.Client
}

func watchClients(t testing.TB, s *Store, cluster string) *roster {
	r := &roster{t: t, lists: make(chan []store.Client, 1024)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			_ = s.WatchClients(ctx, cluster, func(all []store.Client) { r.lists <- all })
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return r
}

// until waits for a list that is as it should be.
func (r *roster) until(what string, right func([]store.Client) bool) []store.Client {
	r.t.Helper()
	ctx := within(r.t)
	var last []store.Client
	for {
		select {
		case last = <-r.lists:
			if right(last) {
				return last
			}
		case <-ctx.Done():
			r.t.Fatalf("%s: the list is %+v", what, last)
		}
	}
}

func count(n int) func([]store.Client) bool {
	return func(all []store.Client) bool { return len(all) == n }
}

func join(t testing.TB, s *Store, cluster string, self store.Client) *member {
	t.Helper()
	m, err := s.Join(cluster, self)
	require.NoError(t, err)
	return m.(*member)
}

func TestPresence_ClientsAreListedFromJoinToLeave(t *testing.T) {
	etcd := startEtcd(t)
	s := open(t, etcd.config(), WithNamespace("fleet/"))
	r := watchClients(t, s, "a")
	r.until("no client", count(0))
	host, err := os.Hostname()
	require.NoError(t, err)

	one := join(t, s, "a", store.Client{})
	all := r.until("one", count(1))
	require.Equal(t, one.ID(), all[0].ID)
	require.Equal(t, host, all[0].Host)
	require.Equal(t, filepath.Base(os.Args[0]), all[0].Program)
	require.Equal(t, "devel", all[0].Version)
	require.WithinDuration(t, time.Now(), all[0].Since, time.Hour)
	require.Equal(t, fsm.None, all[0].Side)

	given := store.Client{ID: "x/y", Host: "h", Program: "p", Version: "v1.2.3", Since: time.Unix(1, 0).UTC(), Side: fsm.Blue}
	two := join(t, s, "a", given)
	all = r.until("two", count(2))
	require.Equal(t, given, all[0], "the older one is the first")
	one.Show(store.Status{Side: fsm.Green, State: fsm.StateGreen})
	r.until("a new side", func(all []store.Client) bool { return len(all) == 2 && all[1].Side == fsm.Green })

	// Others neither see them nor are seen.
	join(t, s, "ab", store.Client{})
	join(t, open(t, etcd.config()), "a", store.Client{})
	require.NoError(t, one.Leave(within(t)))
	all, err = s.Clients(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, []store.Client{given}, all)
	require.NoError(t, two.Leave(within(t)))
	r.until("no client again", count(0))
	all, err = s.Clients(t.Context(), "never seen")
	require.NoError(t, err)
	require.Empty(t, all)
}

func TestAnEntryThatCannotBeReadIsNotListed(t *testing.T) {
	s := open(t, startEtcd(t).config())
	r := watchClients(t, s, "a")
	join(t, s, "a", store.Client{ID: "readable"})
	join(t, s, "a", store.Client{ID: "readable once"})
	r.until("two", count(2))
	_, err := s.client.Put(within(t), clientKey("a", "newer"), `{"format":2}`)
	require.NoError(t, err)
	_, err = s.client.Put(within(t), clientKey("a", "readable once"), `?`)
	require.NoError(t, err)
	require.Equal(t, "readable", r.until("one", count(1))[0].ID)
}

func TestPresence_AClientThatLostItsLeaseTakesAnother(t *testing.T) {
	s := open(t, startEtcd(t).config())
	r := watchClients(t, s, "a")
	m := join(t, s, "a", store.Client{})
	r.until("one", count(1))
	leases, err := s.client.Leases(within(t))
	require.NoError(t, err)
	require.Len(t, leases.Leases, 1)
	_, err = s.client.Revoke(within(t), leases.Leases[0].ID)
	require.NoError(t, err)
	r.until("no client", count(0))
	require.Equal(t, m.ID(), r.until("it is back", count(1))[0].ID)
}

func TestPresence_AClientThatWasPartitionedForLongerThanItsLeaseReturns(t *testing.T) {
	etcd := startEtcd(t)
	p := startProxy(t, etcd.addr)
	far := openAt(t, p.addr(), WithLease(time.Second))
	r := watchClients(t, open(t, etcd.config()), "a")
	m := join(t, far, "a", store.Client{})
	r.until("one", count(1))
	p.inject(networkFault{stalled: true})
	r.until("no client", count(0))
	m.Show(store.Status{Side: fsm.Green, State: fsm.StateGreen})
	p.inject(networkFault{})
	require.Equal(t, fsm.Green, r.until("it is back", count(1))[0].Side)
}

func TestAClientMayJoinBeforeEtcdIsThereAndStayWhileItRestarts(t *testing.T) {
	etcd := startEtcd(t)
	etcd.Kill()
	s := open(t, etcd.config())
	m := join(t, s, "a", store.Client{})
	etcd.start()
	r := watchClients(t, s, "a")
	r.until("one", count(1))
	etcd.Kill()
	m.Show(store.Status{Side: fsm.Green, State: fsm.StateGreen})
	etcd.start()
	r.until("its new side", func(all []store.Client) bool { return len(all) == 1 && all[0].Side == fsm.Green })
}

func TestLeave_DoesNotWaitForAnUnreachableEtcd(t *testing.T) {
	etcd := startEtcd(t)
	s := open(t, etcd.config(), WithCallTimeout(300*time.Millisecond))
	m := join(t, s, "a", store.Client{})
	watchClients(t, s, "a").until("one", count(1))
	etcd.Kill()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, m.Leave(ended), context.Canceled)
	require.NoError(t, m.Leave(within(t)))
}

func TestPresence_EndsWithItsEtcdClient(t *testing.T) {
	client, err := clientv3.New(startEtcd(t).config())
	require.NoError(t, err)
	s, err := New(client)
	require.NoError(t, err)
	m := join(t, s, "a", store.Client{})
	watchClients(t, s, "a").until("one", count(1))
	require.NoError(t, client.Close())
	select {
	case <-m.left:
	case <-within(t).Done():
		t.Fatal("it goes on")
	}
	require.NoError(t, s.Close())
}

// joiningVariable holds the address of etcd for a process that joins and stays.
const joiningVariable = "E6_TEST_JOINING_CLIENT"

// TestJoiningProcess is no test: it is the process that another one starts and kills.
func TestJoiningProcess(t *testing.T) {
	addr := os.Getenv(joiningVariable)
	if addr == "" {
		return
	}
	s := openAt(t, addr, WithLease(time.Second))
	join(t, s, "a", store.Client{ID: "child"})
	watchClients(t, s, "a").until("one", count(1))
	fmt.Println("joined")
	_, err := os.Stdin.Read(make([]byte, 1))
	require.NoError(t, err)
}

func TestPresence_AKilledProcessIsRemovedFromTheList(t *testing.T) {
	etcd := startEtcd(t)
	r := watchClients(t, open(t, etcd.config()), "a")
	child := exec.Command(os.Args[0], "-test.run=^TestJoiningProcess$")
	child.Env = append(os.Environ(), joiningVariable+"="+etcd.addr)
	child.Stderr = os.Stderr
	stdin, err := child.StdinPipe()
	require.NoError(t, err)
	defer stdin.Close()
	stdout, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait(), "it was killed")
	require.NoError(t, err)
	require.Equal(t, "joined\n", line)
	require.Equal(t, "child", r.until("it was there", count(1))[0].ID)
	r.until("it is gone", count(0))
}
