package conformance

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
)

// A world is a cluster behind an ingress, and a client with a load.
type world struct {
	*testing.T
	engine  *e6test.CannedEngine
	cluster *e6test.Cluster
	up      map[fsm.Side]*upstream
	in      ingress
	client  *e6.Client
	load    *load
	result  *result
}

// Errorf implements require.TestingT: the first line of a failure is its reason in the report.
func (w *world) Errorf(format string, args ...any) {
	w.Helper()
	w.result.fail(fmt.Sprintf(format, args...))
	w.T.Errorf(format, args...)
}

// config has short pauses, as a case lasts for seconds.
func config(addr string) e6.Config {
	return e6.Config{
		Address: addr, User: "user@example.com", Token: "token", MaxAttempts: 20,
		RetryPause: 10 * time.Millisecond, ResumePoll: 10 * time.Millisecond, ProbeTimeout: 2 * time.Second,
		CloseTimeout: 5 * time.Second,
	}
}

// newWorld starts everything but the load.
func newWorld(t *testing.T, k kind, l limits, r *result) *world {
	path, err := k.program()
	if missing(k.name, err) {
		t.Skipf("%s is not installed", k.name)
	}
	require.NoError(t, err)
	w := &world{T: t, engine: e6test.NewCannedEngine(), up: map[fsm.Side]*upstream{}, result: r}
	w.cluster, err = e6test.Start(e6test.WithEngine(w.engine), e6test.WithEngineListeners("127.0.0.1:0", "127.0.0.1:0"),
		e6test.WithBatchRows(40), e6test.WithChunks(2), e6test.WithResumeDelay(20*time.Millisecond), e6test.WithMaxStreams(1000))
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, w.cluster.Close())
		require.Empty(t, w.cluster.Stats().Violations)
	})
	for _, side := range fsm.Sides {
		w.up[side] = newUpstream(t, w.cluster.EngineAddr(side), l.engineIdle)
	}
	w.in = k.start(t, path, w.up[fsm.Blue].addr, w.up[fsm.Green].addr, l)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	w.client, err = e6.Open(ctx, config(w.in.addr()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.client.Close()) })
	w.load = newLoad(w.client)
	return w
}

// more waits until n more statements have ended.
func (w *world) more(n int64) {
	w.Helper()
	before := w.load.done.Load()
	eventually(w, fmt.Sprintf("%d statements; the strategy is %s", n, w.client.Strategy()), func() bool { return w.load.done.Load() >= before+n })
}

// settled waits until new queries go to a side, and no transition is under way.
func (w *world) settled(side fsm.Side) {
	w.Helper()
	eventually(w, fmt.Sprintf("new queries on %s", side), func() bool {
		s := w.client.Strategy()
		return s.Active == side && s.Target == fsm.None
	})
}

// graceful opens the other side, announces it, and closes the origin when it is drained.
func (w *world) graceful(to fsm.Side) {
	w.Helper()
	w.in.open(w, fsm.Blue, fsm.Green)
	w.more(50)
	w.cluster.Announce(to)
	w.settled(to)
	eventually(w, "the origin is drained", func() bool { return w.client.Stats().InFlight[to.Other()] == 0 })
	w.in.open(w, to)
}

// abrupt opens the other side and closes the origin at once.
func (w *world) abrupt(to fsm.Side) {
	w.Helper()
	w.cluster.ClearAnnouncement()
	w.in.open(w, to)
	w.settled(to)
}

// note adds a remark to the report.
func (w *world) note(format string, args ...any) { w.result.Note = fmt.Sprintf(format, args...) }

// check ends the load and checks every answer.
func (w *world) check(cutOffs bool) {
	w.Helper()
	w.load.end()
	for _, u := range w.up {
		u.heal()
	}
	l := w.load
	w.result.Statements = l.done.Load()
	w.result.CutOff = len(l.cutOff)
	require.Empty(w, l.wrong, "wrong answers")
	require.Empty(w, l.writesOnce(w.engine.Inserted("log")), "writes")
	require.Empty(w, first(l.failed), "%d statements failed that the rules save", len(l.failed))
	if !cutOffs {
		require.Empty(w, first(l.cutOff), "%d statements were cut off", len(l.cutOff))
	}
	eventually(w, "no query holds a pin", func() bool {
		n := w.client.Stats().InFlight
		return n[fsm.Blue]+n[fsm.Green] == 0
	})
}

// first returns the texts of some errors.
func first(errs []error) (texts []string) {
	for _, err := range errs[:min(3, len(errs))] {
		texts = append(texts, err.Error())
	}
	return texts
}

// long returns the number of repetitions of a case.
func long(short, long int) int {
	if os.Getenv("LONG") == "1" {
		return long
	}
	return short
}

// A result is the outcome of one case.
type result struct {
	Suite, Case, Checker string
	Skipped              string // the reason
	Failed               string // the reason
	Note                 string
	Statements           int64
	CutOff               int
}

func (r *result) fail(text string) {
	if r.Failed == "" {
		lines := strings.FieldsFunc(text, func(c rune) bool { return c == '\n' })
		for i, line := range lines {
			lines[i] = strings.TrimSpace(line)
		}
		r.Failed = strings.Join(lines, " ")
	}
}

// notInstalled is the reason of a case whose program the machine does not have.
const notInstalled = "not installed"

// results collects what the tests record.
var results struct {
	sync.Mutex
	all      []*result
	versions map[string]string
}

// record adds a result. It is complete when the test ends.
func record(t *testing.T, suite, name, checker string) *result {
	r := &result{Suite: suite, Case: name, Checker: checker}
	results.Lock()
	results.all = append(results.all, r)
	results.Unlock()
	t.Cleanup(func() {
		switch {
		case t.Skipped() && r.Skipped == "":
			r.Skipped = notInstalled
		case t.Failed() && r.Failed == "":
			r.Failed = "see the log of the test"
		}
	})
	return r
}

func setVersion(name, version string) {
	results.Lock()
	defer results.Unlock()
	if results.versions == nil {
		results.versions = map[string]string{}
	}
	results.versions[name] = version
}
