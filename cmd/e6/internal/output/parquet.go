package output

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"math/big"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/internal/visible"
)

// rowGroup is how many rows a row group of a Parquet file has at the most. One is kept
// in memory.
const rowGroup = 100_000

// parquetWriter writes a result as a Parquet file. The scale of a decimal column is
// the one that is declared, or that of its first value. While it is not known, batches
// are held back, up to a row group; a column that has only nulls until then is text.
type parquetWriter struct {
	w       *bufio.Writer
	fields  []vector.Field
	columns []parquetColumn
	file    *parquet.GenericWriter[any]
	rows    []parquet.Row
	held    []*vector.Batch
	count   int64 // rows that were written
}

// parquetColumn is what becomes of a column.
type parquetColumn struct {
	node  parquet.Node
	value func(c *vector.Column, row int) (parquet.Value, error)
}

func (p *parquetWriter) Begin(fields []vector.Field) error {
	if len(fields) == 0 {
		return errors.New("the result has no columns, which a Parquet file must have")
	}
	p.fields = fields
	return nil
}

// begin makes the schema, with the batches that were held back. They are all if the
// result has ended.
func (p *parquetWriter) begin(ended bool) error {
	group := parquet.Group{}
	names := distinct(p.fields)
	p.columns = make([]parquetColumn, len(p.fields))
	for i, f := range p.fields {
		if !utf8.ValidString(f.Name) {
			return fmt.Errorf("column %d: the name %s: %s", i+1, visible.Line(f.Name), notUTF8("Parquet"))
		}
		p.columns[i] = p.column(i, ended)
		group[names[i]] = parquet.Optional(p.columns[i].node)
	}
	byName := map[string]parquet.Field{}
	for _, f := range group.Fields() {
		byName[f.Name()] = f
	}
	ordered := orderedGroup{Group: group}
	for _, name := range names {
		ordered.fields = append(ordered.fields, byName[name])
	}
	p.file = parquet.NewGenericWriter[any](p.w, parquet.NewSchema("result", ordered), parquet.Compression(&parquet.Zstd),
		parquet.MaxRowsPerRowGroup(rowGroup), parquet.CreatedBy("e6data-go", "", ""))
	for _, b := range p.held {
		if err := p.write(b); err != nil {
			return err
		}
	}
	p.held = nil
	return nil
}

// column is what becomes of a column.
func (p *parquetWriter) column(i int, ended bool) parquetColumn {
	t := p.typeOf(i)
	if t != vector.Decimal128 {
		return parquetColumnOf(t)
	}
	scale, known := p.scale(i)
	if !known && !ended {
		return parquetColumnOf(vector.String)
	}
	return decimalColumn(max(0, scale))
}

// typeOf is the type of a column: the one that is declared, or that of its first batch
// if that is not known. Of a column of nothing but nulls, anything may follow.
func (p *parquetWriter) typeOf(i int) vector.Type {
	t := p.fields[i].Type
	if t == vector.Other && len(p.held) > 0 {
		t = p.held[0].Column(i).Type()
	}
	if t == vector.Null {
		return vector.String
	}
	return t
}

// scale is the scale of a column of decimals, and false if it is not known yet.
func (p *parquetWriter) scale(i int) (scale int32, known bool) {
	if scale, known = p.fields[i].DecimalScale(); known {
		return scale, true
	}
	for _, b := range p.held {
		if scale, known = b.Column(i).DecimalScale(); known {
			return scale, true
		}
	}
	return 0, false
}

// settled reports whether the types of all columns are known.
func (p *parquetWriter) settled() bool {
	for i := range p.fields {
		if p.typeOf(i) != vector.Decimal128 {
			continue
		}
		if _, known := p.scale(i); !known {
			return false
		}
	}
	return true
}

// orderedGroup is a group whose fields have the order of the columns, and not that of
// the alphabet.
type orderedGroup struct {
	parquet.Group
	fields []parquet.Field
}

func (g orderedGroup) Fields() []parquet.Field { return g.fields }

func (p *parquetWriter) Batch(b *vector.Batch) error {
	if p.file != nil {
		return p.write(b)
	}
	p.held = append(p.held, b)
	rows := 0
	for _, b := range p.held {
		rows += b.Rows()
	}
	if rows < rowGroup && !p.settled() {
		return nil
	}
	return p.begin(false)
}

func (p *parquetWriter) write(b *vector.Batch) error {
	p.rows = p.rows[:0]
	for row := range b.Rows() {
		p.count++
		cells := make(parquet.Row, len(p.columns))
		for i := range cells {
			c := b.Column(i)
			if c.IsNull(row) {
				cells[i] = parquet.NullValue().Level(0, 0, i)
				continue
			}
			v, err := p.columns[i].value(c, row)
			if err != nil {
				return &ValueError{Column: p.fields[i].Name, Row: p.count, Value: c.Text(row), Problem: err.Error()}
			}
			cells[i] = v.Level(0, 1, i)
		}
		p.rows = append(p.rows, cells)
	}
	_, err := p.file.WriteRows(p.rows)
	return err
}

