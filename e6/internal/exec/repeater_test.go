package exec

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/wire"
)

// write is a statement that may not run twice.
const write = "INSERT INTO t VALUES (1)"

// count returns how often a call was made.
func count(calls []string, call string) (n int) {
	for _, c := range calls {
		if c == call {
			n++
		}
	}
	return n
}

func TestRepeater_RefusedStatementStartsOverOnTheOtherSide(t *testing.T) {
	for _, method := range []string{"prepare", "execute"} {
		t.Run(method, func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, r *rig) {
				r.cluster.on(method, failsWith(wire.ClassWrongSide, wire.EffectNone), succeeds)
				require.NoError(t, r.Run(t.Context(), &Statement{SQL: write, Tag: "tag"}))
				calls := r.cluster.calls()
				require.Equal(t, "prepare blue", calls[0])
				green := slices.Index(calls, "prepare green")
				require.Positive(t, green)
				require.Equal(t, "execute green", calls[green+1])
				require.Equal(t, 1, count(calls, "execute green"), "a write runs once")

				retried := published[events.QueryRetried](r.bus)
				require.Len(t, retried, 1)
				require.Equal(t, "blue green "+method+" tag", retried[0].From.String()+" "+retried[0].To.String()+" "+retried[0].Method+" "+retried[0].Tag)
				require.Len(t, published[events.Refused](r.bus), 1)
				require.EqualValues(t, 1, r.Stats().Retried)
			})
		})
	}
}

// An attempt that failed before execute had no effect. The class of the failure decides
// whether there is another one.
func TestRepeater_ClassDecidesWhetherAnAttemptIsRepeated(t *testing.T) {
	for class, repeated := range map[wire.Class]bool{
		wire.ClassWrongSide: true, wire.ClassUnreachable: true, wire.ClassNotProcessed: true,
		wire.ClassNoResponse: true, wire.ClassTimeout: true, wire.ClassUnavailable: true,
		wire.ClassEngine: false, wire.ClassUnknownError: false, wire.ClassStopped: false,
		wire.ClassCredentials: false, wire.ClassUnimplemented: false, wire.ClassTooLarge: false, wire.ClassUnsent: false,
	} {
		t.Run(class.String(), func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, r *rig) {
				r.cluster.status = ClusterActive
				r.cluster.on("prepare", failsWith(class, wire.EffectUnknown), succeeds)
				err := r.Run(t.Context(), &Statement{SQL: write})
				if repeated {
					require.NoError(t, err)
					return
				}
				failed, ok := err.(*queryFailed)
				require.True(t, ok, "%v", err)
				require.True(t, failed.NoEffect)
				require.Equal(t, []string{"prepare blue"}, r.cluster.calls())
			})
		})
	}
}

func TestRepeater_AttemptsWithoutAResponseHaveABudgetAndAGrowingPause(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		verdicts := 0
		r.route.awaitVerdict = func(context.Context, fsm.Side) error {
			verdicts++
			return nil
		}
		r.cluster.on("prepare", failsWith(wire.ClassUnreachable, wire.EffectNone))
		err := r.Run(t.Context(), &Statement{SQL: write})
		require.ErrorContains(t, err, "prepare on blue: given up after 4 attempts")
		require.Equal(t, wire.ClassUnreachable, wire.Classify(err))
		require.Equal(t, 4, count(r.cluster.calls(), "prepare blue"), "Settings.MaxAttempts")
		require.Equal(t, 3, verdicts, "each pause waits for the probe of the side")
		for n := range 3 {
			pause := r.cluster.at[n+1].Sub(r.cluster.at[n])
			require.Positive(t, pause)
			require.LessOrEqual(t, pause, r.retry.Bound(n), "pause %d", n)
		}
	})
}

func TestRepeater_RefusalsAreLimitedInTimeOnly(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.cluster.on("prepare", failsWith(wire.ClassWrongSide, wire.EffectNone))
		began := time.Now()
		err := r.Run(t.Context(), &Statement{SQL: write})
		require.ErrorContains(t, err, "given up after")
		took := time.Since(began)
		require.GreaterOrEqual(t, took, r.DetectionTimeout+r.ResumeTimeout)
		require.LessOrEqual(t, took, r.DetectionTimeout+r.ResumeTimeout+r.retry.Max)
		require.Greater(t, len(r.cluster.calls()), 2*r.MaxAttempts)
		require.Equal(t, r.cluster.at[0], r.cluster.at[3], "the first three repetitions need no pause")
		require.NotEqual(t, r.cluster.at[0], r.cluster.at[5])
	})
}

func TestRepeater_EndOfTheCallersContextEndsThePause(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.route.awaitVerdict = func(ctx context.Context, _ fsm.Side) error {
			<-ctx.Done()
			return ctx.Err()
		}
		r.cluster.on("prepare", failsWith(wire.ClassUnreachable, wire.EffectNone))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		err := r.Run(ctx, &Statement{SQL: write})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "the last failure: prepare on blue")
		require.Equal(t, time.Second, time.Since(began))
		require.Len(t, r.cluster.calls(), 1)
	})
}

// A second 503 comes from an ingress that has lost the engine: the status of the cluster is
// requested once, and the side counts as unreachable then.
func TestRepeater_ASecond503CountsAsAnUnreachableSide(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.cluster.status = ClusterActive
		suspended := failsWith(wire.ClassUnavailable, wire.EffectNone)
		r.cluster.on("prepare", suspended, suspended, succeeds)
		require.NoError(t, r.Run(t.Context(), &Statement{SQL: write}))
		require.Equal(t, 1, count(r.cluster.calls(), "status of the cluster blue"))
		require.Equal(t, []string{"blue"}, r.route.failed)
	})
}

func TestRepeater_SuspendedClusterIsNotResumedIfThatIsForbidden(t *testing.T) {
	inBubble(t, func(s *Settings) { s.NoAutoResume = true }, func(t *testing.T, r *rig) {
		r.cluster.status = ClusterSuspended
		r.cluster.on("prepare", failsWith(wire.ClassUnavailable, wire.EffectNone))
		err := r.Run(t.Context(), &Statement{SQL: write})
		require.ErrorIs(t, err, ErrSuspended)
		require.Equal(t, wire.ClassUnavailable, wire.Classify(err), "the refused call proves that there was no effect")
		require.Len(t, published[events.ClusterResume](r.bus), 1)
	})
}

// Only failures of the stack count in the health of a side.
func TestRun_CountsAttemptsInTheHealthOfTheirSide(t *testing.T) {
	for class, want := range map[wire.Class][]string{
		wire.ClassNoResponse: {"blue unanswered", "blue answered"},
		wire.ClassWrongSide:  {"green answered"},
		wire.ClassEngine:     {"blue answered"},
	} {
		t.Run(class.String(), func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, r *rig) {
				r.cluster.on("execute", failsWith(class, wire.EffectNone), succeeds)
				_ = r.Run(t.Context(), &Statement{SQL: write}) // ClassEngine fails
				require.Equal(t, want, r.route.counts)
			})
		})
	}
}
