package e6

import (
	"context"

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

// size is the number of bytes of the chunks.
func (a answer) size() (n int) {
	for _, chunk := range a.chunks {
		n += len(chunk)
	}
	return n
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
	outcome := wire.OutcomeOf(p.err)
	return outcome.Replay && outcome.Effect != wire.EffectNone && !unsent(p.err)
}

// speculates reports whether the first batch is requested together with the metadata,
// which saves a round trip. If that call fails while the engine computes, it is unknown
// whether the batch is gone, and the statement must run again. So only the first run of a
// statement that may run again speculates. A replay waits for the metadata, which is safe
// to repeat: an ingress whose time limit is shorter than the computation would end a
// speculative fetch in every run.
func (q *query) speculates() bool {
	return !q.c.cfg.FetchAfterMetadata && q.running == nil && !q.once && q.replays == 0 && q.mayReplay()
}

// describe waits for the description of the result, and for the engine to have it
// ready. If the first part of the result was asked for as well, that is returned too; if
// it is lost, it ends both.
func (q *query) describe(ctx context.Context, end context.CancelCauseFunc, x *execution) (*vector.Metadata, *pending, error) {
	if !q.speculates() {
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
		outcome := wire.OutcomeOf(p.err)
		return outcome.Failed() && (outcome.Effect == wire.EffectNone || unsent(p.err))
	}
	return p.answer.end && len(p.answer.chunks) == 0 && md.Rows > 0
}
