package main

import (
	"math"
	"runtime"
	"slices"
	"time"
)

// work does something n times.
type work func(n int)

// comparison is two ways to do the same.
type comparison struct {
	name, against string
	// goal is the greatest ratio that is wanted, or the least if more is better.
	goal float64
	more bool
	// unit says what the ratio is of: time, or speed.
	unit string
	// begin makes both, and what they need; end takes it away.
	begin func() (ours, theirs work, end func(), err error)
}

// result is what came out.
type result struct {
	comparison
	rounds            int
	median, low, high float64
	ours, theirs      time.Duration // of one operation, the medians
}

// met reports whether the median is as it is wanted.
func (r result) met() bool {
	if r.more {
		return r.median >= r.goal
	}
	return r.median <= r.goal
}

// least is how long one measurement takes at least, so that the clock and the
// scheduler do not show.
const least = 20 * time.Millisecond

// measure runs both in turn.
func (c comparison) measure(rounds int) (result, error) {
	ours, theirs, end, err := c.begin()
	if err != nil {
		return result{}, err
	}
	defer end()
	nOurs, nTheirs := calibrate(ours), calibrate(theirs)
	ratios := make([]float64, 0, rounds)
	var a, b []time.Duration
	for range rounds {
		ta, tb := timed(ours, nOurs), timed(theirs, nTheirs)
		a, b = append(a, ta), append(b, tb)
		ratio := float64(ta) / float64(tb)
		if c.more {
			ratio = 1 / ratio
		}
		ratios = append(ratios, ratio)
	}
	slices.Sort(ratios)
	slices.Sort(a)
	slices.Sort(b)
	low, high := interval(rounds)
	return result{c, rounds, ratios[rounds/2], ratios[low], ratios[high], a[rounds/2], b[rounds/2]}, nil
}

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