func (p *parquetWriter) End(bool) error {
	if p.file == nil {
		if err := p.begin(true); err != nil {
			return err
		}
	}
	return p.file.Close()
}

var errOtherType = errors.New("the engine declared another type than it sends: cast it in the statement")

// parquetColumnOf is what a column of a type becomes, other than a decimal.
func parquetColumnOf(t vector.Type) parquetColumn {
	switch t {
	case vector.Boolean:
		return parquetColumn{parquet.Leaf(parquet.BooleanType), func(c *vector.Column, row int) (parquet.Value, error) {
			if c.Type() != vector.Boolean {
				return parquet.Value{}, errOtherType
			}
			return parquet.BooleanValue(c.Bool(row)), nil
		}}
	case vector.Byte, vector.Short, vector.Integer:
		return parquetColumn{parquet.Int(32), func(c *vector.Column, row int) (parquet.Value, error) {
			if c.Type() != vector.Integer && c.Type() != vector.Long {
				return parquet.Value{}, errOtherType
			}
			n := c.Int64(row)
			if n < math.MinInt32 || n > math.MaxInt32 {
				return parquet.Value{}, errOtherType
			}
			return parquet.Int32Value(int32(n)), nil
		}}
	case vector.Long:
		return parquetColumn{parquet.Int(64), func(c *vector.Column, row int) (parquet.Value, error) {
			if c.Type() != vector.Long && c.Type() != vector.Integer {
				return parquet.Value{}, errOtherType
			}
			return parquet.Int64Value(c.Int64(row)), nil
		}}
	case vector.Float, vector.Double:
		return parquetColumn{parquet.Leaf(parquet.DoubleType), func(c *vector.Column, row int) (parquet.Value, error) {
			if c.Type() != vector.Float && c.Type() != vector.Double {
				return parquet.Value{}, errOtherType
			}
			return parquet.DoubleValue(c.Float64(row)), nil
		}}
	case vector.Binary:
		return parquetColumn{parquet.Leaf(parquet.ByteArrayType), binary}
	case vector.Date:
		return parquetColumn{parquet.Date(), func(c *vector.Column, row int) (parquet.Value, error) {
			if c.Type() != vector.Date {
				return parquet.Value{}, errOtherType
			}
			days := c.Date(row).Days
			if days < math.MinInt32 || days > math.MaxInt32 {
				return parquet.Value{}, errors.New("the day is too far away for Parquet: cast it to a text")
			}
			return parquet.Int32Value(int32(days)), nil
		}}
	case vector.Datetime, vector.Timestamp, vector.Int96, vector.TimestampTZ:
		return parquetColumn{parquet.TimestampAdjusted(parquet.Microsecond, t == vector.TimestampTZ), func(c *vector.Column, row int) (parquet.Value, error) {
			switch c.Type() {
			case vector.Datetime, vector.Timestamp, vector.Int96, vector.TimestampTZ:
				return parquet.Int64Value(c.Timestamp(row).Micros), nil
			}
			return parquet.Value{}, errOtherType
		}}
	case vector.Array, vector.Map, vector.Struct:
		return parquetColumn{parquet.JSON(), textual}
	}
	return parquetColumn{parquet.String(), textual}
}

// binary is a value as its bytes.
func binary(c *vector.Column, row int) (parquet.Value, error) {
	switch c.Type() {
	case vector.String, vector.Binary, vector.Array, vector.Map, vector.Struct:
		return parquet.ByteArrayValue([]byte(c.Str(row))), nil
	}
	return parquet.Value{}, errOtherType
}

// textual is a value as text, which is UTF-8 in Parquet.
func textual(c *vector.Column, row int) (parquet.Value, error) {
	text := c.Text(row)
	if c.Type() == vector.Binary {
		text = c.Str(row)
	}
	if !utf8.ValidString(text) {
		return parquet.Value{}, errors.New(notUTF8("Parquet"))
	}
	return parquet.ByteArrayValue([]byte(text)), nil
}

// digits is how many a decimal of Parquet has here.
const digits = 38

func decimalColumn(scale int32) parquetColumn {
	scale = min(scale, digits)
	most := new(big.Int).Exp(big.NewInt(10), big.NewInt(digits), nil)
	return parquetColumn{parquet.Decimal(int(scale), digits, parquet.FixedLenByteArrayType(16)), func(c *vector.Column, row int) (parquet.Value, error) {
		if c.Type() != vector.Decimal128 {
			return parquet.Value{}, errOtherType
		}
		d := c.Decimal(row)
		n := new(big.Rat).Mul(d.Rat(), new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)))
		if !n.IsInt() || new(big.Int).Abs(n.Num()).Cmp(most) >= 0 {
			return parquet.Value{}, fmt.Errorf("it does not fit a decimal of %d digits, of which %d behind the point, as the first one had: cast it in the statement", digits, scale)
		}
		twos := new(big.Int).Set(n.Num())
		if twos.Sign() < 0 {
			twos.Add(twos, new(big.Int).Lsh(big.NewInt(1), 128))
		}
		return parquet.FixedLenByteArrayValue(twos.FillBytes(make([]byte, 16))), nil
	}}
}
