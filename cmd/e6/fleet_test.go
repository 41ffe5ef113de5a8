package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/e6data/e6data-go/cmd/e6/internal/fleet"
	"github.com/e6data/e6data-go/cmd/e6/internal/stores"
	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/e6/store/etcd"
	"github.com/e6data/e6data-go/internal/bubbles"
	"github.com/e6data/e6data-go/internal/etcdserver"
	"github.com/e6data/e6data-go/internal/stress"
)

// crew is a fleet of clients that share a store and run queries.
type crew struct {
	t       *testing.T
	cluster *e6test.Cluster
	url     string
	flags   []string
	clients []*e6.Client
}

// newCrew returns a fleet with a real etcd.
func newCrew(t *testing.T, n int) *crew {
	server := etcdserver.ForTest(t)
	shared, err := etcd.Open(clientv3.Config{Endpoints: []string{server.Addr()}}, etcd.WithNamespace("a fleet/"))
	require.NoError(t, err)
	return crewWith(t, n, shared, "etcd://"+server.Addr()+"/a%20fleet")
}

// crewWith returns a fleet with that store, which it closes.
func crewWith(t *testing.T, n int, shared interface {
	store.Store
	io.Closer
}, url string) *crew {
	cluster, flags := start(t)
	c := &crew{t: t, cluster: cluster, url: url, flags: flags}
	var busy sync.WaitGroup
	ctx, rest := context.WithCancel(t.Context())
	t.Cleanup(func() {
		rest()
		busy.Wait()
		for _, client := range c.clients {
			require.NoError(t, client.Close())
		}
		require.NoError(t, shared.Close())
	})
	for range n {
		client, err := e6.Open(t.Context(), e6.Config{Address: cluster.Addr(), User: "me", Token: "planted"}, e6.WithStore(shared),
			e6.WithFleet(e6.FleetPolicy{Jitter: 50 * time.Millisecond}))
		require.NoError(t, err)
		c.clients = append(c.clients, client)
		busy.Go(func() {
			for ctx.Err() == nil {
				_, err := client.QueryAll(ctx, "SELECT 1")
				if ctx.Err() == nil {
					assert.NoError(t, err)
				}
				select {
				case <-time.After(10 * time.Millisecond):
				case <-ctx.Done():
				}
			}
		})
	}
	return c
}

// e6 runs a command about the fleet.
func (c *crew) e6(args ...string) result {
	return command(c.t, append(append([]string{"fleet"}, args...), "--store", c.url, "--address", c.cluster.Addr())...)
}

// allOn waits until all clients have settled on a side, and etcd has it, in its list of
// clients and in its record. A client shows itself on the new side while its last query
// on the old one still runs, and before the record has the new one.
func (c *crew) allOn(side fsm.Side) {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		var state fleet.State
		require.NoError(c.t, json.Unmarshal([]byte(c.e6("--json").out), &state))
		settled := !slices.ContainsFunc(state.Clients, func(client store.Client) bool {
			return client.Side != side || client.State != fsm.Settled(side)
		})
		return settled && len(state.Clients) == len(c.clients) && state.Record.Active == side
	}, time.Minute, 10*time.Millisecond)
}

func (c *crew) announce(side fsm.Side) {
	c.cluster.OpenSide(side)
	c.cluster.Announce(side)
}

