package e6test_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/bubbles"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

func TestEngine_RejectsCallsThatARealEngineRejects(t *testing.T) {
	cluster := start(t, e6test.WithEngineListeners("127.0.0.1:0", "127.0.0.1:0"))
	cluster.OpenSide(fsm.Green)
	blue, green := login(t, cluster, fsm.Blue), login(t, cluster, fsm.Green)
	ctx := within(t)

	for name, tt := range map[string]struct {
		call      func() error
		code      codes.Code
		text      string
		violation string
	}{
		"a session of the other side": {
			func() error { return query{green, "none", "planner-green"}.withSession(blue.session).clear(ctx) },
			codes.Internal, "Access denied. Invalid session", "came with a session of blue",
		},
		"an unknown session": {
			func() error { return query{blue, "none", "planner-blue"}.withSession("none").clear(ctx) },
			codes.Internal, "Access denied. Invalid session", "",
		},
		"no session at all": {
			func() error { _, err := blue.withSession("").prepare(ctx, "SELECT 1"); return err },
			codes.Internal, "Access denied. Invalid session", "",
		},
		"a query of the other side": {
			func() error {
				q := blue.mustPrepare(t, "SELECT 1")
				return query{green, q.id, "planner-green"}.execute(ctx)
			},
			codes.Internal, "is not known to engine", "",
		},
		"an unknown query id": {
			func() error { return query{blue, "none", "planner-blue"}.execute(ctx) },
			codes.Internal, "query none is not known to engine planner-blue", "",
		},
		"the header of another planner": {
			func() error {
				q := blue.mustPrepare(t, "SELECT 1")
				_, err := q.engine("plannerip", "planner-green").ExecuteStatement(ctx, &e6xv1.ExecuteStatementRequest{EngineIP: q.ip, SessionId: q.session, QueryId: q.id})
				return err
			},
			codes.InvalidArgument, "planner-green", `executeStatement on blue named the engine "planner-green"`,
		},
		"the address of another engine": {
			func() error {
				q := blue.mustPrepare(t, "SELECT 1")
				_, err := q.engine().ExecuteStatement(ctx, &e6xv1.ExecuteStatementRequest{EngineIP: "10.0.0.1", SessionId: q.session, QueryId: q.id})
				return err
			},
			codes.Internal, "is not known to engine 10.0.0.1", "",
		},
		"the header of the other side, behind the ingress": {
			func() error {
				conn := newConn(t, "passthrough:///"+cluster.EngineAddr(fsm.Green))
				defer conn.Close()
				_, err := client{conn: conn, side: fsm.Blue}.authenticate(ctx)
				return err
			},
			codes.InvalidArgument, "the strategy header is", `reached green with the strategy header ["blue"]`,
		},
		"a semicolon": {
			func() error { _, err := blue.prepare(ctx, "SELECT 1;"); return err },
			codes.Internal, "unexpected ';'", "",
		},
		"no SQL": {
			func() error { _, err := blue.prepare(ctx, "SELEC 1"); return err },
			codes.Internal, `syntax error in "SELEC 1"`, "",
		},
		"a table that does not exist": {
			func() error { _, err := blue.prepare(ctx, "SELECT * FROM nothing"); return err },
			codes.Internal, "table nothing does not exist", "",
		},
		"a number that is too large": {
			func() error { _, err := blue.prepare(ctx, "SELECT 99999999999999999999"); return err },
			codes.Internal, "out of range", "",
		},
		"the metadata of a query that was not executed": {
			func() error { _, err := blue.mustPrepare(t, "SELECT 1").metadata(ctx); return err },
			codes.FailedPrecondition, "was not executed", "",
		},
		"a fetch from a query that was not executed": {
			func() error { _, err := blue.mustPrepare(t, "SELECT 1").fetchV2(ctx); return err },
			codes.FailedPrecondition, "was not executed", "",
		},
		"a second execution": {
			func() error {
				q := blue.mustPrepare(t, "INSERT INTO twice VALUES (1)")
				require.NoError(t, q.execute(ctx))
				return q.execute(ctx)
			},
			codes.FailedPrecondition, "was executed already", "",
		},
		"a query that was cleared": {
			func() error {
				q := blue.mustPrepare(t, "SELECT 1")
				require.NoError(t, q.clear(ctx))
				return q.execute(ctx)
			},
			codes.Internal, "is not known to engine", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(cluster.Stats().Violations)
			requireStatus(t, tt.call(), tt.code, tt.text)
			violations := cluster.Stats().Violations[before:]
			if tt.violation == "" {
				require.Empty(t, violations)
				return
			}
			require.Len(t, violations, 1)
			require.Contains(t, violations[0], tt.violation)
		})
	}
	require.Equal(t, 1, cluster.Stats().Executions["INSERT INTO twice VALUES (1)"])
}

func (c client) withSession(id string) client {
	c.session = id
	return c
}

func (q query) withSession(id string) query {
	q.session = id
	return q
}

