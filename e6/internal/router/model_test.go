package router_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/stress"
)

// The scopes that every run of the tests exhausts. Each has an announcement, a
// refusal and a message of the store; each adds another kind of trouble.
var scopes = []scope{
	{name: "first use", queries: 2, announce: true, refuse: either, storeSide: fsm.Green},
	{name: "three queries", queries: 3, warm: true, announce: true, refuse: either, storeSide: fsm.Green},
	{name: "an announcement before readiness", queries: 2, warm: true, closed: true, announce: true, refuse: either, storeSide: fsm.Green},
	{name: "an announcement that is withdrawn", queries: 2, warm: true, late: true, announce: true, withdraw: true, refuse: blue, storeSide: fsm.Green},
	{name: "a guard that comes late", queries: 2, warm: true, guard: true, veto: true, late: true, announce: true, refuse: blue, storeSide: fsm.Green},
	{name: "limits that pass", queries: 2, warm: true, limits: 2, announce: true, refuse: either, storeSide: fsm.Green},
	{name: "a refusal for a while", queries: 2, warm: true, closed: true, announce: true, refuse: blue, reopen: true, storeSide: fsm.Green},
	{name: "a call without an answer", queries: 2, warm: true, fail: either, announce: true, refuse: blue, storeSide: fsm.Green},
	{name: "answers that come late", queries: 2, warm: true, closed: true, late: true, announce: true, refuse: blue, storeSide: fsm.Green},
	{name: "a reset", queries: 2, late: true, reset: true, refuse: blue, storeSide: fsm.Green},
	{name: "a pin that pauses", queries: 2, warm: true, torn: true, announce: true, refuse: either, storeSide: fsm.Green},
	{name: "a store that names the active side", queries: 2, warm: true, announce: true, refuse: either, storeSide: fsm.Blue},
}

var (
	either = []string{"blue", "green"}
	blue   = []string{"blue"}
)

// check records the properties of a place, and checks one without a next step.
func (p *place) check(w *world, last bool) {
	p.ended, p.served, p.waiting = true, false, false
	for _, q := range w.queries {
		p.ended = p.ended && q.ends > 0
		p.waiting = p.waiting || q.state == "waits"
	}
	for _, side := range fsm.Sides {
		p.served = p.served || w.isOpen(side)
	}
	in := w.Inside()
	p.settled = !in.Detecting && !in.Transition
	p.patient = in.Preparing && !w.isOpen(in.Machine.Target)
	if last && !p.ended {
		w.blame("nothing can happen any more, and a query has not ended")
	}
	if last && (!p.settled || in.Held || w.InFlight(fsm.Blue)+w.InFlight(fsm.Green) != 0) {
		w.blame("nothing can happen any more, and the client has not come to rest: %s", in.Machine)
	}
}

// The model is small and is searched completely: each scope runs every order of
// its queries' steps, of the answers to every call, and of what happens around
// them. With E6_MODEL=large each has a query more, which takes minutes; under the race
// detector it has one less, and in the short form two queries meet no store there.
func TestModel_NoOrderOfEventsBreaksARule(t *testing.T) {
	for _, s := range scopes {
		limit := 3 * time.Minute
		switch {
		case os.Getenv("E6_MODEL") == "large":
			s.queries++
			limit = 24 * time.Hour
		case underRace:
			s.queries = max(1, s.queries-1)
			if s.queries > 1 && !stress.Long() {
				s.storeSide = fsm.None
			}
		}
		t.Run(s.name, func(t *testing.T) {
			began := time.Now()
			e := explore(t, s, limit)
			t.Logf("%d states, %d steps between them, %d schedules, the longest of %d steps; %d forks; %s",
				len(e.places), e.steps, e.runs, e.longest, e.forks, time.Since(began).Round(time.Millisecond))
			require.Empty(t, e.wrong)
			for goal, stuck := range map[string][]*place{
				"no query waits for more than the answers of the sides": e.unable(func(p *place) bool { return !p.waiting || !p.served }, bySides),
				"every query ends by itself when a side accepts":        e.unable(func(p *place) bool { return p.ended || !p.served }, bySides, byQueries),
				"the client comes to rest": e.unable(func(p *place) bool {
					return p.ended && (p.settled || p.patient) || !p.served
				}, bySides, byQueries, byOthers),
			} {
				if len(stuck) > 0 {
					require.Fail(t, "not so: "+goal, stuck[0].path.String())
				}
			}
		})
	}
}
