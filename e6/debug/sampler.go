package debug

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

const (
	sampleEvery = time.Second
	maxSamples  = 600
	maxSteps    = 200
)

// sampler remembers what the client does not: samples of its counters, and the
// steps of the machine, which a storm of other events would push out of the
// client's own history. It lives until the client is closed.
type sampler struct {
	client *e6.Client
	over   chan struct{} // closed when the client is
	ended  sync.Once

	mu      sync.Mutex
	samples []Sample      // the oldest first
	kept    []Transition  // the oldest first
	fresh   chan struct{} // closed and replaced with each sample
	totals  [2]int64      // executions that had ended by the last sample
	at      time.Time     // of the last sample
}

// record begins to record: it has every step from its return on.
func record(c *e6.Client) *sampler {
	r := &sampler{client: c, over: make(chan struct{}), fresh: make(chan struct{}), at: time.Now()}
	for i, s := range c.Health().Sides {
		r.totals[i] = s.Total
	}
	// Nothing in it blocks, so that its queue needs no bound.
	c.Subscribe(r.record, events.Kinds(events.KindTransition, events.KindClosed), events.History(math.MaxInt), events.Lossless())
	// A client that was closed before that sends no more events.
	if hasClosed(c.History()) {
		r.end()
	}
	go r.measure()
	return r
}

// record keeps the steps of the machine, until the client is closed.
func (r *sampler) record(e events.Event) {
	if e.Kind() == events.KindClosed {
		r.end()
	}
	if t, ok := stepOf(e); ok {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.kept = merge(r.kept, []Transition{t}, maxSteps)
	}
}

func (r *sampler) end() { r.ended.Do(func() { close(r.over) }) }

// hasClosed reports whether the client is closed, by its last event.
func hasClosed(history []events.Event) bool {
	return len(history) > 0 && history[len(history)-1].Kind() == events.KindClosed
}

// measure takes the samples.
func (r *sampler) measure() {
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	for {
		select {
		case <-r.over:
			return
		case <-ticker.C:
			r.sample()
		}
	}
}

func (r *sampler) sample() {
	report := r.client.Health()
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	s := Sample{Time: now, State: report.Strategy.State, Phase: report.Strategy.Phase, Active: report.Strategy.Active}
	for i, side := range report.Sides {
		one := SideSample{InFlight: side.InFlight, P50: side.P50, P99: side.P99}
		if took := now.Sub(r.at).Seconds(); took > 0 {
			one.PerSecond = float64(side.Total-r.totals[i]) / took
		}
		r.totals[i] = side.Total
		if side.Side == fsm.Blue {
			s.Blue = one
		} else {
			s.Green = one
		}
	}
	r.at = now
	r.samples = append(r.samples[max(len(r.samples)-maxSamples+1, 0):], s)
	close(r.fresh)
	r.fresh = make(chan struct{})
}

// samplesAfter returns the samples that were taken after that time.
func (r *sampler) samplesAfter(since time.Time) []Sample {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.samples, func(s Sample) bool { return s.Time.After(since) })
	if i < 0 {
		return []Sample{}
	}
	return slices.Clone(r.samples[i:])
}

// next is closed with the next sample.
func (r *sampler) next() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fresh
}

// steps returns the steps that are kept, with those of a history, which may be
// ahead by a moment.
func (r *sampler) steps(history []events.Event) []Transition {
	var recent []Transition
	for _, e := range history {
		if t, ok := stepOf(e); ok {
			recent = append(recent, t)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return merge(r.kept, recent, maxSteps)
}
