package e6

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// AllToTarget is the Selector that a client has without one: every new query
// goes to the target. It ends the shared phase at once, so it has an effect only
// behind another Selector.
type AllToTarget struct{}

var _ SharedPhaseGate = AllToTarget{}

// Select implements Selector.
func (AllToTarget) Select(_ context.Context, c Choice) Side { return c.Strategy.Target }

// Wait implements SharedPhaseGate.
func (AllToTarget) Wait(context.Context, fsm.Snapshot) {}

// Canary sends a share of the new queries to the target, and the others to the
// origin. The share grows evenly from From to 1 within Ramp; then the shared
// phase is over. The zero value of Ramp, like From of 1, gives the target everything
// at once. Other values are refused when the client is opened.
type Canary struct {
	// From is the share to begin with, from 0 to 1.
	From float64
	// Ramp is how long it takes until the target has everything, 30 days at the most.
	// Keep it below Config.SharedTimeout, which ends the phase at any rate.
	Ramp time.Duration
	// Key is the label that makes the choice sticky: queries with the same value
	// go to the same side, and once to the target, always to the target. A query
	// without the label is assigned at random.
	Key string
}

var (
	_ SharedPhaseGate = Canary{}
	_ limitedHook     = Canary{}
	_ limitedHook     = PinByLabel("")
	_ limitedHook     = (*PinSide)(nil)
)

// Select implements Selector.
func (s Canary) Select(_ context.Context, c Choice) Side {
	place := rand.Float64()
	if key, ok := c.Labels[s.Key]; ok {
		place = placeOf(key, c.Strategy.Transition)
	}
	if place < s.share(time.Since(c.Strategy.Since)) {
		return c.Strategy.Target
	}
	return c.Strategy.Origin()
}

// Wait implements SharedPhaseGate.
func (s Canary) Wait(ctx context.Context, shared fsm.Snapshot) {
	if s.From >= 1 {
		return
	}
	t := time.NewTimer(s.Ramp - time.Since(shared.Since))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// share is the share of the target after that time.
func (s Canary) share(passed time.Duration) float64 {
	if passed >= s.Ramp {
		return 1
	}
	return s.From + (1-s.From)*float64(passed)/float64(s.Ramp)
}

// placeOf is a number from 0 to below 1 that depends on the key alone within one
// transition. From one to the next others go first.
func placeOf(key string, transition uint64) float64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%d/%s", transition, key) // a hash does not fail
	// FNV leaves keys that differ in their last character close together. This
	// is the finalizer of SplitMix64, after which every bit depends on all.
	n := h.Sum64()
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	n ^= n >> 31
	return float64(n>>11) / (1 << 53)
}

// problems implements limitedHook.
func (s Canary) problems() []Problem {
	return problemsOfAll([]limited{
		limit[float64]{"Canary.From", &s.From, 0, 0, 1},
		limit[time.Duration]{"Canary.Ramp", &s.Ramp, 0, 0, 30 * day},
	})
}

// String names the selector in events.
func (s Canary) String() string { return fmt.Sprintf("Canary(%g in %s)", s.From, s.Ramp) }

// PinByLabel sends a query to the side that its label of that name says: blue or
// green. It has nothing to say about other queries. It keeps both sides until
// Config.SharedTimeout.
type PinByLabel string

var _ Selector = PinByLabel("")

// problems implements limitedHook.
func (s PinByLabel) problems() []Problem {
	if s != "" {
		return nil
	}
	return []Problem{{Field: "PinByLabel", Value: "empty", Want: "the name of a label"}}
}

// Select implements Selector.
func (s PinByLabel) Select(_ context.Context, c Choice) Side {
	side, err := fsm.ParseSide(c.Labels[string(s)])
	if err != nil {
		return None
	}
	return side
}

// PinSide keeps every new query on one side for as long as both take some: until
// Release, or Config.SharedTimeout. NewPinSide makes one.
type PinSide struct {
	side     Side
	once     sync.Once
	released chan struct{}
}

var _ SharedPhaseGate = (*PinSide)(nil)

// NewPinSide returns an Only for that side.
func NewPinSide(side Side) *PinSide { return &PinSide{side: side, released: make(chan struct{})} }

// problems implements limitedHook.
func (s *PinSide) problems() []Problem {
	if s != nil && s.side.Valid() && s.released != nil {
		return nil
	}
	return []Problem{{Field: "Only", Value: "of no side", Want: "NewOnly(Blue) or NewOnly(Green)"}}
}

// Release lets queries go to the target, in this transition and all later ones.
// It may be called more than once.
func (s *PinSide) Release() { s.once.Do(func() { close(s.released) }) }

// Select implements Selector.
func (s *PinSide) Select(_ context.Context, c Choice) Side {
	select {
	case <-s.released:
		return c.Strategy.Target
	default:
		return s.side
	}
}

// Wait implements SharedPhaseGate. A target that is the only side needs no other.
func (s *PinSide) Wait(ctx context.Context, shared fsm.Snapshot) {
	if shared.Target == s.side {
		return
	}
	select {
	case <-s.released:
	case <-ctx.Done():
	}
}

// String names the selector in events.
func (s *PinSide) String() string { return "Only(" + s.side.String() + ")" }
