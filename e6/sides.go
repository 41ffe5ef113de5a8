package e6

import (
	"context"
	"errors"
	"fmt"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/ctxerr"
	"github.com/e6data/e6data-go/e6/internal/errtext"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/wire"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// sides is the cluster as the router sees it.
type sides Client

var _ router.Cluster = (*sides)(nil)

// Authenticate opens a session. A login that the engine denies as it denies a session
// is tried again for some seconds: its session store may be away. It answers wrong
// credentials with an empty session id, and an ingress with UNAUTHENTICATED; these
// fail at once.
func (s *sides) Authenticate(ctx context.Context, side fsm.Side) (string, error) {
	for n := 0; ; n++ {
		session, err := s.authenticate(ctx, side)
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

// resendsPerProbe is how many times in Config.ProbeTimeout the pause fits after which a call
// that should be fast, such as a login, is sent again for want of a response: one lost
// response must not hold up every statement that waits for the session.
const resendsPerProbe = 4

// authenticate tries to open a session. A call without a response is sent again, within
// ctx.
//
// With a bearer there are no sessions: a side accepts if it takes a call that
// changes nothing.
func (s *sides) authenticate(ctx context.Context, side fsm.Side) (string, error) {
	if s.cfg.Bearer != nil {
		_, err := hedge(ctx, s.cfg.ProbeTimeout/resendsPerProbe, func(ctx context.Context) (*e6xv1.GetCatalogesResponse, error) {
			return s.conn.Engine(wire.Call{Side: side, Control: true}).GetCataloges(ctx, &e6xv1.GetCatalogesRequest{})
		})
		switch outcome := wire.OutcomeOf(err); {
		case outcome.Renew:
			return "", err
		case outcome.Login == wire.VerdictDenied:
			return "", &deniedError{err}
		case outcome.Login == wire.VerdictAccepts:
			return withoutSessions, nil
		}
		return withoutSessions, err
	}
	user, token, err := (*Client)(s).credentials(ctx)
	if err != nil {
		return "", errtext.Errorf("authenticate on %s: %w", side, err)
	}
	answer, err := hedge(ctx, s.cfg.ProbeTimeout/resendsPerProbe, func(ctx context.Context) (*e6xv1.AuthenticateResponse, error) {
		return s.conn.Engine(wire.Call{Side: side}).Authenticate(ctx, &e6xv1.AuthenticateRequest{User: user, Password: token})
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

// credentials asks the callback. One that does not honour its context is left
// behind, so that it delays nobody.
func (c *Client) credentials(ctx context.Context) (user, token string, err error) {
	answered := make(chan struct{})
	var u, t string
	var failure error
	go func() {
		defer close(answered)
		failure = c.callbacks.credentials.protect(hook.PointCredentials, func() (err error) {
			u, t, err = c.cfg.Credentials(ctx)
			return err
		})
	}()
	select {
	case <-answered:
		if failure != nil {
			return "", "", fmt.Errorf("the credentials callback failed: %w", failure)
		}
		return u, t, nil
	case <-ctx.Done():
		return "", "", fmt.Errorf("waiting for the credentials callback: %w", ctxerr.Cause(ctx))
	}
}

// withoutSessions stands for the session that a client with a bearer does not
// have. It is not sent.
const withoutSessions = "bearer"

// Ping calls healthCheck, which needs no session and changes nothing.
func (s *sides) Ping(ctx context.Context, side fsm.Side) error {
	_, err := s.conn.Engine(wire.Call{Side: side}).HealthCheck(ctx, &e6xv1.HealthCheckRequest{})
	return err
}

// Resume implements router.Cluster.
func (s *sides) Resume(ctx context.Context, side fsm.Side, confirmed func()) error {
	return s.wake.resume(ctx, side, confirmed)
}

// Reconnect looks the cluster's name up again, and replaces connections that have no
// working service behind them.
func (s *sides) Reconnect() { s.conn.Reconnect() }

// verdicts are the router's names for what a failed call shows about its side.
var verdicts = [...]router.Verdict{
	wire.VerdictUnreachable: router.Unreachable, wire.VerdictAccepts: router.Accepts, wire.VerdictRefuses: router.Refuses,
	wire.VerdictSuspended: router.Suspended, wire.VerdictDenied: router.Denied,
}

// Classify says what an error means for its side. What an engine answers, even that it
// does not have the method, shows that the side took the call. A status UNKNOWN shows
// nothing: a proxy that refuses a side may say so in words that are not recognised.
func (s *sides) Classify(err error) router.Verdict {
	if err == nil {
		return router.Accepts
	}
	if errors.Is(err, ErrCredentials) {
		return router.Denied
	}
	return verdicts[wire.OutcomeOf(err).Verdict]
}
