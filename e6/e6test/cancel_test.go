package e6test_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/bubbles"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// hangingEngine is an Engine whose statements run until they are cancelled, and then end
// with an error of its own.
type hangingEngine struct {
	*e6test.CannedEngine
	ended func(ctx context.Context) error
}

func (e hangingEngine) Prepare(ctx context.Context, s e6test.Statement) (e6test.Prepared, error) {
	p, err := e.CannedEngine.Prepare(ctx, s)
	return hanging{p, e.ended}, err
}

type hanging struct {
	e6test.Prepared
	ended func(ctx context.Context) error
}

func (h hanging) Execute(ctx context.Context) (e6test.Result, error) {
	<-ctx.Done()
	return nil, h.ended(ctx)
}

func TestCancelQuery_IsCancelledWhateverTheEngineReturns(t *testing.T) {
	for name, ended := range map[string]func(context.Context) error{
		"the error of the context": func(ctx context.Context) error { return ctx.Err() },
		"an error of its own":      func(context.Context) error { return errors.New("INTERRUPT Error: Interrupted!") },
	} {
		t.Run(name, func(t *testing.T) {
			cluster := start(t, e6test.WithEngine(hangingEngine{e6test.NewCannedEngine(), ended}))
			q := login(t, cluster, fsm.Blue).mustRun(t, "SELECT 1")
			waits := make(chan error, 1)
			go func() {
				_, err := q.metadata(within(t))
				waits <- err
			}()
			_, err := q.call().CancelQuery(within(t), &e6xv1.CancelQueryRequest{EngineIP: q.ip, SessionId: q.session, QueryId: q.id})
			require.NoError(t, err)
			requireStatus(t, <-waits, codes.Canceled, "the query was cancelled")
			_, err = q.call().Status(within(t), &e6xv1.StatusRequest{EngineIP: q.ip, SessionId: q.session, QueryId: q.id})
			requireStatus(t, err, codes.Canceled, "the query was cancelled")
			_, err = q.fetch(within(t))
			requireStatus(t, err, codes.Canceled, "the query was cancelled")
			_, err = q.fetchV2(within(t))
			requireStatus(t, err, codes.Canceled, "the query was cancelled")
		})
	}
}

func TestCancelQuery_LeavesAFailedQueryItsOwnError(t *testing.T) {
	q := login(t, start(t), fsm.Blue).mustRun(t, "FAIL out of memory")
	_, err := q.metadata(within(t))
	requireStatus(t, err, codes.Internal, "out of memory")
	_, err = q.call().CancelQuery(within(t), &e6xv1.CancelQueryRequest{EngineIP: q.ip, SessionId: q.session, QueryId: q.id})
	require.NoError(t, err)
	_, err = q.metadata(within(t))
	requireStatus(t, err, codes.Internal, "out of memory")
}

func TestClearOrCancelQuery_CancelsAWaitingCall(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		engine := hangingEngine{e6test.NewCannedEngine(), func(ctx context.Context) error { return ctx.Err() }}
		q := login(t, start(t, e6test.WithEngine(engine), e6test.InMemory()), fsm.Blue).mustRun(t, "SELECT 1")
		waits := make(chan error, 1)
		go func() {
			_, err := q.metadata(within(t))
			waits <- err
		}()
		synctest.Wait()
		require.NoError(t, q.clear(within(t)))
		requireStatus(t, <-waits, codes.Canceled, "the query was cancelled")
	})
}

func TestAStatementAsLargeAsAClientSendsIsTaken(t *testing.T) {
	c := login(t, start(t), fsm.Blue)
	large := "SELECT 1" + strings.Repeat(" ", 5<<20)
	batches, err := c.mustRun(t, large).read(within(t), true)
	require.NoError(t, err)
	require.Equal(t, [][]string{{"1"}}, texts(batches))
	_, err = c.prepare(within(t), large+strings.Repeat(" ", 100<<20))
	requireStatus(t, err, codes.ResourceExhausted, "larger than max")
}

func TestSeveralStatementsInOneCallAreRefusedWithTheRemedy(t *testing.T) {
	_, err := login(t, start(t), fsm.Blue).prepare(within(t), "SELECT 1; SELECT 2")
	requireStatus(t, err, codes.Internal, "an engine takes one statement at a time; send the statements one by one")
}
