package events

import (
	"bytes"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
)

// waitLimit bounds what a test waits for.
const (
	waitLimit = 30 * time.Second
	waitTick  = time.Millisecond
)

// explode is the function that the stack must name.
func explode(Event) { panic("planted secret") }

// panicsOf are the events about panics in the history.
func panicsOf(b *Bus) (all []SubscriberPanicked) {
	for _, e := range b.History() {
		if d, ok := e.Data.(SubscriberPanicked); ok {
			all = append(all, d)
		}
	}
	return all
}

func TestSubscriberPanicked_IsLoggedWithItsStackCountedAndPublished(t *testing.T) {
	var logged []Event
	var mu sync.Mutex
	b := NewBus(Options{OnPanic: func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		logged = append(logged, e)
	}})
	var got []Kind
	b.Subscribe(explode, Kinds(KindRefused))
	b.Subscribe(func(e Event) { got = append(got, e.Kind()) })
	b.Publish(fsm.Cause{Trace: tracing}, Refused{})
	b.Publish(fsm.Cause{}, Refused{})
	require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(logged) == 2 }, waitLimit, waitTick, "it continues with the next event")
	finish(t, b)

	require.Equal(t, uint64(2), b.Panics())
	require.ElementsMatch(t, []Kind{KindRefused, KindRefused, KindSubscriberPanicked, KindSubscriberPanicked}, got)
	published := panicsOf(b)
	require.Len(t, published, 2)
	require.EqualValues(t, 1, published[0].OnSeq)
	require.Equal(t, KindRefused, published[0].OnEvent)
	require.Equal(t, "a value of type string", published[0].Problem)
	require.EqualValues(t, 1, published[0].Count)
	require.Contains(t, published[0].Stack, "events.explode")
	require.NotContains(t, published[0].Stack, "planted")
	require.Equal(t, published[0], logged[0].Data)
	require.NotZero(t, logged[0].Seq)
	require.Equal(t, tracing, logged[0].Cause.Trace)
	require.Equal(t, slog.LevelError, logged[0].Level())
	require.Equal(t, "subscriber panicked", logged[0].Message())
}

// defaultLog collects what is written to the default logger of package slog.
func defaultLog(t *testing.T) func() string {
	t.Helper()
	var mu sync.Mutex
	var out bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return out.Write(p)
	}), nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return out.String()
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestSubscriberPanicked_GoesToTheDefaultLoggerWithoutOnPanic(t *testing.T) {
	for name, o := range map[string]Options{
		"no OnPanic":     {},
		"OnPanic panics": {OnPanic: explode},
	} {
		t.Run(name, func(t *testing.T) {
			written := defaultLog(t)
			b := NewBus(o)
			b.Subscribe(explode)
			publish(b, 1)
			finish(t, b)
			require.Contains(t, written(), `level=ERROR msg="subscriber panicked" event=subscriber_panicked`)
			require.Contains(t, written(), "events.explode")
		})
	}
}

func TestSubscriberPanicked_SubscribersThatAlwaysPanicCauseNoLoop(t *testing.T) {
	var logged atomic.Int64
	b := NewBus(Options{OnPanic: func(Event) { logged.Add(1) }})
	for range 3 {
		b.Subscribe(explode)
	}
	publish(b, 1)
	// Each panics on the event, and on the two about the others, which are not published.
	require.Eventually(t, func() bool { return logged.Load() == 3+3*2 }, waitLimit, waitTick)
	finish(t, b)
	require.Len(t, panicsOf(b), 3)
	require.EqualValues(t, 9, b.Panics())
}

func TestSubscriberPanicked_ManyPanicsAreReportedTogether(t *testing.T) {
	b := NewBus(Options{History: 1 << 14, OnPanic: func(Event) {}})
	b.Subscribe(explode, Lossless())
	publish(b, 5000)
	require.Eventually(t, func() bool { return b.Panics() == 5000 }, waitLimit, waitTick)
	finish(t, b)
	reported := panicsOf(b)
	require.GreaterOrEqual(t, len(reported), panicBurst)
	require.Less(t, len(reported), 2500)
	var sum int64
	for _, d := range reported {
		sum += d.Count
	}
	require.LessOrEqual(t, sum, int64(5000))
	require.Contains(t, SubscriberPanicked{Count: 7}.String(), "7 times")
}

func TestSubscriberPanicked_GoexitDoesNotEndTheSubscription(t *testing.T) {
	b := NewBus(Options{OnPanic: func(Event) {}})
	var calls atomic.Int64
	b.Subscribe(func(Event) { calls.Add(1); runtime.Goexit() })
	publish(b, 3)
	finish(t, b)
	require.EqualValues(t, 3, calls.Load())
	require.EqualValues(t, 3, b.Panics())
}

func TestSubscriberPanicked_HasTheTextOfARuntimeError(t *testing.T) {
	var none []int
	b := NewBus(Options{OnPanic: func(Event) {}})
	b.Subscribe(func(e Event) { _ = none[e.Seq] })
	publish(b, 1)
	require.Eventually(t, func() bool { return len(panicsOf(b)) == 1 }, waitLimit, waitTick)
	finish(t, b)
	require.True(t, strings.HasPrefix(panicsOf(b)[0].Problem, "runtime error: index out of range"))
}
