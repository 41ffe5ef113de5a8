package e6

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/ctxerr"
	"github.com/e6data/e6data-go/e6/internal/errtext"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/sqlvalue"
	"github.com/e6data/e6data-go/e6/internal/wire"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/internal/sqltext"
)

// query is a statement on its way to its result, over as many executions as it
// takes.
type query struct {
	c    *Client
	ctx  context.Context // the caller's, for the trace in events
	op   string          // what is done, where it is not running a statement
	sql  string
	sent string // sql, with a comment if the client sends one
	// template is the statement as the caller wrote it, if it has arguments.
	template string

	readOnce sync.Once // for readOnly, which takes time in proportion to sql
	onlyRead bool
	opts     queryOptions

	params   []sqlvalue.Parameter // arguments that are sent beside the statement
	slot     *slot                // its place among those that run; nil without a limit
	submit   bool                 // it is left to run on the server
	once     bool                 // it is not run again whatever happens
	running  *execution           // it was submitted before, and is to be read
	progress *progress            // nil if nobody wants to know

	begun    int       // executions
	attempts int       // executions that got no answer
	refusals int       // executions that were refused
	refused  time.Time // when the first of these was

	alone bool // the next execution needs a connection of its own

	suspensions int // executions that found the cluster suspended
	replays     int
	ran         *execution // the last one that was cut off and is replayed
	failed      error      // what cut it off

	have        delivered     // what had reached the caller when it was cut off
	check       *continuation // that the execution begins with these rows; nil if it has
	continued   int           // replays that did
	continuedAt time.Time     // when the present execution did; zero if it does not continue one
	skipped     *vector.Batch // a batch whose rows the caller has, to be decoded into again

	handle               QueryHandle // of the last execution
	rows, batches, bytes int64       // of the result that counts
	truncated            bool        // the result has more rows than were wanted

	// again, if set, reports a repetition once it is known where it runs.
	again func(to Side)

	// then, if set, is done with the query after its result has been read.
	then func(context.Context, *execution) error
}

// A sink takes the result of a query. Its methods are called one at a time.
type sink interface {
	// begin takes the description of the result. After a replay it comes again,
	// and is an error if the caller has seen another one.
	begin(h QueryHandle, md *vector.Metadata) error
	// spare returns a batch that the next part is decoded into: a new one, or one
	// that nobody holds any more.
	spare() *vector.Batch
	// take takes a batch that was decoded from a part of the result, and may wait for
	// room within ctx. From then on the batch is the sink's.
	take(ctx context.Context, b *vector.Batch, from part) error
	// held is the number of bytes in which the batches came that the sink has taken
	// and its caller has not.
	held() int
	// wait waits within ctx until held is at most limit.
	wait(ctx context.Context, limit int) error
	// retract forgets every batch that has not reached the caller, and returns what has.
	// No more will reach it before another batch is taken.
	retract() delivered
	// stop ends the delivery, for a result that is lost, and returns the number
	// of rows that have reached the caller: no more will.
	stop() int64
}

// newQuery is a statement with its arguments in its text.
func (c *Client) newQuery(ctx context.Context, sql string, args []any) (*query, error) {
	return c.newQueryBy(ctx, sql, args, false)
}

// newRun is a statement that is to be executed, so that its arguments may come
// beside it.
func (c *Client) newRun(ctx context.Context, sql string, args []any) (*query, error) {
	return c.newQueryBy(ctx, sql, args, c.opts.serverParams)
}

func (c *Client) newQueryBy(ctx context.Context, sql string, args []any, beside bool) (*query, error) {
	bound, err := c.bindArgs(ctx, sql, args, beside)
	if err != nil {
		return nil, err
	}
	q := &query{c: c, ctx: ctx, sql: sqltext.Normalize(bound.SQL), params: bound.Parameters, opts: c.queryOptions(ctx)}
	if q.sql == "" {
		return nil, errors.New("e6: the statement is empty")
	}
	if len(args) > 0 {
		q.template = sql
	}
	q.sent = q.sql
	q.progress = c.newProgress(ctx, &q.opts)
	return q, nil
}

