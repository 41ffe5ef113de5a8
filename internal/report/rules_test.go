package report

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/recorder"
)

// change is an announced change whose drain ends for a reason, with queries left.
func change(s *script, reason fsm.Reason, result string, left float64) {
	s.announce().after(50 * time.Millisecond).accept(50 * time.Millisecond).after(time.Second).commit(reason)
	s.event(events.KindDrainEnded, attrs{"side": "blue", "result": result, "remaining": left})
}

// probe is a failed probe of a side.
func probe(s *script, side, purpose string) {
	s.event(events.KindProbeFailed, attrs{"side": side, "purpose": purpose, "attempt": 1.0})
}

// hookFailed is a hook that failed at a point.
func hookFailed(s *script, point, problem string) {
	s.event(events.KindHookFailed, attrs{"hook": "audit", "point": point, "problem": problem, "took_ms": 100.0, "count": 3.0})
}

// waiting is the event of calls that wait for a stream.
func waiting(s *script, use string, ms, connections float64) *script {
	return s.event(events.KindStreamsExhausted, attrs{"use": use, "waited_ms": ms, "waiting": 7.0, "most_waiting": 12.0,
		"connections": connections, "max_connections": 16.0, "stream_limit": 100.0, "ended": false})
}

// ruleCases has for each rule a recording in which it applies, with the observation, and one that is
// similar, in which it does not.
var ruleCases = map[string]struct {
	observation string
	applies     func(*script)
	not         func(*script)
}{
	"abrupt": {"refusal: blue refused a call",
		func(s *script) { s.abrupt(time.Millisecond) },
		func(s *script) { change(s, fsm.ReasonDrained, "drained", 0) }},
	"no-overlap": {"both sides failed to accept, and queries waited for 3s",
		func(s *script) { probe(s, "blue", "detect"); probe(s, "green", "detect"); s.abrupt(3 * time.Second) },
		func(s *script) { probe(s, "blue", "detect"); s.abrupt(3 * time.Second) }},
	"detection-failed": {"deadline: the detection timed out",
		func(s *script) {
			s.fire(fsm.EventDetect, 0, fsm.ReasonRefusal, "").after(30*time.Second).fire(fsm.EventFail, 0, fsm.ReasonDeadline, "the detection timed out")
		},
		func(s *script) { s.abrupt(30 * time.Second) }},
	"announced-early": {"green accepted 2s after its announcement, and failed probes until then",
		func(s *script) {
			s.announce().after(time.Second)
			probe(s, "green", "prepare")
			s.after(time.Second).accept(2 * time.Second)
		},
		func(s *script) { s.announce().after(2 * time.Second).accept(2 * time.Second) }}, // a guard delayed it
	"ready-timeout": {"green was not ready within 10m0s",
		func(s *script) {
			s.announce().after(10*time.Minute).fire(fsm.EventAbort, fsm.Blue, fsm.ReasonDeadline, "green was not ready within 10m0s")
		},
		func(s *script) {
			s.announce().after(10*time.Minute).fire(fsm.EventAbort, fsm.Blue, fsm.ReasonWithdrawn, "")
		}},
	"shared-timeout": {"deadline: the shared phase lasted 30m0s",
		func(s *script) { shared(s, fsm.ReasonDeadline, "the shared phase lasted 30m0s") },
		func(s *script) { shared(s, fsm.ReasonSelector, "") }},
	"closed-early": {"blue refused a call 1s after the change, with 4 queries on it",
		func(s *script) { change(s, fsm.ReasonRefusal, "refused", 4) },
		func(s *script) { change(s, fsm.ReasonRefusal, "refused", 0) }},
	"drain-timeout": {"2 queries on blue after 1s",
		func(s *script) { change(s, fsm.ReasonDeadline, "deadline", 2) },
		func(s *script) { change(s, fsm.ReasonDrained, "drained", 0) }},
	"target-failed": {"target_unhealthy: 502",
		func(s *script) {
			s.announce().accept(0).after(time.Second).fire(fsm.EventAbort, fsm.Blue, fsm.ReasonTargetUnhealthy, "502")
		},
		func(s *script) {
			s.announce().accept(0).after(time.Second).fire(fsm.EventAbort, fsm.Blue, fsm.ReasonCaller, "")
		}},
	"rolled-back": {"health: 5 of 10",
		func(s *script) {
			s.fire(fsm.EventRollback, fsm.Green, fsm.ReasonHealth, "5 of 10").after(time.Second).fire(fsm.EventAccept, 0, fsm.ReasonAccepted, "")
		},
		func(s *script) {
			s.fire(fsm.EventRollback, fsm.Green, fsm.ReasonCaller, "rollback: test").after(time.Second).fire(fsm.EventAccept, 0, fsm.ReasonAccepted, "")
		}},
	"credentials": {"credentials: unknown user",
		func(s *script) { s.announce().fire(fsm.EventAbort, fsm.Blue, fsm.ReasonCredentials, "unknown user") },
		func(s *script) { s.announce().fire(fsm.EventAbort, fsm.Blue, fsm.ReasonVeto, "") }},
	"slow-login": {"the login on green took 4s",
		func(s *script) {
			s.announce().after(4*time.Second).event(events.KindSessionOpened, attrs{"side": "green", "took_ms": 4000.0}).accept(4 * time.Second)
		},
		func(s *script) {
			s.announce().after(4*time.Second).event(events.KindSessionOpened, attrs{"side": "green", "took_ms": 40.0}).accept(4 * time.Second)
		}},
	"lost-write": {"1 query lost",
		func(s *script) { s.abrupt(0).lose(fsm.Blue, "a", "may_write", 0) },
		func(s *script) { s.abrupt(0).query(recorder.Query{Side: fsm.Blue, Code: codes.Internal}) }},
	"lost-window": {"2 queries lost, after up to 9000 rows",
		func(s *script) {
			s.abrupt(0).lose(fsm.Blue, "a", "window_exceeded", 9000).lose(fsm.Blue, "b", "window_exceeded", 8000)
		},
		func(s *script) { s.abrupt(0).lose(fsm.Blue, "a", "may_write", 0) }},
	"lost-policy": {"1 query lost",
		func(s *script) { s.abrupt(0).lose(fsm.Blue, "a", "policy", 0) },
		func(s *script) { s.abrupt(0).lose(fsm.Blue, "a", "attempts", 0) }},
	"lost-order": {"2 queries lost, after up to 7 rows",
		func(s *script) {
			s.abrupt(0).lose(fsm.Blue, "a", "rows_differ", 7).lose(fsm.Blue, "b", "columns_changed", 0)
		},
		func(s *script) { s.abrupt(0).lose(fsm.Blue, "a", "policy", 0) }},
	"lost-attempts": {"1 query lost",
		func(s *script) { s.abrupt(0).lose(fsm.Blue, "a", "session", 0) },
		func(s *script) { s.abrupt(0).lose(fsm.Blue, "a", "policy", 0) }},
	"deadline": {"1 query ended with DeadlineExceeded; the change took 5s",
		func(s *script) {
			s.abrupt(5 * time.Second).query(recorder.Query{Side: fsm.Green, Code: codes.DeadlineExceeded})
		},
		func(s *script) {
			s.abrupt(5 * time.Second).after(time.Minute).query(recorder.Query{Side: fsm.Green, Code: codes.DeadlineExceeded})
		}},
	"queued": {"1 query waited for up to 4s",
		func(s *script) { s.event(events.KindQueryQueued, attrs{"waited_ms": 4000.0, "admitted": true}) },
		func(s *script) { s.event(events.KindQueryQueued, attrs{"waited_ms": 400.0, "admitted": true}) }},
	"streams": {"up to 12 calls waited, 8s without a break, for 16 connections of 100 streams",
		func(s *script) {
			waiting(s, "query", 4000, 16).after(4 * time.Second)
			waiting(s, "query", 8000, 16)
		},
		func(s *script) {
			waiting(s, "control", 4000, 16)
			waiting(s, "cleanup", 4000, 16)
			waiting(s, "query", 400, 16)
			waiting(s, "query", 4000, 15) // another connection can be opened
		}},
	"guard-veto": {"veto: cold",
		func(s *script) { s.announce().fire(fsm.EventAbort, fsm.Blue, fsm.ReasonVeto, "cold") },
		func(s *script) { s.announce().fire(fsm.EventAbort, fsm.Blue, fsm.ReasonCaller, "") }},
	"guard-delay": {"delays of 2s in total, the last by smoke: cold",
		func(s *script) {
			for range 2 {
				s.announceOnce().event(events.KindGuardDecided, attrs{"guard": "smoke", "decision": "delay", "delay_ms": 1000.0, "guard_reason": "cold"}).after(time.Second)
			}
			s.accept(2 * time.Second)
		},
		func(s *script) {
			s.announceOnce().event(events.KindGuardDecided, attrs{"guard": "smoke", "decision": "delay", "delay_ms": 100.0}).accept(0)
		}},
	"guard-budget": {"3 calls, the last audit in guard after 100ms",
		func(s *script) { hookFailed(s, "guard", "overrun") }, func(s *script) { hookFailed(s, "query_end", "overrun") }},
	"hook-budget": {"3 calls, the last audit in query_end after 100ms",
		func(s *script) { hookFailed(s, "query_end", "busy") }, func(s *script) { hookFailed(s, "guard", "overrun") }},
	"hook-panic": {"3 panics, the last of audit in guard",
		func(s *script) { hookFailed(s, "guard", "panic") }, func(s *script) { hookFailed(s, "guard", "overrun") }},
	"flapping": {"4 announced changes within 30s",
		func(s *script) { flap(s, 10*time.Second) }, func(s *script) { flap(s, 10*time.Minute) }},
	"store-failed": {"1 failure, the last watch: refused",
		func(s *script) { s.event(events.KindStoreFailed, attrs{"op": "watch", "error": "refused"}) },
		func(s *script) { s.event(events.KindSideVetoed, attrs{"side": "green", "action": "none"}) }},
	"resume-failed": {"after 5m0s: no quota",
		func(s *script) {
			s.event(events.KindClusterResume, attrs{"elapsed_ms": 300000.0, "done": true, "error": "no quota"})
		},
		func(s *script) { s.event(events.KindClusterResume, attrs{"elapsed_ms": 300000.0, "done": true}) }},
	"events-dropped": {"7 events were dropped",
		func(s *script) { s.event(events.KindEventsDropped, attrs{"count": 7.0}) },
		func(s *script) { s.closed() }},
	"clock": {"by 1h59m0s",
		func(s *script) { s.after(-2 * time.Hour).query(recorder.Query{Side: fsm.Blue}) },
		func(s *script) { s.after(2 * time.Hour).query(recorder.Query{Side: fsm.Blue}) }},
	"overwritten": {"the first recorded query ended 2m1s after the change at 14:02:00",
		func(s *script) { s.after(time.Minute).load(many) },
		func(s *script) { s.after(time.Minute).load(many - 1) }},
	"killed": {"1 process ended without it",
		func(s *script) { s.restart() }, func(s *script) { s.closed().restart() }},
}

