package router_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/bubbles"
)

// A spell is the behaviour of the cluster for some time. Shares are in percent.
type spell struct {
	lasts     time.Duration
	wants     fsm.Side // the side that both sides announce in every response
	refuses   fsm.Side
	unhealthy [3]int // share of the queries without a response, by side
	unsteady  [3]int // share of the logins and probes without a response
	slow      [3]time.Duration
}

// A failureScript is a sequence of spells, and the decisions of the hooks.
type failureScript struct {
	spells      []spell
	seed        uint64
	veto, delay int // share of the guards' decisions
	shares      bool
	holds       time.Duration
	lifetime    time.Duration // of a query
}

const (
	scriptCoolDown = 10 * time.Minute
	queryEvery     = 2 * time.Second
	longestPause   = 5 * time.Minute // after many strikes
)

func drawFailures(t *rapid.T) failureScript {
	seconds := func(t *rapid.T, label string, from, to int) time.Duration {
		return time.Duration(rapid.IntRange(from, to).Draw(t, label)) * time.Second
	}
	one := rapid.Custom(func(t *rapid.T) spell {
		s := spell{
			lasts:   seconds(t, "lasts", 10, 500),
			wants:   rapid.SampledFrom(fsm.Sides[:]).Draw(t, "wants"),
			refuses: rapid.SampledFrom([]fsm.Side{fsm.None, fsm.None, fsm.None, fsm.None, fsm.Blue, fsm.Green}).Draw(t, "refuses"),
		}
		for _, side := range fsm.Sides {
			s.unhealthy[side] = rapid.SampledFrom([]int{0, 10, 50, 80, 100}).Draw(t, "unhealthy")
			s.unsteady[side] = rapid.SampledFrom([]int{0, 0, 0, 0, 0, 5, 50}).Draw(t, "unsteady")
			s.slow[side] = rapid.SampledFrom([]time.Duration{0, 10 * time.Millisecond, time.Second}).Draw(t, "slow")
		}
		return s
	})
	return failureScript{
		spells:   rapid.SliceOfN(one, 1, 8).Draw(t, "spells"),
		seed:     rapid.Uint64().Draw(t, "seed"),
		veto:     rapid.SampledFrom([]int{0, 0, 50, 90}).Draw(t, "veto"),
		delay:    rapid.SampledFrom([]int{0, 0, 50}).Draw(t, "delay"),
		shares:   rapid.Bool().Draw(t, "shares"),
		holds:    seconds(t, "holds", 0, 1200),
		lifetime: seconds(t, "lives", 0, 120),
	}
}

// chance draws at random by a seed.
type chance struct {
	turn sync.Mutex
	r    *rand.Rand
}

func (c *chance) is(percent int) bool {
	c.turn.Lock()
	defer c.turn.Unlock()
	return c.r.IntN(100) < percent
}

// flakyCluster behaves as the current spell.
type flakyCluster struct {
	*fakeCluster
	*chance
	now *spell
}

func (f flakyCluster) fault(side fsm.Side) error {
	f.mu.Lock()
	now := *f.now
	f.mu.Unlock()
	switch {
	case now.refuses == side:
		return errRefused
	case f.is(now.unsteady[side]):
		return errDead
	}
	return nil
}

func (f flakyCluster) Authenticate(ctx context.Context, side fsm.Side) (string, error) {
	at := f.route().Stamp()
	if id, err := f.fakeCluster.Authenticate(ctx, side); err != nil {
		return id, err
	}
	if err := f.fault(side); err != nil {
		return "", err
	}
	f.mu.Lock()
	wants := f.now.wants
	f.mu.Unlock()
	f.route().Announced(ctx, side, at, wants)
	return side.String(), nil
}

func (f flakyCluster) Ping(ctx context.Context, side fsm.Side) error {
	if err := f.fakeCluster.Ping(ctx, side); err != nil {
		return err
	}
	return f.fault(side)
}

func TestRapid_NoFailureScriptMakesTheClientFlap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		script := drawFailures(rt)
		wrong := &verdicts{}
		bubbles.Test(t, func(t *testing.T) { playFailures(t, script, wrong) })
		require.Empty(rt, wrong.all)
	})
}