// run executes the statement and calls the query hooks.
func (q *query) run(ctx context.Context, to sink) error {
	ctx, end := q.c.hooks.query(ctx, q)
	q.sent = q.commented(ctx) // of the span that a hook has begun
	run := q.execute
	if q.running != nil {
		run = q.read
	}
	err := q.inSlot(ctx, func() error { return run(ctx, to) })
	q.progress.ended(q, err)
	end(hook.QueryEnd{
		Side: q.handle.Side, QueryID: q.handle.QueryID, Rows: q.rows, Batches: q.batches, Bytes: q.bytes,
		Retries: max(q.begun-1-q.replays, 0), Replays: q.replays, Continued: q.continued,
		Err: err, Lost: errors.Is(err, ErrQueryLost), Code: codeOf(err),
	})
	return err
}

// execute executes the statement until its result has gone into the sink, and
// decides after each failure whether it may be run again.
func (q *query) execute(ctx context.Context, to sink) error {
	var x *execution
	for {
		var err error
		if x, err = q.start(ctx, x); err != nil {
			return q.preserveLoss(ctx, to, q.annotate(err))
		}
		began := time.Now()
		err = q.attempt(ctx, x, to)
		q.handle = x.handle()
		q.record(ctx, x, began, err)
		switch {
		case err == nil && q.submit:
			q.c.submitted.keep(x)
			return nil
		case err == nil:
			x.release(ctx, !q.truncated)
			return nil
		}
		if err := q.decide(ctx, x, to, err); err != nil {
			q.c.countCut(err)
			x.release(ctx, false)
			return q.preserveLoss(ctx, to, err)
		}
	}
}

// record adds an execution to the statistics of its side. A caller that is gone
// and a refusal say nothing about the side's health.
func (q *query) record(ctx context.Context, x *execution, began time.Time, err error) {
	var latency time.Duration
	if !x.described.IsZero() {
		latency = x.described.Sub(began)
	}
	if err == nil {
		q.c.route.Answered(x.pin, latency)
		return
	}
	outcome := wire.OutcomeOf(err)
	switch {
	case ctx.Err() != nil:
	case outcome.Health == wire.HealthAnswered:
		q.c.route.Answered(x.pin, latency)
	case outcome.Health == wire.HealthFailed:
		q.c.route.Unanswered(x.pin)
	}
}

// start pins an execution to the side of new queries: the first one, or another
// after one that failed. That one is released when the other one is pinned, so
// that a client which shuts down waits for the query.
func (q *query) start(ctx context.Context, failed *execution) (*execution, error) {
	var p router.Pin
	var err error
	if failed == nil {
		p, err = q.c.route.PinBy(ctx, q.c.hooks.choose(ctx, &q.opts))
	} else {
		p, err = q.c.route.PinAgain(ctx)
		q.c.countCut(err)
		defer failed.release(ctx, false)
	}
	if err != nil {
		return nil, err
	}
	q.begun++
	if q.again != nil {
		q.again(p.Side)
		q.again = nil
	}
	x := &execution{c: q.c, slot: q.slot, pin: p, tag: q.opts.tag, sql: q.sql}
	if !q.alone {
		x.lease = q.c.conn.Acquire(p.Side, q.streams())
		return x, nil
	}
	if x.lease, err = q.c.conn.AcquireAlone(ctx); err != nil {
		x.unpin()
		return nil, err
	}
	return x, nil
}

// streams is how many calls an execution makes at once.
func (q *query) streams() int {
	if q.speculates() {
		return 2
	}
	return 1
}

// attempt is one execution from start to end.
func (q *query) attempt(ctx context.Context, x *execution, to sink) error {
	step := q.steps(x)
	q.progress.step(StepPreparing, x.handle())
	err := step(ctx, "prepare", func(ctx context.Context) error { return x.prepare(ctx, q) })
	if err != nil {
		return err
	}
	return q.unlessDead(ctx, x, func(ctx context.Context) error {
		q.progress.step(StepRunning, x.handle())
		err := step(ctx, "execute", func(ctx context.Context) error { return x.execute(ctx, q) })
		if err != nil || q.submit {
			return err
		}
		return q.collect(ctx, x, to, step)
	})
}

// stepper runs one step of an execution.
type stepper func(ctx context.Context, name string, f func(context.Context) error) error

