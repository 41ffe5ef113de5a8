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
	"github.com/e6data/e6data-go/internal/bubbles"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// inBubble runs a test on a cluster in memory, where time passes only while all
// wait. That the bubble ends shows that Close leaves nothing behind.
func inBubble(t *testing.T, test func(t *testing.T, cluster *e6test.Cluster, blue, green client), opts ...e6test.Option) {
	t.Helper()
	bubbles.Test(t, func(t *testing.T) {
		cluster, err := e6test.Start(append(opts, e6test.InMemory())...)
		require.NoError(t, err)
		conn := newConn(t, "passthrough:///"+cluster.Addr(), withDialer(cluster))
		defer func() {
			require.NoError(t, conn.Close())
			require.NoError(t, cluster.Close())
		}()
		test(t, cluster, client{conn: conn, side: fsm.Blue}, client{conn: conn, side: fsm.Green})
	})
}

func TestInMemory_AQueryInABubbleTakesNoTime(t *testing.T) {
	inBubble(t, func(t *testing.T, cluster *e6test.Cluster, blue, _ client) {
		begin := time.Now()
		c := loginOn(t, blue.conn, fsm.Blue)
		q := c.mustRun(t, "SELECT * FROM numbers(5000)")
		batches, err := q.read(within(t), true)
		require.NoError(t, err)
		require.Len(t, texts(batches), 5000)
		require.NoError(t, q.clear(within(t)))
		require.Zero(t, time.Since(begin))

		_, err = c.mustRun(t, "SELECT sleep(600000)").metadata(context.Background())
		require.NoError(t, err)
		require.Equal(t, 10*time.Minute, time.Since(begin))
		require.Len(t, cluster.OpenQueries(), 1)
	})
}

func TestInMemory_LatenciesAreExactInABubble(t *testing.T) {
	inBubble(t, func(t *testing.T, cluster *e6test.Cluster, blue, _ client) {
		took := func() time.Duration {
			begin := time.Now()
			_, err := blue.authenticate(within(t))
			require.NoError(t, err)
			return time.Since(begin)
		}
		require.Equal(t, 2*time.Second, took())
		cluster.SetLatency(fsm.Blue, 3*time.Second)
		require.Equal(t, 5*time.Second, took())
		cluster.SetLatency(fsm.Blue, 0)
		cluster.Inject(e6test.Fault{Action: e6test.DelayBefore, Delay: time.Second})
		require.Equal(t, 3*time.Second, took())
		cluster.Inject(e6test.Fault{Action: e6test.DelayAfter, Delay: 4 * time.Second})
		require.Equal(t, 6*time.Second, took())
		require.Equal(t, 2*time.Second, took())
	}, e6test.WithLatency(2*time.Second))
}

func TestFault_DelayComesBeforeOrAfterTheEffect(t *testing.T) {
	for action, had := range map[e6test.Action]int{e6test.DelayBefore: 0, e6test.DelayAfter: 1} {
		engine := e6test.NewCannedEngine()
		inBubble(t, func(t *testing.T, cluster *e6test.Cluster, blue, _ client) {
			q := loginOn(t, blue.conn, fsm.Blue).mustPrepare(t, "INSERT INTO t VALUES (1)")
			cluster.Inject(e6test.Fault{Action: action, Delay: time.Minute})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			requireStatus(t, q.execute(ctx), codes.DeadlineExceeded, "")
			synctest.Wait()
			require.Len(t, engine.Inserted("t"), had)
		}, e6test.WithEngine(engine))
	}
}

func TestResume_TakesItsDelay(t *testing.T) {
	inBubble(t, func(t *testing.T, cluster *e6test.Cluster, blue, _ client) {
		cluster.Suspend()
		_, err := blue.control().Resume(within(t), &e6xv1.ResumeRequest{User: user, Password: token})
		require.NoError(t, err)
		<-time.After(time.Minute - time.Nanosecond)
		_, err = blue.authenticate(within(t))
		requireStatus(t, err, codes.Unavailable, "503 (")
		<-time.After(time.Nanosecond)
		_, err = blue.authenticate(within(t))
		require.NoError(t, err)
	}, e6test.WithResumeDelay(time.Minute))
}

func TestClose_EndsCallsInFlight(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster, err := e6test.Start(e6test.InMemory(), e6test.WithLatency(time.Second))
		require.NoError(t, err)
		conn := newConn(t, "passthrough:///"+cluster.Addr(), withDialer(cluster))
		c := loginOn(t, conn, fsm.Blue)
		q := c.mustRun(t, "SELECT sleep(3600000)")
		cutover := make(chan error, 1)
		go func() { cutover <- cluster.Cutover(t.Context(), e6test.Cutover{To: fsm.Green, Grace: time.Hour}) }()
		waiting := make(chan error, 1)
		go func() {
			_, err := q.metadata(context.Background())
			waiting <- err
		}()
		<-time.After(time.Minute)

		begin := time.Now()
		require.NoError(t, cluster.Close())
		require.Zero(t, time.Since(begin))
		requireStatus(t, <-waiting, codes.Unavailable, "")
		require.ErrorContains(t, <-cutover, "the cluster was closed")
		require.Empty(t, cluster.OpenQueries())
		require.NoError(t, conn.Close())
	})
}
