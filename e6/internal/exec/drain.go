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

// emptyPause returns the pause before the next request of a stream: half of the time since
// its last rows. So the pauses delay a stream that delivers rows by at most half of the
// interval between them, for any number of empty answers, and a silent stream gets fewer and
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
	undecoded int       // bytes of the current answer that are not decoded yet
	last      bool      // the current answer is expected to be the last one
	empty     int       // answers without rows in a row
	delivered time.Time // the time of the last rows; zero before the first ones
}

// drain reads the result to its end. The next answer is requested before the current one is
// decoded, unless the current one may be the last one that is needed, or the bytes that wait
// for the caller exceed Config.PrefetchBytes.
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
		// After an answer without rows there is a pause, so the next answer is requested
		// only when it is known that this one has rows.
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

// answer waits for the next part of the result. If it is not requested yet, answer requests
// it when the caller has read enough of the earlier parts.
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

// ahead requests the next answer while the current one is decoded, if there is room.
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
