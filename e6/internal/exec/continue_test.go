package exec

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/wire"
	"github.com/e6data/e6data-go/e6/vector"
)

// numbers returns a batch with these values.
func numbers(t *testing.T, values ...int64) *vector.Batch {
	b := new(vector.Batch)
	require.NoError(t, b.Decode(numbersMessage(t, values...), nil))
	return b
}

// hashOf is the hash of rows that reached the caller in one batch.
func hashOf(t *testing.T, values ...int64) delivered {
	h := new(vector.Hash)
	h.Add(numbers(t, values...), len(values))
	return delivered{rows: int64(len(values)), hash: h}
}

func TestContinuation_ComparesTheRowsThatTheCallerHas(t *testing.T) {
	for name, c := range map[string]struct {
		have   []int64
		replay [][]int64
		left   []int64 // the rows of the last batch that the caller gets
		column string  // that differs
	}{
		"the same batches":                {have: []int64{1, 2}, replay: [][]int64{{1, 2}}},
		"larger batches":                  {have: []int64{1, 2}, replay: [][]int64{{1, 2, 3, 4}}, left: []int64{3, 4}},
		"smaller batches":                 {have: []int64{1, 2, 3}, replay: [][]int64{{1}, {2}, {3, 4}}, left: []int64{4}},
		"another value":                   {have: []int64{1, 2}, replay: [][]int64{{1, 3, 4}}, column: "n"},
		"another order":                   {have: []int64{1, 2}, replay: [][]int64{{2, 1, 3}}, column: "n"},
		"another value in an early batch": {have: []int64{1, 2, 3}, replay: [][]int64{{9}, {2, 3, 4}}, column: "n"},
		"another value after these rows":  {have: []int64{1}, replay: [][]int64{{1, 99}}, left: []int64{99}},
	} {
		t.Run(name, func(t *testing.T) {
			check := &continuation{want: hashOf(t, c.have...), fields: []vector.Field{{Name: "n"}}}
			for i, values := range c.replay {
				b := numbers(t, values...)
				done, err := check.skip(b)
				if i < len(c.replay)-1 {
					require.NoError(t, err)
					require.False(t, done)
					require.Zero(t, b.Rows(), "the caller has the rows of an earlier batch")
					continue
				}
				if c.column != "" {
					differs, ok := errors.AsType[*replayDiffers](err)
					require.True(t, ok, "%v", err)
					require.Equal(t, LossRows, differs.reason)
					require.Equal(t, c.column, differs.column)
					return
				}
				require.NoError(t, err)
				require.True(t, done)
				require.Equal(t, len(c.left), b.Rows())
				for row, want := range c.left {
					require.EqualValues(t, want, b.Column(0).Value(row))
				}
			}
		})
	}
}

// readAll reads a stream to its end. before is called before each batch, with the number of
// rows so far.
func readAll(s *Stream, before func(rows int)) (all []int64, err error) {
	for {
		if before != nil {
			before(len(all))
		}
		b, err := s.Next(nil)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		for row := range b.Rows() {
			all = append(all, b.Column(0).Value(row).(int64))
		}
	}
}

// cutAfterOneBatch cuts off the stream on blue when the caller has its first batch, and opens
// the stream. The replay runs on green.
func cutAfterOneBatch(t *testing.T, r *rig, st *Statement) (*Stream, func(rows int)) {
	cut := make(chan struct{})
	r.cluster.on("fetch", succeeds, func(ctx context.Context) error {
		<-cut
		return failsWith(wire.ClassWrongSide, wire.EffectNone)(ctx)
	}, succeeds)
	s := new(Stream)
	require.NoError(t, r.Open(t.Context(), st, s))
	t.Cleanup(s.Close)
	return s, func(rows int) {
		if rows == 2 {
			close(cut)
		}
	}
}

func TestContinue_TheCallerGetsEachRowOnce(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.cluster.results = map[fsm.Side][][]int64{fsm.Green: {{1}, {2, 3, 4}, {5, 6}}} // other batches
		s, before := cutAfterOneBatch(t, r, &Statement{SQL: read})
		all, err := readAll(s, before)
		require.NoError(t, err)
		require.Equal(t, []int64{1, 2, 3, 4, 5, 6}, all)
		continued := published[events.QueryContinued](r.bus)
		require.Len(t, continued, 1)
		require.EqualValues(t, 2, continued[0].RowsVerified)
		require.Equal(t, fsm.Green, continued[0].To)
		require.EqualValues(t, 1, r.Stats().Continued)
	})
}

// The batches that wait for the caller when the stream is cut off come again from the replay.
func TestContinue_BatchesThatWaitForTheCallerAreDropped(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.cluster.on("fetch", succeeds, succeeds, failsWith(wire.ClassWrongSide, wire.EffectNone), succeeds)
		s := new(Stream)
		require.NoError(t, r.Open(t.Context(), &Statement{SQL: read}, s))
		synctest.Wait() // until the queue is full again
		all, err := readAll(s, nil)
		require.NoError(t, err)
		require.Equal(t, []int64{1, 2, 3, 4, 5, 6}, all)
		require.Len(t, published[events.QueryReplayed](r.bus), 1)
		require.Empty(t, published[events.QueryContinued](r.bus), "the caller had no row")
	})
}

func TestContinue_AReplayThatDiffersIsALossWithItsReason(t *testing.T) {
	for name, c := range map[string]struct {
		result [][]int64
		column string
		window int
		reason LossReason
	}{
		"other rows":    {result: [][]int64{{1, 3}, {5, 6}}, reason: LossRows},
		"fewer rows":    {result: [][]int64{{1}}, reason: LossShorter},
		"other columns": {result: [][]int64{{1, 2}}, column: "other", reason: LossColumns},
		"no window":     {window: -1, reason: LossWindow},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(s *Settings) { s.ContinueWindow += c.window * s.ContinueWindow }, func(t *testing.T, r *rig) {
				if c.result != nil {
					r.cluster.results = map[fsm.Side][][]int64{fsm.Green: c.result}
				}
				r.cluster.fields = map[fsm.Side]string{fsm.Green: c.column}
				s, before := cutAfterOneBatch(t, r, &Statement{SQL: read})
				all, err := readAll(s, before)
				loss, ok := errors.AsType[*queryLost](err)
				require.True(t, ok, "%v", err)
				require.Equal(t, c.reason, loss.Reason)
				require.Equal(t, []int64{1, 2}, all, "no row of the replay reaches the caller")
				require.EqualValues(t, 2, loss.RowsDelivered)
				require.Equal(t, fsm.Blue, loss.Side)
				require.Equal(t, wire.ClassWrongSide, wire.Classify(loss), "the cause is the failure that cut off the first attempt")
				require.Zero(t, r.Stats().Continued)
			})
		})
	}
}
