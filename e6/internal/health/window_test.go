package health

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/e6data/e6data-go/internal/bubbles"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const length = time.Minute

func TestWindow_Counts(t *testing.T) {
	w := NewWindow(length)
	require.Equal(t, Summary{}, w.Summary())
	require.Zero(t, w.Summary().ErrorRate(), "nothing is known")
	w.Succeeded(10 * time.Millisecond)
	w.Answered()
	w.Failed()
	w.Failed()
	requests, failures := w.Counts()
	require.Equal(t, []int64{4, 2}, []int64{requests, failures})
	s := w.Summary()
	require.Equal(t, []int64{4, 4, 2, 1}, []int64{s.Total, s.Requests, s.Failures, s.Timed}, "only one has a latency")
	require.InDelta(t, 0.5, s.ErrorRate(), 1e-9)
	require.NotZero(t, s.P50)
	requests, failures = w.Totals()
	require.Equal(t, []int64{4, 2}, []int64{requests, failures})
}

func TestWindow_SlidesByATwelfth(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		const slot = length / slots
		w := NewWindow(length)
		<-time.After(slot / 2)
		for range slots { // one in each slot
			w.Failed()
			<-time.After(slot)
		}
		for left := int64(slots - 1); left >= 0; left-- {
			requests, failures := w.Counts()
			require.Equal(t, []int64{left, left}, []int64{requests, failures})
			<-time.After(slot)
		}
		require.Equal(t, Summary{Total: slots}, w.Summary())
		<-time.After(1000 * length)
		w.Succeeded(time.Second)
		require.EqualValues(t, 1, w.Summary().Requests, "a slot is used again, without what it held")
	})
}

func TestWindow_DropsNothingTooEarly(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		w := NewWindow(length)
		w.Failed()
		<-time.After(length - length/slots)
		require.EqualValues(t, 1, w.Summary().Requests)
		<-time.After(length / slots)
		require.Zero(t, w.Summary().Requests)
	})
}

func TestWindow_VeryShort(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		w := NewWindow(1)
		w.Failed()
		require.EqualValues(t, 1, w.Summary().Requests)
		<-time.After(slots)
		require.Zero(t, w.Summary().Requests)
	})
}

func TestWindow_QuantilesAreExactTo25Percent(t *testing.T) {
	for name, c := range map[string]struct {
		latencies []time.Duration
		p50, p99  time.Duration
	}{
		"one":          {[]time.Duration{time.Second}, time.Second, time.Second},
		"all the same": {slices.Repeat([]time.Duration{7 * time.Millisecond}, 1000), 7 * time.Millisecond, 7 * time.Millisecond},
		"two halves": {slices.Concat(slices.Repeat([]time.Duration{time.Millisecond}, 50), slices.Repeat([]time.Duration{time.Hour}, 50)),
			time.Millisecond, time.Hour},
		"a rare one is in no percentile": {slices.Concat(slices.Repeat([]time.Duration{time.Millisecond}, 99), []time.Duration{time.Hour}),
			time.Millisecond, time.Millisecond},
		"more than half": {slices.Concat(slices.Repeat([]time.Duration{time.Millisecond}, 49), slices.Repeat([]time.Duration{time.Second}, 51)),
			time.Second, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWindow(length)
			for _, l := range c.latencies {
				w.Succeeded(l)
			}
			s := w.Summary()
			requireNear(t, c.p50, s.P50)
			requireNear(t, c.p99, s.P99)
		})
	}
}

func requireNear(t require.TestingT, want, got time.Duration) {
	require.GreaterOrEqual(t, got, want)
	require.LessOrEqual(t, float64(got), 1.25*float64(want))
}

func TestWindow_LatencyOutsideOfTheBuckets(t *testing.T) {
	for latency, want := range map[time.Duration]time.Duration{
		-time.Second: limit(0), 0: limit(0), time.Nanosecond: limit(0), 1000 * time.Hour: limit(buckets - 1),
	} {
		w := NewWindow(length)
		w.Succeeded(latency)
		require.Equal(t, want, w.Summary().P50)
	}
}

