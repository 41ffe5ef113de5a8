package report

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/recorder"
)

var start = time.Date(2030, 1, 31, 14, 2, 0, 0, time.UTC)

// attrs are the attributes of an event, with numbers as JSON has them.
type attrs = map[string]any

// script writes a recording by hand, so that each test has exactly the entries that it needs.
type script struct {
	t       *testing.T
	machine *fsm.Machine
	now     time.Time
	r       recorder.Recording
}

// newScript is a client that has settled on blue.
func newScript(t *testing.T) *script {
	t.Helper()
	s := &script{t: t, now: start}
	s.restart()
	s.after(10*time.Millisecond).fire(fsm.EventDetect, fsm.None, fsm.ReasonFirstUse, "")
	s.after(5*time.Millisecond).fire(fsm.EventSettle, fsm.Blue, fsm.ReasonAccepted, "first_use")
	return s.changed(fsm.None, fsm.Blue, events.ChangeDetected, 5*time.Millisecond).after(time.Minute)
}

// restart is the start of a process.
func (s *script) restart() *script {
	machine, err := fsm.New()
	require.NoError(s.t, err)
	s.machine = machine
	return s.add(recorder.Start{})
}

func (s *script) after(d time.Duration) *script {
	s.now = s.now.Add(d)
	return s
}

func (s *script) add(data any) *script {
	s.r.Entries = append(s.r.Entries, recorder.Entry{Time: s.now, Data: data})
	return s
}

func (s *script) fire(event fsm.Event, side fsm.Side, reason fsm.Reason, detail string) *script {
	s.t.Helper()
	trigger := fsm.Trigger{Event: event, Side: side, Cause: fsm.Cause{Reason: reason, Detail: detail}, At: s.now}
	if event == fsm.EventAccept {
		trigger.Side, trigger.Phase = fsm.None, fsm.PhaseDraining
	}
	step, err := s.machine.Fire(trigger)
	require.NoError(s.t, err)
	return s.add(step)
}

func (s *script) event(kind events.Kind, a attrs) *script {
	return s.add(recorder.Event{Kind: kind, Attrs: a})
}

// changed is the event of a change of the active side.
func (s *script) changed(from, to fsm.Side, kind events.ChangeKind, took time.Duration) *script {
	return s.event(events.KindStrategyChanged, attrs{
		"from": from.String(), "to": to.String(), "change": string(kind), "took_ms": float64(took) / 1e6, "in_flight": 3.0,
	})
}

// announce and accept are the steps of an announced change to the other side.
func (s *script) announce() *script {
	from := s.machine.Snapshot().Active
	return s.fire(fsm.EventAnnounce, from.Other(), fsm.ReasonAnnouncement, from.String()+" named "+from.Other().String())
}

func (s *script) accept(took time.Duration) *script {
	now := s.machine.Snapshot()
	return s.fire(fsm.EventAccept, fsm.None, fsm.ReasonAccepted, now.Cause.String()).changed(now.Origin(), now.Target, events.ChangeAnnounced, took)
}

func (s *script) commit(reason fsm.Reason) *script {
	return s.fire(fsm.EventCommit, s.machine.Snapshot().Target, reason, "")
}

// abrupt is a change without an announcement that takes a time.
func (s *script) abrupt(took time.Duration) *script {
	from := s.machine.Snapshot().Active
	cause := from.String() + " refused a call"
	s.event(events.KindRefused, attrs{"side": from.String(), "method": "executeStatement"})
	s.fire(fsm.EventDetect, fsm.None, fsm.ReasonRefusal, cause).after(took)
	return s.fire(fsm.EventSettle, from.Other(), fsm.ReasonAccepted, "refusal: "+cause).changed(from, from.Other(), events.ChangeAbrupt, took)
}

func (s *script) query(q recorder.Query) *script {
	if q.Took == 0 {
		q.Took = 20 * time.Millisecond
	}
	return s.add(q)
}

// lose is a query that was lost for a reason.
func (s *script) lose(side fsm.Side, id, reason string, rows float64) *script {
	s.event(events.KindQueryLost, attrs{"side": side.String(), "query_id": id, "loss_reason": reason, "rows_delivered": rows})
	return s.query(recorder.Query{ID: id, Side: side, Lost: true, Code: codes.Unknown, Rows: int64(rows)})
}

func (s *script) closed() *script { return s.event(events.KindClosed, attrs{}) }

func (s *script) report() *Report { return New(Options{}, Source{"e6.rec", &s.r}) }

// incident is the recording of the goldens: an early announcement, an abrupt change that loses
// queries, and an announcement that is dropped.
func incident(t *testing.T) *script {
	s := newScript(t)
	s.announce().after(time.Second).event(events.KindProbeFailed, attrs{"side": "green", "purpose": "prepare", "attempt": 2.0})
	s.after(600*time.Millisecond).event(events.KindSessionOpened, attrs{"side": "green", "took_ms": 12.5, "purpose": "prepare"}).accept(1600 * time.Millisecond)
	s.after(10 * time.Millisecond).query(recorder.Query{ID: "a1", Side: fsm.Green, Retries: 1, Rows: 1})
	s.after(2*time.Second).commit(fsm.ReasonDrained).event(events.KindDrainEnded, attrs{"side": "blue", "result": "drained", "remaining": 0.0})
	s.after(time.Hour).query(recorder.Query{ID: "a2", Side: fsm.Green, Code: codes.Internal})
	s.after(time.Minute).abrupt(3*time.Millisecond).lose(fsm.Green, "a3", "may_write", 0)
	s.after(40*time.Millisecond).lose(fsm.Green, "a4", "window_exceeded", 9000)
	s.query(recorder.Query{ID: "a5", Side: fsm.Blue, Replays: 1, Continued: 1, Rows: 700}).query(recorder.Query{Side: fsm.Blue, Code: codes.Canceled})
	s.after(time.Minute).announce().after(10*time.Minute).fire(fsm.EventAbort, fsm.Blue, fsm.ReasonDeadline, "green was not ready within 10m0s")
	return s.after(time.Second).closed()
}

func requireGolden(t *testing.T, name, got string) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	require.Equal(t, string(want), got, "testdata/%s", name)
}

// rulesOf are the rules of the findings, each once.
func rulesOf(r *Report) (names []string) {
	for _, f := range r.Findings {
		names = append(names, f.Rule)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
