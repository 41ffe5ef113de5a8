package vector

import "strconv"

// Batch is one decoded result batch: a number of rows, column by column. The
// zero value is an empty batch that is ready for Decode.
//
// A Batch that is not being decoded into may be read from any number of
// goroutines at once.
type Batch struct {
	rows    int
	columns []Column
	fields  []Field
}

// Decode decodes one result batch, which must fill b to its last byte. See
// Batch.Decode for the fields, the errors and the ownership of b.
func Decode(b []byte, fields []Field) (*Batch, error) {
	batch := new(Batch)
	if err := batch.Decode(b, fields); err != nil {
		return nil, err
	}
	return batch, nil
}

// Rows returns the number of rows. An engine ends a result with a batch of 0 rows.
func (b *Batch) Rows() int { return b.rows }

// NumColumns returns the number of columns.
func (b *Batch) NumColumns() int { return len(b.columns) }

// Column returns column i, counted from 0. It panics if there is no such
// column. The pointer is good until the next Decode or Reset.
func (b *Batch) Column(i int) *Column { return &b.columns[i] }

// Reset empties the batch and drops its references to inputs, but keeps its memory
// for the next Decode.
func (b *Batch) Reset() {
	b.truncate(0)
	b.rows, b.fields = 0, nil
}

// Head keeps the first n rows and drops the others. It panics if there are fewer.
func (b *Batch) Head(n int) {
	if n < 0 || n > b.rows {
		panic("vector: row out of range")
	}
	b.rows = n
	for i := range b.columns {
		b.columns[i].head(n)
	}
}

// Skip drops the first n rows and keeps the others. It panics if there are fewer.
func (b *Batch) Skip(n int) {
	if n < 0 || n > b.rows {
		panic("vector: row out of range")
	}
	b.rows -= n
	for i := range b.columns {
		b.columns[i].skip(n)
	}
}

// truncate keeps the first n columns and lets the others drop their views.
func (b *Batch) truncate(n int) {
	for i := n; i < len(b.columns); i++ {
		b.columns[i].release()
	}
	b.columns = b.columns[:n]
}

// Decode decodes one result batch, which must fill in to its last byte, and
// replaces the content of the Batch. The memory of earlier columns is reused, so
// slices that were returned before are overwritten. Strings that were returned stay
// valid: they are views of their input.
// The caller must not change in while the batch, or any string or slice that
// was read from it, is in use.
//
// The fields are those of the result's metadata; they name the columns, and a
// batch with another number of columns is refused (only a batch without rows
// may have none at all). Without fields (nil) a column is named by its number,
// counted from 0. The type that a field declares is not compared with the
// vector's: engines declare types that no vector has, such as SHORT.
//
// Memory is taken only for values that the input holds, so it is bounded by a
// small multiple of the input's length. Rows is not: a batch of nothing but
// constant columns may have any number of them.
//
// An error is a *DecodeError, and the batch is empty after it.
func (b *Batch) Decode(in []byte, fields []Field) error {
	b.fields = fields
	if err := b.decodeInput(in); err != nil {
		err.Op = "batch"
		if err.Column >= 0 && err.Column < len(fields) {
			err.Name = fields[err.Column].Name
		}
		b.Reset()
		return err
	}
	return nil
}

func (b *Batch) decodeInput(in []byte) *DecodeError {
	if uint64(len(in)) > maxInput {
		return fail(0, ErrLength, "the batch has %d bytes, and %d is the most", len(in), uint64(maxInput))
	}
	return b.decodeChunk(&reader{b: in})
}

func (b *Batch) decodeChunk(r *reader) *DecodeError {
	rows, sized, listed := 0, false, false
	for {
		at := r.off
		wire, id, err := r.field()
		if err != nil {
			return err
		}
		if wire == wireStop {
			break
		}
		switch id {
		case 1:
			if err = r.once(&sized, at, wire, wireI32, "the batch's size"); err == nil {
				rows, err = r.length("the batch's size")
			}
		case 2:
			if err = r.once(&listed, at, wire, wireList, "the list of vectors"); err == nil {
				err = b.decodeVectors(r)
			}
		default:
			err = r.skip(wire, 0)
		}
		if err != nil {
			return err
		}
	}
	if left := len(r.b) - r.off; left > 0 {
		return fail(r.off, ErrTrailing, "%d bytes are left", left)
	}
	if !sized {
		return fail(0, ErrField, "the batch has no size")
	}
	if !listed {
		b.truncate(0)
	}
	return b.checkShape(rows)
}

// decodeVectors decodes the list of columns.
func (b *Batch) decodeVectors(r *reader) *DecodeError {
	at := r.off
	n, err := r.list(wireStruct, minVectorBytes, "the list of vectors")
	if err != nil {
		return err
	}
	if b.fields != nil && n != len(b.fields) && n != 0 {
		return fail(at, ErrColumns, "the batch has %d columns, the metadata %d", n, len(b.fields))
	}
	b.extend(n)
	for i := range n {
		c := &b.columns[i]
		c.number, c.field = i, nil
		if b.fields != nil {
			c.field = &b.fields[i]
		}
		if err := c.decode(r); err != nil {
			err.Column = i
			return err
		}
	}
	b.truncate(n)
	return nil
}

// extend makes room for n columns, which keep the memory of earlier ones. The
// number has been checked against what is left of the input.
func (b *Batch) extend(n int) {
	if n > cap(b.columns) {
		columns := make([]Column, n)
		copy(columns, b.columns[:cap(b.columns)])
		b.columns = columns
	}
	b.columns = b.columns[:max(n, len(b.columns))]
}

// checkShape compares the columns with the batch's own number of rows, which
// may stand behind them.
func (b *Batch) checkShape(rows int) *DecodeError {
	if len(b.columns) == 0 {
		if rows > 0 {
			return fail(0, ErrColumns, "the batch has %d rows and no columns", rows)
		}
	}
	for i := range b.columns {
		if c := &b.columns[i]; c.rows != rows {
			err := fail(c.at, ErrRows, "the vector has %d rows, the batch %d", c.rows, rows)
			err.Column = i
			return err
		}
	}
	b.rows = rows
	return nil
}

// once checks the head of a known field: its wire type, and that it has not occurred
// before.
func (r *reader) once(seen *bool, at int, got, want byte, what string) *DecodeError {
	if *seen {
		return fail(at, ErrField, "%s is given twice", what)
	}
	*seen = true
	if got != want {
		return fail(at, ErrType, "%s has the wire type %d, not %d", what, got, want)
	}
	return nil
}

// numberName names a column that has no field.
func numberName(i int) string { return strconv.Itoa(i) }
