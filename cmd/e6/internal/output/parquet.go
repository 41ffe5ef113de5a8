package output

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"math/big"

	"github.com/parquet-go/parquet-go"

	"github.com/e6data/e6data-go/e6/vector"
)

// rowGroup is how many rows a row group of a Parquet file has at the most. One is kept
// in memory.
const rowGroup = 100_000

// parquetWriter writes a result as a Parquet file. The scale of a decimal column is
// that of its first value, as engines declare none.
type parquetWriter struct {
	w       *bufio.Writer
	fields  []vector.Field
	columns []parquetColumn
	file    *parquet.GenericWriter[any]
	rows    []parquet.Row
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

// begin makes the schema, with the first batch, if there is one.
func (p *parquetWriter) begin(first *vector.Batch) {
	group := parquet.Group{}
	names := distinct(p.fields)
	p.columns = make([]parquetColumn, len(p.fields))
	for i, f := range p.fields {
		var c *vector.Column
		if first != nil {
			c = first.Column(i)
		}
		p.columns[i] = parquetColumnOf(f, c)
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
}

// orderedGroup is a group whose fields have the order of the columns, and not that of
// the alphabet.
type orderedGroup struct {
	parquet.Group
	fields []parquet.Field
}

func (g orderedGroup) Fields() []parquet.Field { return g.fields }

func (p *parquetWriter) Batch(b *vector.Batch) error {
	if p.file == nil {
		p.begin(b)
	}
	p.rows = p.rows[:0]
	for row := range b.Rows() {
		cells := make(parquet.Row, len(p.columns))
		for i := range cells {
			c := b.Column(i)
			if c.IsNull(row) {
				cells[i] = parquet.NullValue().Level(0, 0, i)
				continue
			}
			v, err := p.columns[i].value(c, row)
			if err != nil {
				return fmt.Errorf("column %s: %s: %w", p.fields[i].Name, c.Text(row), err)
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
		p.begin(nil)
	}
	return p.file.Close()
}

var errOtherType = errors.New("the engine declared another type than it sends")

// parquetColumnOf chooses what a column becomes, by its declared type, or that of its
// first batch if that is not known.
func parquetColumnOf(f vector.Field, c *vector.Column) parquetColumn {
	t := f.Type
	if t == vector.Other && c != nil {
		t = c.Type()
	}
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
			if c.Type() != vector.Integer {
				return parquet.Value{}, errOtherType
			}
			return parquet.Int32Value(c.Int32(row)), nil
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
		return parquetColumn{parquet.Leaf(parquet.ByteArrayType), textual}
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
	case vector.Decimal128:
		return decimalColumn(scaleOf(c))
	case vector.Array, vector.Map, vector.Struct:
		return parquetColumn{parquet.JSON(), textual}
	}
	return parquetColumn{parquet.String(), textual}
}

// textual is a value as its bytes.
func textual(c *vector.Column, row int) (parquet.Value, error) {
	switch c.Type() {
	case vector.String, vector.Binary, vector.Array, vector.Map, vector.Struct:
		return parquet.ByteArrayValue([]byte(c.Str(row))), nil
	}
	return parquet.ByteArrayValue([]byte(c.Text(row))), nil
}

// scaleOf is the scale of the first decimal of a column.
func scaleOf(c *vector.Column) int32 {
	if c == nil || c.Type() != vector.Decimal128 {
		return 0
	}
	for row := range c.Len() {
		if !c.IsNull(row) {
			return max(0, c.Decimal(row).Scale())
		}
	}
	return 0
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
