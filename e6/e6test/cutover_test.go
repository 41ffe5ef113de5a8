package e6test_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
)

// announced is the side that an authentication on a side receives as announced.
func announced(t *testing.T, c client) string {
	t.Helper()
	answer, err := c.authenticate(within(t))
	require.NoError(t, err)
	return answer.GetNewStrategy()
}

func TestCutover_GracefulServesBothSidesForItsGrace(t *testing.T) {
	inBubble(t, func(t *testing.T, cluster *e6test.Cluster, blue, green client) {
		old := loginOn(t, blue.conn, fsm.Blue)
		q := old.mustRun(t, "SELECT * FROM numbers(3)")
		require.Empty(t, announced(t, blue))
		require.Equal(t, fsm.Blue, cluster.Active())
		_, err := green.authenticate(within(t))
		require456(t, err)

		done := make(chan error, 1)
		begin := time.Now()
		go func() {
			done <- cluster.Cutover(t.Context(), e6test.Cutover{To: fsm.Green, Kind: e6test.Graceful, Grace: 5 * time.Second})
		}()
		synctest.Wait()
		require.Equal(t, fsm.Green, cluster.Active())
		require.True(t, cluster.IsOpen(fsm.Blue))
		require.True(t, cluster.IsOpen(fsm.Green))
		require.Equal(t, "green", announced(t, blue))
		require.Equal(t, "green", announced(t, green))
		batches, err := q.read(within(t), true)
		require.NoError(t, err)
		require.Len(t, texts(batches), 3)

		require.NoError(t, <-done)
		require.Equal(t, 5*time.Second, time.Since(begin))
		require.False(t, cluster.IsOpen(fsm.Blue))
		_, err = blue.authenticate(within(t))
		require456(t, err)
		require456(t, q.clear(within(t)))
		require.Len(t, cluster.OpenQueries(), 1, "a refused clear has no effect")
		require.Equal(t, "green", announced(t, green))
		cluster.ClearAnnouncement()
		require.Empty(t, announced(t, green))
	})
}

func TestAnnounce_EveryResponseWithTheFieldHasIt(t *testing.T) {
	cluster := start(t)
	c := login(t, cluster, fsm.Blue)
	cluster.Announce(fsm.Green)
	prepared, err := c.engine().PrepareStatement(within(t), prepareRequest(c, "SELECT 1"))
	require.NoError(t, err)
	require.Equal(t, "green", prepared.GetNewStrategy())
	q := query{c, prepared.GetQueryId(), prepared.GetEngineIP()}
	_, err = q.metadata(within(t))
	requireStatus(t, err, codes.FailedPrecondition, "was not executed") // an error has no place for it
	require.NoError(t, q.execute(within(t)))
	old, err := q.fetch(within(t))
	require.NoError(t, err)
	require.Equal(t, "green", old.GetNewStrategy())
	answer, err := q.fetchV2(within(t))
	require.NoError(t, err)
	require.Equal(t, "green", answer.GetNewStrategy())
}

func TestCutover_AbruptHasNoAnnouncement(t *testing.T) {
	inBubble(t, func(t *testing.T, cluster *e6test.Cluster, blue, green client) {
		old := loginOn(t, blue.conn, fsm.Blue)
		q := old.mustRun(t, "SELECT 1")
		begin := time.Now()
		require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: fsm.Green, Kind: e6test.Abrupt, Grace: time.Hour}))
		require.Zero(t, time.Since(begin))
		_, err := q.metadata(within(t))
		require456(t, err)
		require.Empty(t, announced(t, green))

		// Nothing was lost behind the ingress, and no old announcement is left.
		cluster.Announce(fsm.Green)
		require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: fsm.Blue, Kind: e6test.Abrupt}))
		batches, err := q.read(within(t), true)
		require.NoError(t, err)
		require.Equal(t, [][]string{{"1"}}, texts(batches))
		require.Empty(t, announced(t, blue))
	})
}

func TestCutover_AnnounceFirstAnnouncesAClosedTarget(t *testing.T) {
	inBubble(t, func(t *testing.T, cluster *e6test.Cluster, blue, green client) {
		done := make(chan error, 1)
		go func() {
			done <- cluster.Cutover(t.Context(), e6test.Cutover{To: fsm.Green, Kind: e6test.AnnounceFirst, Grace: time.Second})
		}()
		synctest.Wait()
		require.Equal(t, "green", announced(t, blue))
		require.Equal(t, fsm.Blue, cluster.Active())
		_, err := green.authenticate(within(t))
		require456(t, err)
		require.NoError(t, <-done)
		_, err = blue.authenticate(within(t))
		require456(t, err)
		require.Equal(t, "green", announced(t, green))
	})
}

func TestCutover_CancelledLeavesTheOriginOpen(t *testing.T) {
	inBubble(t, func(t *testing.T, cluster *e6test.Cluster, _, _ client) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := cluster.Cutover(ctx, e6test.Cutover{To: fsm.Green, Grace: time.Minute})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.True(t, cluster.IsOpen(fsm.Blue))
		require.ErrorAs(t, cluster.Cutover(t.Context(), e6test.Cutover{}), new(*fsm.SideError))
	})
}

func TestLoseEngine_EndsItsQueriesAndSessions(t *testing.T) {
	inBubble(t, func(t *testing.T, cluster *e6test.Cluster, blue, _ client) {
		c := loginOn(t, blue.conn, fsm.Blue)
		q := c.mustRun(t, "SELECT sleep(3600000)")
		failed := make(chan error, 1)
		go func() {
			_, err := q.metadata(context.Background())
			failed <- err
		}()
		synctest.Wait()
		require.Equal(t, "running", cluster.OpenQueries()[0].State)

		begin := time.Now()
		require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: fsm.Green, Kind: e6test.Abrupt, EngineGone: true}))
		requireStatus(t, <-failed, codes.Unavailable, "the engine went away")
		require.Zero(t, time.Since(begin))
		require.Empty(t, cluster.OpenQueries())

		cluster.OpenSide(fsm.Blue)
		requireStatus(t, q.clear(within(t)), codes.Internal, "Access denied")
		fresh := loginOn(t, blue.conn, fsm.Blue)
		requireStatus(t, q.withSession(fresh.session).clear(within(t)), codes.Internal, "is not known to engine")
	})
}

func TestSidesOpenAndCloseOneByOne(t *testing.T) {
	cluster := start(t)
	cluster.CloseSide(fsm.Blue)
	require.Equal(t, fsm.None, cluster.Active())
	cluster.OpenSide(fsm.None)
	cluster.LoseEngine(fsm.None)
	cluster.ExpireSessions(fsm.None)
	require.Equal(t, fsm.None, cluster.Active())
	cluster.OpenSide(fsm.Green)
	require.Equal(t, fsm.Green, cluster.Active())
	cluster.Announce(fsm.Blue)
	require.Equal(t, fsm.Green, cluster.Active(), "the announced side is not open yet")
	cluster.OpenSide(fsm.Blue)
	require.Equal(t, fsm.Blue, cluster.Active())
	require.Equal(t, "graceful abrupt announce-first CutoverKind(9)",
		e6test.Graceful.String()+" "+e6test.Abrupt.String()+" "+e6test.AnnounceFirst.String()+" "+e6test.CutoverKind(9).String())
}
