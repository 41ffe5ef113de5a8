package router_test

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
)

// A tape keeps the records of a router in memory.
type tape struct {
	mu      sync.Mutex
	records []taped
}

type taped struct {
	kind router.RecordKind
	data []byte
}

func (t *tape) Record(kind router.RecordKind, data []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.records = append(t.records, taped{kind, bytes.Clone(data)})
}

// CheckpointEvery is low, so that a test has many checkpoints.
func (t *tape) CheckpointEvery() int { return 1 << 10 }

// requireEqualReplay replays the records from the first checkpoint, from one in the middle
// and from the last one, and compares every decision and every later checkpoint.
func (t *tape) requireEqualReplay(tb testing.TB) {
	tb.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	var checkpoints []int
	for i, r := range t.records {
		if r.kind == router.RecordCheckpoint || r.kind == router.RecordStart {
			checkpoints = append(checkpoints, i)
		}
	}
	require.NotEmpty(tb, checkpoints, "a router begins its record with a checkpoint")
	starts := []int{checkpoints[0], checkpoints[len(checkpoints)/2], checkpoints[len(checkpoints)-1]}
	for _, start := range slices.Compact(starts) {
		require.Empty(tb, t.replay(tb, start), "replay from record %d of %d", start, len(t.records))
	}
}

// replay returns the first difference of a replay from a checkpoint.
func (t *tape) replay(tb testing.TB, start int) string {
	tb.Helper()
	play, err := router.NewReplay(t.records[start].data)
	require.NoError(tb, err)
	defer play.Close()
	for i, r := range t.records[start+1:] {
		switch r.kind {
		case router.RecordCheckpoint:
			if difference := play.Verify(r.data); difference != "" {
				return fmt.Sprintf("checkpoint %d: %s", start+1+i, difference)
			}
		case router.RecordStep:
			step, err := play.Step(r.data)
			require.NoError(tb, err)
			if step.Difference != "" {
				return fmt.Sprintf("step %d, %s %s: %s", start+1+i, step.Message, step.Fields, step.Difference)
			}
		}
	}
	return ""
}

// Every type with a method apply is in the list of messages: otherwise its steps would be
// missing from a record.
func TestReplay_EveryMessageIsRecorded(t *testing.T) {
	var applied []string
	parsed, err := parser.ParseFile(token.NewFileSet(), "messages.go", nil, 0)
	require.NoError(t, err)
	for _, d := range parsed.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "apply" {
			of := f.Recv.List[0].Type
			if star, ok := of.(*ast.StarExpr); ok {
				of = star.X
			}
			applied = append(applied, of.(*ast.Ident).Name)
		}
	}
	require.NotEmpty(t, applied)
	require.ElementsMatch(t, applied, router.MessageTypes())
}

// A change of a recorded decision, message or state is found.
func TestReplay_ReportsADifference(t *testing.T) {
	var records []taped
	bubble(t, func(_ *testing.T, r *rig) {
		r.touch()
		r.cutTo(fsm.Green)
		r.touch()
		records = slices.Clone(r.tape.records)
	})
	for _, change := range []struct{ name, from, to, want string }{
		{"a decision", "accepted=true", "accepted=tru.", "decision 1 is"},
		{"a message", "blue named green", "blue named grEen", "blue named grEen"},
	} {
		t.Run(change.name, func(t *testing.T) {
			changed := &tape{}
			for _, r := range records {
				data := bytes.Replace(r.data, []byte(change.from), []byte(change.to), 1)
				changed.records = append(changed.records, taped{r.kind, data})
			}
			require.Contains(t, changed.replay(t, 0), change.want)
		})
	}
	t.Run("a missing message", func(t *testing.T) {
		i := slices.IndexFunc(records, func(r taped) bool { return bytes.Contains(r.data, []byte("machine accept")) })
		require.Positive(t, i)
		require.NotEmpty(t, (&tape{records: slices.Delete(slices.Clone(records), i, i+1)}).replay(t, 0))
	})
}

// A step is readable without a replay.
func TestReadStep_DescribesTheMessageAndTheDecisions(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.touch()
		for _, data := range r.tape.records {
			if data.kind != router.RecordStep {
				continue
			}
			step, err := router.ReadStep(data.data)
			require.NoError(t, err)
			if step.Message == "detected" {
				require.Contains(t, step.Fields, "side=blue")
				require.NotContains(t, string(data.data), "blue-1", "a session is a secret")
				require.Contains(t, step.Decisions, "session installed blue")
				return
			}
		}
		t.Fatal("the detection is not in the record")
	})
}

// Records come from files, which may hold anything.
func FuzzReplay(f *testing.F) {
	t := &tape{}
	f.Add([]byte{router.RecordVersion}, []byte{0})
	recordScript(t)
	var checkpoint []byte
	for _, r := range t.records {
		switch r.kind {
		case router.RecordStart, router.RecordCheckpoint:
			checkpoint = r.data
		case router.RecordStep:
			f.Add(checkpoint, r.data)
		}
	}
	f.Fuzz(func(_ *testing.T, checkpoint, step []byte) {
		play, err := router.NewReplay(checkpoint)
		if err != nil {
			return
		}
		defer play.Close()
		_, _ = play.Step(step)
		_ = play.Verify(checkpoint)
	})
}

// recordScript records a first use of a client that finds no side in time.
func recordScript(to *tape) {
	cluster := &fakeCluster{}
	cluster.set(fsm.Green, errRefused)
	var rt *router.Router
	var made sync.WaitGroup
	made.Add(1)
	cluster.route = func() *router.Router { made.Wait(); return rt }
	rt, err := router.New(router.Config{
		Cluster: cluster, Events: events.NewBus(events.Options{}), Logger: slog.New(slog.DiscardHandler), Recorder: to,
		ProbeTimeout: time.Second, DetectionTimeout: time.Second, PrepareTimeout: time.Second, SharedTimeout: time.Second,
		DrainTimeout: time.Second, RefreshInterval: time.Hour, HealthWindow: time.Minute,
	})
	if err != nil {
		panic(err)
	}
	made.Done()
	ctx := context.Background()
	for _, side := range []fsm.Side{fsm.Blue, fsm.Green} {
		if _, err := rt.Pin(ctx); err != nil {
			panic(err)
		}
		cluster.set(side, errRefused)
		cluster.set(side.Other(), nil)
		_ = rt.Refused(ctx, side, rt.Stamp())
	}
	_ = rt.Close(ctx)
}
