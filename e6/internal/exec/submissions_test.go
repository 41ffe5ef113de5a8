package exec

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/wire"
)

// submit submits a statement.
func submit(t *testing.T, r *rig) Handle {
	h, err := r.Submit(t.Context(), &Statement{SQL: read})
	require.NoError(t, err)
	require.Equal(t, Handle{QueryID: "q1", Side: fsm.Blue, Engine: "engine", SessionGeneration: 1}, h)
	return h
}

func TestSubmit_KeepsTheSideUntilTheRowsAreRead(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		h := submit(t, r)
		require.Equal(t, []string{"prepare blue", "execute blue"}, r.cluster.calls())
		require.EqualValues(t, 1, r.Running())
		r.route.active = fsm.Green // a cutover

		s := new(Stream)
		require.NoError(t, r.Read(t.Context(), h, &Statement{}, s))
		all, err := readAll(s, nil)
		require.NoError(t, err)
		require.Equal(t, []int64{1, 2, 3, 4, 5, 6}, all)
		require.NotContains(t, r.cluster.calls(), "fetch green")
		require.Equal(t, []string{"clear complete blue"}, r.cluster.freed())
		require.Zero(t, r.Running())
		require.Empty(t, r.submitted.open)
	})
}

func TestSubmit_ResultIsReadByOneReader(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		h := submit(t, r)
		release := make(chan struct{})
		r.cluster.on("metadata", func(context.Context) error { <-release; return nil })
		first, opened := new(Stream), make(chan error, 1)
		go func() { opened <- r.Read(t.Context(), h, &Statement{}, first) }()
		synctest.Wait()
		require.ErrorIs(t, r.Read(t.Context(), h, &Statement{}, new(Stream)), errBeingRead)
		close(release)
		require.NoError(t, <-opened)
		_, err := readAll(first, nil)
		require.NoError(t, err)
	})
}

func TestRead_StatementOfAnotherClientUsesTheSideOfItsHandle(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		h := Handle{QueryID: "q7", Side: fsm.Green, Engine: "engine", SessionGeneration: 3}
		s := new(Stream)
		require.NoError(t, r.Read(t.Context(), h, &Statement{}, s))
		require.EqualValues(t, 1, r.route.InFlight(fsm.Green))
		all, err := readAll(s, nil)
		require.NoError(t, err)
		require.Len(t, all, 6)
		require.Equal(t, []string{"metadata green", "fetch green", "fetch green", "fetch green"}, r.cluster.calls())
		require.Equal(t, []string{"clear complete green"}, r.cluster.freed())
	})
}

func TestRead_IsNotReplayed(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		h := submit(t, r)
		r.cluster.on("fetch", failsWith(wire.ClassWrongSide, wire.EffectNone))
		s := new(Stream)
		require.NoError(t, r.Read(t.Context(), h, &Statement{Replay: ReplayAlways}, s))
		_, err := readAll(s, nil)
		require.ErrorIs(t, err, ErrQueryLost)
		require.Equal(t, 1, count(r.cluster.calls(), "prepare blue")+count(r.cluster.calls(), "prepare green"))
	})
}

func TestRead_RefusesAHandleWithoutAQuery(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		require.ErrorIs(t, r.Read(t.Context(), Handle{Side: fsm.Blue}, &Statement{}, new(Stream)), errNoHandle)
		require.ErrorIs(t, r.Read(t.Context(), Handle{QueryID: "q1"}, &Statement{}, new(Stream)), errNoHandle)
		require.Empty(t, r.cluster.calls())
	})
}

func TestCancel_FreesAStatementThatIsNotBeingRead(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		h := submit(t, r)
		require.NoError(t, r.Cancel(t.Context(), h))
		require.Equal(t, "cancel blue", r.cluster.calls()[2])
		require.Equal(t, []string{"clear cancelled blue"}, r.cluster.freed())
		require.Zero(t, r.Running())
	})
}

func TestCancel_WithoutAResponseKeepsTheStatement(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		h := submit(t, r)
		r.cluster.on("cancel", failsWith(wire.ClassTimeout, wire.EffectUnknown), succeeds)
		require.Error(t, r.Cancel(t.Context(), h))
		require.Empty(t, r.cluster.freed())
		require.EqualValues(t, 1, r.Running())
		require.NoError(t, r.Cancel(t.Context(), h))
		require.Len(t, r.cluster.freed(), 1)
	})
}

// Another client may read the result, so that Close leaves it on the server.
func TestClose_LeavesSubmittedStatementsToTheServer(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		h := submit(t, r)
		r.Close(t.Context())
		require.Zero(t, r.Running())
		require.Empty(t, r.cluster.freed())
		require.NotContains(t, r.cluster.calls(), "cancel blue")
		require.ErrorIs(t, r.Read(t.Context(), h, &Statement{}, new(Stream)), ErrClosed)
		_, err := r.submitted.take(r.Executor, h) // by a Read that began before Close
		require.ErrorIs(t, err, ErrClosed)
	})
}

// A Submit that ends after Drain leaves its statement to the server, as Drain does.
func TestDrain_SubmitInProgressLeavesItsStatementToo(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		release := make(chan struct{})
		r.cluster.on("execute", func(context.Context) error { <-release; return nil })
		submitted := make(chan error, 1)
		go func() {
			_, err := r.Submit(t.Context(), &Statement{SQL: read})
			submitted <- err
		}()
		synctest.Wait()
		idle := r.Drain()
		close(release)
		require.NoError(t, <-submitted)
		<-idle
		require.Empty(t, r.cluster.freed())
	})
}
