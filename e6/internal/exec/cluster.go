package exec

import (
	"context"
	"errors"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/errtext"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/wire"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// clusterAdapter is the cluster as the router sees it.
type clusterAdapter Executor

var _ router.Cluster = (*clusterAdapter)(nil)

// Authenticate opens a session. A login that the engine denies in the way in which it denies
// a session is repeated for some seconds: its session store may be away. The engine responds
// to wrong credentials with an empty session id, and an ingress with UNAUTHENTICATED; these
// fail at once.
func (c *clusterAdapter) Authenticate(ctx context.Context, side fsm.Side) (string, error) {
	for n := 0; ; n++ {
		session, err := c.authenticate(ctx, side)
		outcome := wire.OutcomeOf(err)
		if !outcome.Renew {
			return session, err
		}
		if n >= renewalsOf(outcome) {
			return "", &deniedError{err}
		}
		if sessionPauses.WaitLong(ctx, n) != nil {
			return "", err
		}
	}
}

// resendsPerProbe is the number of times in Settings.ProbeTimeout that a call which should be
// fast, such as a login, is sent again without a response: one lost response must not delay
// every statement that waits for the session.
const resendsPerProbe = 4

// authenticate makes one login. A call without a response is sent again, within ctx.
func (c *clusterAdapter) authenticate(ctx context.Context, side fsm.Side) (string, error) {
	if c.WithoutSessions {
		return c.tryBearer(ctx, side)
	}
	user, token, err := c.credentials(ctx)
	if err != nil {
		return "", errtext.Errorf("authenticate on %s: %w", side, err)
	}
	answer, err := hedge(ctx, c.ProbeTimeout/resendsPerProbe, func(ctx context.Context) (*e6xv1.AuthenticateResponse, error) {
		return c.conn.Engine(wire.Call{Side: side}).Authenticate(ctx, &e6xv1.AuthenticateRequest{User: user, Password: token})
	})
	switch {
	case err == nil && answer.GetSessionId() == "":
		return "", errtext.Errorf("authenticate on %s: %w", side, ErrCredentials)
	case wire.OutcomeOf(err).Renew:
		return "", err
	case wire.OutcomeOf(err).Login == wire.VerdictDenied:
		return "", &deniedError{err}
	case err != nil:
		return "", err
	}
	return answer.GetSessionId(), nil
}

// bearerSession stands for the session that a client with a bearer does not have. It is not
// sent.
const bearerSession = "bearer"

// tryBearer is the login of a client without sessions: a side accepts if it takes a call that
// changes nothing.
func (c *clusterAdapter) tryBearer(ctx context.Context, side fsm.Side) (string, error) {
	_, err := hedge(ctx, c.ProbeTimeout/resendsPerProbe, func(ctx context.Context) (*e6xv1.GetCatalogesResponse, error) {
		return c.conn.Engine(wire.Call{Side: side, Control: true}).GetCataloges(ctx, &e6xv1.GetCatalogesRequest{})
	})
	switch outcome := wire.OutcomeOf(err); {
	case outcome.Renew:
		return "", err
	case outcome.Login == wire.VerdictDenied:
		return "", &deniedError{err}
	case outcome.Login == wire.VerdictAccepts:
		return bearerSession, nil
	}
	return bearerSession, err
}

// Ping calls healthCheck, which needs no session and changes nothing.
func (c *clusterAdapter) Ping(ctx context.Context, side fsm.Side) error {
	_, err := c.conn.Engine(wire.Call{Side: side}).HealthCheck(ctx, &e6xv1.HealthCheckRequest{})
	return err
}

// Resume implements router.Cluster.
func (c *clusterAdapter) Resume(ctx context.Context, side fsm.Side, confirmed func()) error {
	return c.resumer.resume(ctx, side, confirmed)
}

// Reconnect resolves the name of the cluster again, and replaces connections that have no
// working service behind them.
func (c *clusterAdapter) Reconnect() { c.conn.Reconnect() }

// verdicts are the router's names for the state of a side that a failed call proves.
var verdicts = [...]router.Verdict{
	wire.VerdictUnreachable: router.Unreachable, wire.VerdictAccepts: router.Accepts, wire.VerdictRefuses: router.Refuses,
	wire.VerdictSuspended: router.Suspended, wire.VerdictDenied: router.Denied,
}

// Classify returns the verdict of an error on its side. An answer of an engine, even that it
// does not have the method, proves that the side took the call. A status UNKNOWN proves
// nothing: a proxy that refuses a side may use words that are not recognised.
func (c *clusterAdapter) Classify(err error) router.Verdict {
	if err == nil {
		return router.Accepts
	}
	if errors.Is(err, ErrCredentials) {
		return router.Denied
	}
	return verdicts[wire.OutcomeOf(err).Verdict]
}