func (s *script) announceOnce() *script {
	if s.machine.Snapshot().State != fsm.StateTransitioning {
		s.announce()
	}
	return s
}

// load is a number of queries.
func (s *script) load(n int) *script {
	s.after(time.Second)
	for range n {
		s.query(recorder.Query{Side: fsm.Blue})
	}
	return s
}

// shared is a change whose shared phase ends for a reason.
func shared(s *script, reason fsm.Reason, detail string) {
	s.announce()
	for _, trigger := range []fsm.Trigger{
		{Event: fsm.EventAccept, Phase: fsm.PhaseShared, At: s.now},
		{Event: fsm.EventAccept, Phase: fsm.PhaseDraining, At: s.now.Add(time.Minute), Cause: fsm.Cause{Reason: reason, Detail: detail}},
	} {
		step, err := s.machine.Fire(trigger)
		require.NoError(s.t, err)
		s.add(step).after(time.Minute)
	}
	s.commit(fsm.ReasonDrained)
}

// flap follows four announcements.
func flap(s *script, each time.Duration) {
	for range 4 {
		s.announce().accept(0).commit(fsm.ReasonDrained).after(each)
	}
}

func TestRules_ApplyToTheirSymptomOnly(t *testing.T) {
	require.Len(t, ruleCases, len(Rules()))
	for _, rule := range Rules() {
		t.Run(rule.Name, func(t *testing.T) {
			c, ok := ruleCases[rule.Name]
			require.True(t, ok, "no case for the rule")
			s := newScript(t)
			c.applies(s)
			r := s.report()
			found := Finding{}
			for _, f := range r.Findings {
				if f.Rule == rule.Name {
					found = f
				}
			}
			require.Equal(t, c.observation, found.Observed)
			require.Equal(t, rule.Advice, found.Advice)
			require.Equal(t, []string{"e6.rec"}, found.Clients)
			if rule.passage != nil {
				require.Positive(t, found.Change)
			}

			s = newScript(t)
			c.not(s)
			require.NotContains(t, rulesOf(s.report()), rule.Name)
		})
	}
}

