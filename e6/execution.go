package e6

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/internal/backoff"
	"github.com/e6data/e6data-go/e6/internal/errtext"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/wire"
	"github.com/e6data/e6data-go/e6/vector"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// step is how far an execution has come; it decides what a failure means.
type step uint8

const (
	stepPrepare  step = iota // nothing has happened on the server
	stepExecute              // the execute call is out
	stepMetadata             // the statement was executed
	stepFetch
)

func (s step) String() string {
	return [...]string{"prepare", "execute", "metadata", "fetch"}[s]
}

// execution is one attempt at a statement. From start to release it belongs to
// one side: every call carries that side, and the session of that side.
type execution struct {
	c    *Client
	slot *slot // of the query; nil without a limit
	pin  router.Pin
	// lease holds the connection that all its calls go over. Without one, each goes
	// over the connection that has the most room.
	lease wire.Lease
	tag   string
	sql   string // empty if another client has submitted it

	queryID  string
	engine   string               // the planner that prepared it, for the plannerip header
	admitted *e6xv1.ExistingQuery // what the planner knows it by, if it was asked
	session  router.Session
	prepared uint64 // the generation of the session that prepared it; 0 if that is not known
	step     step

	described time.Time // when the columns of the result were known

	left *preparation // a prepare call that has outlived its caller

	pulse *pulse // of its calls, if they are watched

	// caller is the context of whoever waits for a prepare call, which has one of
	// its own. Nil: that of the call.
	caller context.Context
}

// rpc returns the stub for the calls of this execution.
func (x *execution) rpc() e6xv1.QueryEngineServiceClient {
	call := wire.Call{Side: x.pin.Side, PlannerIP: x.engine}
	if x.lease.Held() {
		return x.lease.Engine(call)
	}
	return x.c.conn.Engine(call)
}

// unpin ends the execution for the client: its side and its connection are free.
func (x *execution) unpin() {
	x.lease.Release()
	x.c.route.Unpin(x.pin)
}

// sessionCarrier is what every response of a session's call is.
type sessionCarrier interface{ GetSessionId() string }

// The limits of a call whose session is denied again and again. The pauses, from the
// second renewal on, take 2.35 s at the least and twice that at the most: longer than
// a session store is away that fails over.
const sessionRenewals = 7

// renewalsOf is how often a call with that outcome is made again with a new session.
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

// call makes one call with the session of x's side. A call that is denied for its
// session is made again with a new one, sessionRenewals times at most, and once if the
// denial may be about the statement: it came before any effect. The statement is never
// repeated here.
func call[R sessionCarrier](ctx context.Context, x *execution, send func(ctx context.Context, session string) (R, error)) (R, error) {
	sessions := x.c.route.Sessions()
	for renewals := 0; ; renewals++ {
		var none R
		session, err := sessions.Get(x.waiting(ctx), x.pin.Side)
		if err != nil {
			x.report(ctx, err)
			return none, &sessionError{err}
		}
		x.session = session
		x.pulse.begin()
		answer, err := send(ctx, x.c.sent(session))
		x.pulse.end()
		if err == nil {
			sessions.Accepted(x.pin.Side, session.Generation)
			sessions.Adopt(x.pin.Side, session.Generation, answer.GetSessionId())
			return answer, nil
		}
		outcome := wire.OutcomeOf(err)
		ambiguous := outcome.Renew && outcome.Answer
		if renewals >= renewalsOf(outcome) || ambiguous && sessions.Renewed(x.pin.Side, session.Generation) {
			x.report(ctx, err)
			if ambiguous {
				sessions.Accepted(x.pin.Side, session.Generation) // it is new: the statement was denied
			} else if outcome.Answer && x.prepared != 0 && session.Generation != x.prepared {
				err = &strangerError{err}
			}
			return none, err
		}
		sessions.Expired(ctx, x.pin.Side, session.Generation)
		if renewals > 0 {
			if err := sessionPauses.WaitLong(x.waiting(ctx), renewals-1); err != nil {
				return none, err
			}
		}
	}
}

// waiting is the context in which a call waits for what it needs before it is sent. A
// prepare call outlives its caller once it is out; until then nobody has to be told
// to forget anything, and a login that hangs would hold the query for nobody.
func (x *execution) waiting(ctx context.Context) context.Context {
	if x.caller != nil {
		return x.caller
	}
	return ctx
}

// report draws the conclusions from a failed call, in the light of the caller's
// deadline.
func (x *execution) report(ctx context.Context, err error) {
	if x.caller != nil {
		ctx = x.caller
		wire.AwaitDeadline(ctx, wire.OutcomeOf(err))
	}
	x.c.report(ctx, err)
}

// sent is the id of a session as calls carry it: empty with a bearer.
func (c *Client) sent(s router.Session) string {
	if c.cfg.Bearer != nil {
		return ""
	}
	return s.ID
}

// sessionError: a call was not made, as there was no session to make it with.
type sessionError struct{ error }

func (e *sessionError) Unwrap() error { return e.error }

