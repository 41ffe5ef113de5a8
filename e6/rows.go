package e6

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/e6data/e6data-go/e6/internal/sqlvalue"
	"github.com/e6data/e6data-go/e6/vector"
)

// Query runs a statement and returns its rows as they come. It returns when the
// result's columns are known. The context governs the whole of the result: when
// it ends, the query is cancelled on the server. Rows must be closed.
//
// The arguments stand for the placeholders of the statement: ? in their order, or
// :name and @name for those that are made by sql.Named. They are written into
// the text as literals; ?? is a question mark. A slice is a list, for IN (?).
// Without arguments, the text is sent as it is, unless it has a ?, whose argument
// is missing. The error of a value or a placeholder that does not fit, and of a
// statement that gets longer than Config.MaxSendBytes, is a *ParamError.
//
// A query that is cut off is run again if its replay policy allows it. If rows of it have
// reached the caller, the new run is compared with them, and the caller gets the rows that
// follow: see ReplayPolicy and Config.ContinueWindow. The errors are *QueryError for the engine's own
// answer, *CutoverError (errors.Is ErrQueryLost) for a query that was cut off
// and could not be saved, *DetectionError if no side accepts, ErrClosed, and
// that of the context.
func (c *Client) Query(ctx context.Context, sql string, args ...any) (*Rows, error) {
	q, err := c.newRun(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	return q.stream(ctx)
}

// stream runs the statement and returns its rows as they come.
func (q *query) stream(ctx context.Context) (*Rows, error) {
	c := q.c
	r := &Rows{
		room: make(chan struct{}, 1), more: make(chan struct{}, 1),
		queue:   queue{batches: c.cfg.Prefetch, bytes: c.cfg.PrefetchBytes},
		record:  q.newRecord(),
		started: make(chan struct{}), ended: make(chan struct{}),
	}
	ctx, r.cancel = context.WithCancelCause(ctx)
	unlink := context.AfterFunc(c.ctx, func() { r.cancel(ErrClosed) })
	c.workers.Go(ctx, func() {
		defer r.cancel(nil)
		defer unlink()
		err := q.run(ctx, r)
		r.end(q.truncated, err)
	})
	select {
	case <-r.started:
		return r, nil
	case <-r.ended:
		if r.failure != nil {
			return nil, r.failure
		}
		return r, nil
	}
}

// Rows is the result of a query while it is being read. It is for one goroutine
// at a time, except Close, which may be called from any.
type Rows struct {
	cancel  context.CancelCauseFunc
	started chan struct{} // closed when the columns are known
	ended   chan struct{} // closed when nothing more comes
	room    chan struct{} // a batch was taken from the queue
	more    chan struct{} // a batch was put into it

	// Shared between the reader of the network and the caller.
	mu      sync.Mutex
	queue   queue
	read    []*vector.Batch // that nobody holds any more, no more than are read ahead
	taken   int64           // rows that have reached the caller
	record  *record         // of these rows; nil if the result cannot, or no longer, be continued
	handle  QueryHandle
	md      *vector.Metadata
	failure error
	cut     bool // there are more rows than were wanted

	closed atomic.Bool

	// The caller's own.
	batch  *vector.Batch
	row    int
	window sqlvalue.RowWindow // of the rows that DriverRow returns
	err    error
}

var _ sink = (*Rows)(nil)
var _ io.Closer = (*Rows)(nil)

// begin implements sink. The first time, it shows the columns to the caller.
func (r *Rows) begin(h QueryHandle, md *vector.Metadata) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.md != nil && !slices.Equal(r.md.Fields, md.Fields) {
		return &replayDiffers{reason: LossColumns}
	}
	if r.md == nil {
		close(r.started)
	}
	r.handle, r.md = h, md
	return nil
}

// spare implements sink. What a row was made of is never handed out: the caller has
// values, and strings that are views of a message, which is not used again.
func (r *Rows) spare() *vector.Batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := len(r.read) - 1
	if last < 0 {
		return new(vector.Batch)
	}
	b := r.read[last]
	r.read = r.read[:last]
	return b
}

// reuse keeps a batch to be decoded into again. The caller holds the lock.
func (r *Rows) reuse(b *vector.Batch) {
	if b != nil && len(r.read) <= r.queue.batches && !slices.Contains(r.read, b) && !r.closed.Load() {
		r.read = append(r.read, b)
	}
}

