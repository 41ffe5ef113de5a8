// Package health counts the results of the queries of one side in a sliding window.
package health

import (
	"math"
	"math/bits"
	"sync"
	"time"
)

const (
	slots = 12 // a window slides by a twelfth of its length
	// Latencies are counted in buckets of a quarter of an octave, from a
	// microsecond to over an hour, so that a quantile is right to 25 %.
	perOctave = 4
	octaves   = 32
	buckets   = perOctave * octaves
)

// Window is a sliding window of results. Its methods may be called by any goroutine.
type Window struct {
	width time.Duration // of one slot
	start time.Time

	mu     sync.Mutex
	ring   [slots]slot
	total  int64
	failed int64
}

type slot struct {
	turn      int64 // number of the slot of time that it holds, from 1; 0 for none
	requests  int64
	failures  int64
	latencies *latencies // nil until the first one: most windows are of a side without queries
}

type latencies [buckets]uint32

// NewWindow returns a Window of that length, which must be positive.
func NewWindow(length time.Duration) *Window {
	return &Window{width: max(length/slots, 1), start: time.Now()}
}

// Succeeded counts an answered request and its latency.
func (w *Window) Succeeded(latency time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.count(0)
	if s.latencies == nil {
		s.latencies = new(latencies)
	}
	s.latencies[bucketOf(latency)]++
}

// Answered counts an answered request without its latency.
func (w *Window) Answered() { w.add(0) }

// Failed counts a request without a response of the side.
func (w *Window) Failed() { w.add(1) }

func (w *Window) add(failed int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count(failed)
}

// count counts a request in the current slot. The caller holds the lock.
func (w *Window) count(failed int64) *slot {
	turn := w.turn()
	s := &w.ring[turn%slots]
	if s.turn != turn {
		if s.latencies != nil {
			clear(s.latencies[:])
		}
		*s = slot{turn: turn, latencies: s.latencies}
	}
	w.total++
	w.failed += failed
	s.requests++
	s.failures += failed
	return s
}

// turn is the number of the current slot of time.
func (w *Window) turn() int64 { return 1 + int64(time.Since(w.start)/w.width) }

// Counts returns the numbers of requests and of failures in the window.
func (w *Window) Counts() (requests, failures int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for s := range w.recent() {
		requests += s.requests
		failures += s.failures
	}
	return requests, failures
}

// Totals is Counts since the window was created.
func (w *Window) Totals() (requests, failures int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.total, w.failed
}

// recent ranges over the slots of the window. The caller holds the lock.
func (w *Window) recent() func(yield func(*slot) bool) {
	return func(yield func(*slot) bool) {
		oldest := w.turn() - slots
		for i := range w.ring {
			if s := &w.ring[i]; s.turn > oldest && s.turn > 0 && !yield(s) {
				return
			}
		}
	}
}

// Summary summarises a window.
type Summary struct {
	// Total is the number of requests since the window was made.
	Total int64
	// Requests is the number of requests in the window, Failures that of failures.
	Requests, Failures int64
	// Timed is the number of requests whose latency is known. P50 and P99 are
	// the median and the 99th percentile of these, and 0 if there are none.
	Timed    int64
	P50, P99 time.Duration
}

// ErrorRate is the share of the requests that failed, and 0 without requests.
func (s Summary) ErrorRate() float64 {
	if s.Requests == 0 {
		return 0
	}
	return float64(s.Failures) / float64(s.Requests)
}

// Summary returns the summary of the window.
func (w *Window) Summary() Summary {
	w.mu.Lock()
	defer w.mu.Unlock()
	sum := Summary{Total: w.total}
	var counts [buckets]int64
	for s := range w.recent() {
		sum.Requests += s.requests
		sum.Failures += s.failures
		if s.latencies == nil {
			continue
		}
		for i, n := range s.latencies {
			counts[i] += int64(n)
			sum.Timed += int64(n)
		}
	}
	sum.P50, sum.P99 = quantile(&counts, sum.Timed, 0.5), quantile(&counts, sum.Timed, 0.99)
	return sum
}

// quantile is the upper limit of the bucket in which that quantile lies.
func quantile(counts *[buckets]int64, total int64, q float64) time.Duration {
	if total == 0 {
		return 0
	}
	rank := int64(math.Ceil(q * float64(total)))
	for i, n := range counts {
		if rank -= n; rank <= 0 {
			return limit(i)
		}
	}
	return limit(buckets - 1)
}

// bucketOf is the bucket of a latency.
func bucketOf(latency time.Duration) int {
	us := uint64(max(latency.Microseconds(), 1))
	octave := bits.Len64(us) - 1
	within := 0
	if octave >= 2 {
		within = int(us>>(octave-2)) & (perOctave - 1)
	} else {
		within = int(us<<(2-octave)) & (perOctave - 1)
	}
	return min(octave*perOctave+within, buckets-1)
}

// limit is the upper bound of a bucket.
func limit(bucket int) time.Duration {
	octave, within := bucket/perOctave, bucket%perOctave
	us := math.Ldexp(1+float64(within+1)/perOctave, octave)
	return time.Duration(us * float64(time.Microsecond))
}
