package exec

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/e6data/e6data-go/e6/internal/wire"
	"github.com/e6data/e6data-go/e6/vector"
)

// answer is the next part of a result.
type answer struct {
	chunks    [][]byte
	end       bool // nothing follows
	emptyEnds bool // a chunk without rows means that nothing follows
}

// size is the number of bytes of the chunks.
func (a answer) size() (n int) {
	for _, chunk := range a.chunks {
		n += len(chunk)
	}
	return n
}

// pending is a request in flight for the next part of a result.
type pending struct {
	done   chan struct{} // closed after the response
	answer answer
	err    error
}

// request requests the next part of the result. There is one such request at a time. If
// failed is not nil, it is called with a failure that ends the attempt.
func (a *attempt) request(ctx context.Context, failed func(error)) *pending {
	p := &pending{done: make(chan struct{})}
	a.of.x.workers.Go(ctx, func() {
		defer close(p.done)
		if p.answer, p.err = a.remote.next(ctx); failed != nil && p.lost() {
			failed(p.err)
		}
	})
	return p
}

// wait waits for the response, or for the end of a cancelled request. p may be nil.
func (p *pending) wait() {
	if p != nil {
		<-p.done
	}
}

// lost reports whether the request has failed with an unknown effect, so that the part of the
// result may be lost.
func (p *pending) lost() bool {
	outcome := wire.OutcomeOf(p.err)
	return outcome.Replay && outcome.Effect != wire.EffectNone && !unsent(p.err)
}

// premature reports whether the first part of a result, which was requested before the
// result was known to be ready, must be requested again: the call had no effect, or there
// was nothing to consume.
func (p *pending) premature(md *vector.Metadata) bool {
	if p.err != nil {
		outcome := wire.OutcomeOf(p.err)
		return outcome.Failed() && (outcome.Effect == wire.EffectNone || unsent(p.err))
	}
	return p.answer.end && len(p.answer.chunks) == 0 && md.Rows > 0
}

// speculates reports whether the first batch is requested together with the metadata,
// which saves a round trip. If that call fails while the engine computes, the batch may be
// lost, and the statement must be executed again. So only the first attempt of a statement
// that may be replayed speculates. A replay waits for the metadata,
// which is safe to repeat: an ingress whose time limit is shorter than the computation would
// end a speculative fetch in every attempt.
func (r *run) speculates() bool {
	return r.speculative && !r.x.FetchAfterMetadata && r.replays == 0 && r.mayReplay()
}

// fetch waits for the result and appends it to the sink.
func (r *run) fetch(ctx context.Context, a *attempt) error {
	stop := r.progress.poll(ctx, a.remote)
	ctx, end := context.WithCancelCause(ctx) // of the calls that read
	defer end(nil)
	md, first, err := r.describe(ctx, end, a)
	stop()
	if err != nil {
		return err
	}
	a.described = time.Now()
	if err := r.to.begin(a.handle(), md); err != nil {
		end(nil)
		first.wait()
		return err
	}
	r.progress.described(a.handle(), md)
	if r.check != nil {
		r.check.fields = md.Fields
	}
	err = r.drain(ctx, end, a, md, first)
	switch {
	case err != nil && !errors.Is(err, errEnough):
		return err
	case err == nil && r.rows < md.Rows:
		// More rows than declared are valid: the engine may declare the number early.
		return fmt.Errorf("%w: %d of %d", ErrIncomplete, r.rows, md.Rows)
	}
	return r.unfinished()
}

// describe waits for the description of the result, until the engine has it ready. It also
// returns the request for the first part of the result, if that was sent at the same time.
// If that part is lost, both calls end.
func (r *run) describe(ctx context.Context, end context.CancelCauseFunc, a *attempt) (*vector.Metadata, *pending, error) {
	a.phase = phaseMetadata
	if !r.speculates() {
		md, err := a.remote.metadata(ctx)
		return md, nil, err
	}
	first := a.request(ctx, end)
	md, err := a.remote.metadata(ctx)
	if err == nil {
		return md, first, nil
	}
	lost := context.Cause(ctx) // before end sets the cause
	end(nil)
	first.wait()
	if first.lost() && lost == first.err {
		a.phase, err = phaseFetch, first.err
	}
	return nil, nil, err
}

// take counts a batch that was decoded from a message, and appends its rows to the sink,
// without those that the caller has.
func (r *run) take(ctx context.Context, a *attempt, b *vector.Batch, message []byte) error {
	size := int64(len(message))
	if b = r.limit(b); b == nil {
		return errEnough
	}
	rows := b.Rows()
	r.rows += int64(rows)
	r.batches++
	r.bytes += size
	r.x.counters.batches[a.pin.Side].Add(1)
	r.x.counters.bytes[a.pin.Side].Add(size)
	r.progress.received(r)
	if err := r.verify(a, b); err != nil {
		return err
	}
	if b.Rows() == 0 {
		r.skipped = b
	} else if err := r.to.append(ctx, b, part{message, rows - b.Rows(), int(size * int64(b.Rows()) / int64(rows))}); err != nil {
		return err
	}
	if r.truncated {
		return errEnough
	}
	return nil
}

// errEnough ends a result that has more rows than Statement.MaxRows.
var errEnough = errors.New("there are more rows than are wanted")

// limit removes the rows beyond Statement.MaxRows from a batch. It returns nil if none is
// left. Only a received row proves that there are more: the number of rows that the engine
// declares may be too small.
func (r *run) limit(b *vector.Batch) *vector.Batch {
	most := r.st.MaxRows
	if most <= 0 || r.rows+int64(b.Rows()) <= most {
		return b
	}
	r.truncated = true
	if r.rows == most {
		return nil
	}
	b.Head(int(most - r.rows))
	return b
}
