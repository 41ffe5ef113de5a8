package e6

import (
	"database/sql/driver"
	"fmt"
	"slices"
	"unsafe"

	"github.com/e6data/e6data-go/e6/vector"
)

// DriverRow puts the values of the present row, as DriverValue returns them, into one
// destination for each column. A whole row at once costs a fraction of its values one
// by one. The error is a *ScanError.
func (r *Rows) DriverRow(dest []driver.Value) error {
	if r.batch == nil {
		return r.noRow()
	}
	if len(dest) != r.batch.NumColumns() {
		return fmt.Errorf("e6: driver row: %d destinations for %d columns", len(dest), r.batch.NumColumns())
	}
	if s := &r.stretch; s.batch != r.batch || r.row < s.from || r.row >= s.to {
		if err := s.fill(r.batch, r.row); err != nil {
			return r.place().of(err)
		}
	}
	i := r.row - r.stretch.from
	for c := range dest {
		r.stretch.columns[c].value(i, &dest[c])
	}
	return nil
}

// stretch is some rows of a batch as database/sql has them. They are converted column
// by column, so that the type of a value is looked at once for many.
type stretch struct {
	batch    *vector.Batch
	from, to int
	columns  []boxes
}

// stretchRows is how many rows are converted at once: enough for the work per column
// not to show, and few enough that a caller who keeps one value keeps no more than
// this many alive.
const stretchRows = 256

// fill converts rows from one on. It ends before a row that cannot be converted, and
// with an error if that is the first.
func (s *stretch) fill(b *vector.Batch, from int) *ScanError {
	n := min(stretchRows, b.Rows()-from)
	if len(s.columns) != b.NumColumns() {
		s.columns = make([]boxes, b.NumColumns())
	}
	s.batch = nil
	for i := range s.columns {
		done, err := s.columns[i].convert(b.Column(i), from, n)
		if n = done; n == 0 {
			return err
		}
	}
	s.batch, s.from, s.to = b, from, from+n
	return nil
}

// boxes are the values of one column in a stretch: as they are, or in a slab of their
// own type, which saves an allocation for each.
type boxes struct {
	values []driver.Value

	typ, slab unsafe.Pointer
	size      uintptr
	nulls     []bool // nil if no value is null
}

// value puts a value where it is wanted, as an interface that points into the slab.
func (b *boxes) value(i int, to *driver.Value) {
	switch {
	case b.slab == nil:
		*to = b.values[i]
	case b.nulls != nil && b.nulls[i]:
		*to = nil
	default:
		*(*words)(unsafe.Pointer(to)) = words{b.typ, unsafe.Add(b.slab, uintptr(i)*b.size)}
	}
}

// words is an interface value without methods, as the compiler lays it out: its type,
// and a pointer to what it holds.
type words struct{ typ, data unsafe.Pointer }

// fill makes b point to a slab, which nobody may write to afterwards. T is no pointer:
// an interface holds these as they are.
func fill[T int64 | float64 | string](b *boxes, slab []T) {
	var one any = slab[0]
	b.typ, b.slab, b.size = (*words)(unsafe.Pointer(&one)).typ, unsafe.Pointer(&slab[0]), unsafe.Sizeof(slab[0])
}

// convert converts n rows of a column from one on, and returns how many it could.
func (b *boxes) convert(col *vector.Column, from, n int) (int, *ScanError) {
	if col.Constant() {
		return b.convertEach(col, from, n)
	}
	switch col.Type() {
	case vector.Long:
		fill(b, slices.Clone(col.Int64s()[from:from+n]))
	case vector.Integer:
		wide := make([]int64, n)
		for i, v := range col.Int32s()[from : from+n] {
			wide[i] = int64(v)
		}
		fill(b, wide)
	case vector.Float, vector.Double:
		fill(b, slices.Clone(col.Float64s()[from:from+n]))
	case vector.String, vector.Array, vector.Map, vector.Struct:
		texts := make([]string, n)
		for i := range texts {
			texts[i] = col.Str(from + i)
		}
		fill(b, texts)
	default:
		return b.convertEach(col, from, n)
	}
	if b.nulls = col.Nulls(); b.nulls != nil {
		b.nulls = b.nulls[from : from+n]
	}
	return n, nil
}

// convertEach is convert for what has no faster way.
func (b *boxes) convertEach(col *vector.Column, from, n int) (int, *ScanError) {
	b.slab = nil
	b.values = slices.Grow(b.values[:0], n)[:n]
	for i := range b.values {
		v, err := driverValue(col, from+i)
		if err != nil {
			return i, failed(col, from+i, "a driver.Value", err)
		}
		b.values[i] = v
	}
	return n, nil
}
