package exec

import (
	"context"
	"errors"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/backoff"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/wire"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// calls makes calls to one side, each with the session of that side.
type calls struct {
	x    *Executor
	side fsm.Side
	// lease holds the connection of all calls. If it is nil, or released, each call uses
	// the connection with the most free streams.
	lease *wire.Lease
	pulse *pulse // counts the calls, unless it is nil
}

// engine returns the stub of the query service.
func (c calls) engine(planner string) e6xv1.QueryEngineServiceClient {
	call := wire.Call{Side: c.side, PlannerIP: planner}
	if c.lease != nil && c.lease.Held() {
		return c.lease.Engine(call)
	}
	return c.x.conn.Engine(call)
}

// sessionCarrier is the response of every call that has a session.
type sessionCarrier interface{ GetSessionId() string }

// sessionRenewals limits the repetitions of a call whose session is denied. The pauses, from
// the second renewal on, take between 2.35 s and twice that: longer than a session store
// needs to fail over.
const sessionRenewals = 7

// renewalsOf is the maximum number of times that a call with that outcome is sent again
// with a new session.
func renewalsOf(outcome wire.Outcome) int {
	switch {
	case !outcome.Renew:
		return 0
	case outcome.Answer:
		return 1
	}
	return sessionRenewals
}

var sessionPauses = backoff.Policy{Base: 100 * time.Millisecond, Max: 1600 * time.Millisecond}

// sender sends one call. The id of the session is empty for a client without sessions.
type sender[R sessionCarrier] func(ctx context.Context, session router.Session) (R, error)

// call makes one call with the session of its side. prepared is the generation of the
// session that prepared the statement which the call is about, and 0 if it is not known or
// if there is none. See callFor.
func call[R sessionCarrier](ctx context.Context, c calls, prepared uint64, send sender[R]) (R, error) {
	return callFor(ctx, ctx, c, prepared, send)
}

// callFor is call for a waiter whose context may end before ctx, that of the call: until the
// call is sent, it waits for a session within the context of the waiter.
//
// A call that is denied for its session is sent again with a new one: sessionRenewals times
// at most, and once if the denial may be about the statement. A denied call had no effect.
// The statement is never repeated here.
func callFor[R sessionCarrier](ctx, waiter context.Context, c calls, prepared uint64, send sender[R]) (R, error) {
	sessions := c.x.sessions
	for renewals := 0; ; renewals++ {
		var none R
		session, err := sessions.Get(waiter, c.side)
		if err != nil {
			c.x.conclude(waiter, err)
			return none, &sessionError{err}
		}
		if c.x.WithoutSessions {
			session.ID = ""
		}
		c.pulse.begin()
		answer, err := send(ctx, session)
		c.pulse.end()
		if err == nil {
			sessions.Accepted(c.side, session.Generation)
			sessions.Adopt(c.side, session.Generation, answer.GetSessionId())
			return answer, nil
		}
		outcome := wire.OutcomeOf(err)
		ambiguous := outcome.Renew && outcome.Answer
		if renewals >= renewalsOf(outcome) || ambiguous && sessions.Renewed(c.side, session.Generation) {
			wire.AwaitDeadline(waiter, outcome)
			c.x.conclude(waiter, err)
			if ambiguous {
				sessions.Accepted(c.side, session.Generation) // it is new: the statement was denied
			} else if outcome.Answer && prepared != 0 && session.Generation != prepared {
				err = &unknownQueryError{err}
			}
			return none, err
		}
		sessions.Expired(ctx, c.side, session.Generation)
		if renewals > 0 {
			if err := sessionPauses.WaitLong(waiter, renewals-1); err != nil {
				return none, err
			}
		}
	}
}

// sessionError: a call was not sent, because there was no session.
type sessionError struct{ error }

// Unwrap returns the failure of the login.
func (e *sessionError) Unwrap() error { return e.error }

// unsent reports whether a call failed before it was sent.
func unsent(err error) bool {
	_, ok := errors.AsType[*sessionError](err)
	return ok
}

// unknownQueryError: the engine that answered does not know the session in which the
// statement was prepared. It may be a new engine, which does not know the statement either
// and returns an unknown error text.
type unknownQueryError struct{ error }

// Unwrap returns the failed call.
func (e *unknownQueryError) Unwrap() error { return e.error }

// isUnknownQuery reports whether the answer may come from an engine that replaced another.
func isUnknownQuery(err error) bool {
	_, ok := errors.AsType[*unknownQueryError](err)
	return ok
}

// repeat makes a call that may be sent again: a harmless call, or a call whose failure proves
// that it had no effect. Only a harmless call is sent again after a failure whose effect is
// unknown, and resumes a suspended cluster. A fetch does not resume it, because a suspended
// cluster no longer has the statement.
func repeat[R sessionCarrier](ctx context.Context, c calls, prepared uint64, harmless bool, send sender[R]) (R, error) {
	began := time.Now()
	for attempt, pauses := 1, 0; ; pauses++ {
		answer, err := call(ctx, c, prepared, send)
		outcome := wire.OutcomeOf(err)
		if !outcome.Failed() || ctx.Err() != nil {
			return answer, err
		}
		if !outcome.Free || !outcome.RetryCall {
			attempt++
		}
		if attempt > c.x.MaxAttempts || time.Since(began) > c.x.freeTime() {
			return answer, err
		}
		if !c.mayRepeat(ctx, harmless, outcome, err) || c.x.retry.Wait(ctx, pauses, nil) != nil {
			return answer, err
		}
	}
}

// mayRepeat reports whether a call may be sent again to the same side. It resumes the
// cluster first, if that is needed.
func (c calls) mayRepeat(ctx context.Context, harmless bool, outcome wire.Outcome, err error) bool {
	switch {
	case outcome.RetryCall:
		return !outcome.Poison && (harmless || outcome.Effect == wire.EffectNone || unsent(err))
	case outcome.Resume:
		return harmless && c.x.resumer.resume(ctx, c.side, nil) == nil
	}
	return false
}
