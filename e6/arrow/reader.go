package e6arrow

import (
	"iter"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/vector"
)

// Reader reads the batches of a result as records. It is for one goroutine at a time,
// except Retain and Release.
type Reader struct {
	references atomic.Int64
	rows       *e6.Rows
	schema     *arrow.Schema
	next       func() (*vector.Batch, error, bool)
	stop       func()
	ahead      *vector.Batch // the first batch, until it is asked for
	record     arrow.RecordBatch
	err        error
}

var _ array.RecordReader = (*Reader)(nil)

// NewReader returns a reader of the rest of a result. It waits for the first batch,
// of which the schema is made; its error is that of the rows. The caller releases the
// reader and closes the rows.
func NewReader(rows *e6.Rows, opts ...Option) (*Reader, error) {
	r := &Reader{rows: rows}
	r.references.Store(1)
	r.next, r.stop = iter.Pull2(rows.Batches())
	batch, err, _ := r.next()
	if err != nil {
		r.stop()
		return nil, err
	}
	r.ahead = batch
	r.schema = Schema(rows.Fields(), batch, opts...)
	return r, nil
}

// Schema implements array.RecordReader.
func (r *Reader) Schema() *arrow.Schema { return r.schema }

// Next moves to the next record, and releases the one before. After the last one, or
// a failure, it returns false, and Err says which.
func (r *Reader) Next() bool {
	r.drop()
	batch := r.ahead
	r.ahead = nil
	if batch == nil && r.err == nil {
		var ok bool
		if batch, r.err, ok = r.next(); !ok {
			return false
		}
	}
	if r.err == nil {
		r.record, r.err = Record(r.schema, batch)
		r.rows.Release(batch) // the record has copies
	}
	return r.err == nil
}

func (r *Reader) drop() {
	if r.record != nil {
		r.record.Release()
		r.record = nil
	}
}

// RecordBatch returns the present record, which is good until Next: retain it to keep
// it longer.
func (r *Reader) RecordBatch() arrow.RecordBatch { return r.record }

// Record returns what RecordBatch does.
//
// Deprecated: the interface asks for it. Use RecordBatch.
func (r *Reader) Record() arrow.RecordBatch { return r.record }

// Err returns why the records have ended: that of the rows, or a *ValueError.
func (r *Reader) Err() error { return r.err }

// Retain implements array.RecordReader.
func (r *Reader) Retain() { r.references.Add(1) }

// Release implements array.RecordReader. The last one ends the reading; the rows are
// still to be closed.
func (r *Reader) Release() {
	if r.references.Add(-1) == 0 {
		r.drop()
		r.stop()
	}
}