// strangerError: an engine does not do what it is asked about a query, and no longer
// knows the session that the query was prepared in. It may be a new engine, which has
// never heard of the query; what it says of it is in its own words.
type strangerError struct{ error }

func (e *strangerError) Unwrap() error { return e.error }

// byStranger reports whether an error may be that of an engine that took another's place.
func byStranger(err error) bool {
	_, ok := errors.AsType[*strangerError](err)
	return ok
}

// unsent reports whether a call failed before it was made.
func unsent(err error) bool {
	_, ok := errors.AsType[*sessionError](err)
	return ok
}

// repeat makes a call that may be repeated: one without an effect, or whose
// failure shows that it had none. A harmless one also waits for a suspended
// cluster; a fetch may not, as the query is hardly there afterwards.
func repeat[R sessionCarrier](ctx context.Context, x *execution, harmless bool, send func(context.Context, string) (R, error)) (R, error) {
	began := time.Now()
	for attempt, pauses := 1, 0; ; pauses++ {
		answer, err := call(ctx, x, send)
		outcome := wire.OutcomeOf(err)
		if !outcome.Failed() || ctx.Err() != nil {
			return answer, err
		}
		if !outcome.Free || !outcome.RetryCall {
			attempt++
		}
		if attempt > x.c.cfg.MaxAttempts || time.Since(began) > x.c.freeTime() {
			return answer, err
		}
		switch {
		case outcome.RetryCall:
			if outcome.Poison || !harmless && outcome.Effect != wire.EffectNone && !unsent(err) {
				return answer, err
			}
		case outcome.Resume:
			if !harmless || x.c.wake.resume(ctx, x.pin.Side, nil) != nil {
				return answer, err
			}
		default:
			return answer, err
		}
		if x.c.retry.Wait(ctx, pauses, nil) != nil {
			return answer, err
		}
	}
}

// prepare sends the statement to be checked and planned. It returns when ctx
// ends or the client leaves the side, but the call goes on: without its answer, nobody
// could tell the server to forget the query. release waits for it.
func (x *execution) prepare(ctx context.Context, q *query) error {
	x.step = stepPrepare
	if err := x.admit(ctx, q); err != nil {
		return err
	}
	p := &preparation{x: *x, done: make(chan struct{})}
	caller, abandon := context.WithCancelCause(ctx)
	p.x.caller = caller
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), x.c.cfg.PrepareTimeout)
	p.cancel = cancel
	x.c.workers.Go(ctx, func() {
		defer close(p.done)
		p.err = p.x.sendPrepare(detached, caller, q)
	})
	err := x.await(ctx, p.done)
	abandon(err)
	if err != nil {
		x.left = p
		return err
	}
	cancel()
	x.queryID, x.engine, x.session = p.x.queryID, p.x.engine, p.x.session
	if p.err == nil {
		x.prepared = x.session.Generation
	}
	return p.err
}

