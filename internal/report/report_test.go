package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/recorder"
)

func textOf(t *testing.T, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, r.Text(&b))
	return b.String()
}

func TestReport_TextMatchesItsGoldenFile(t *testing.T) {
	requireGolden(t, "report.txt", textOf(t, incident(t).report()))
}

func TestReport_JSONMatchesItsGoldenFile(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, incident(t).report().JSON(&b))
	requireGolden(t, "report.json", b.String())
}

func TestReport_OfNoEntries(t *testing.T) {
	r := New(Options{}, Source{"e6.rec", &recorder.Recording{}}, Source{Name: "none"})
	require.Contains(t, textOf(t, r), "time      no entries\nchanges   0\nqueries   0\n")
	var b bytes.Buffer
	require.NoError(t, r.JSON(&b))
	require.NotContains(t, b.String(), "null")
	b.Reset()
	require.NoError(t, r.Page(&b))
	require.Contains(t, b.String(), "The active side did not change.")
}

// summaries are the summaries of the changes.
func summaries(r *Report) (list []string) {
	for _, c := range r.Changes {
		list = append(list, c.Summary)
	}
	return list
}

func TestReport_SummaryOfEachKindOfChange(t *testing.T) {
	for _, c := range []struct {
		name string
		play func(*script)
		want string
	}{
		{"announced", func(s *script) {
			s.announce().after(time.Second).accept(time.Second).after(time.Second).commit(fsm.ReasonDrained)
		},
			"blue to green, announced, in 1s"},
		{"abrupt", func(s *script) { s.abrupt(7 * time.Millisecond) }, "blue to green, without an announcement, in 7ms"},
		{"requested", func(s *script) {
			s.fire(fsm.EventAnnounce, fsm.Green, fsm.ReasonCaller, "").after(time.Second).fire(fsm.EventAccept, 0, fsm.ReasonAccepted, "").commit(fsm.ReasonDrained)
		}, "blue to green, requested, in 1s"},
		{"from the store", func(s *script) {
			s.fire(fsm.EventAnnounce, fsm.Green, fsm.ReasonStore, "").after(time.Second).fire(fsm.EventAccept, 0, fsm.ReasonAccepted, "").commit(fsm.ReasonDrained)
		}, "blue to green, named by the store, in 1s"},
		{"rolled back", func(s *script) {
			s.fire(fsm.EventRollback, fsm.Green, fsm.ReasonHealth, "errors").after(time.Second).fire(fsm.EventAccept, 0, fsm.ReasonAccepted, "").commit(fsm.ReasonDrained)
		}, "blue to green, rolled back, in 1s"},
		{"the same side accepts again", func(s *script) {
			s.fire(fsm.EventDetect, 0, fsm.ReasonUnreachable, "").after(2*time.Second).fire(fsm.EventSettle, fsm.Blue, fsm.ReasonAccepted, "")
		}, "blue refused or failed, and accepted again after 2s"},
		{"no side", func(s *script) {
			s.fire(fsm.EventDetect, 0, fsm.ReasonRefusal, "").after(30*time.Second).fire(fsm.EventFail, 0, fsm.ReasonDeadline, "")
		}, "no side was found after 30s"},
		{"not made", func(s *script) {
			s.announce().after(time.Minute).fire(fsm.EventAbort, fsm.Blue, fsm.ReasonDeadline, "late")
		}, "blue to green, announced, but not made: blue stayed active; ended after 1m0s"},
		{"aborted after the change", func(s *script) {
			s.announce().after(time.Second).accept(time.Second).after(time.Second).fire(fsm.EventAbort, fsm.Blue, fsm.ReasonTargetUnhealthy, "502")
		}, "blue to green, announced, and back to blue after 2s"},
		{"preparing at the end of the recording", func(s *script) { s.announce().after(time.Second).query(recorder.Query{Side: fsm.Blue}) },
			"blue to green, announced, not finished after 1s"},
		{"draining at the end of the client", func(s *script) { s.announce().after(time.Second).accept(time.Second).after(time.Second).closed() },
			"blue to green, announced, in 1s"},
		{"reset", func(s *script) { s.fire(fsm.EventReset, 0, fsm.ReasonCaller, "") }, "blue to no side, reset by the application"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScript(t)
			c.play(s)
			require.Equal(t, []string{"blue is active, found on first use in 5ms", c.want}, summaries(s.report()))
		})
	}
}

// A transition whose sides both refuse ends with a detection: one change.
func TestReport_DetectionEndsATransition(t *testing.T) {
	s := newScript(t).announce().after(time.Second).fire(fsm.EventDetect, 0, fsm.ReasonRefusal, "both sides refuse")
	s.after(2*time.Second).fire(fsm.EventSettle, fsm.Green, fsm.ReasonAccepted, "")
	r := s.report()
	require.Equal(t, "blue to green, announced, in 3s", r.Changes[1].Summary)
	require.Equal(t, []string{"preparing 1s", "detecting 2s"}, phasesText(r.Changes[1].Clients[0].Phases))
}

