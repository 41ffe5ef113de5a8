package recorder_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/recorder"
	"github.com/e6data/e6data-go/internal/stress"
)

// childVariable is set for a child process: the file that it records to.
const childVariable = "E6_RECORDER_CHILD"

// childSize is the size of the file of a child. It is small, so that blocks are used again.
const childSize = 24 * 32 << 10

// sides is a cluster of which every side accepts, or refuses for a while.
type sides struct{ refuses [3]atomic.Bool }

var errRefused = errors.New("456")

func (s *sides) Authenticate(ctx context.Context, side fsm.Side) (string, error) {
	return "session", s.Ping(ctx, side)
}

func (s *sides) Ping(_ context.Context, side fsm.Side) error {
	if s.refuses[side].Load() {
		return errRefused
	}
	return nil
}
func (s *sides) Resume(context.Context, fsm.Side, func()) error { return errRefused }
func (s *sides) Reconnect()                                     {}
func (s *sides) Classify(err error) router.Verdict {
	if err != nil {
		return router.Refuses
	}
	return router.Accepts
}

// newRouter returns a router that writes to a recorder, and its cluster.
func newRouter(r *recorder.Recorder, bus *events.Bus) (*router.Router, *sides, error) {
	cluster := &sides{}
	rt, err := router.New(router.Config{
		Cluster: cluster, Events: bus, Logger: slog.New(slog.DiscardHandler), Recorder: r,
		ProbeTimeout: time.Second, DetectionTimeout: time.Minute, PrepareTimeout: time.Minute, SharedTimeout: time.Minute,
		DrainTimeout: time.Minute, RefreshInterval: time.Hour, HealthWindow: time.Minute,
	})
	return rt, cluster, err
}

// describe is a step of the machine as the child reports it and the parent finds it.
func describe(t fsm.Transition) string {
	return fmt.Sprintf("%d %d %s %s", t.After.Epoch, t.After.Transition, t.Event, t.After.State)
}

// beChild records until it is killed: refusals and requests move the client, queries end on
// several goroutines, and each step of the machine is printed after it was published.
func beChild(path string) {
	r := recorder.File(path, recorder.Size(childSize))
	if err := r.Open(); err != nil {
		panic(err)
	}
	bus := events.NewBus(events.Options{})
	bus.Subscribe(func(e events.Event) {
		r.Event(e)
		if t, ok := e.Data.(events.Transition); ok {
			fmt.Println(describe(t.Transition))
		}
	})
	rt, cluster, err := newRouter(r, bus)
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	for n := range 3 {
		go func() {
			for i := 0; ; i++ {
				p, err := rt.Pin(ctx)
				if err != nil {
					panic(err)
				}
				rt.Unpin(p)
				r.QueryEnd(ctx, hook.QueryEnd{Side: p.Side, QueryID: fmt.Sprint(n, "-", i), Rows: int64(i)})
			}
		}()
	}
	for {
		for _, side := range fsm.Sides {
			if _, err := rt.Refresh(ctx); err != nil {
				panic(err)
			}
			_ = rt.Switch(ctx, side)
			now := rt.Routing()
			cluster.refuses[side].Store(true)
			_ = rt.Refused(ctx, now.Active, router.Stamp{Epoch: now.Epoch, Transition: now.Transition})
			cluster.refuses[side].Store(false)
		}
	}
}

func TestRecorder_AFileIsWholeAfterAKillAtAnyInstant(t *testing.T) {
	binary, err := os.Executable()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "e6.rec")
	for n := range stress.Count(8, 500) {
		if n%10 == 0 {
			require.NoError(t, errors.Join(os.RemoveAll(path))) // otherwise the file of the killed process is continued
		}
		last := runAndKill(t, binary, path, rand.IntN(200))
		recording, err := recorder.Read(path)
		require.NoError(t, err)
		require.LessOrEqual(t, recording.Damaged, 3*(n%10+1), "at most the last record of each lane and process is torn")
		requireTransition(t, recording, last)
		steps := 0
		for step, err := range recording.Replay() {
			require.NoError(t, err)
			require.Empty(t, step.Difference, "%s %s", step.Message, step.Fields)
			steps++
		}
		require.Positive(t, steps)
	}
}

// runAndKill kills a child after it has reported a number of steps, and returns the last
// one that it reported.
func runAndKill(t *testing.T, binary, path string, steps int) (last string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stress.Patience)
	defer cancel()
	child := exec.CommandContext(ctx, binary)
	child.Env = append(os.Environ(), childVariable+"="+path)
	var failed strings.Builder
	child.Stderr = &failed
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	lines := bufio.NewReader(out)
	for n := 0; ; n++ {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // what follows the last line is not whole
		}
		last = strings.TrimSpace(line)
		if n == steps {
			require.NoError(t, child.Process.Kill())
		}
	}
	_ = child.Wait() // it was killed
	require.NotEmpty(t, last, failed.String())
	return last
}

// requireTransition checks that the steps of the machine of the last process include one.
func requireTransition(t *testing.T, r *recorder.Recording, want string) {
	t.Helper()
	found := ""
	for _, e := range r.Entries {
		switch d := e.Data.(type) {
		case recorder.Start:
			found = ""
		case fsm.Transition:
			if describe(d) == want {
				found = want
			}
		}
	}
	require.Equal(t, want, found, "of %d entries", len(r.Entries))
}