func TestFleetRollback_MovesAllClientsUntilRelease(t *testing.T) {
	c := newCrew(t, 5)
	c.allOn(fsm.Blue)
	c.announce(fsm.Green)
	c.allOn(fsm.Green)
	shown := c.e6()
	require.Equal(t, 0, shown.code, shown.errOut)
	require.Regexp(t, `(?m)^cluster  127\.0\.0\.1:\d+$`, shown.out)
	require.Regexp(t, `(?m)^sides    green is active, epoch \d+$`, shown.out)
	require.Regexp(t, `(?m)^clients  5: 5 on green$`, shown.out)
	require.Equal(t, 5, strings.Count(c.e6("--all").out, "\n green | "), "each client has a line of its own")
	require.Equal(t, 1, strings.Count(shown.out, "\n green | "))

	refused := c.e6("rollback", "--reason", "the sums are wrong")
	require.Equal(t, exitStatement, refused.code)
	require.Contains(t, refused.errOut, "--yes skips the confirmation")
	c.allOn(fsm.Green)

	back := c.e6("rollback", "--reason", "the sums are wrong", "--yes")
	require.Equal(t, 0, back.code, back.errOut)
	require.Regexp(t, `^blue is active, epoch \d+; green is vetoed until \d{4}-`, back.out)
	require.Regexp(t, `\nclients: 5; on green: 0\n$`, back.out)
	c.allOn(fsm.Blue)
	require.Regexp(t, `(?m)^veto     on green for (30m0|29m\d+)s more, by directive of .*@.*: the sums are wrong$`, c.e6().out)

	again := c.e6("rollback", "--reason", "by mistake", "--yes")
	require.Equal(t, exitStatement, again.code)
	require.Contains(t, again.errOut, "a veto on green is active")
	require.Contains(t, again.errOut, "e6 fleet release --side green")

	require.Equal(t, result{out: "vetoes removed from green: 1\n"}, c.e6("release", "--side", "green"))
	c.allOn(fsm.Green) // which is still announced
	require.Equal(t, result{out: "vetoes removed from blue: 0\nvetoes removed from green: 0\n"}, c.e6("release"))
}

func TestFleetRollback_CountsClientsThatStay(t *testing.T) {
	c := newCrew(t, 2)
	c.announce(fsm.Green)
	c.allOn(fsm.Green)
	c.cluster.CloseSide(fsm.Blue)
	got := c.e6("rollback", "--reason", "x", "--yes", "--wait", "300ms")
	require.Equal(t, exitStatement, got.code, got.out)
	require.Contains(t, got.errOut, "after 300ms 2 of 2 clients are still on green: they leave when blue accepts them")
	require.Contains(t, got.out, "clients: 2; on green: 2\n")
	c.cluster.OpenSide(fsm.Blue)
	require.Equal(t, 0, c.e6("release").code)
	require.Equal(t, 0, c.e6("rollback", "--side", "green", "--reason", "x", "--for", "2h", "-y", "--wait", "0").code)
	c.allOn(fsm.Blue)
	require.Contains(t, c.e6().out, "by directive of")
}

// ordered runs "e6 fleet rollback --yes" with a store that holds a record and lists
// clients on these sides.
func ordered(t *testing.T, record store.Record, f rollbackFlags, sides ...fsm.Side) (store.Record, error) {
	t.Helper()
	var shared store.Memory
	_, err := shared.CompareAndSwap(t.Context(), "c", 0, record)
	require.NoError(t, err)
	for _, side := range sides {
		member, err := shared.Join("c", store.Client{})
		require.NoError(t, err)
		member.Show(store.Status{Side: side, State: fsm.Settled(side)})
	}
	f.reason, f.lasts, f.yes = "the sums are wrong", time.Minute, true
	refused := (&app{out: io.Discard, errOut: io.Discard}).rollbackFleet(t.Context(), &shared, "c", f)
	now, err := shared.Load(t.Context(), "c")
	require.NoError(t, err)
	return now, refused
}

func TestFleetRollback_DoesNotGuessTheSideAgainstTheClients(t *testing.T) {
	const blue, green = fsm.Blue, fsm.Green
	stale := store.Record{Active: blue}
	got, err := ordered(t, stale, rollbackFlags{}, green, green, blue)
	require.EqualError(t, err, "the store has blue as active, but 2 of 3 clients are on green: name the side to leave with --side")
	require.Empty(t, got.ActiveVetoes(), "nothing was ordered")
	require.EqualValues(t, 1, got.Version)

	for name, c := range map[string]struct {
		record store.Record
		flags  rollbackFlags
		sides  []fsm.Side
	}{
		"the side is named":                      {stale, rollbackFlags{side: sideFlag{green}}, []fsm.Side{green, green}},
		"the record and the clients agree":       {store.Record{Active: green}, rollbackFlags{}, []fsm.Side{green, green, blue}},
		"the side is announced, no client moved": {store.Record{Active: blue, Announced: green}, rollbackFlags{}, []fsm.Side{blue, blue}},
		"there are no clients":                   {store.Record{Active: green}, rollbackFlags{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ordered(t, c.record, c.flags, c.sides...)
			require.NoError(t, err)
			require.True(t, got.Vetoed(green))
			require.Equal(t, blue, got.Active)
		})
	}
}