// preparation is a prepare call that is under way, with an execution of its own.
type preparation struct {
	x      execution
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

// sendPrepare makes the call, unless the caller has gone before it is sent.
func (x *execution) sendPrepare(ctx, caller context.Context, q *query) error {
	answer, err := call(ctx, x, func(ctx context.Context, session string) (*e6xv1.PrepareStatementResponse, error) {
		if caller.Err() != nil {
			return nil, context.Cause(caller)
		}
		var planner *string
		if x.engine != "" {
			planner = &x.engine
		}
		if q.opts.catalog == "" {
			return x.rpc().PrepareStatement(ctx, &e6xv1.PrepareStatementRequest{
				SessionId: session, Schema: q.opts.schema, QueryString: q.sent, PlannerIp: planner, ExistingQuery: x.admitted})
		}
		return x.rpc().PrepareStatementV2(ctx, &e6xv1.PrepareStatementV2Request{
			SessionId: session, Schema: q.opts.schema, Catalog: q.opts.catalog, QueryString: q.sent, PlannerIp: planner, ExistingQuery: x.admitted})
	})
	if err != nil {
		return err
	}
	x.queryID, x.engine = answer.GetQueryId(), cmp.Or(answer.GetEngineIP(), x.engine)
	return nil
}

// execute starts the statement. It is sent once: without an answer, it counts
// as executed.
func (x *execution) execute(ctx context.Context, q *query) (err error) {
	var params []*e6xv1.ParameterValue
	if len(q.params) > 0 {
		err := x.unlessLeft(ctx, func(ctx context.Context) (err error) {
			params, err = x.number(ctx, q.params)
			return err
		})
		if err != nil {
			return err
		}
	}
	x.step = stepExecute
	_, err = call(ctx, x, func(ctx context.Context, session string) (*e6xv1.ExecuteStatementResponse, error) {
		if q.opts.catalog == "" && len(q.params) == 0 {
			return x.rpc().ExecuteStatement(ctx, &e6xv1.ExecuteStatementRequest{
				EngineIP: x.engine, SessionId: session, QueryId: x.queryID, ShouldNotCache: q.opts.noCache})
		}
		return x.rpc().ExecuteStatementV2(ctx, &e6xv1.ExecuteStatementV2Request{
			EngineIP: x.engine, SessionId: session, QueryId: x.queryID, ShouldNotCache: q.opts.noCache, Params: params})
	})
	return err
}

// metadata waits for the result and returns its description.
func (x *execution) metadata(ctx context.Context) (*vector.Metadata, error) {
	x.step = stepMetadata
	answer, err := repeat(ctx, x, true, func(ctx context.Context, session string) (*e6xv1.GetResultMetadataResponse, error) {
		return x.rpc().GetResultMetadata(ctx, &e6xv1.GetResultMetadataRequest{EngineIP: x.engine, SessionId: session, QueryId: x.queryID})
	})
	if err != nil {
		return nil, err
	}
	return vector.DecodeMetadata(answer.GetResultMetaData())
}

// handle is the query as it can be addressed later.
func (x *execution) handle() QueryHandle {
	return QueryHandle{QueryID: x.queryID, Side: x.pin.Side, Engine: x.engine, SessionGeneration: x.session.Generation}
}

// release frees the query on the server and then unpins it. It returns at once:
// the caller has what it wanted, or has given up. complete says that the result
// was read to its end.
func (x *execution) release(ctx context.Context, complete bool) {
	// The query's own context may be over; the trace goes on.
	ctx = context.WithoutCancel(ctx)
	if x.left != nil {
		free := x.slot.hold()
		x.c.workers.Go(ctx, func() {
			defer free()
			x.left.release(ctx)
		})
		return
	}
	if x.queryID == "" {
		x.unpin()
		return
	}
	free := func() {}
	if !complete { // the engine may be at work on it until it is told
		free = x.slot.hold()
	}
	x.c.workers.Go(ctx, func() {
		defer free()
		defer x.unpin()
		ctx, cancel := context.WithTimeout(ctx, x.c.cfg.CloseTimeout)
		defer cancel()
		if err := x.clear(ctx, complete); err != nil {
			x.abandon(ctx, err)
		}
	})
}

// abandon reports that the server may still hold the query.
func (x *execution) abandon(ctx context.Context, err error) {
	x.c.stats.abandoned.Add(1)
	x.c.bus.Publish(causeOf(ctx, err), events.QueryAbandoned{
		QueryID: x.queryID, Tag: x.tag, Side: x.pin.Side, Error: brief(err)})
}

// release waits for the answer to a prepare call whose caller is gone, and then
// frees the query.
func (p *preparation) release(ctx context.Context) {
	limit := time.AfterFunc(p.x.c.cfg.CloseTimeout, p.cancel)
	<-p.done
	limit.Stop()
	p.cancel()
	p.x.caller = nil // what follows is not for the caller
	if failed, ok := wire.AsError(p.err); ok && failed.Effect == wire.EffectUnknown && !unsent(p.err) {
		p.x.abandon(ctx, p.err) // if it was prepared, nobody knows its id
	}
	p.x.release(ctx, false)
}

// clear tells the server to forget the query. Clearing twice does no harm, so
// it is repeated as long as there is time. An engine that no longer knows the
// query has nothing to clear.
func (x *execution) clear(ctx context.Context, complete bool) error {
	for attempt := 0; ; attempt++ {
		_, err := clearCall(ctx, x, complete)
		outcome := wire.OutcomeOf(err)
		switch {
		case err == nil, outcome.Answer:
			return nil
		case outcome.RetryCall:
			if x.c.retry.Wait(ctx, attempt, nil) == nil {
				continue
			}
		}
		return err
	}
}

func clearCall(ctx context.Context, x *execution, complete bool) (*e6xv1.ClearOrCancelQueryResponse, error) {
	return call(ctx, x, func(ctx context.Context, session string) (*e6xv1.ClearOrCancelQueryResponse, error) {
		return x.rpc().ClearOrCancelQuery(ctx, &e6xv1.ClearOrCancelQueryRequest{
			EngineIP: x.engine, SessionId: session, QueryId: x.queryID, IsDone: &complete})
	})
}

// QueryHandle addresses a query on the server, also from another process that
// uses the same cluster. It can be stored as JSON.
type QueryHandle struct {
	// QueryID is the engine's id of the query.
	QueryID string `json:"query_id"`
	// Side is where the query runs; its calls go nowhere else.
	Side Side `json:"side"`
	// Engine is the planner that prepared the query.
	Engine string `json:"engine"`
	// SessionGeneration is the generation of the session that began the query,
	// among those of its client on that side.
	SessionGeneration uint64 `json:"session_generation"`
}

// valid reports whether the handle addresses anything.
func (h QueryHandle) valid() bool { return h.QueryID != "" && h.Side.Valid() }

// errNoHandle reports a handle that addresses nothing.
var errNoHandle = errors.New("the handle names no query: take it from Submit or Rows.Handle")

// at returns an execution for the calls about a query that is addressed by its
// handle. It holds no pin: it must not be released.
func (c *Client) at(h QueryHandle) (*execution, error) {
	if !h.valid() {
		return nil, errtext.Errorf("%w", errNoHandle)
	}
	return &execution{c: c, pin: router.Pin{Side: h.Side}, queryID: h.QueryID, engine: h.Engine}, nil
}