// take implements sink. It waits while enough is read ahead.
func (r *Rows) take(ctx context.Context, b *vector.Batch, from part) error {
	for {
		r.mu.Lock()
		if !r.record.keeps(r.queue.filled, from.message) {
			from.message = nil // it would be held for nothing
		}
		put := r.queue.put(b, from)
		r.mu.Unlock()
		if put {
			signal(r.more)
			return nil
		}
		select {
		case <-r.room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// held implements sink.
func (r *Rows) held() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.queue.filled
}

// wait implements sink.
func (r *Rows) wait(ctx context.Context, limit int) error {
	for r.held() > limit {
		select {
		case <-r.room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// retract implements sink.
func (r *Rows) retract() delivered {
	r.mu.Lock()
	r.queue.clear()
	have, record := delivered{rows: r.taken}, r.record
	r.mu.Unlock()
	if record != nil {
		have.hash = record.sum() // nothing is added to it now
	}
	return have
}

// deliver counts a batch that reaches the caller now, and records its rows as long as the
// result can still be continued. The caller holds the lock.
func (r *Rows) deliver(q queued) {
	r.taken += int64(q.batch.Rows())
	if r.record != nil && !r.record.add(q.batch, q.part) {
		r.record = nil
	}
}

// stop implements sink. The count in the error is exact because nothing is
// taken after it: what had come and was not read is dropped.
func (r *Rows) stop() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue.clear()
	return r.taken
}

// end records how the result ended.
func (r *Rows) end(truncated bool, err error) {
	r.mu.Lock()
	r.failure, r.cut = err, truncated
	r.record = nil // what is over cannot be cut off any more
	r.mu.Unlock()
	close(r.ended)
}

// next takes a batch from the queue, and waits for one. It returns io.EOF when
// the result has been read to its end. A batch that nobody holds any more is given
// back.
func (r *Rows) next(read *vector.Batch) (*vector.Batch, error) {
	for {
		// Looked at before the queue: what was put in before the end is there.
		over := false
		select {
		case <-r.ended:
			over = true
		default:
		}
		r.mu.Lock()
		if r.closed.Load() {
			r.mu.Unlock()
			return nil, ErrRowsClosed
		}
		r.reuse(read)
		read = nil
		if first, ok := r.queue.take(); ok {
			r.deliver(first)
			r.mu.Unlock()
			signal(r.room)
			return first.batch, nil
		}
		failure := r.failure
		r.mu.Unlock()
		if over {
			if failure == nil {
				failure = io.EOF
			}
			return nil, failure
		}
		select {
		case <-r.more:
		case <-r.ended:
		}
	}
}

// ErrRowsClosed is the error of Scan, DriverValue and DriverRow after Close, and what
// QueryEnd.Err says of a query that Close has ended.
var ErrRowsClosed = errors.New("e6: the rows are closed")

// Next moves to the next row and reports whether there is one. After the last
// one, or a failure, it returns false, and Err says which; after Close it returns
// false too. A *CutoverError counts the rows of all batches that Next has begun to read.
func (r *Rows) Next() bool {
	if r.err != nil {
		return false
	}
	if r.closed.Load() {
		r.batch, r.err = nil, ErrRowsClosed
		return false
	}
	if r.batch != nil && r.row+1 < r.batch.Rows() {
		r.row++
		return true
	}
	r.window.Reset()
	b, err := r.next(r.batch)
	if err != nil {
		r.batch, r.err = nil, err
		return false
	}
	r.batch, r.row = b, 0
	return true
}

// Err returns the failure that ended the rows before their end. It is nil while Next has
// more, after the last row, and after Close, as in database/sql: only a loop that Next
// itself has ended, and that nobody has closed, has read everything.
func (r *Rows) Err() error {
	if errors.Is(r.err, io.EOF) || errors.Is(r.err, ErrRowsClosed) {
		return nil
	}
	return r.err
}

// Close ends the query, on the server too if it has not ended. It does not wait
// for the server. It is idempotent.
func (r *Rows) Close() error {
	r.mu.Lock()
	r.closed.Store(true)
	r.queue.clear()
	r.read = nil
	r.mu.Unlock()
	r.cancel(ErrRowsClosed)
	<-r.ended
	return nil
}

// Fields describes the columns, as the engine declares them.
func (r *Rows) Fields() []vector.Field { return slices.Clone(r.metadata().Fields) }

// Columns returns the names of the columns.
func (r *Rows) Columns() []string { return columnNames(r.metadata().Fields) }

// RowCount is the number of rows that the engine declares. It may have been
// counted early: more may come, never fewer.
func (r *Rows) RowCount() int64 { return r.metadata().Rows }

// Truncated reports whether the result has more rows than MaxRows let through. It
// is known once Next has returned false.
func (r *Rows) Truncated() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cut
}

// Handle addresses the query on the server.
func (r *Rows) Handle() QueryHandle {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.handle
}

func (r *Rows) metadata() *vector.Metadata {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.md == nil {
		return &vector.Metadata{}
	}
	return r.md
}

// Batches returns the rest of the result batch by batch, column-wise. A batch is
// the caller's: it stays valid after the next one has come, unless it is released. The
// last pair has the error, if the result failed; after Close there is none. Leaving the
// loop does not close the rows. A batch that Next has
// begun must be read to its end by Next: if rows of it are left, the only pair
// has an error, and nothing is lost.
func (r *Rows) Batches() iter.Seq2[*vector.Batch, error] {
	return func(yield func(*vector.Batch, error) bool) {
		if r.batch != nil && r.row+1 < r.batch.Rows() {
			yield(nil, fmt.Errorf("e6: batches: Next has left %d rows of a batch unread: read them with Next first", r.batch.Rows()-r.row-1))
			return
		}
		for r.err == nil {
			b, err := r.next(nil)
			r.batch = nil
			if err != nil {
				r.err = err
				if err := r.Err(); err != nil {
					yield(nil, err)
				}
				return
			}
			if !yield(b, nil) {
				return
			}
		}
	}
}

// Release gives a batch of Batches back, so that a later one is decoded into its
// memory: a result that is read in this way takes none for its columns after the first
// few batches. The caller must not use the batch or the slices of its columns any more.
// Values that were taken from it stay valid, strings too.
func (r *Rows) Release(b *vector.Batch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reuse(b)
}

func columnNames(fields []vector.Field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}

// signal wakes whoever waits on a channel with room for one.
func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
