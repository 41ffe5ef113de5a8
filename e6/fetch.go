package e6

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/internal/backoff"
	"github.com/e6data/e6data-go/e6/internal/wire"
	"github.com/e6data/e6data-go/e6/vector"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// answer is the next part of a result.
type answer struct {
	chunks    [][]byte
	end       bool // nothing follows
	emptyEnds bool // so does a chunk without rows mean
}

// next asks for more of the result. An engine that has the newer call may
// answer with several chunks and says itself when the result ends; with the
// older one, the end is an answer without a chunk, or a chunk without rows.
//
// Both advance a cursor on the server. They are repeated only if they were
// certainly not received.
func (x *execution) next(ctx context.Context) (answer, error) {
	engine := engineKey{x.pin.Side, x.engine}
	if has, known := x.c.newFetch.of(engine); !known || has {
		a, err := repeat(ctx, x, false, func(ctx context.Context, session string) (*e6xv1.GetNextResultBatchV2Response, error) {
			return x.rpc().GetNextResultBatchV2(ctx, &e6xv1.GetNextResultBatchRequest{EngineIP: x.engine, SessionId: session, QueryId: x.queryID})
		})
		if wire.Classify(err) != wire.ClassUnimplemented {
			if err == nil && !known {
				x.c.newFetch.remember(engine, true)
			}
			return answer{chunks: a.GetResultBatches(), end: a.GetEndOfStream()}, err
		}
		// Nothing was consumed: the older call goes on from here.
		x.c.newFetch.remember(engine, false)
	}
	a, err := repeat(ctx, x, false, func(ctx context.Context, session string) (*e6xv1.GetNextResultBatchResponse, error) {
		return x.rpc().GetNextResultBatch(ctx, &e6xv1.GetNextResultBatchRequest{EngineIP: x.engine, SessionId: session, QueryId: x.queryID})
	})
	if err != nil || len(a.GetResultBatch()) == 0 {
		return answer{end: true}, err
	}
	return answer{chunks: [][]byte{a.GetResultBatch()}, emptyEnds: true}, nil
}

// pending is a call for the next part of a result that is under way.
type pending struct {
	done   chan struct{} // closed behind the answer
	answer answer
	err    error
}

// ask asks for the next part of the result. One such call may be under way at a time. If
// failed is not nil it hears of a failure that ends the execution.
func (x *execution) ask(ctx context.Context, failed func(error)) *pending {
	p := &pending{done: make(chan struct{})}
	ahead := *x // with a session and a step of its own
	ahead.step = stepFetch
	x.c.workers.Go(ctx, func() {
		defer close(p.done)
		if p.answer, p.err = ahead.next(ctx); failed != nil && p.lost() {
			failed(p.err)
		}
	})
	return p
}

// wait waits for the answer, or for the end of a call that was given up. There may be
// none.
func (p *pending) wait() {
	if p != nil {
		<-p.done
	}
}

// lost reports whether the call has failed in such a way that what it asked for may be
// gone.
func (p *pending) lost() bool {
	failed, ok := wire.AsError(p.err)
	return ok && savable(failed.Class) && failed.Effect != wire.EffectNone && !unsent(p.err)
}

// early reports whether the first batch is asked for together with the metadata, which
// saves a round trip. A connection that breaks while the engine computes leaves it
// unknown whether that batch is gone, so it is done only for what may run again.
func (q *query) early() bool {
	return !q.c.cfg.FetchAfterMetadata && q.running == nil && q.mayReplay()
}

// describe waits for the description of the result, and for the engine to have it
// ready. If the first part of the result was asked for as well, that is returned too; if
// it is lost, it ends both.
func (q *query) describe(ctx context.Context, end context.CancelCauseFunc, x *execution) (*vector.Metadata, *pending, error) {
	if !q.early() {
		md, err := x.metadata(ctx)
		return md, nil, err
	}
	first := x.ask(ctx, end)
	md, err := x.metadata(ctx)
	if err == nil {
		return md, first, nil
	}
	lost := context.Cause(ctx) // before what follows is the cause
	end(nil)
	first.wait()
	if first.lost() && lost == first.err {
		x.step, err = stepFetch, first.err
	}
	return nil, nil, err
}

// premature reports whether the first part of a result, which was asked for before the
// result was known to be ready, is to be asked for again: the call had no effect, or
// nothing had been there to be consumed.
func (p *pending) premature(md *vector.Metadata) bool {
	if p.err != nil {
		failed, ok := wire.AsError(p.err)
		return ok && (failed.Effect == wire.EffectNone || unsent(p.err))
	}
	return p.answer.end && len(p.answer.chunks) == 0 && md.Rows > 0
}

// The pauses between questions for a result that has no rows ready yet.
var emptyAnswer = backoff.Policy{Base: 10 * time.Millisecond, Max: 100 * time.Millisecond}

// drain reads the result to its end. The next answer is asked for before the present
// one is decoded, unless that one may be the last that is wanted.
func (q *query) drain(ctx context.Context, end context.CancelCauseFunc, x *execution, md *vector.Metadata, next *pending, to sink) error {
	x.step = stepFetch
	if next.wait(); next != nil && next.premature(md) {
		next = nil
	}
	defer func() {
		end(nil)
		next.wait()
	}()
	trust := q.c.cfg.TrustRowCount && md.Rows > 0
	ahead := !trust && q.opts.maxRows <= 0
	for empty := 0; ; {
		if next == nil {
			next = x.ask(ctx, nil)
		}
		next.wait()
		present, err := next.answer, next.err
		next = nil
		if err != nil {
			return err
		}
		// After an answer without rows the engine is given a pause, so another one is
		// not asked for before it is known that this one has some.
		if ahead && empty == 0 && !present.end && len(present.chunks) > 0 {
			next = x.ask(ctx, nil)
		}
		before := q.rows
		last, err := q.decode(ctx, x, present, md, to)
		if err != nil || last || trust && q.rows >= md.Rows {
			return err
		}
		switch {
		case q.rows > before:
			empty = 0
		case next != nil:
			empty = 1
		default:
			if err := emptyAnswer.WaitFull(ctx, empty); err != nil {
				return err
			}
			empty++
		}
	}
}

// decode hands the batches of an answer to the sink, and reports whether the result
// ends with them.
func (q *query) decode(ctx context.Context, x *execution, a answer, md *vector.Metadata, to sink) (end bool, err error) {
	for _, chunk := range a.chunks {
		if len(chunk) == 0 {
			continue
		}
		batch := to.spare()
		if err := batch.Decode(chunk, md.Fields); err != nil {
			return false, err
		}
		if batch.Rows() == 0 {
			a.end = a.end || a.emptyEnds
			continue
		}
		if err := q.take(ctx, x, to, batch, len(chunk)); err != nil {
			return false, err
		}
	}
	return a.end, nil
}
