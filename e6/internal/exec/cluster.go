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

// clusterAdapter implements router.Cluster with the calls of this package.
type clusterAdapter Executor

var _ router.Cluster = (*clusterAdapter)(nil)

// Authenticate opens a session. A login with the error of a denied session is retried for
// some seconds, because the session store of the engine may be unavailable. Wrong credentials
// fail at once: the engine responds with an empty session id, an ingress with
// UNAUTHENTICATED.
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

// tryBearer is the login of a client without sessions: a side accepts if it accepts a call
// without an effect.
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

// Reconnect resolves the name of the cluster again, and replaces connections to an address
// without a working service.
func (c *clusterAdapter) Reconnect() { c.conn.Reconnect() }

// verdicts are the router's names for the state of a side that a failed call proves.
var verdicts = [...]router.Verdict{
	wire.VerdictUnreachable: router.Unreachable, wire.VerdictAccepts: router.Accepts, wire.VerdictRefuses: router.Refuses,
	wire.VerdictSuspended: router.Suspended, wire.VerdictDenied: router.Denied,
}

// Classify returns the verdict of an error on its side. A response of an engine, even
// UNIMPLEMENTED, proves that the side accepted the call. A status UNKNOWN proves nothing: a
// proxy may refuse a side with a text that the client does not recognise.
func (c *clusterAdapter) Classify(err error) router.Verdict {
	if err == nil {
		return router.Accepts
	}
	if errors.Is(err, ErrCredentials) {
		return router.Denied
	}
	return verdicts[wire.OutcomeOf(err).Verdict]
}
