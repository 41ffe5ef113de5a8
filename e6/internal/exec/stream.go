package exec

import (
	"context"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/e6data/e6data-go/e6/vector"
)

// Stream is a result that is read while it arrives. Executor.Open and
// Executor.Read fill a new Stream. Its other methods are for one goroutine at a time, except
// Close.
type Stream struct {
	cancel  context.CancelCauseFunc
	started chan struct{} // closed when the columns are known
	ended   chan struct{} // closed when no more batches come
	room    chan struct{} // has a value after a batch was taken from the queue
	more    chan struct{} // has a value after a batch was put into it

	// Shared between the goroutine that receives and the caller.
	mu        sync.Mutex
	queue     queue
	free      []*vector.Batch // not in use any more; at most as many as are read ahead
	delivered int64           // rows that have reached the caller
	record    *record         // of these rows; nil if the result cannot be continued, or has ended
	handle    Handle
	md        *vector.Metadata
	failure   error
	truncated bool // there are more rows than Statement.MaxRows

	closed atomic.Bool
}

var _ sink = (*Stream)(nil)

func (s *Stream) init(x *Executor, record *record) {
	s.room, s.more = make(chan struct{}, 1), make(chan struct{}, 1)
	s.queue = queue{batches: x.Prefetch, bytes: x.PrefetchBytes}
	s.record = record
	s.started, s.ended = make(chan struct{}), make(chan struct{})
}

// run fills the stream with body, on its own goroutine, until ctx ends, the stream is closed
// or the client is closed. It returns when the columns are known, or with the error.
func (s *Stream) run(ctx context.Context, x *Executor, r *run, body func(context.Context) error) error {
	ctx, s.cancel = context.WithCancelCause(ctx)
	unlink := context.AfterFunc(x.ctx, func() { s.cancel(ErrClosed) })
	x.workers.Go(ctx, func() {
		defer s.cancel(nil)
		defer unlink()
		err := body(ctx)
		s.end(r.truncated, err)
	})
	select {
	case <-s.started:
		return nil
	case <-s.ended:
		return s.failure
	}
}

// begin implements sink. The first time, it shows the columns to the caller.
func (s *Stream) begin(h Handle, md *vector.Metadata) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.md != nil && !slices.Equal(s.md.Fields, md.Fields) {
		return &replayDiffers{reason: LossColumns}
	}
	if s.md == nil {
		close(s.started)
	}
	s.handle, s.md = h, md
	return nil
}

// buffer implements sink. A batch is never shown to the caller of Next: it gets values, and
// strings that are views of a message, which is not reused.
func (s *Stream) buffer() *vector.Batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.free) - 1
	if last < 0 {
		return new(vector.Batch)
	}
	b := s.free[last]
	s.free = s.free[:last]
	return b
}

// Release returns a batch that is not in use any more. A later one is decoded into it.
func (s *Stream) Release(b *vector.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release(b)
}

// release is Release for a caller that holds the lock. b may be nil.
func (s *Stream) release(b *vector.Batch) {
	if b != nil && len(s.free) <= s.queue.batches && !slices.Contains(s.free, b) && !s.closed.Load() {
		s.free = append(s.free, b)
	}
}

// append implements sink. It waits while the queue is full.
func (s *Stream) append(ctx context.Context, b *vector.Batch, from part) error {
	for {
		s.mu.Lock()
		if !s.record.keeps(s.queue.filled, from.message) {
			from.message = nil // so that the garbage collector frees it
		}
		added := s.queue.append(b, from)
		s.mu.Unlock()
		if added {
			signal(s.more)
			return nil
		}
		select {
		case <-s.room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// held implements sink.
func (s *Stream) held() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queue.filled
}

// wait implements sink.
func (s *Stream) wait(ctx context.Context, limit int) error {
	for s.held() > limit {
		select {
		case <-s.room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// reset implements sink.
func (s *Stream) reset() delivered {
	s.mu.Lock()
	s.queue.clear()
	have, record := delivered{rows: s.delivered}, s.record
	s.mu.Unlock()
	if record != nil {
		have.hash = record.sum() // no rows are added to it now
	}
	return have
}

// abort implements sink. The count is exact: the rows that wait in the queue are dropped, and
// none is added.
func (s *Stream) abort() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue.clear()
	return s.delivered
}

// end records the end of the result. err is nil if the result is complete.
func (s *Stream) end(truncated bool, err error) {
	s.mu.Lock()
	s.failure, s.truncated = err, truncated
	s.record = nil // a result that has ended cannot be cut off
	s.mu.Unlock()
	close(s.ended)
}

// deliver counts a batch that reaches the caller now, and records its rows as long as the
// result can be continued. The caller holds the lock.
func (s *Stream) deliver(q queued) {
	s.delivered += int64(q.batch.Rows())
	if s.record != nil && !s.record.add(q.batch, q.part) {
		s.record = nil
	}
}

// Next returns the next batch, and waits for it. It returns io.EOF at the end of the result,
// and ErrRowsClosed after Close. read is released, unless it is nil.
func (s *Stream) Next(read *vector.Batch) (*vector.Batch, error) {
	for {
		// Read before the queue: it has all batches if the result has ended.
		ended := false
		select {
		case <-s.ended:
			ended = true
		default:
		}
		b, err := s.take(read, ended)
		if b != nil || err != nil {
			return b, err
		}
		read = nil
		select {
		case <-s.more:
		case <-s.ended:
		}
	}
}

// take returns the first batch of the queue. If the queue is empty, it returns the error
// that ended the result, or nil for both while the result continues.
func (s *Stream) take(read *vector.Batch, ended bool) (*vector.Batch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return nil, ErrRowsClosed
	}
	s.release(read)
	if first, ok := s.queue.take(); ok {
		s.deliver(first)
		signal(s.room)
		return first.batch, nil
	}
	if ended && s.failure == nil {
		return nil, io.EOF
	}
	if ended {
		return nil, s.failure
	}
	return nil, nil
}

// Close ends the statement, on the server too if it has not ended. It does not wait for the
// server. It is idempotent, and may be called from any goroutine.
func (s *Stream) Close() {
	s.mu.Lock()
	s.closed.Store(true)
	s.queue.clear()
	s.free = nil
	s.mu.Unlock()
	s.cancel(ErrRowsClosed)
	<-s.ended
}

// Closed reports whether Close was called.
func (s *Stream) Closed() bool { return s.closed.Load() }

// Truncated reports whether there are more rows than Statement.MaxRows. It is known at the
// end of the result.
func (s *Stream) Truncated() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.truncated
}

// Delivered is the number of rows that have reached the caller.
func (s *Stream) Delivered() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.delivered
}

// Handle addresses the statement on the server.
func (s *Stream) Handle() Handle {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.handle
}

// Metadata describes the result. It is not changed.
func (s *Stream) Metadata() *vector.Metadata {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.md == nil {
		return &vector.Metadata{}
	}
	return s.md
}

// signal wakes the goroutine that waits on a channel with room for one value.
func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
