package exec

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/wire"
	"github.com/e6data/e6data-go/e6/vector"
)

// halfRead is a sink whose caller has rows of the result.
type halfRead struct {
	discard
	have delivered
}

func (h *halfRead) reset() delivered { return h.have }
func (h *halfRead) abort() int64     { return h.have.rows }

const read = "SELECT n FROM t"

// The decision after a failure depends on the statement, its policy, the phase of the
// attempt, the failure, and the rows that the caller has.
func TestDecide_ChoosesBetweenReplayContinuationAndLoss(t *testing.T) {
	lost := failsWith(wire.ClassNoResponse, wire.EffectUnknown)
	refused := failsWith(wire.ClassWrongSide, wire.EffectNone)
	hashed := delivered{rows: 3, hash: new(vector.Hash)}
	for name, c := range map[string]struct {
		sql      string
		policy   ReplayPolicy
		phase    phase
		failure  reply
		have     delivered
		replayed bool       // there is another attempt, which is a replay
		reason   LossReason // of the error, if the statement is lost
	}{
		"a read is replayed":                           {read, ReplaySafe, phaseFetch, lost, delivered{}, true, ""},
		"a read without a response to execute too":     {read, ReplaySafe, phaseExecute, lost, delivered{}, true, ""},
		"a refusal after execute replays":              {read, ReplaySafe, phaseMetadata, refused, delivered{}, true, ""},
		"rows within the window are continued":         {read, ReplaySafe, phaseFetch, lost, hashed, true, ""},
		"rows beyond the window are lost":              {read, ReplaySafe, phaseFetch, lost, delivered{rows: 3}, false, LossWindow},
		"ReplayNever":                                  {read, ReplayNever, phaseFetch, lost, delivered{}, false, LossPolicy},
		"a write without a response to execute":        {write, ReplaySafe, phaseExecute, lost, delivered{}, false, LossWrite},
		"a write whose result is refused":              {write, ReplaySafe, phaseFetch, refused, delivered{}, false, LossWrite},
		"ReplayAlways replays a write":                 {write, ReplayAlways, phaseFetch, lost, delivered{}, true, ""},
		"ReplayAlways cannot continue a write":         {write, ReplayAlways, phaseFetch, lost, delivered{rows: 1}, false, LossWrite},
		"a write cancelled by the server may have run": {write, ReplaySafe, phaseExecute, failsWith(wire.ClassCanceled, wire.EffectUnknown), delivered{}, false, LossWrite},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, r *rig) {
				run := r.newRun(t.Context(), &Statement{SQL: c.sql, Replay: c.policy, Tag: "tag"}, &halfRead{have: c.have})
				a, err := run.next(t.Context(), nil, 1)
				require.NoError(t, err)
				defer a.unpin()
				a.phase = c.phase
				err = run.decide(t.Context(), a, c.failure(t.Context()))
				if c.replayed {
					require.NoError(t, err)
					require.Equal(t, 1, run.replays)
					require.Equal(t, c.have.rows > 0, run.check != nil, "the rows that the caller has are verified")
					return
				}
				loss, ok := errors.AsType[*queryLost](err)
				require.True(t, ok, "%v", err)
				require.Equal(t, c.reason, loss.Reason)
				require.Equal(t, c.have.rows, loss.RowsDelivered)
				require.Equal(t, c.sql == write, loss.MayHaveTakenEffect)
				require.Equal(t, c.phase.String(), loss.Op)
				require.Zero(t, run.replays)
				published := published[events.QueryLost](r.bus)
				require.Len(t, published, 1)
				require.Equal(t, string(c.reason), published[0].Reason)
				require.EqualValues(t, 1, r.Stats().Lost)
			})
		})
	}
}

// The engine's answer to an executed statement is the error of the statement, and no loss.
func TestDecide_AnswerOfTheEngineIsNoLoss(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.cluster.on("metadata", failsWith(wire.ClassEngine, wire.EffectDone))
		err := r.Run(t.Context(), &Statement{SQL: write})
		failed, ok := errors.AsType[*queryFailed](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, "metadata", failed.Op)
		require.Equal(t, "planted", failed.Message)
		require.False(t, failed.NoEffect)
		require.NotErrorIs(t, err, ErrQueryLost)
		require.Equal(t, []string{"clear cancelled blue"}, r.cluster.freed())
	})
}

func TestDecide_AReplayRunsOnTheSideOfNewStatements(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.cluster.on("fetch", succeeds, failsWith(wire.ClassWrongSide, wire.EffectNone), succeeds)
		all, err := r.Collect(t.Context(), &Statement{SQL: read})
		require.NoError(t, err)
		require.Equal(t, fsm.Green, all.Handle.Side)
		require.Len(t, all.Batches, 3, "the batches of the first attempt are dropped")
		replayed := published[events.QueryReplayed](r.bus)
		require.Len(t, replayed, 1)
		require.Equal(t, fsm.Blue, replayed[0].From)
		require.Equal(t, fsm.Green, replayed[0].To)
		require.Equal(t, "q1", replayed[0].QueryID)
		require.ElementsMatch(t, []string{"clear cancelled blue", "clear complete green"}, r.cluster.freed())
		require.EqualValues(t, 1, r.Stats().Replayed)
		require.Zero(t, r.Stats().Retried)
	})
}

func TestDecide_ReplaysShareTheBudgetOfAttempts(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.cluster.on("metadata", failsWith(wire.ClassTimeout, wire.EffectUnknown))
		err := r.Run(t.Context(), &Statement{SQL: read})
		loss, ok := errors.AsType[*queryLost](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, LossAttempts, loss.Reason)
		require.Equal(t, 4, count(r.cluster.calls(), "execute blue"), "Settings.MaxAttempts")
	})
}

// The failure of a replay does not hide that the first attempt may have had an effect.
func TestDecide_FailedReplayOfAWriteIsALoss(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.cluster.on("metadata", failsWith(wire.ClassTimeout, wire.EffectUnknown), succeeds)
		r.cluster.on("prepare", succeeds, failsWith(wire.ClassEngine, wire.EffectDone))
		err := r.Run(t.Context(), &Statement{SQL: write, Replay: ReplayAlways})
		loss, ok := errors.AsType[*queryLost](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, LossReplay, loss.Reason)
		require.Equal(t, "q1", loss.QueryID)
		require.True(t, loss.MayHaveTakenEffect)
	})
}