func TestWindow_BucketsAreOrderedAndHoldTheirLatencies(t *testing.T) {
	for b := 1; b < buckets; b++ {
		require.Greater(t, limit(b), limit(b-1))
	}
	rapid.Check(t, func(t *rapid.T) {
		latency := time.Duration(rapid.Int64Range(int64(4*time.Microsecond), int64(time.Hour)).Draw(t, "latency"))
		b := bucketOf(latency)
		require.Less(t, latency, limit(b))
		require.GreaterOrEqual(t, latency, limit(b-1))
		requireNear(t, latency, limit(b))
	})
}

// An outcome is one line of a random history.
type outcome struct {
	kind    string
	latency time.Duration
	wait    time.Duration
}

// TestWindow_AgreesWithAList compares it with a list of all that happened.
func TestWindow_AgreesWithAList(t *testing.T) {
	const slot = length / slots
	rapid.Check(t, func(rt *rapid.T) {
		history := rapid.SliceOf(rapid.Custom(func(t *rapid.T) outcome {
			return outcome{
				kind:    rapid.SampledFrom([]string{"succeeded", "succeeded", "answered", "failed"}).Draw(t, "kind"),
				latency: time.Duration(rapid.Int64Range(int64(4*time.Microsecond), int64(time.Hour)).Draw(t, "latency")),
				wait:    time.Duration(rapid.SampledFrom([]int64{0, 1, 2, 7, 11, 12, 100}).Draw(t, "wait")) * slot / 2,
			}
		})).Draw(rt, "history")
		var got, want []Summary
		bubbles.Test(t, func(t *testing.T) { got, want = live(history) })
		require.Len(rt, got, len(want))
		for i := range want {
			if want[i].Timed > 0 {
				requireNear(rt, want[i].P50, got[i].P50)
				requireNear(rt, want[i].P99, got[i].P99)
			}
			got[i].P50, got[i].P99, want[i].P50, want[i].P99 = 0, 0, 0, 0
			require.Equal(rt, want[i], got[i], "after %d outcomes", i)
		}
	})
}

func live(history []outcome) (got, want []Summary) {
	const slot = length / slots
	type done struct {
		outcome
		turn int64
	}
	var all []done
	w, start, total := NewWindow(length), time.Now(), int64(0)
	for _, o := range history {
		total++
		switch o.kind {
		case "succeeded":
			w.Succeeded(o.latency)
		case "answered":
			w.Answered()
		case "failed":
			w.Failed()
		}
		all = append(all, done{o, int64(time.Since(start) / slot)})
		<-time.After(o.wait)
		s, timed := Summary{Total: total}, []time.Duration{}
		for _, d := range all {
			if d.turn <= int64(time.Since(start)/slot)-slots {
				continue
			}
			s.Requests++
			switch d.kind {
			case "failed":
				s.Failures++
			case "succeeded":
				timed = append(timed, d.latency)
			}
		}
		slices.Sort(timed)
		if s.Timed = int64(len(timed)); s.Timed > 0 {
			s.P50, s.P99 = timed[(len(timed)+1)/2-1], timed[(99*len(timed)+99)/100-1]
		}
		got, want = append(got, w.Summary()), append(want, s)
	}
	return got, want
}

func TestWindow_ConcurrentCounts(t *testing.T) {
	const writers, each = 8, 2000
	w := NewWindow(time.Hour)
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for n := range each {
				switch {
				case n%4 == 0:
					w.Failed()
				case i%2 == 0:
					w.Answered()
				default:
					w.Succeeded(time.Duration(n) * time.Microsecond)
				}
				if n%100 == 0 {
					w.Counts()
					w.Summary()
				}
			}
		})
	}
	all.Wait()
	s := w.Summary()
	require.Equal(t, []int64{writers * each, writers * each, writers * each / 4, writers / 2 * each * 3 / 4},
		[]int64{s.Total, s.Requests, s.Failures, s.Timed})
}

func TestWindow_CountingAllocatesNothing(t *testing.T) {
	w := NewWindow(length)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		w.Succeeded(time.Millisecond)
		w.Answered()
		w.Failed()
		w.Counts()
	}))
}

func BenchmarkSucceeded(b *testing.B) {
	w := NewWindow(length)
	b.ReportAllocs()
	for b.Loop() {
		w.Succeeded(time.Millisecond)
	}
}

func BenchmarkSucceededInParallel(b *testing.B) {
	w := NewWindow(length)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			w.Succeeded(time.Millisecond)
		}
	})
}
