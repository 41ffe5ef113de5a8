package main

import (
	"math"
	"runtime"
	"slices"
	"time"
)

// comparison is something that is measured, mostly against another way to do the same.
type comparison struct {
	name, against string
	// goal is the greatest figure that is wanted, or the least if more is better.
	goal float64
	more bool
	// unit is the unit of the figure: x time and x speed are ratios.
	unit string
	// reason is why the goal is out of reach, if it is.
	reason string
	// begin makes what trials of this size need. Each call of the trial gives one figure;
	// end takes everything away.
	begin func(size) (trial, func(), error)
}

// A size is how much one trial does.
type size int

const (
	// full is the size of a measurement.
	full size = 1
	// small is a sixteenth of it: enough to show that a comparison gives a figure.
	small size = 16
)

// of returns the part of n that a trial of this size does, at least 1.
func (s size) of(n int) int { return max(1, n/int(s)) }

// lasting returns the part of d that a trial of this size takes.
func (s size) lasting(d time.Duration) time.Duration { return d / time.Duration(s) }

// A trial is one round of a measurement.
type trial func() (float64, error)

// result is what came out.
type result struct {
	comparison
	rounds            int
	median, low, high float64
}

// met reports whether the median is as it is wanted.
func (r result) met() bool {
	if r.more {
		return r.median >= r.goal
	}
	return r.median <= r.goal
}

// measure makes so many rounds.
func (c comparison) measure(rounds int) (result, error) {
	trial, end, err := c.begin(full)
	if err != nil {
		return result{}, err
	}
	defer end()
	figures := make([]float64, 0, rounds)
	for range rounds {
		f, err := trial()
		if err != nil {
			return result{}, err
		}
		figures = append(figures, f)
	}
	return c.sum(figures), nil
}

// sum is the median of figures and the interval around it.
func (c comparison) sum(figures []float64) result {
	slices.Sort(figures)
	n := len(figures)
	low, high := interval(n)
	return result{c, n, figures[n/2], figures[low], figures[high]}
}

// work does something n times.
type work func(n int)

const (
	ofTime  = "x time"
	ofSpeed = "x speed"
)

// alternate compares two implementations, which run one after the other in each round. It
// returns how much more time ours takes, or how much faster it is.
func alternate(ours, theirs work, unit string) trial {
	var nOurs, nTheirs int
	return func() (float64, error) {
		if nOurs == 0 {
			nOurs, nTheirs = calibrate(ours), calibrate(theirs)
		}
		ratio := float64(timed(ours, nOurs)) / float64(timed(theirs, nTheirs))
		if unit == ofSpeed {
			ratio = 1 / ratio
		}
		return ratio, nil
	}
}

// least is how long one measurement takes at least, so that the clock and the
// scheduler do not show.
const least = 20 * time.Millisecond

// calibrate finds how often something must be done to take long enough.
func calibrate(f work) int {
	for n := 1; ; {
		took := timed(f, n) * time.Duration(n)
		if took >= least {
			return n
		}
		// Never more than a hundredfold at once: the first time may be a slow one.
		n = max(n+1, min(100*n, int(float64(n)*1.2*float64(least)/float64(max(took, 1)))))
	}
}

// timed is how long one of n operations takes.
func timed(f work, n int) time.Duration {
	runtime.GC()
	begin := time.Now()
	f(n)
	return time.Since(begin) / time.Duration(n)
}

// interval returns the ranks, counted from 0, between which the true median of n
// values lies with 95 %: each value is on either side of it with even chances.
func interval(n int) (low, high int) {
	p := math.Pow(0.5, float64(n)) // that exactly i values lie below
	tail := p
	for i := 1; tail < 0.025; i++ {
		low = i
		p *= float64(n-i+1) / float64(i)
		tail += p
	}
	low = max(0, low-1)
	return low, n - 1 - low
}
