package e6_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/hook"
)

// guardFunc is a Guard made of a function.
type guardFunc func(context.Context, *hook.Proposal) hook.Decision

func (f guardFunc) Guard(ctx context.Context, p *hook.Proposal) hook.Decision { return f(ctx, p) }
func (guardFunc) String() string                                              { return "guard of the test" }

func TestGuard_QueriesTheTargetBeforeItServes(t *testing.T) {
	var onTarget int
	var answer *hook.Result
	var failure error
	var health hook.SideHealth
	guard := guardFunc(func(ctx context.Context, p *hook.Proposal) hook.Decision {
		answer, failure = p.Query(e6.WithQueryOptions(ctx, e6.Tag("smoke")), "SELECT * FROM numbers(10)")
		_, bad := p.Query(ctx, "FAIL badly")
		health = p.Health(p.From)
		if bad == nil {
			return hook.Veto("a statement that must fail did not")
		}
		return hook.Allow()
	})
	hooked(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
		cluster.OpenSide(e6.Green)
		done := make(chan error, 1)
		go func() { done <- client.Switch(t.Context(), e6.Green) }()
		for range 20 { // queries of users, all the time
			if side(t, client) == e6.Green {
				onTarget++
			}
		}
		require.NoError(t, <-done)
		require.NoError(t, failure)
		require.Len(t, answer.Rows, 10)
		require.Equal(t, []any{int64(9), "row 9"}, answer.Rows[9])
		require.Len(t, answer.Columns, 2)
		require.NotZero(t, health.Requests)
		require.Equal(t, e6.Green, side(t, client))
		require.Equal(t, 1, executions(cluster, "SELECT * FROM numbers(10)"))
		require.Zero(t, client.Health().Sides[1].Failures, "a guard's queries do not count in the statistics")
	}, e6.WithGuard(guard))
}

func TestVeto_HoldsAgainstRepeatedAnnouncements(t *testing.T) {
	asked := 0
	hooked(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.OpenSide(e6.Green)
		require.ErrorIs(t, client.Switch(t.Context(), e6.Green), e6.ErrVetoed)
		cluster.Announce(e6.Green)
		for range 60 {
			require.Equal(t, e6.Blue, side(t, client))
			<-time.After(time.Second)
		}
		// After 5, 10, 20 and so on seconds it is asked again, and not for each answer.
		require.Equal(t, 4, asked)
		vetoes := 0
		for _, e := range client.History() {
			if d, ok := e.Data.(events.GuardDecided); ok {
				require.Equal(t, "veto", d.Decision)
				require.Equal(t, "not now", d.Reason)
				require.Equal(t, "guard of the test", d.Guard)
				vetoes++
			}
		}
		require.Equal(t, asked, vetoes)
		// Of two sides, one refuses: there is nothing left to veto.
		cluster.CloseSide(e6.Blue)
		require.Equal(t, e6.Green, side(t, client))
	}, e6.WithGuard(guardFunc(func(context.Context, *hook.Proposal) hook.Decision {
		asked++
		return hook.Veto("not now")
	})))
}

func TestGuard_DelayRepeatsTheCallUntilReadyTimeout(t *testing.T) {
	var attempts []int
	hooked(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.OpenSide(e6.Green)
		began := time.Now()
		require.NoError(t, client.Switch(t.Context(), e6.Green))
		require.Equal(t, 2*time.Minute, time.Since(began))
		require.Equal(t, []int{1, 2, 3}, attempts)
		cluster.OpenSide(e6.Blue)
		attempts = nil
		err := client.Switch(t.Context(), e6.Blue)
		require.ErrorContains(t, err, "was not ready within 10m0s")
		require.Len(t, attempts, 10)
	}, e6.WithGuard(guardFunc(func(_ context.Context, p *hook.Proposal) hook.Decision {
		attempts = append(attempts, p.Attempt)
		if p.To == e6.Green && p.Attempt == 3 {
			return hook.Allow()
		}
		return hook.Delay(time.Minute, "a report is running")
	})))
}

func TestGuard_StuckOrPanickingAllowsTheCutover(t *testing.T) {
	for name, c := range map[string]struct {
		guard guardFunc
		took  time.Duration
	}{
		"stuck": {func(context.Context, *hook.Proposal) hook.Decision {
			<-time.After(time.Hour)
			return hook.Veto("too late")
		}, 30*time.Second + budget}, // Config.GuardBudget, and a moment
		"panics": {func(context.Context, *hook.Proposal) hook.Decision { panic(errors.New("a guard")) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			hooked(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				cluster.OpenSide(e6.Green)
				began := time.Now()
				require.NoError(t, client.Switch(t.Context(), e6.Green))
				require.Equal(t, c.took, time.Since(began))
				require.Equal(t, hook.PointGuard, failures(client)[0].Point)
				<-time.After(time.Hour)
			}, e6.WithGuard(c.guard))
		})
	}
}

func TestGuard_MayVetoAfterItsQueryTimedOut(t *testing.T) {
	hooked(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.OpenSide(e6.Green)
		began := time.Now()
		err := client.Switch(t.Context(), e6.Green)
		require.ErrorIs(t, err, e6.ErrVetoed)
		require.ErrorContains(t, err, "green is slow")
		require.Equal(t, 30*time.Second, time.Since(began))
		require.Empty(t, failures(client))
	}, e6.WithGuard(guardFunc(func(ctx context.Context, p *hook.Proposal) hook.Decision {
		if _, err := p.Query(ctx, "SELECT sleep(3600000)"); err != nil {
			return hook.Veto("green is slow")
		}
		return hook.Allow()
	})))
}