func TestAuthenticate_WrongCredentialsGetAnEmptySession(t *testing.T) {
	for name, tt := range map[string]struct {
		opts        []e6test.Option
		user, token string
		ok          bool
	}{
		"any that are not empty":          {nil, "anybody", "anything", true},
		"no user":                         {nil, "", "anything", false},
		"no token":                        {nil, "anybody", "", false},
		"the ones that are pinned":        {[]e6test.Option{e6test.WithCredentials("u", "t")}, "u", "t", true},
		"another token than the pinned":   {[]e6test.Option{e6test.WithCredentials("u", "t")}, "u", "x", false},
		"another user than the pinned":    {[]e6test.Option{e6test.WithCredentials("u", "t")}, "x", "t", false},
		"none where there are pinned one": {[]e6test.Option{e6test.WithCredentials("u", "t")}, "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			c := client{conn: dial(t, start(t, tt.opts...)), side: fsm.Blue}
			answer, err := c.engine().Authenticate(within(t), &e6xv1.AuthenticateRequest{User: tt.user, Password: tt.token})
			require.NoError(t, err)
			require.Equal(t, tt.ok, answer.GetSessionId() != "")
			_, err = c.control().Status(within(t), &e6xv1.ClusterStatusRequest{User: tt.user, Password: tt.token})
			if tt.ok {
				require.NoError(t, err)
			} else {
				requireStatus(t, err, codes.Unauthenticated, "wrong")
			}
		})
	}
}

func TestAuthenticate_OpensANewSession(t *testing.T) {
	cluster := start(t)
	a, b := login(t, cluster, fsm.Blue), login(t, cluster, fsm.Blue)
	require.NotEqual(t, a.session, b.session)
	// A query can be used with any session of its side, as after a new
	// authentication.
	q := a.mustRun(t, "SELECT 1")
	require.NoError(t, q.withSession(b.session).clear(within(t)))
}

func TestExpireSessions_KeepsTheQueries(t *testing.T) {
	cluster := start(t)
	cluster.OpenSide(fsm.Green)
	blue, green := login(t, cluster, fsm.Blue), login(t, cluster, fsm.Green)
	q := blue.mustRun(t, "SELECT 1")

	cluster.ExpireSessions(fsm.Blue)
	requireStatus(t, q.clear(within(t)), codes.Internal, "Access denied. Invalid session")
	green.mustPrepare(t, "SELECT 1")
	require.NoError(t, q.withSession(login(t, cluster, fsm.Blue).session).clear(within(t)))

	cluster.ExpireSessions()
	_, err := green.prepare(within(t), "SELECT 1")
	requireStatus(t, err, codes.Internal, "Access denied. Invalid session")
	require.Empty(t, cluster.Stats().Violations)
}

func TestCloseWaitsForTheEngine(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		engine := newSlow()
		cluster, err := e6test.Start(e6test.WithEngine(engine), e6test.InMemory())
		require.NoError(t, err)
		conn := newConn(t, "passthrough:///"+cluster.Addr(), withDialer(cluster))
		c := loginOn(t, conn, fsm.Blue)
		failed := make(chan error, 1)
		go func() {
			_, err := c.prepare(context.Background(), "SELECT 1")
			failed <- err
		}()
		<-engine.preparing
		time.AfterFunc(time.Minute, func() { close(engine.finish) })
		begin := time.Now()
		require.NoError(t, cluster.Close())
		require.Equal(t, time.Minute, time.Since(begin))
		<-engine.closed // the statement was not forgotten
		require.Error(t, <-failed)
		require.NoError(t, conn.Close())
	})
}

func newSlow() *slow {
	return &slow{e6test.NewCannedEngine(), make(chan struct{}), make(chan struct{}), make(chan struct{})}
}

// slow is an engine whose statements end when the test ends them.
type slow struct {
	*e6test.CannedEngine
	preparing chan struct{}
	finish    chan struct{}
	closed    chan struct{}
}

func (s *slow) Prepare(context.Context, e6test.Statement) (e6test.Prepared, error) {
	s.preparing <- struct{}{}
	<-s.finish
	return s, nil
}
func (s *slow) Execute(context.Context) (e6test.Result, error) { panic("must not be executed") }
func (s *slow) Explain(context.Context) (string, error)        { return "", nil }
func (s *slow) Close() error                                   { close(s.closed); return nil }

func TestPrepare_DuringALostEngineLeavesNoQuery(t *testing.T) {
	engine := newSlow()
	cluster := start(t, e6test.WithEngine(engine))
	c := login(t, cluster, fsm.Blue)
	failed := make(chan error, 1)
	go func() {
		_, err := c.prepare(within(t), "SELECT 1")
		failed <- err
	}()
	<-engine.preparing
	cluster.LoseEngine(fsm.Blue)
	close(engine.finish)
	requireStatus(t, <-failed, codes.Unavailable, "the engine went away")
	<-engine.closed
	require.Empty(t, cluster.OpenQueries())
}