// lateLister is a store that lists its clients after a while.
type lateLister struct {
	store.Memory
	after time.Duration
}

func (l *lateLister) WatchClients(ctx context.Context, cluster string, fn func([]store.Client)) error {
	time.Sleep(l.after)
	return l.Memory.WatchClients(ctx, cluster, fn)
}

func TestFleetRollback_WaitsForClientsFromTheTimeTheyAreListed(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		shared := &lateLister{after: time.Minute}
		member, err := shared.Join("c", store.Client{})
		require.NoError(t, err)
		member.Show(store.Status{Side: fsm.Green, State: fsm.Settled(fsm.Green)})
		var out strings.Builder
		a := &app{out: &out, errOut: io.Discard}
		began := time.Now()
		require.EqualError(t, a.waitForFleet(t.Context(), shared, "c", fsm.Green, time.Second),
			"after 1s 1 of 1 clients are still on green: they leave when blue accepts them; 'e6 fleet --all' lists them")
		require.Equal(t, time.Minute+time.Second, time.Since(began))
		require.Equal(t, "clients: 1; on green: 1\n", out.String())
	})
}

func TestWatch_ShowsAFleet(t *testing.T) {
	c := newCrew(t, 3)
	c.allOn(fsm.Blue)
	plain := begin(t, append([]string{"watch", "--refresh", "50ms", "--store", c.url}, c.flags...)...)
	plain.waitFor(`  fleet 127\.0\.0\.1:\d+  blue is active, epoch 0; 3 clients: 3 on blue\n`)
	plain.waitFor("settle: detecting => blue")
	plain.signals <- os.Interrupt
	require.Equal(t, exitInterrupted, plain.end())

	term := newTerminal(t)
	term.enter("e6 watch --refresh 50ms --store " + c.url + " " + strings.Join(c.flags, " "))
	term.waitFor("3 clients: 3 on blue")
	c.announce(fsm.Green)
	term.waitFor("3 clients: 3 on green")
	term.clearWatch()
	term.enter("e6 fleet rollback --reason sums --store " + c.url + " " + strings.Join(c.flags, " "))
	term.waitFor("(3, of them 3 on green) from green back to blue for 30m0s? [y/N]")
	term.enter("y")
	term.waitFor("clients: 3; on green: 0")
	c.allOn(fsm.Blue)
}

// clearWatch ends the watch.
func (term *terminal) clearWatch() {
	term.t.Helper()
	term.press("q")
	term.clear()
}

func TestFleet_ErrorsNameTheMissingFlag(t *testing.T) {
	clean(t)
	dir := filepath.Join(t.TempDir(), "store")
	for want, args := range map[string][]string{
		"which cluster: give --address":                  {"fleet", "--store", "file:" + dir},
		"which store: give --store, or set E6DATA_STORE": {"fleet", "--address", "localhost:1"},
		"is no kind of store: want etcd://":              {"fleet", "--address", "localhost:1", "--store", "redis://x"},
		"wait for what: give --drained SIDE":             {"fleet", "wait", "--address", "localhost:1", "--store", "file:" + dir},
		"--grace -1s: want a positive time":              {"fleet", "wait", "--drained", "blue", "--grace", "-1s", "--address", "localhost:1", "--store", "file:" + dir},
		"roll back: no reason":                           {"fleet", "rollback", "--address", "localhost:1", "--store", "file:" + dir},
		`unknown command "rolback"`:                      {"fleet", "rolback"},
		"did you mean rollback?":                         {"fleet", "rolback"},
		`"red"`:                                          {"fleet", "release", "--side", "red"},
		`For is "25h0m0s": want a time of 24h0m0s`:       {"fleet", "rollback", "--reason", "x", "--for", "25h", "--side", "green", "-y", "--address", "localhost:1", "--store", "file:" + dir},
	} {
		got := command(t, args...)
		require.Equal(t, exitUsage, got.code, want)
		require.Contains(t, got.errOut, want)
		require.Empty(t, got.out)
	}
	nothing := command(t, "fleet", "rollback", "--reason", "x", "-y", "--address", "localhost:1", "--store", "file:"+dir)
	require.Equal(t, exitStatement, nothing.code)
	require.Contains(t, nothing.errOut, "the store has no record of localhost:1: ")
	undecided := command(t, "fleet", "wait", "--drained", "blue", "--address", "localhost:1", "--store", "file:"+dir, "--timeout", "200ms")
	require.Equal(t, exitTimeout, undecided.code)
	require.Contains(t, undecided.errOut, "--timeout has passed: store: drain blue: ")
	gone := command(t, "fleet", "--address", "localhost:1", "--store", "etcd://127.0.0.1:1", "--timeout", "200ms")
	require.Equal(t, exitTimeout, gone.code)
}

