package exec

import (
	"context"

	"github.com/e6data/e6data-go/e6/vector"
)

// sink receives the result of a statement. Its methods are called one at a time.
type sink interface {
	// begin receives the description of the result. A replay calls it again, and it fails
	// if the caller has another description.
	begin(h Handle, md *vector.Metadata) error
	// buffer returns the batch into which the next part is decoded: a new batch, or a
	// released one.
	buffer() *vector.Batch
	// append adds a batch that was decoded from a part of the result. It may wait for
	// room within ctx. The sink then owns the batch.
	append(ctx context.Context, b *vector.Batch, from part) error
	// held is the size of the batches that wait for the caller, in bytes as received.
	held() int
	// wait waits within ctx until held is at most limit.
	wait(ctx context.Context, limit int) error
	// reset drops every batch that has not reached the caller, and describes the rows
	// that have reached the caller. No more rows reach the caller before the next append.
	reset() delivered
	// abort ends the delivery of a result that is lost, and returns the number of rows
	// that have reached the caller. No more rows reach it.
	abort() int64
}

// part is the origin of the rows of a batch.
type part struct {
	message []byte // the batch as received, with all of its rows; nil if it is not recorded
	skipped int    // rows at its beginning that the caller has from an earlier attempt
	size    int    // bytes, without those of the skipped rows
}

// Collected is a whole result.
type Collected struct {
	Handle  Handle
	Fields  []vector.Field
	Batches []*vector.Batch
	// Truncated: there are more rows than Statement.MaxRows.
	Truncated bool
}

var _ sink = (*Collected)(nil)

// begin implements sink.
func (c *Collected) begin(h Handle, md *vector.Metadata) error {
	c.Handle, c.Fields = h, md.Fields
	return nil
}

// buffer implements sink.
func (*Collected) buffer() *vector.Batch { return new(vector.Batch) }

// append implements sink.
func (c *Collected) append(_ context.Context, b *vector.Batch, _ part) error {
	c.Batches = append(c.Batches, b)
	return nil
}

// held implements sink.
func (*Collected) held() int { return 0 }

// wait implements sink.
func (*Collected) wait(context.Context, int) error { return nil }

// reset implements sink.
func (c *Collected) reset() delivered {
	c.Batches = nil
	return delivered{}
}

// abort implements sink.
func (*Collected) abort() int64 { return 0 }

// discard is a sink that drops the rows. They are decoded, so that a malformed result is an
// error.
type discard struct{ batch vector.Batch }

var _ sink = (*discard)(nil)

// begin implements sink.
func (*discard) begin(Handle, *vector.Metadata) error { return nil }

// buffer implements sink.
func (d *discard) buffer() *vector.Batch { return &d.batch }

// append implements sink.
func (*discard) append(context.Context, *vector.Batch, part) error { return nil }

// held implements sink.
func (*discard) held() int { return 0 }

// wait implements sink.
func (*discard) wait(context.Context, int) error { return nil }

// reset implements sink.
func (*discard) reset() delivered { return delivered{} }

// abort implements sink.
func (*discard) abort() int64 { return 0 }