// The next announcement ends a drain: two changes, without a settled side between them.
func TestReport_SupersededDrainIsAChange(t *testing.T) {
	s := newScript(t).announce().after(time.Second).accept(time.Second).after(time.Second).commit(fsm.ReasonAnnouncement).announce()
	s.after(time.Second).accept(time.Second).after(time.Second).commit(fsm.ReasonDrained)
	r := s.report()
	require.Equal(t, []string{"blue to green, announced, in 1s", "green to blue, announced, in 1s"}, summaries(r)[1:])
	require.Equal(t, []string{resultSuperseded, resultDrained}, []string{r.Changes[1].Clients[0].Result, r.Changes[2].Clients[0].Result})
}

// The beginning of the recording was overwritten in the middle of a transition.
func TestReport_OfARecordingWithoutItsBeginning(t *testing.T) {
	s := newScript(t).announce().after(time.Second).accept(time.Second).after(time.Second).commit(fsm.ReasonDrained)
	for i, e := range s.r.Entries {
		if step, ok := e.Data.(fsm.Transition); ok && step.Event == fsm.EventAccept {
			s.r.Entries = s.r.Entries[i:]
			break
		}
	}
	require.Equal(t, []string{"blue to green, announced, in 1s"}, summaries(s.report()))
}

// The cause comes before the change in time, and the queries end after it.
func TestReport_AssignsEventsAndQueriesToTheirChange(t *testing.T) {
	s := newScript(t).announce().after(time.Second).accept(time.Second).after(time.Second).commit(fsm.ReasonDrained)
	s.after(3 * time.Second).abrupt(time.Millisecond)
	s.after(500 * time.Millisecond).query(recorder.Query{ID: "saved", Side: fsm.Blue, Replays: 1, Took: 4 * time.Second})
	s.after(30*time.Second).lose(fsm.Green, "late", "policy", 1)
	s.after(time.Minute).query(recorder.Query{ID: "other", Side: fsm.Blue, Retries: 1})
	r := s.report()
	change := map[string]int{}
	for _, q := range r.Affected {
		change[q.ID] = q.Change
	}
	require.Equal(t, map[string]int{"saved": 3, "late": 3, "other": 0}, change)
	require.Len(t, r.Changes[2].passages[0].of(events.KindRefused), 1)
	require.Empty(t, r.Changes[1].passages[0].of(events.KindRefused))
	require.Equal(t, "policy", r.Affected[1].Reason)
	require.EqualValues(t, 3, r.Changes[2].Clients[0].InFlight)
}

// The clock is set back during a change: no duration is negative.
func TestReport_ClockIsSetBackDuringAChange(t *testing.T) {
	s := newScript(t).announce().after(-time.Hour).accept(0).after(time.Second).commit(fsm.ReasonDrained).query(recorder.Query{Side: fsm.Green})
	s.after(time.Second).abrupt(time.Millisecond)
	r := s.report()
	require.ElementsMatch(t, []string{
		"blue is active, found on first use in 5ms", "blue to green, announced, in 0s", "green to blue, without an announcement, in 1ms",
	}, summaries(r))
	require.Equal(t, s.r.Entries[len(s.r.Entries)-1].Time.Add(-2*time.Second-time.Millisecond), r.From)
	require.NotContains(t, textOf(t, r), " -")
	pageOf(t, r)
}

// Between two changes, an event belongs to the nearer one.
func TestReport_EventsBetweenChangesBelongToTheNearerOne(t *testing.T) {
	s := newScript(t).abrupt(time.Millisecond).after(100 * time.Millisecond)
	s.event(events.KindDrainEnded, attrs{"side": "blue", "result": "after"}).after(1200 * time.Millisecond)
	s.event(events.KindDrainEnded, attrs{"side": "blue", "result": "before"}).after(100 * time.Millisecond).abrupt(time.Millisecond).after(time.Minute)
	s.event(events.KindDrainEnded, attrs{"side": "blue", "result": "none"})
	r := s.report()
	require.Equal(t, "after", text(r.Changes[1].passages[0].of(events.KindDrainEnded)[0].Event, "result"))
	require.Equal(t, "before", text(r.Changes[2].passages[0].of(events.KindDrainEnded)[0].Event, "result"))
	require.Len(t, r.Changes[2].passages[0].of(events.KindDrainEnded), 1)
}

// A query that was saved ends on the new side, and one that was lost on the old one.
func TestReport_SideOfAQuerySelectsItsChange(t *testing.T) {
	s := newScript(t).abrupt(time.Millisecond).after(100 * time.Millisecond)
	s.query(recorder.Query{ID: "to green", Side: fsm.Green, Retries: 1, Took: 200 * time.Millisecond})
	s.query(recorder.Query{ID: "from blue", Side: fsm.Blue, Lost: true, Took: 200 * time.Millisecond})
	s.after(100 * time.Millisecond).abrupt(time.Millisecond)
	r := s.report()
	require.Equal(t, []int{2, 2}, []int{r.Affected[0].Change, r.Affected[1].Change}, "change 3 begins within a second")
}