func TestQuery_SharesTheActiveSideThroughTheStore(t *testing.T) {
	cluster, flags := start(t, e6test.WithActive(fsm.Green))
	dir := filepath.Join(t.TempDir(), "store")
	t.Setenv(stores.Env, "file:"+dir)
	refusals := func() int {
		before := cluster.Stats().Refused456
		got := command(t, append([]string{"query", "SELECT 7"}, flags...)...)
		require.Equal(t, 0, got.code, got.errOut)
		return cluster.Stats().Refused456 - before
	}
	require.Positive(t, refusals(), "the first query calls blue, on each connection")
	// A store that does not answer at once, as on a busy machine, is not waited for.
	require.Eventually(t, func() bool { return refusals() == 0 }, stress.Patience, time.Millisecond, "the second one knows the side")
	files, err := store.OpenFile(store.FileOptions{Dir: dir})
	require.NoError(t, err)
	defer func() { require.NoError(t, files.Close()) }()
	record, err := files.Load(t.Context(), cluster.Addr()+"/")
	require.NoError(t, err)
	require.Equal(t, fsm.Green, record.Active)
	require.Contains(t, command(t, append([]string{"fleet"}, flags...)...).out, "green is active")
}

func TestDoctor_ChecksTheStore(t *testing.T) {
	cluster, flags := start(t)
	dir := filepath.Join(t.TempDir(), "store")
	t.Setenv(stores.Env, "file:"+dir)
	doctor := func() string {
		got := command(t, append([]string{"doctor"}, flags...)...)
		require.Equal(t, result{got.out, "", 0}, got, "a store never makes a cluster unusable")
		require.Contains(t, got.out, "E6DATA_STORE")
		require.NotContains(t, got.out, "is not read")
		_, last, found := strings.Cut(got.out, "  query ")
		require.True(t, found)
		_, last, _ = strings.Cut(last, "\n")
		return last
	}
	require.Regexp(t, `^ok    store          nothing is known yet; no clients; in .*\n$`, doctor())
	// A client that is closed at once may end before it has written the record.
	known := regexp.MustCompile(`^ok    store          blue is active, epoch \d+; no clients; in .*\n$`)
	for limit := time.Now().Add(stress.Patience); ; {
		require.Zero(t, command(t, append([]string{"query", "SELECT 7"}, flags...)...).code)
		if found := doctor(); known.MatchString(found) || time.Now().After(limit) {
			require.Regexp(t, known, found)
			break
		}
	}

	cluster.OpenSide(fsm.Green)
	cluster.CloseSide(fsm.Blue)
	require.Regexp(t, `^warn  store          blue is active, epoch \d+; no clients; in .*; the cluster's active side is green\n +-> nothing: clients verify the record`, doctor())

	require.Zero(t, command(t, append([]string{"fleet", "rollback", "--side", "green", "--reason", "the sums are wrong", "--yes"}, flags...)...).code)
	require.Regexp(t, `^warn  store .*\n +veto on green for \S+ more, by directive of .*: the sums are wrong\n +-> no client .*'e6 fleet release' lifts it\n$`, doctor())
}

func TestDoctor_ReportsAStoreProblem(t *testing.T) {
	_, flags := start(t)
	t.Setenv(stores.EnvUser, "alice:planted")
	unknown := command(t, append([]string{"doctor", "--store", "redis://planted@host"}, flags...)...)
	require.Equal(t, exitStatement, unknown.code)
	require.Contains(t, unknown.out, `fail  store          --store: "redis:" is no kind of store: want etcd://`)
	require.NotContains(t, unknown.out, "planted")
	missing := command(t, "doctor", "--store", "file:")
	require.Contains(t, missing.out, "skip  store          there is no configuration to make it with\n")
}