// steps returns what runs the steps of an execution, and calls the step hooks for each.
func (q *query) steps(x *execution) stepper {
	q.rows, q.batches, q.bytes, q.truncated = 0, 0, 0, false
	q.expect()
	step := hook.StepStart{Side: x.pin.Side, Attempt: q.begun, Replay: q.replays > 0}
	var skipped uint64
	return func(ctx context.Context, name string, f func(context.Context) error) error {
		step.Step, step.QueryID = name, x.queryID
		return q.c.hooks.step(ctx, q, step, &skipped, f)
	}
}

// collect reads the result of a statement that was executed.
func (q *query) collect(ctx context.Context, x *execution, to sink, step stepper) error {
	err := step(ctx, "fetch", func(ctx context.Context) error { return q.fetch(ctx, x, to) })
	if err != nil || q.then == nil {
		return err
	}
	return q.then(ctx, x)
}

// fetch waits for the result and hands it to the sink.
func (q *query) fetch(ctx context.Context, x *execution, to sink) error {
	stop := q.progress.poll(ctx, x)
	ctx, end := context.WithCancelCause(ctx) // of the calls that read
	defer end(nil)
	md, first, err := q.describe(ctx, end, x)
	stop()
	if err != nil {
		return err
	}
	x.described = time.Now()
	if err := to.begin(x.handle(), md); err != nil {
		end(nil)
		first.wait()
		return err
	}
	q.progress.described(x.handle(), md)
	if q.check != nil {
		q.check.fields = md.Fields
	}
	err = q.drain(ctx, end, x, md, first, to)
	switch {
	case err != nil && !errors.Is(err, errEnough):
		return err
	case err == nil && q.rows < md.Rows:
		// More rows than declared are fine: a count may have been taken early.
		return fmt.Errorf("%w: %d of %d", ErrIncomplete, q.rows, md.Rows)
	}
	return q.unfinished()
}

// take counts a batch that was decoded from a message, and hands it to the sink.
func (q *query) take(ctx context.Context, x *execution, to sink, b *vector.Batch, message []byte) error {
	size := len(message)
	if b = q.cut(b); b == nil {
		return errEnough
	}
	q.rows += int64(b.Rows())
	q.batches++
	q.bytes += int64(size)
	q.c.stats.batches[x.pin.Side].Add(1)
	q.c.stats.bytes[x.pin.Side].Add(int64(size))
	q.progress.took(q)
	rows := b.Rows()
	if err := q.verify(x, b); err != nil {
		return err
	}
	if b.Rows() == 0 {
		q.skipped = b
	} else if err := to.take(ctx, b, part{message, rows - b.Rows(), int(int64(size) * int64(b.Rows()) / int64(rows))}); err != nil {
		return err
	}
	if q.truncated {
		return errEnough
	}
	return nil
}

// errEnough ends a result that has more rows than are wanted.
var errEnough = errors.New("there are more rows than are wanted")

// cut takes the rows that are beyond MaxRows from a batch. It is nil if none is
// left. That there was more is known when it has come, and not before: the number
// of rows that the engine declares may be too small.
func (q *query) cut(b *vector.Batch) *vector.Batch {
	if q.opts.maxRows <= 0 || q.rows+int64(b.Rows()) <= q.opts.maxRows {
		return b
	}
	q.truncated = true
	if q.rows == q.opts.maxRows {
		return nil
	}
	b.Head(int(q.opts.maxRows - q.rows))
	return b
}