// playFailures plays a script, and then a spell without failures.
func playFailures(t *testing.T, script failureScript, wrong *verdicts) {
	flaky := flakyCluster{chance: &chance{r: rand.New(rand.NewPCG(script.seed, 1))}, now: &spell{}}
	calm := false
	r := newRig(t, automatic, func(cfg *router.Config) {
		cfg.Policy.CoolDown = scriptCoolDown
		flaky.fakeCluster = cfg.Cluster.(*fakeCluster)
		cfg.Cluster = flaky
		cfg.Store = &store.Memory{}
		cfg.Logger = slog.New(errorLog(wrong.add))
		cfg.Hooks.Guard = func(context.Context, hook.Proposal) hook.Decision {
			switch {
			case calm:
			case flaky.is(script.veto):
				return veto
			case flaky.is(script.delay):
				return hook.Decision{Delay: 3 * time.Second}
			}
			return hook.Decision{}
		}
		if script.shares {
			cfg.Hooks.WaitShared = func(ctx context.Context, _ fsm.Snapshot) {
				select {
				case <-ctx.Done():
				case <-time.After(script.holds):
				}
			}
		}
	})
	for _, s := range script.spells {
		r.runSpell(flaky, s, script.lifetime, wrong)
	}
	calm = true
	wants := script.spells[len(script.spells)-1].wants
	r.runSpell(flaky, spell{lasts: scriptCoolDown + longestPause + sharedTimeout + drainTimeout, wants: wants}, script.lifetime, wrong)
	if now := r.Routing(); now.Active != wants || now.State == fsm.StateTransitioning || now.Held {
		wrong.add("without failures it ends up as %s, although both sides announce %s", now.Snapshot, wants)
	}
	pass(script.lifetime)
	if n := r.InFlight(fsm.Blue) + r.InFlight(fsm.Green); n != 0 {
		wrong.add("%d pins are left", n)
	}
	r.checkRollbacks(wrong)
	r.end()
}

// runSpell runs queries for the time of a spell.
func (r *rig) runSpell(flaky flakyCluster, s spell, lifetime time.Duration, wrong *verdicts) {
	flaky.mu.Lock()
	*flaky.now = s
	flaky.mu.Unlock()
	ctx := context.Background()
	for began := time.Now(); time.Since(began) < s.lasts; pass(queryEvery) {
		limited, cancel := context.WithTimeout(ctx, queryEvery)
		p, err := r.PinBy(limited, func(now *router.Routing) fsm.Side {
			if flaky.is(50) {
				return now.Origin()
			}
			return now.Target
		})
		cancel()
		if err != nil {
			continue
		}
		at := r.Stamp()
		if now := r.Routing(); now.Epoch == p.Epoch && now.Active != p.Side && now.Phase != fsm.PhaseShared {
			wrong.add("pinned to %s in an epoch of %s", p.Side, now.Active)
		}
		switch {
		case s.refuses == p.Side:
			_ = r.Refused(ctx, p.Side, at)
		case flaky.is(s.unhealthy[p.Side]):
			r.Unanswered(p)
			_ = r.Failed(ctx, p.Side, at, errDead.Error())
		default:
			r.Answered(p, s.slow[p.Side])
			r.Announced(ctx, p.Side, at, s.wants)
		}
		time.AfterFunc(lifetime, func() { r.Unpin(p) })
	}
}

// checkRollbacks checks the rules of the events:
//   - there is at most one automatic rollback in a cool-down,
//   - no announcement moves the client during the cool-down to the side that was left,
//   - a target that was aborted is not tried again before the first pause, unless
//     there was a detection in between,
//   - each epoch has one side, and every drain ends.
func (r *rig) checkRollbacks(wrong *verdicts) {
	var last fsm.Snapshot
	var rolledBackFrom time.Time
	var left fsm.Side
	byHealth, draining := false, 0
	announced := make(map[fsm.Side]time.Time) // and no detection since
	for _, e := range r.bus.History() {
		if _, ok := e.Data.(events.DrainEnded); ok {
			draining--
		}
		d, ok := e.Data.(events.Transition)
		if !ok {
			continue
		}
		if d.Before.Epoch != last.Epoch || d.Before.State != last.State || (d.After.Active != last.Active) != (d.After.Epoch == last.Epoch+1) {
			wrong.add("%s does not follow %s", d, last)
		}
		last = d.After
		cooling := !rolledBackFrom.IsZero() && e.Time.Sub(rolledBackFrom) < scriptCoolDown
		accepts := d.Event == fsm.EventAccept && d.Before.Phase == fsm.PhasePreparing
		if accepts {
			draining++
		}
		switch at, again := announced[d.After.Target]; d.Event {
		case fsm.EventDetect:
			clear(announced)
		case fsm.EventAnnounce:
			if again && e.Time.Sub(at) < firstPause {
				wrong.add("%s was announced, aborted, and followed again after %s", d.After.Target, e.Time.Sub(at))
			}
			clear(announced)
			announced[d.After.Target] = e.Time
		}
		switch {
		case d.Event == fsm.EventAnnounce && cooling && d.After.Target == left:
			wrong.add("%s was announced, and followed, %s after it was left", left, e.Time.Sub(rolledBackFrom))
		case d.Event == fsm.EventAnnounce, d.Event == fsm.EventRollback:
			byHealth = d.Event == fsm.EventRollback && d.Cause.Reason == fsm.ReasonHealth
		case accepts && byHealth, d.Event == fsm.EventAbort && d.Cause.Reason == fsm.ReasonHealth:
			if cooling {
				wrong.add("an automatic rollback %s after the last one", e.Time.Sub(rolledBackFrom))
			}
			rolledBackFrom, left = e.Time, d.After.Active.Other()
		}
	}
	if draining != 0 {
		wrong.add("%d drains have begun and not ended", draining)
	}
}
