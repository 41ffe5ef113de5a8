package events

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/bubbles"
)

// publish publishes n events of one kind.
func publish(b *Bus, n int) {
	for range n {
		b.Publish(fsm.Cause{}, SessionExpired{Side: fsm.Blue})
	}
}

// seqs returns the numbers of events.
func seqs(events []Event) []uint64 {
	var out []uint64
	for _, e := range events {
		out = append(out, e.Seq)
	}
	return out
}

// finish closes the bus and waits for its subscribers.
func finish(t *testing.T, b *Bus) {
	b.Close()
	require.NoError(t, b.Wait(t.Context()))
}

func TestBus_ConcurrentPublishersKeepTheOrder(t *testing.T) {
	b := NewBus(Options{Address: "a:1", Cluster: "c"})
	var got []Event
	b.Subscribe(func(e Event) { got = append(got, e) }, Queue(1000))
	var publishers sync.WaitGroup
	for range 4 {
		publishers.Go(func() { publish(b, 100) })
	}
	publishers.Wait()
	finish(t, b)
	require.Len(t, got, 400)
	for i, e := range got {
		require.Equal(t, uint64(i+1), e.Seq)
		require.Equal(t, "c", e.Cluster)
		require.Equal(t, "a:1", e.Address)
		require.False(t, e.Time.IsZero())
	}
	require.Zero(t, b.Dropped())
}

func TestHistory_KeepsTheLastEvents(t *testing.T) {
	b := NewBus(Options{History: 3})
	require.Empty(t, b.History())
	publish(b, 2)
	require.Equal(t, []uint64{1, 2}, seqs(b.History()))
	publish(b, 5)
	require.Equal(t, []uint64{5, 6, 7}, seqs(b.History()))
}

func TestEventsDropped_PrecedesTheNextEventAndDelaysNoOtherSubscriber(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		now := fsm.Snapshot{State: fsm.StateGreen, Active: fsm.Green, Epoch: 7}
		b := NewBus(Options{Snapshot: func() fsm.Snapshot { return now }})
		release := make(chan struct{})
		var slow, quick []Event
		b.Subscribe(func(e Event) { slow = append(slow, e); <-release }, Queue(2), Kinds(KindSessionExpired))
		b.Subscribe(func(e Event) { quick = append(quick, e) })
		publish(b, 1)
		synctest.Wait()
		publish(b, 5) // two fit, three do not
		synctest.Wait()
		require.Len(t, quick, 6, "the blocked subscriber does not delay the other one")
		require.Equal(t, uint64(3), b.Dropped())
		release <- struct{}{}
		synctest.Wait()
		publish(b, 1)
		close(release)
		finish(t, b)
		require.Equal(t, []uint64{1, 2, 3, 6, 7}, seqs(slow))
		require.Equal(t, EventsDropped{Count: 3, Snapshot: now}, slow[3].Data, "also with a filter on kinds")
		require.Len(t, quick, 7)
	})
}

func TestEventsDropped_DoesNotWaitForTheNextEvent(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		b := NewBus(Options{})
		release := make(chan struct{})
		var got []Event
		b.Subscribe(func(e Event) { got = append(got, e); <-release }, Queue(1))
		publish(b, 1)
		synctest.Wait()
		publish(b, 3)
		close(release)
		synctest.Wait()
		require.Equal(t, []uint64{1, 2, 4}, seqs(got))
		require.Equal(t, EventsDropped{Count: 2}, got[2].Data)
		finish(t, b)
	})
}

func TestSubscribe_APanicDoesNotEndTheSubscription(t *testing.T) {
	b := NewBus(Options{OnPanic: func(Event) {}})
	calls := 0
	b.Subscribe(func(Event) { calls++; panic("mine") })
	publish(b, 3)
	finish(t, b)
	require.Equal(t, 3, calls)
	require.Equal(t, uint64(3), b.Panics())
}

func TestReplay_NoEventIsLostOrDeliveredTwice(t *testing.T) {
	for round := range 50 {
		b := NewBus(Options{History: 64})
		publish(b, round)
		var publishers, subscribers sync.WaitGroup
		results := make([][]Event, 4)
		for range 2 {
			publishers.Go(func() { publish(b, 50) })
		}
		for i := range results {
			subscribers.Go(func() {
				b.Subscribe(func(e Event) { results[i] = append(results[i], e) }, History(32), Queue(1000))
			})
		}
		publishers.Wait()
		subscribers.Wait()
		finish(t, b)
		for _, got := range results {
			require.NotEmpty(t, got)
			for i, e := range got {
				require.Equal(t, got[0].Seq+uint64(i), e.Seq)
			}
			require.Equal(t, uint64(round+100), got[len(got)-1].Seq)
		}
	}
}

