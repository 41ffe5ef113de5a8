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
	ahead      []*vector.Batch // the first batches, until they are read
	record     arrow.RecordBatch
	ended      bool // the rows have
	err        error
}

var _ array.RecordReader = (*Reader)(nil)

// NewReader returns a reader of the rest of a result. It waits for the first batch,
// of which the schema is made; its error is that of the rows. If that has no scale
// of a column of decimals, as all of them are null, it reads on until a batch does, up
// to 100,000 rows: if none of these does, the column becomes text. The caller releases
// the reader and closes the rows.
func NewReader(rows *e6.Rows, opts ...Option) (*Reader, error) {
	r := &Reader{rows: rows}
	r.references.Store(1)
	r.next, r.stop = iter.Pull2(rows.Batches())
	fields, o := rows.Fields(), newOptions(opts)
	for read, more := 0, true; more && (len(r.ahead) == 0 || read < mostAhead && !o.settled(fields, r.ahead)); {
		var batch *vector.Batch
		var err error
		if batch, err, more = r.next(); err != nil {
			r.stop()
			return nil, err
		}
		if !more {
			r.ended = true
			break
		}
		read += batch.Rows()
		r.ahead = append(r.ahead, batch)
	}
	r.schema = o.schemaOf(fields, r.ahead, r.ended)
	return r, nil
}

// mostAhead is how many rows are read to find the scales of decimals.
const mostAhead = 100_000

// scaleIn returns the first batch with the scale of a column of decimals, and nil if
// none does.
func scaleIn(batches []*vector.Batch, column int) *vector.Batch {
	for _, b := range batches {
		if column < b.NumColumns() {
			if _, known := b.Column(column).DecimalScale(); known {
				return b
			}
		}
	}
	return nil
}

// isDecimal reports whether a column becomes a decimal.
func (o options) isDecimal(f vector.Field, first *vector.Batch, column int) bool {
	t := f.Type
	if t == vector.Other && column < first.NumColumns() {
		t = first.Column(column).Type()
	}
	return t == vector.Decimal128 && !o.decimalsAsText
}

// settled reports whether the scales of all columns of decimals are known.
func (o options) settled(fields []vector.Field, batches []*vector.Batch) bool {
	for i, f := range fields {
		if o.isDecimal(f, batches[0], i) && scaleIn(batches, i) == nil {
			return false
		}
	}
	return true
}

// schemaOf is the schema of a result that begins with some batches, which are all of
// it if it has ended.
func (o options) schemaOf(fields []vector.Field, batches []*vector.Batch, ended bool) *arrow.Schema {
	if len(batches) == 0 {
		return o.schema(fields, nil)
	}
	list := o.schema(fields, batches[0]).Fields()
	for i, f := range fields {
		if !o.isDecimal(f, batches[0], i) {
			continue
		}
		switch teller := scaleIn(batches, i); {
		case teller != nil:
			list[i].Type = o.typeOf(f, teller.Column(i))
		case !ended:
			list[i].Type = arrow.BinaryTypes.String
		}
	}
	return arrow.NewSchema(list, nil)
}

// Schema implements array.RecordReader.
func (r *Reader) Schema() *arrow.Schema { return r.schema }

// Next moves to the next record, and releases the one before. After the last one, or
// a failure, it returns false, and Err returns the cause.
func (r *Reader) Next() bool {
	r.drop()
	var batch *vector.Batch
	switch {
	case len(r.ahead) > 0:
		batch = r.ahead[0]
		r.ahead = r.ahead[1:]
	case r.ended || r.err != nil:
		return false
	default:
		var more bool
		if batch, r.err, more = r.next(); !more {
			r.ended = true
			return false
		}
	}
	if r.err == nil {
		r.record, r.err = Record(r.schema, batch)
		if !shares(r.schema, batch) {
			r.rows.Release(batch) // the record has copies
		}
	}
	return r.err == nil
}

func (r *Reader) drop() {
	if r.record != nil {
		r.record.Release()
		r.record = nil
	}
}

// RecordBatch returns the current record, which is valid until Next: retain it to keep
// it longer.
func (r *Reader) RecordBatch() arrow.RecordBatch { return r.record }

// Record returns what RecordBatch does.
//
// Deprecated: array.RecordReader requires it. Use RecordBatch.
func (r *Reader) Record() arrow.RecordBatch { return r.record }

// Err returns the error that ended the records: that of the rows, or a *ValueError.
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
