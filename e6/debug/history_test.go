package debug

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/recorder"
)

func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestHistory_IsReadOnceASecondForAllRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		h := &history{over: make(chan struct{}), read: func() (*recorder.Recording, error) {
			reads++
			return &recorder.Recording{}, nil
		}}
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				_, err := h.snapshot()
				require.NoError(t, err)
			})
		}
		all.Wait()
		require.Equal(t, 1, reads)
		time.Sleep(readEvery - time.Nanosecond)
		_, _ = h.snapshot()
		require.Equal(t, 1, reads)
		time.Sleep(time.Nanosecond)
		_, _ = h.snapshot()
		require.Equal(t, 2, reads)
	})
}

func TestHistory_SlowReadsTakeATenthOfTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		h := &history{over: make(chan struct{}), read: func() (*recorder.Recording, error) {
			reads++
			time.Sleep(time.Second)
			return &recorder.Recording{}, nil
		}}
		_, _ = h.snapshot()
		time.Sleep(9*time.Second - time.Nanosecond)
		_, _ = h.snapshot()
		require.Equal(t, 1, reads)
		time.Sleep(time.Nanosecond)
		_, _ = h.snapshot()
		require.Equal(t, 2, reads)
	})
}

func TestHistory_ReadThatFailsIsRepeated(t *testing.T) {
	broken := true
	h := &history{over: make(chan struct{}), read: func() (*recorder.Recording, error) {
		if broken {
			return nil, errors.New("disk")
		}
		return &recorder.Recording{}, nil
	}}
	_, err := h.snapshot()
	require.EqualError(t, err, "the flight recording cannot be read: disk")
	broken = false
	_, err = h.snapshot()
	require.NoError(t, err)
}

func TestSnapshot_Window(t *testing.T) {
	begin := time.Date(2030, 1, 31, 14, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return begin.Add(time.Duration(minutes) * time.Minute) }
	s := &snapshot{first: begin, now: at(60)}
	for _, c := range []struct {
		name         string
		at           time.Time
		span         time.Duration
		from, to, is time.Time
		live         bool
	}{
		{"the last minutes", time.Time{}, 5 * time.Minute, at(55), at(60), at(60), true},
		{"around a time", at(30), 10 * time.Minute, at(25), at(35), at(30), false},
		{"near the begin", at(1), 10 * time.Minute, at(0), at(10), at(1), false},
		{"near the end", at(59), 10 * time.Minute, at(50), at(60), at(59), false},
		{"before the begin", at(-9), 10 * time.Minute, at(0), at(10), at(0), false},
		{"after the end", at(99), 10 * time.Minute, at(50), at(60), at(60), true},
		{"all", at(30), 0, at(0), at(60), at(30), false},
		{"longer than the recording", time.Time{}, 2 * time.Hour, at(0), at(60), at(60), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, window{c.from, c.to, c.is, c.live}, s.window(query{at: c.at, span: c.span}))
		})
	}
}

// The state at the time of a change is the one after it.
func TestSnapshot_PhaseAtAChangeIsTheNewOne(t *testing.T) {
	at := time.Date(2030, 1, 31, 14, 0, 0, 0, time.UTC)
	blue, green := fsm.Snapshot{State: fsm.StateBlue, Active: fsm.Blue}, fsm.Snapshot{State: fsm.StateGreen, Active: fsm.Green}
	s := newSnapshot(&recorder.Recording{Entries: []recorder.Entry{
		{Time: at, Data: recorder.Start{}},
		{Time: at.Add(time.Second), Data: fsm.Transition{Event: fsm.EventSettle, After: blue}},
		{Time: at.Add(2 * time.Second), Data: fsm.Transition{Event: fsm.EventSettle, Before: blue, After: green}},
	}}, at.Add(time.Minute))
	require.Equal(t, "blue", s.phaseAt(at.Add(2*time.Second-1)).Label())
	require.Equal(t, "green", s.phaseAt(at.Add(2*time.Second)).Label())
	require.Nil(t, s.phaseAt(at.Add(-1)))
}

func TestSnapshot_DrawingIsMadeOnceForPagesOfOneWidth(t *testing.T) {
	s := newSnapshot(&recorder.Recording{}, time.Now())
	made := 0
	draw := func() ([]byte, error) { made++; return []byte("drawing"), nil }
	for _, key := range []string{"a", "b", "a", "b", "a"} {
		body, err := s.drawing(key, draw)
		require.NoError(t, err)
		require.Equal(t, "drawing", string(body))
	}
	require.Equal(t, 2, made)
}