func TestReplay_ThatExceedsTheQueueReportsEventsDropped(t *testing.T) {
	b := NewBus(Options{})
	publish(b, 10)
	var got []Event
	b.Subscribe(func(e Event) { got = append(got, e) }, History(10), Queue(4))
	finish(t, b)
	require.Equal(t, []uint64{1, 2, 3, 4, 10}, seqs(got))
	require.Equal(t, uint64(6), got[4].Data.(EventsDropped).Count)
	require.Equal(t, uint64(6), b.Dropped())
}

func TestSubscribe_TheSubscriberMayCallTheBus(t *testing.T) {
	for name, act := range map[string]func(b *Bus, unsubscribe func(), e Event){
		"publish":     func(b *Bus, _ func(), e Event) { publish(b, int(2-min(e.Seq, 2))) },
		"unsubscribe": func(_ *Bus, unsubscribe func(), _ Event) { unsubscribe(); unsubscribe() },
		"close":       func(b *Bus, _ func(), _ Event) { b.Close() },
		"history":     func(b *Bus, _ func(), _ Event) { b.History() },
		"subscribe":   func(b *Bus, _ func(), _ Event) { b.Subscribe(func(Event) {}) },
	} {
		t.Run(name, func(t *testing.T) {
			bubbles.Test(t, func(t *testing.T) {
				b := NewBus(Options{})
				calls := 0
				var unsubscribe func()
				unsubscribe = b.Subscribe(func(e Event) { calls++; act(b, unsubscribe, e) })
				publish(b, 1)
				synctest.Wait()
				require.Positive(t, calls)
				finish(t, b)
			})
		})
	}
}

func TestUnsubscribe_NoEventIsDeliveredAfterwards(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		b := NewBus(Options{})
		release := make(chan struct{})
		calls := 0
		unsubscribe := b.Subscribe(func(Event) { calls++; <-release })
		publish(b, 3)
		synctest.Wait()
		unsubscribe() // does not wait for the call that is under way
		close(release)
		publish(b, 3)
		synctest.Wait()
		require.Equal(t, 1, calls)
		finish(t, b)
	})
}

func TestClose_DeliversQueuedEventsAndAcceptsNoMore(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		b := NewBus(Options{})
		release := make(chan struct{})
		calls := 0
		b.Subscribe(func(Event) { calls++; <-release })
		publish(b, 3)
		b.Close()
		b.Close()
		late := b.Publish(fsm.Cause{}, Closed{})
		require.Zero(t, late)
		require.Empty(t, late.String(), "the zero event can be logged")
		b.Subscribe(func(Event) { t.Error("called after Close") }, History(9))()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, b.Wait(ctx), context.Canceled)
		close(release)
		require.NoError(t, b.Wait(t.Context()))
		require.Equal(t, 3, calls)
		require.Len(t, b.History(), 3)
	})
}

func TestEvents_TheLoopEnds(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(b *Bus, cancel func())
		want int
	}{
		"when the context ends":  {func(_ *Bus, cancel func()) { cancel() }, 2},
		"when the bus is closed": {func(b *Bus, _ func()) { b.Close() }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			bubbles.Test(t, func(t *testing.T) {
				b := NewBus(Options{})
				publish(b, 2)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				count := 0
				go func() {
					synctest.Wait()
					c.end(b, cancel)
				}()
				for range b.Events(ctx, History(2)) {
					count++
				}
				require.Equal(t, c.want, count)
				finish(t, b)
			})
		})
	}
	t.Run("when the loop ends with events in the queue", func(t *testing.T) {
		b := NewBus(Options{})
		publish(b, 9)
		for e := range b.Events(t.Context(), History(9)) {
			if e.Seq == 3 {
				break
			}
		}
		finish(t, b)
	})
}

func BenchmarkPublish(b *testing.B) {
	for _, n := range []int{0, 1, 100} {
		b.Run(fmt.Sprintf("subscribers=%d", n), func(b *testing.B) {
			bus := NewBus(Options{})
			for range n {
				bus.Subscribe(func(Event) {})
			}
			b.ReportAllocs()
			for b.Loop() {
				bus.Publish(fsm.Cause{}, Closed{})
			}
			bus.Close()
			require.NoError(b, bus.Wait(context.Background()))
		})
	}
}
