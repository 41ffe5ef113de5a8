package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/internal/bubbles"
	"github.com/e6data/e6data-go/internal/stress"
)

// memoryWorld is the world direct without sockets, for a bubble.
func memoryWorld(workers int) world {
	w := worlds[0]
	w.name = "memory"
	w.begin = func(r *record, seed uint64) (*site, map[kind]func(fault), error) {
		s, err := newMemorySite(r)
		if err == nil {
			err = s.join("the client", seed, workers, nil)
		}
		return s, nil, err
	}
	return w
}

// Each run is a cutover or two with random faults under load. The recordings of both clients
// are replayed, and each decision must be equal, byte for byte.
func TestRecorded_RunsReplayByteForByte(t *testing.T) {
	all := newRecord()
	for seed := range uint64(stress.Count(6, 1000)) {
		bubbles.Test(t, func(t *testing.T) {
			r := memoryWorld(2).play(seed+1, 2, time.Now().Add(time.Hour), t.Logf)
			require.Empty(t, r.violations(), "seed %d", seed+1)
			require.NotZero(t, r.steps)
			all.add(r)
		})
	}
	t.Logf("%d cutovers, %d steps replayed, queries: %v", all.cutovers(), all.steps, all.ended)
}

// Sides that alternate are damped: a client follows an announcement later than the script
// waits, and a refusal moves it at once.
func TestRecorded_ADampedClientFollowsWhenItsSideCloses(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		r := newRecord()
		s, _, err := memoryWorld(1).begin(r, 1)
		require.NoError(t, err)
		for range 10 {
			s.play(step{cutover: flapping}, nil)
		}
		s.close()
		require.Empty(t, r.violations())
		require.NotZero(t, r.injected[damped])
	})
}
