package hook

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// A Validator is an optional interface of every hook. e6.Open calls Validate and refuses
// the hook with an e6.ConfigError if it returns an error, whose text describes the valid
// values.
type Validator interface{ Validate() error }

// AllToTarget routes every new query to the target, as a client without a Selector does.
// It ends the shared phase at once, so that it has an effect only after another Selector.
type AllToTarget struct{}

var _ SharedPhaseGate = AllToTarget{}

// Select implements Selector.
func (AllToTarget) Select(_ context.Context, c Choice) fsm.Side { return c.Strategy.Target }

// Wait implements SharedPhaseGate.
func (AllToTarget) Wait(context.Context, fsm.Snapshot) {}

// Canary routes a share of the new queries to the target, and the others to the origin.
// The share grows linearly from From to 1 within Ramp, which then ends the shared phase.
// With a Ramp of 0, or From of 1, the target gets all new queries at once.
type Canary struct {
	// From is the share at the start, from 0 to 1. Open refuses other values.
	From float64
	// Ramp is the time until the target gets all new queries, at most 30 days. Keep it
	// below Config.SharedTimeout, which ends the phase in any case.
	Ramp time.Duration
	// Key is the name of a label that makes the choice sticky: queries with the same
	// value are routed to the same side, and after the first query to the target always
	// to the target. A query without the label is assigned at random.
	Key string
}

// maxRamp is the largest Canary.Ramp.
const maxRamp = 30 * 24 * time.Hour

var (
	_ SharedPhaseGate = Canary{}
	_ Validator       = Canary{}
	_ Selector        = PinByLabel("")
	_ Validator       = PinByLabel("")
	_ SharedPhaseGate = (*PinSide)(nil)
	_ Validator       = (*PinSide)(nil)
)

// Select implements Selector.
func (s Canary) Select(_ context.Context, c Choice) fsm.Side {
	position := rand.Float64()
	if key, ok := c.Labels[s.Key]; ok {
		position = positionOf(key, c.Strategy.Transition)
	}
	if position < s.share(time.Since(c.Strategy.Since)) {
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
func (s Canary) share(elapsed time.Duration) float64 {
	if elapsed >= s.Ramp {
		return 1
	}
	return s.From + (1-s.From)*float64(elapsed)/float64(s.Ramp)
}

// positionOf is a number from 0 to below 1 that depends only on the key within one
// transition. In the next transition, other keys are routed to the target first.
func positionOf(key string, transition uint64) float64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%d/%s", transition, key) // a hash does not fail
	// FNV maps keys that differ in their last character to close numbers. The finalizer
	// of SplitMix64 makes every bit depend on all bits.
	n := h.Sum64()
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	n ^= n >> 31
	return float64(n>>11) / (1 << 53)
}

// Validate implements Validator.
func (s Canary) Validate() error {
	var from, ramp error
	if !(s.From >= 0 && s.From <= 1) { // also for NaN
		from = errors.New("Canary.From from 0 to 1")
	}
	if s.Ramp < 0 || s.Ramp > maxRamp {
		ramp = errors.New("Canary.Ramp from 0s to 720h")
	}
	return errors.Join(from, ramp)
}

// String names the selector in events.
func (s Canary) String() string { return fmt.Sprintf("Canary(%g in %s)", s.From, s.Ramp) }

// PinByLabel routes a query to the side that the label of that name holds: blue or
// green. It leaves the choice for other queries to the next Selector. It needs both sides
// until Config.SharedTimeout.
type PinByLabel string

// Validate implements Validator.
func (s PinByLabel) Validate() error {
	if s == "" {
		return errors.New("PinByLabel with the name of a label")
	}
	return nil
}

// Select implements Selector.
func (s PinByLabel) Select(_ context.Context, c Choice) fsm.Side {
	side, err := fsm.ParseSide(c.Labels[string(s)])
	if err != nil {
		return fsm.None
	}
	return side
}

// PinSide routes every new query of the shared phase to one side, until Release or
// Config.SharedTimeout. NewPinSide makes one. Its methods may be called by any goroutine.
type PinSide struct {
	side     fsm.Side
	once     sync.Once
	released chan struct{}
}

// NewPinSide returns a PinSide for that side.
func NewPinSide(side fsm.Side) *PinSide {
	return &PinSide{side: side, released: make(chan struct{})}
}

// Validate implements Validator.
func (s *PinSide) Validate() error {
	if s == nil || !s.side.Valid() || s.released == nil {
		return errors.New("hook.NewPinSide(fsm.Blue) or hook.NewPinSide(fsm.Green)")
	}
	return nil
}

// Release routes queries to the target, in this transition and all later ones. Further
// calls do nothing.
func (s *PinSide) Release() { s.once.Do(func() { close(s.released) }) }

// Select implements Selector.
func (s *PinSide) Select(_ context.Context, c Choice) fsm.Side {
	select {
	case <-s.released:
		return c.Strategy.Target
	default:
		return s.side
	}
}

// Wait implements SharedPhaseGate. It returns at once if the target is the pinned side,
// which then needs no shared phase.
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
func (s *PinSide) String() string {
	if s == nil {
		return "PinSide(nil)"
	}
	return "PinSide(" + s.side.String() + ")"
}