// decide returns nil if the statement is to be run again, and otherwise the
// error for the caller.
func (q *query) decide(ctx context.Context, x *execution, to sink, err error) error {
	failed, ok := wire.AsError(err)
	outcome := wire.OutcomeOf(err)
	differs, mismatched := errors.AsType[*replayDiffers](err)
	switch {
	case ctx.Err() != nil:
		return q.interrupted(ctx, x, err)
	case mismatched:
		return q.lost(q.ran, to.stop(), differs.reason, differs.column, q.failed)
	case errors.Is(err, errSideLeft):
		q.leave(x)
		return nil
	case !ok:
		return q.failure(x, to, err)
	}
	run := q.retry
	switch untouched := q.untouched(x, err, outcome); {
	case untouched && !outcome.StartOver:
		return q.failure(x, to, err)
	case untouched:
	case !outcome.Replay && !byStranger(err):
		if outcome.Effect == wire.EffectUnknown && !q.readOnly() {
			return q.cutOff(x, to, LossWrite, err) // it may have had an effect
		}
		return q.failure(x, to, err)
	case !q.mayReplay():
		return q.cutOff(x, to, q.notReplayed(), err)
	default:
		have := to.retract()
		if have.rows > 0 && have.hash == nil {
			return q.cutOff(x, to, q.notContinued(), err)
		}
		q.resume(have, x, err)
		run = q.replay
	}
	if outcome.Resume {
		if wakeErr := q.wake(ctx, x, failed); ctx.Err() != nil {
			return q.interrupted(ctx, x, err)
		} else if wakeErr != nil {
			// The failed call is what says that nothing was done yet.
			return q.cutOff(x, to, LossReplay, fmt.Errorf("%w: %w", wakeErr, failed))
		}
	}
	return run(ctx, x, failed)
}

// untouched reports whether the statement certainly had no effect.
func (q *query) untouched(x *execution, err error, outcome wire.Outcome) bool {
	return x.step == stepPrepare || x.step == stepExecute && (unsent(err) || outcome.Failed() && outcome.Effect == wire.EffectNone)
}

// wake resumes the cluster. A side that still answers 503 afterwards, or whose 503
// no status call confirms, is not asleep: its ingress has lost the engine and says so
// in the same words. Such a side is unreachable.
func (q *query) wake(ctx context.Context, x *execution, failed *wire.Error) error {
	if q.suspensions++; q.suspensions == 1 {
		err := q.c.wake.resume(ctx, x.pin.Side, nil)
		if !isUnconfirmed(err) {
			return err
		}
	}
	return q.c.route.Failed(context.WithoutCancel(ctx), x.pin.Side, router.Stamp(failed.At), brief(failed))
}

// retry runs a statement again that had no effect.
func (q *query) retry(ctx context.Context, x *execution, failed *wire.Error) error {
	if !q.budget(x, failed) {
		return withOperation(fmt.Sprintf("%s%s on %s: given up after %d attempts",
			q.opName(x), queryName(x.queryID, q.opts.tag), x.pin.Side, q.attempts+q.refusals), failed)
	}
	if err := q.pause(ctx, x, failed); err != nil {
		return q.interrupted(ctx, x, failed)
	}
	q.again = func(to Side) {
		q.c.stats.retried.Add(1)
		q.c.bus.Publish(causeOf(q.ctx, failed), events.QueryRetried{
			QueryID: x.queryID, Tag: q.opts.tag, From: x.pin.Side, To: to, Method: failed.Method})
	}
	return nil
}

// budget counts a failed execution and reports whether there may be another.
// Refusals cost nothing, and end with a cluster whose sides do nothing but
// refuse in turn for longer than a detection may take.
func (q *query) budget(x *execution, failed *wire.Error) bool {
	outcome := failed.Outcome()
	if outcome.Poison {
		// Its response, or that of another call beside it, cannot be read. Alone on a
		// connection, it is its own.
		if x.lease.Alone() {
			return false
		}
		q.alone = true
	}
	if !outcome.Free {
		q.attempts++
		return q.attempts < q.c.cfg.MaxAttempts
	}
	if q.refusals++; q.refusals == 1 {
		q.refused = time.Now()
	}
	if outcome.Verdict == wire.VerdictRefuses {
		q.c.bus.Publish(causeOf(q.ctx, failed), events.Refused{Side: x.pin.Side, Method: failed.Method, QueryID: x.queryID, Tag: q.opts.tag})
	}
	return time.Since(q.refused) < q.c.freeTime()
}

// freeTime is how long a call may be repeated that fails without an effect, and whose
// repetitions cost no attempt: a detection and a resume may be needed before it succeeds.
func (c *Client) freeTime() time.Duration { return c.cfg.DetectionTimeout + c.cfg.ResumeTimeout }

