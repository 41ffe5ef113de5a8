package exec

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/internal/backoff"
	"github.com/e6data/e6data-go/e6/vector"
)

// firstPauses are the pauses between requests for a result that has no rows yet.
var firstPauses = backoff.Policy{Base: 10 * time.Millisecond, Max: maxEmptyPause}

// The pauses after an empty answer of a stream that has delivered rows.
const (
	minEmptyPause = time.Millisecond
	maxEmptyPause = 100 * time.Millisecond
)

// emptyPause is the pause before the next request of a stream whose last rows came that
// long ago: half of that time. So a stream that delivers loses at most half of its own
// pace, however many answers between its rows are empty, and a silent stream gets fewer and
// fewer requests.
func emptyPause(silent time.Duration) time.Duration {
	return min(max(silent/2, minEmptyPause), maxEmptyPause)
}

// drain is the loop that reads the result of one attempt to its end.
type drain struct {
	r  *run
	a  *attempt
	md *vector.Metadata

	next      *pending  // the request in flight, if there is one
	undecoded int       // bytes of the present answer that are not decoded yet
	last      bool      // nothing follows the present answer, as far as is known
	empty     int       // answers without rows in a row
	delivered time.Time // when the last rows came; zero before the first ones
}

// drain reads the result to its end. The next answer is requested before the present one
// is decoded, unless that one may be the last that is wanted, or the bytes that wait for
// the caller exceed Config.PrefetchBytes.
func (r *run) drain(ctx context.Context, end context.CancelCauseFunc, a *attempt, md *vector.Metadata, first *pending) error {
	a.phase = phaseFetch
	if first.wait(); first != nil && first.premature(md) {
		first = nil
	}
	d := &drain{r: r, a: a, md: md, next: first}
	defer func() {
		end(nil)
		d.next.wait()
	}()
	trust := r.x.TrustRowCount && md.Rows > 0
	ahead := !trust && r.st.MaxRows <= 0
	for {
		present, err := d.answer(ctx)
		if err != nil {
			return err
		}
		// After an answer without rows the engine is given a pause, so another one is
		// not requested before it is known that this one has some.
		d.last = !ahead || d.empty > 0 || present.end || len(present.chunks) == 0
		before := r.rows
		over, err := d.decode(ctx, present)
		if err != nil || over || trust && r.rows >= md.Rows {
			return err
		}
		if r.rows > before {
			d.empty, d.delivered = 0, time.Now()
			continue
		}
		d.empty++
		if d.next == nil {
			if err := d.pause(ctx); err != nil {
				return err
			}
		}
	}
}

// pause waits before the next request after an answer without rows.
func (d *drain) pause(ctx context.Context) error {
	if d.delivered.IsZero() {
		return firstPauses.WaitFull(ctx, d.empty-1)
	}
	return backoff.Sleep(ctx, emptyPause(time.Since(d.delivered)), nil)
}

// answer waits for the next part of the result. If it is not requested yet, it is as soon as
// the caller has read enough of the earlier parts.
func (d *drain) answer(ctx context.Context) (answer, error) {
	if d.next == nil {
		if err := d.r.to.wait(ctx, d.r.x.PrefetchBytes); err != nil {
			return answer{}, err
		}
		d.next = d.a.request(ctx, nil)
	}
	d.next.wait()
	present, err := d.next.answer, d.next.err
	d.next = nil
	return present, err
}

// ahead requests the next answer while the present one is decoded, if there is room.
func (d *drain) ahead(ctx context.Context) {
	if d.next == nil && !d.last && d.undecoded+d.r.to.held() <= d.r.x.PrefetchBytes {
		d.next = d.a.request(ctx, nil)
	}
}

// decode appends the batches of an answer to the sink, and reports whether the result ends
// with them.
func (d *drain) decode(ctx context.Context, a answer) (end bool, err error) {
	d.undecoded = a.size()
	for i, chunk := range a.chunks {
		d.ahead(ctx)
		a.chunks[i] = nil // its batch keeps it as long as it is needed
		d.undecoded -= len(chunk)
		if len(chunk) == 0 {
			continue
		}
		batch := d.r.buffer()
		if err := batch.Decode(chunk, d.md.Fields); err != nil {
			return false, err
		}
		if batch.Rows() == 0 {
			a.end = a.end || a.emptyEnds
			continue
		}
		if err := d.r.take(ctx, d.a, batch, chunk); err != nil {
			return false, err
		}
	}
	return a.end, nil
}
