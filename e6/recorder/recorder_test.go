package recorder_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/recorder"
)

func data[D any](r *recorder.Recording) (all []D) {
	for _, e := range r.Entries {
		if d, ok := e.Data.(D); ok {
			all = append(all, d)
		}
	}
	return all
}

func TestRecorder_HoldsTheOutcomeOfAQuery(t *testing.T) {
	end := hook.QueryEnd{
		Side: fsm.Green, QueryID: "q-1", Rows: 7, Batches: 2, Bytes: 900, Retries: 1, Replays: 3, Continued: 1,
		Took: 42 * time.Millisecond, Err: errors.New("password=hunter2"), Lost: true, Code: codes.Unavailable,
	}
	want := recorder.Query{
		ID: recorder.HashQueryID("q-1"), Side: fsm.Green, Rows: 7, Batches: 2, Bytes: 900, Retries: 1, Replays: 3, Continued: 1,
		Took: 42 * time.Millisecond, Lost: true, Code: codes.Unavailable,
	}
	hashed, plain := recorder.Memory(), recorder.Memory(recorder.PlainQueryIDs())
	for _, r := range []*recorder.Recorder{hashed, plain} {
		require.NoError(t, r.Open())
		before := time.Now()
		r.QueryEnd(t.Context(), end)
		recording, err := r.Recording()
		require.NoError(t, err)
		require.Len(t, recording.Entries, 1)
		require.WithinRange(t, recording.Entries[0].Time, before.Round(0), time.Now())
		require.Equal(t, want, recording.Entries[0].Data)
		require.NoError(t, r.Close())
		want.ID = "q-1"
	}
	require.Len(t, recorder.HashQueryID("q-1"), 16)
	require.Empty(t, recorder.HashQueryID(""))
}

func TestQuery_Outcome(t *testing.T) {
	for want, q := range map[string]recorder.Query{
		"ok": {}, "failed": {Code: codes.NotFound, Retries: 1}, "lost": {Lost: true, Code: codes.Unavailable},
		"continued": {Continued: 1, Replays: 1}, "replayed": {Replays: 1, Retries: 1}, "retried": {Retries: 2},
	} {
		require.Equal(t, want, q.Outcome())
	}
}

func TestRecorder_HoldsTheEventsWithHashedQueryIDs(t *testing.T) {
	r := recorder.Memory()
	require.NoError(t, r.Open())
	bus := events.NewBus(events.Options{Address: "host:1"})
	e := bus.Publish(fsm.Cause{Reason: fsm.ReasonRefusal}, events.QueryRetried{QueryID: "q-1", Tag: "report", From: fsm.Blue, To: fsm.Green, Method: "executeStatement"})
	r.Event(e)
	recording, err := r.Recording()
	require.NoError(t, err)
	require.Equal(t, []recorder.Event{{Kind: events.KindQueryRetried, Attrs: map[string]any{
		"seq": 1.0, "reason": "refusal", "query_id": recorder.HashQueryID("q-1"), "tag": "report", "from": "blue", "to": "green", "method": "executeStatement",
	}}}, data[recorder.Event](recording))
	require.True(t, e.Time.Equal(recording.Entries[0].Time))
}

func TestRecorder_OpenAndClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e6.rec")
	r := recorder.File(path, recorder.Size(recorder.MinSize))
	r.QueryEnd(t.Context(), hook.QueryEnd{})
	require.EqualValues(t, 1, r.Dropped(), "it is not open")
	require.NoError(t, r.Open())
	require.ErrorIs(t, r.Open(), recorder.ErrInUse)
	require.ErrorIs(t, recorder.File(path, recorder.Size(recorder.MinSize)).Open(), recorder.ErrInUse)
	r.QueryEnd(t.Context(), hook.QueryEnd{})
	require.NoError(t, r.Close())
	require.NoError(t, r.Close())
	recording, err := r.Recording()
	require.NoError(t, err)
	require.Len(t, data[recorder.Query](recording), 1)
	require.ErrorContains(t, recorder.File(path, recorder.Size(1)).Open(), "use at least")
	_, err = recorder.Memory().Recording()
	require.ErrorContains(t, err, "never opened")
	_, err = recorder.Parse([]byte(strings.Repeat("no recording", 100)))
	require.ErrorIs(t, err, recorder.ErrFormat)
}

// Two processes write to the file one after the other, with a cutover each. The replay
// starts again with the second one.
func TestReplay_OfTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e6.rec")
	for range 2 {
		r := recorder.File(path)
		require.NoError(t, r.Open())
		bus := events.NewBus(events.Options{})
		rt, _, err := newRouter(r, bus)
		require.NoError(t, err)
		for _, side := range []fsm.Side{fsm.Green, fsm.Blue} {
			require.NoError(t, rt.Switch(t.Context(), side))
		}
		require.NoError(t, rt.Close(t.Context()))
		require.NoError(t, r.Close())
		require.Zero(t, r.Dropped())
	}
	recording, err := recorder.Read(path)
	require.NoError(t, err)
	require.Zero(t, recording.Damaged)
	require.Len(t, data[recorder.Start](recording), 2)
	var messages []string
	var last recorder.ReplayedStep
	for step, err := range recording.Replay() {
		require.NoError(t, err)
		require.Empty(t, step.Difference)
		require.Equal(t, step.Decisions, step.Replayed)
		messages = append(messages, step.Message)
		last = step
	}
	require.Equal(t, len(data[recorder.Step](recording)), len(messages))
	require.Contains(t, messages, "switch_requested")
	require.True(t, last.Closed)
	require.Equal(t, fsm.Blue, last.Snapshot.Active)
}

// A difference is in the step, and a version of the router that wrote the record is in the
// error.
func TestReplay_ReportsAnErrorOfARecord(t *testing.T) {
	r := recorder.Memory()
	require.NoError(t, r.Open())
	r.Record(router.RecordStart, []byte{99, 0})
	r.Record(router.RecordStep, []byte{1, 0, 0, 0})
	recording, err := r.Recording()
	require.NoError(t, err)
	for _, err := range recording.Replay() {
		require.ErrorContains(t, err, "version 99")
		return
	}
	t.Fatal("no error")
}
