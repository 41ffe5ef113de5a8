package sim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// grace is how long the old side serves after a cutover that is announced.
const grace = 45 * time.Second

// announce is a cutover that is announced.
func announce(f *fleet) {
	from, to := f.side, f.side.Other()
	f.cluster.OpenSide(to)
	f.cluster.Announce(to)
	time.AfterFunc(grace, func() { f.cluster.CloseSide(from) })
}

// swap is a cutover without a word.
func swap(f *fleet) {
	f.cluster.ClearAnnouncement()
	f.cluster.OpenSide(f.side.Other())
	f.cluster.CloseSide(f.side)
}

// unready is a cutover that is announced ten seconds before the new side opens.
func unready(f *fleet) {
	from, to := f.side, f.side.Other()
	f.cluster.Announce(to)
	time.AfterFunc(10*time.Second, func() { f.cluster.OpenSide(to) })
	time.AfterFunc(grace, func() { f.cluster.CloseSide(from) })
}

// churn lets every tenth client die in the three seconds after now, and as many come.
func churn(f *fleet) {
	for _, m := range f.members[:len(f.members)/10] {
		time.AfterFunc(time.Duration(f.r.Int64N(int64(3*time.Second))), func() { m.gone = true; m.quit() })
	}
	for range len(f.members) / 10 {
		f.join(time.Duration(f.r.Int64N(int64(3 * time.Second))))
	}
}

// part cuts three of ten clients off from the store.
func part(f *fleet) {
	for i, m := range f.members {
		m.store.cut.Store(i%10 < 3)
	}
}

// heal lets everyone reach the store again.
func heal(f *fleet) {
	for _, m := range f.members {
		m.store.cut.Store(false)
	}
}

// sick lets no statement run on the new side any more.
func sick(f *fleet) {
	f.cluster.Inject(e6test.Fault{Side: f.side.Other(), Method: "executeStatement", Action: e6test.BadGateway, Times: -1})
}

func then(all ...func(*fleet)) func(*fleet) {
	return func(f *fleet) {
		for _, each := range all {
			each(f)
		}
	}
}

func after(d time.Duration, do func(*fleet)) func(*fleet) {
	return func(f *fleet) { time.AfterFunc(d, func() { do(f) }) }
}

var (
	// jittered is a fleet whose clients log in over five seconds.
	jittered = &e6.FleetPolicy{Jitter: 5 * time.Second}
	// careful is a fleet of which a twentieth goes first.
	careful = &e6.FleetPolicy{Jitter: 5 * time.Second, StageShare: 0.05, StageTime: 30 * time.Second}
	// wary goes back when three executions got no response.
	wary = &e6.RollbackPolicy{MinRequests: 3, ErrorRate: 0.5}
)

// one is a scenario in which one thing happens.
func one(name string, shares bool, fleet *e6.FleetPolicy, p phase) scenario {
	p.name = name
	if p.lasts == 0 {
		p.lasts = time.Minute
	}
	s := scenario{name: name, shares: shares, fleet: fleet, phases: []phase{p}}
	if fleet != nil {
		s.health = wary
	}
	return s
}

// The ways to go through one announced cutover.
var (
	alone  = one("each client alone", false, nil, phase{happens: announce})
	shared = one("a shared store", true, nil, phase{happens: announce})
	spread = one("a fleet with a jitter of 5 s", true, jittered, phase{happens: announce})
)

// others are more ways, and more that can happen.
var others = []scenario{
	one("without a word, each client alone", false, nil, phase{happens: swap}),
	one("without a word, a fleet", true, jittered, phase{happens: swap}),
	one("5 % go first, and all is well", true, careful, phase{happens: announce, lasts: 80 * time.Second}),
	one("5 % go first, and the new side is sick", true, careful,
		phase{happens: func(f *fleet) { sick(f); f.cluster.OpenSide(f.side.Other()); f.cluster.Announce(f.side.Other()) }, stays: true}),
	one("the new side falls sick after 10 s, 2 votes", true, jittered,
		phase{happens: then(func(f *fleet) { f.cluster.OpenSide(f.side.Other()); f.cluster.Announce(f.side.Other()) }, after(10*time.Second, sick)), stays: true}),
	one("one client's caller goes back after 10 s", true, jittered, phase{happens: then(
		func(f *fleet) { f.cluster.OpenSide(f.side.Other()); f.cluster.Announce(f.side.Other()) },
		after(10*time.Second, func(f *fleet) { go func() { _ = f.members[0].Rollback(f.t.Context(), "the figures are wrong") }() }),
	), stays: true}),
}

// badDays is a fleet during the failures of several days.
var badDays = scenario{name: "bad days", shares: true, fleet: jittered, phases: []phase{
	{name: "announced", happens: announce, lasts: time.Minute},
	{name: "announced, and a tenth dies and as many come", happens: then(announce, churn), lasts: time.Minute},
	{name: "announced, and three of ten cannot reach the store", happens: then(announce, part), lasts: time.Minute},
	{name: "announced 10 s before the side is ready", happens: then(heal, unready), lasts: time.Minute},
	{name: "without a word, and the store is lost", happens: then(swap, func(f *fleet) { f.shared.lost.Store(true) }), lasts: time.Minute},
}}

func TestSim_AnyFleetFollowsACutoverAndNoQueryFails(t *testing.T) {
	for _, s := range append([]scenario{alone, shared, spread, badDays}, others...) {
		t.Run(s.name, func(t *testing.T) {
			for _, o := range run(t, s, 20, 1) {
				t.Logf("%+v", o)
				require.Zero(t, o.failed, o.name)
				// Ten seconds before a side is ready hold 4.7 waits of 0 to 5 s on the average of
				// clients, and twenty clients keep within 0.9 of that.
				require.LessOrEqual(t, o.logins, 6.0, o.name)
				require.Less(t, o.storeCalls, 10.0, o.name) // the store is lost for a minute: a try every few seconds
			}
		})
	}
}

func TestSim_JitterSpreadsAuthentications(t *testing.T) {
	const clients = 40
	together, apart := run(t, shared, clients, 1)[0], run(t, spread, clients, 1)[0]
	require.Equal(t, clients, together.sharpest, "without one they come at once")
	require.Less(t, apart.sharpest, clients/5)
	require.Less(t, apart.peak, clients/2)
	require.Less(t, together.late, apart.late, "which is all that it costs")
}