// The change begins with the first failed call, which the event has.
func TestReport_ChangeBeginsWithItsFirstSign(t *testing.T) {
	s := newScript(t).fire(fsm.EventDetect, 0, fsm.ReasonUnreachable, "").after(time.Second)
	s.fire(fsm.EventSettle, fsm.Green, fsm.ReasonAccepted, "").changed(fsm.Blue, fsm.Green, events.ChangeAbrupt, 11*time.Second)
	require.Equal(t, "blue to green, without an announcement, in 11s", s.report().Changes[1].Summary)
}

func TestReport_WindowSelectsChangesAndQueries(t *testing.T) {
	s := incident(t)
	all := s.report()
	require.Len(t, all.Changes, 4)
	at := all.Changes[2].Began
	r := New(Options{Since: at.Add(-time.Second), Until: at.Add(time.Second)}, Source{"e6.rec", &s.r})
	require.Equal(t, []string{"green to blue, without an announcement, in 3ms"}, summaries(r))
	require.Equal(t, map[string]int{"lost": 2, "continued": 1, "failed": 1}, r.Queries)
	require.Equal(t, "blue", r.Clients[0].Strategy)
	require.NotContains(t, rulesOf(r), "overwritten", "the window is not the recording")
}

func TestReport_MergesTheChangesOfClients(t *testing.T) {
	client := func(delay time.Duration, abrupt bool) *recorder.Recording {
		s := newScript(t).after(delay)
		if abrupt {
			s.abrupt(time.Second)
		} else {
			s.announce().after(time.Second).accept(time.Second).after(time.Second).commit(fsm.ReasonDrained)
		}
		s.query(recorder.Query{Side: fsm.Green, Retries: 1})
		return &s.r
	}
	r := New(Options{}, Source{"a", client(0, false)}, Source{"b", client(2*time.Second, true)}, Source{"c", client(time.Minute, false)})
	require.Equal(t, []string{"blue is active, found on first use in 5ms", "blue to green, announced, in 1s", "blue to green, announced, in 1s"}, summaries(r))
	require.Len(t, r.Changes[0].Clients, 3)
	require.Equal(t, []string{"a", "b"}, []string{r.Changes[1].Clients[0].Name, r.Changes[1].Clients[1].Name})
	require.Equal(t, events.ChangeAbrupt, r.Changes[1].Clients[1].Kind)
	require.Equal(t, map[string]int{"retried": 2}, r.Changes[1].Queries)
	require.Len(t, r.Changes[2].Clients, 1, "a minute later")
	require.Equal(t, []string{"b"}, r.Findings[0].Clients)
	require.Contains(t, textOf(t, r), "  client    b at 14:03:02.015, 1s\n    phases    detecting 1s\n")
}

// One client that changes twice within seconds has made two changes.
func TestReport_ClientTakesPartInAChangeOnce(t *testing.T) {
	s := newScript(t)
	for range 3 {
		s.abrupt(time.Millisecond).after(time.Second)
	}
	require.Len(t, s.report().Changes, 4)
}

// An attempt that one client did not make is not the change of another.
func TestReport_AttemptsAndChangesAreApart(t *testing.T) {
	a := newScript(t).announce().after(time.Second).accept(time.Second).after(time.Second).commit(fsm.ReasonDrained)
	b := newScript(t).announce().after(time.Second).fire(fsm.EventAbort, fsm.Blue, fsm.ReasonVeto, "cold")
	r := New(Options{}, Source{"a", &a.r}, Source{"b", &b.r})
	require.Len(t, r.Changes, 3)
	require.Equal(t, "3, 1 not made", r.changesText())
}

func TestReport_ManyQueriesAreCutOffInTextOnly(t *testing.T) {
	s := newScript(t).abrupt(time.Millisecond)
	for i := range 100 {
		s.after(time.Millisecond).query(recorder.Query{ID: fmt.Sprint("retried-", i), Side: fsm.Green, Retries: 1})
	}
	s.after(time.Minute).query(recorder.Query{ID: "syntax-error", Side: fsm.Green, Code: codes.Internal})
	s.lose(fsm.Blue, "the-last", "policy", 0)
	r := s.report()
	text := textOf(t, r)
	require.Contains(t, text, "the-last", "the most severe outcome is shown")
	require.NotContains(t, text, "syntax-error", "a failure outside of a change is the least severe")
	require.Contains(t, text, "  and 62 more: the JSON form has all\n")
	var b bytes.Buffer
	require.NoError(t, r.JSON(&b))
	var doc struct{ Affected []struct{ ID string } }
	require.NoError(t, json.Unmarshal(b.Bytes(), &doc))
	require.Len(t, doc.Affected, 102)
}

func TestReport_CancelledQueriesAreNotAffected(t *testing.T) {
	r := newScript(t).query(recorder.Query{Side: fsm.Blue, Code: codes.Canceled}).report()
	require.Empty(t, r.Affected)
	require.Equal(t, map[string]int{"failed": 1}, r.Queries)
}
