package sqlvalue

import (
	"database/sql/driver"
	"slices"
	"unsafe"

	"github.com/e6data/e6data-go/e6/vector"
)

// A RowWindow converts rows of a batch to driver.Values. It converts a window of rows column
// by column, so that it selects the conversion of a type once per column and window. The
// zero value is ready to use. It is for one goroutine.
type RowWindow struct {
	batch    *vector.Batch
	from, to int
	columns  []columnValues
}

// CopyRow copies the values of one row into dest, which has an element for each column. A
// whole row costs a fraction of its values one by one.
func (w *RowWindow) CopyRow(b *vector.Batch, row int, dest []driver.Value) *ValueError {
	if w.batch != b || row < w.from || row >= w.to {
		if err := w.fill(b, row); err != nil {
			return err
		}
	}
	for c := range dest {
		w.columns[c].value(row-w.from, &dest[c])
	}
	return nil
}

// Reset forgets the batch, whose memory is going to hold other rows.
func (w *RowWindow) Reset() { w.batch = nil }

// windowRows is how many rows are converted at once. It is large enough that the work per
// column does not matter, and small enough that a caller who keeps one value keeps few
// others alive.
const windowRows = 256

// fill converts the rows that begin at from. The window ends before the first row that
// cannot be converted; fill returns an error if that is the row at from.
func (w *RowWindow) fill(b *vector.Batch, from int) *ValueError {
	n := min(windowRows, b.Rows()-from)
	if len(w.columns) != b.NumColumns() {
		w.columns = make([]columnValues, b.NumColumns())
	}
	w.batch = nil
	for i := range w.columns {
		done, err := w.columns[i].convert(b.Column(i), from, n)
		if n = done; n == 0 {
			return &ValueError{Column: i, Row: from, Dest: "a driver.Value", Err: err}
		}
	}
	w.batch, w.from, w.to = b, from, from+n
	return nil
}

// columnValues are the values of one column in a window: as interfaces, or in a slab of
// their own type, which saves an allocation per value.
type columnValues struct {
	values []driver.Value

	typ, slab unsafe.Pointer
	size      uintptr
	nulls     []bool // nil if no value is null
}

// value sets *to to a value, as an interface that points into the slab.
func (v *columnValues) value(i int, to *driver.Value) {
	switch {
	case v.slab == nil:
		*to = v.values[i]
	case v.nulls != nil && v.nulls[i]:
		*to = nil
	default:
		*(*words)(unsafe.Pointer(to)) = words{v.typ, unsafe.Add(v.slab, uintptr(i)*v.size)}
	}
}

// words is the memory layout of an interface value without methods: its type, and a
// pointer to its value.
type words struct{ typ, data unsafe.Pointer }

// fill makes v point to a slab, which must not be changed afterwards. T is not a pointer,
// because an interface holds a pointer itself and not its address.
func fill[T int64 | float64 | string](v *columnValues, slab []T) {
	var one any = slab[0]
	v.typ, v.slab, v.size = (*words)(unsafe.Pointer(&one)).typ, unsafe.Pointer(&slab[0]), unsafe.Sizeof(slab[0])
}

// convert converts n rows of a column that begin at from. It returns how many it could
// convert, and an error if these are fewer.
func (v *columnValues) convert(col *vector.Column, from, n int) (int, error) {
	if col.Constant() {
		return v.convertEach(col, from, n)
	}
	switch col.Type() {
	case vector.Long:
		fill(v, slices.Clone(col.Int64s()[from:from+n]))
	case vector.Integer:
		wide := make([]int64, n)
		for i, n := range col.Int32s()[from : from+n] {
			wide[i] = int64(n)
		}
		fill(v, wide)
	case vector.Float, vector.Double:
		fill(v, slices.Clone(col.Float64s()[from:from+n]))
	case vector.String, vector.Array, vector.Map, vector.Struct:
		texts := make([]string, n)
		for i := range texts {
			texts[i] = col.Str(from + i)
		}
		fill(v, texts)
	default:
		return v.convertEach(col, from, n)
	}
	if v.nulls = col.Nulls(); v.nulls != nil {
		v.nulls = v.nulls[from : from+n]
	}
	return n, nil
}

// convertEach is convert for types that have no slab.
func (v *columnValues) convertEach(col *vector.Column, from, n int) (int, error) {
	v.slab = nil
	v.values = slices.Grow(v.values[:0], n)[:n]
	for i := range v.values {
		one, err := DriverValue(col, from+i)
		if err != nil {
			return i, err
		}
		v.values[i] = one
	}
	return n, nil
}