func TestRules_RecordingWithoutItsBeginningIsOverwritten(t *testing.T) {
	s := newScript(t)
	s.r.Entries = s.r.Entries[1:]
	require.Equal(t, []string{"overwritten"}, rulesOf(s.report()))
}

// The names in the advice exist.
func TestRules_SettingsExist(t *testing.T) {
	config := reflect.TypeOf(e6.Config{})
	others := map[string]any{
		"e6.WithGuard": e6.WithGuard, "e6.WithRollback": e6.WithRollback, "e6.WithReplay": e6.WithReplay, "e6.WithFleet": e6.WithFleet,
		"e6.ReplayContinue": e6.ReplayContinue, "recorder.Size": recorder.Size, "ReplaySafe": e6.ReplaySafe,
		"FleetPolicy.Jitter": e6.FleetPolicy{}.Jitter, "Client.Shutdown": (*e6.Client).Shutdown,
	}
	for _, rule := range Rules() {
		for _, s := range rule.Settings {
			if field, ok := strings.CutPrefix(s, "Config."); ok {
				_, ok := config.FieldByName(field)
				require.True(t, ok, "%s: Config has no field %s", rule.Name, field)
				require.Contains(t, rule.Advice+" "+rule.When, field, "%s: the text does not name the field", rule.Name)
				continue
			}
			require.Contains(t, others, s, rule.Name)
		}
	}
}

// The document has the table of the rules.
func TestRules_AreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/recorder.md")
	require.NoError(t, err)
	require.Contains(t, string(doc), AdviceTable(), "run make gen")
}

// Each reason of a loss has a rule.
func TestRules_CoverTheReasonsOfALoss(t *testing.T) {
	for _, reason := range []e6.LossReason{
		e6.LossPolicy, e6.LossWrite, e6.LossAttempts, e6.LossSession, e6.LossReplay, e6.LossWindow, e6.LossColumns, e6.LossRows, e6.LossShorter,
	} {
		s := newScript(t).abrupt(0).lose(fsm.Blue, "a", string(reason), 0)
		require.Len(t, rulesOf(s.report()), 2, "%s: the rules are abrupt and one of the loss", reason)
	}
}
