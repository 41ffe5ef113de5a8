package router_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/internal/bubbles"
)

// An act is one line of a random script.
type act struct {
	kind     string
	side     fsm.Side
	target   fsm.Side
	stale    bool          // with the stamp of some acts ago
	wait     time.Duration // before the next act
	lifetime time.Duration // of a query
}

func drawScript(t *rapid.T) []act {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) act {
		return act{
			kind:     rapid.SampledFrom([]string{"query", "query", "query", "open", "close", "kill", "announce", "refuse", "fail", "switch", "refresh", "reset", "pass"}).Draw(t, "kind"),
			side:     rapid.SampledFrom(fsm.Sides[:]).Draw(t, "side"),
			target:   rapid.SampledFrom(fsm.Sides[:]).Draw(t, "target"),
			stale:    rapid.Bool().Draw(t, "stale"),
			wait:     time.Duration(rapid.IntRange(0, 3000).Draw(t, "wait")) * time.Millisecond,
			lifetime: time.Duration(rapid.IntRange(0, 40_000).Draw(t, "lifetime")) * time.Millisecond,
		}
	}), 1, 40).Draw(t, "script")
}

// verdicts collects the rules that a script broke.
type verdicts struct {
	mu  sync.Mutex
	all []string
}

func (v *verdicts) add(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.all = append(v.all, fmt.Sprintf(format, args...))
}

func TestRapid_NoScriptBreaksTheRules(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		script := drawScript(rt)
		wrong := &verdicts{}
		bubbles.Test(t, func(t *testing.T) { play(t, script, wrong) })
		require.Empty(rt, wrong.all)
	})
}

// play runs a script, then opens one side, and checks the end of every query.
func play(t *testing.T, script []act, wrong *verdicts) {
	r := newRig(t, func(cfg *router.Config) { cfg.RefreshInterval = 20 * time.Second })
	r.cluster.set(fsm.Green, errRefused)
	activeAt := make(map[uint64]fsm.Side) // by epoch, from the routing
	var mu sync.Mutex
	look := func() {
		mu.Lock()
		defer mu.Unlock()
		now := r.Routing()
		if known, ok := activeAt[now.Epoch]; ok && known != now.Active {
			wrong.add("epoch %d had %s and now %s", now.Epoch, known, now.Active)
		}
		activeAt[now.Epoch] = now.Active
	}
	var queries sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	old := r.Stamp()
	for i, a := range script {
		look()
		at := r.Stamp()
		if a.stale {
			at = old
		}
		if i%5 == 0 {
			old = r.Stamp()
		}
		r.act(ctx, a, at, &queries, wrong)
		pass(a.wait)
	}
	r.requireService(ctx, len(script)%2 == 0, wrong)
	pass(2 * drainTimeout)
	look()
	cancel()
	queries.Wait()
	synctest.Wait()
	if s := r.Routing(); s.State == fsm.StateTransitioning || s.State == fsm.StateDetecting || s.Held {
		wrong.add("the client has not settled: %s", s.Snapshot)
	}
	if n := r.InFlight(fsm.Blue) + r.InFlight(fsm.Green); n != 0 {
		wrong.add("%d pins are left", n)
	}
	r.checkEvents(wrong)
	r.end()
}

// act makes one step of a script.
func (r *rig) act(ctx context.Context, a act, at router.Stamp, queries *sync.WaitGroup, wrong *verdicts) {
	switch a.kind {
	case "query":
		queries.Go(func() { r.live(ctx, a.lifetime, wrong) })
	case "open":
		r.cluster.set(a.side, nil)
	case "close":
		r.cluster.set(a.side, errRefused)
	case "kill":
		r.cluster.set(a.side, errDead)
	case "announce":
		r.Announced(ctx, a.side, at, a.target)
	case "refuse":
		if r.cluster.fault(a.side) != nil {
			_ = r.Refused(ctx, a.side, at)
		}
	case "fail":
		_ = r.Failed(ctx, a.side, at, errDead.Error())
	case "switch":
		queries.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			_ = r.Switch(ctx, a.side)
		})
	case "refresh":
		queries.Go(func() { _, _ = r.Refresh(ctx) })
	case "reset":
		_ = r.Reset(ctx)
	}
}

// requireService opens one side and checks that no query waits for long from then on.
func (r *rig) requireService(ctx context.Context, green bool, wrong *verdicts) {
	open := fsm.Blue
	if green {
		open = fsm.Green
	}
	r.cluster.set(open, nil)
	r.cluster.set(open.Other(), errRefused)
	if now := r.Routing(); now.Active.Valid() && now.Active != open {
		_ = r.Refused(ctx, now.Active, r.Stamp())
	}
	began := time.Now()
	if p, err := r.Pin(ctx); err == nil {
		r.Unpin(p)
	} else if _, err = r.Pin(ctx); err != nil { // the first may have joined a detection that ended
		wrong.add("no query after %s although %s accepts: %v", time.Since(began), open, err)
	}
	if took := time.Since(began); took > 5*time.Second {
		wrong.add("a query waited %s although %s accepts", took, open)
	}
}

// live is a query that gets its session several times.
func (r *rig) live(ctx context.Context, lifetime time.Duration, wrong *verdicts) {
	p, err := r.Pin(ctx)
	if err != nil {
		return
	}
	defer r.Unpin(p)
	if now := r.Routing(); now.Epoch == p.Epoch && now.Active != p.Side {
		wrong.add("pinned to %s in an epoch of %s", p.Side, now.Active)
	}
	for range 4 {
		if s, err := r.Sessions().Get(ctx, p.Side); err == nil && s.ID[:4] != p.Side.String()[:4] {
			wrong.add("session %s on %s", s.ID, p.Side)
		}
		if r.InFlight(p.Side) < 1 {
			wrong.add("a pinned query is not counted on %s", p.Side)
		}
		if now := r.Routing(); now.Epoch == p.Epoch+1 && now.Phase == fsm.PhaseNone && now.Cause.Reason == fsm.ReasonDrained {
			wrong.add("%s was drained under a query", p.Side)
		}
		select {
		case <-time.After(lifetime / 4):
		case <-ctx.Done():
			return
		}
	}
}

// checkEvents checks the sequence of the events.
func (r *rig) checkEvents(wrong *verdicts) {
	var last fsm.Snapshot
	draining := 0
	for _, e := range r.bus.History() {
		switch d := e.Data.(type) {
		case events.Transition:
			if d.Before.Epoch != last.Epoch || d.Before.State != last.State {
				wrong.add("%s does not follow %s", d, last)
			}
			if (d.After.Active != last.Active) != (d.After.Epoch == last.Epoch+1) || d.After.Epoch < last.Epoch {
				wrong.add("%s: the epoch does not follow the side", d)
			}
			if d.After.Phase == fsm.PhaseDraining {
				draining++
			}
			last = d.After
		case events.DrainEnded:
			draining--
		}
	}
	if draining != 0 {
		wrong.add("%d drains have begun and not ended", draining)
	}
}