// pause spaces out the attempts. The first few refusals need none: the routing
// has changed, and the next pin waits for it if it must. After a call without an
// answer the probe of the side tells whether it has to change.
func (q *query) pause(ctx context.Context, x *execution, failed *wire.Error) error {
	const free = 3
	outcome := failed.Outcome()
	if outcome.Probe {
		if err := q.c.route.AwaitVerdict(ctx, x.pin.Side); err != nil && ctx.Err() != nil {
			return err
		}
	}
	switch {
	case !outcome.Free:
		return q.c.retry.Wait(ctx, q.attempts-1, nil)
	case q.refusals > free:
		return q.c.retry.Wait(ctx, q.refusals-free-1, nil)
	}
	return nil
}

// replay runs a statement again that was cut off: resume has said what of its result the
// caller has.
func (q *query) replay(ctx context.Context, x *execution, failed *wire.Error) error {
	if !q.budget(x, failed) {
		return q.lost(x, q.have.rows, LossAttempts, "", fmt.Errorf("given up after %d attempts: %w", q.attempts+q.refusals, failed))
	}
	if err := q.pause(ctx, x, failed); err != nil {
		return q.interrupted(ctx, x, failed)
	}
	q.replays++
	q.again = func(to Side) {
		q.c.stats.replayed.Add(1)
		q.c.bus.Publish(causeOf(q.ctx, failed), events.QueryReplayed{
			QueryID: x.queryID, Tag: q.opts.tag, From: x.pin.Side, To: to, Attempt: q.replays, Reason: brief(failed)})
	}
	return nil
}

// failure is the error of a statement that another execution would not save: the
// engine's own answer, an answer that makes no sense, or credentials that no
// longer open a session.
func (q *query) failure(x *execution, to sink, err error) error {
	switch {
	case errors.Is(err, ErrClosed):
		return q.annotate(err)
	case unsent(err):
		return q.cutOff(x, to, LossSession, err)
	}
	return &QueryError{
		Op: q.opName(x), QueryID: x.queryID, Tag: q.opts.tag, Side: x.pin.Side,
		Code: status.Code(err), Message: withLimit(err), Err: err,
	}
}

// opName is what was being done, for messages.
func (q *query) opName(x *execution) string { return cmp.Or(q.op, x.step.String()) }

// interrupted is the error of a statement whose context has ended.
func (q *query) interrupted(ctx context.Context, x *execution, err error) error {
	cause := ctxerr.Cause(ctx)
	if cause == ErrClosed {
		return ErrClosed
	}
	where := fmt.Sprintf("%s%s on %s", q.opName(x), queryName(x.queryID, q.opts.tag), x.pin.Side)
	switch {
	case wire.Classify(err) == wire.ClassCanceled, errors.Is(err, cause), errors.Is(err, context.Cause(ctx)):
		return errtext.Errorf("%s: %w", where, cause)
	case x.step > stepExecute:
		// The statement was executed, whatever the last call did. Only the words
		// of its failure are kept, as SafeToReplay would be misled by the rest.
		return errtext.Errorf("%s: %w; the last failure: %v", where, cause, err)
	}
	return errtext.Errorf("%s: %w; the last failure: %w", where, cause, err)
}

// annotate adds the caller's tag to an error from before the query had an id.
func (q *query) annotate(err error) error {
	if q.opts.tag == "" {
		return err
	}
	return errtext.Errorf("query %q: %w", q.opts.tag, err)
}

// causeOf is the cause of what follows from a failure.
func causeOf(ctx context.Context, err error) fsm.Cause {
	cause := fsm.Cause{Reason: fsm.ReasonUnreachable, Detail: brief(err), Trace: trace.SpanContextFromContext(ctx)}
	if outcome := wire.OutcomeOf(err); outcome.Failed() {
		cause.Reason = outcome.Reason
	}
	return cause
}

// brief is an error as events have it: what failed, where and how, without the
// server's words, which may quote a statement or a session.
func brief(err error) string {
	if u, ok := errors.AsType[*unconfirmedError](err); ok {
		return u.brief()
	}
	if failed, ok := wire.AsError(err); ok {
		how := status.Code(failed).String()
		if code := failed.HTTPStatus(); code != 0 {
			how = fmt.Sprintf("HTTP %d", code)
		}
		reason := fmt.Sprintf("%s on %s: %s (%s)", failed.Method, failed.Side, failed.Class, how)
		if hint := failed.Hint(); hint != "" && failed.Class == wire.ClassNoResponse {
			reason += ": " + hint // these words are ours
		}
		return reason
	}
	return err.Error()
}
