package e6arrow

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/e6data/e6data-go/e6/vector"
)

// Option changes how values become Arrow's.
type Option func(*options)

type options struct{ decimalsAsText bool }

// DecimalsAsText converts decimals to utf8, with all their digits. The values of a column may
// have different scales.
func DecimalsAsText() Option { return func(o *options) { o.decimalsAsText = true } }

func newOptions(opts []Option) (o options) {
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// TypeKey is the key of a field's metadata that holds the engine's name of its type.
const TypeKey = "e6.type"

// Schema returns the schema of a result with those fields. The first batch, which may
// be nil, determines the scale of decimals, and the types of columns whose declared type
// is not known. Decimals without a scale in it, because all of them are null, get
// the scale 0: a Reader looks at later batches too.
func Schema(fields []vector.Field, first *vector.Batch, opts ...Option) *arrow.Schema {
	return newOptions(opts).schema(fields, first)
}

func (o options) schema(fields []vector.Field, first *vector.Batch) *arrow.Schema {
	list := make([]arrow.Field, len(fields))
	for i, f := range fields {
		var column *vector.Column
		if first != nil && i < first.NumColumns() {
			column = first.Column(i)
		}
		list[i] = arrow.Field{
			Name: f.Name, Type: o.typeOf(f, column), Nullable: true,
			Metadata: arrow.NewMetadata([]string{TypeKey}, []string{f.TypeName}),
		}
	}
	return arrow.NewSchema(list, nil)
}

// typeOf is the type of a column.
func (o options) typeOf(f vector.Field, column *vector.Column) arrow.DataType {
	t := f.Type
	if t == vector.Other && column != nil && column.Type() != vector.Null {
		t = column.Type() // of a column of nulls, anything may follow
	}
	switch t {
	case vector.Boolean:
		return arrow.FixedWidthTypes.Boolean
	case vector.Byte, vector.Short, vector.Integer:
		return arrow.PrimitiveTypes.Int32
	case vector.Long:
		return arrow.PrimitiveTypes.Int64
	case vector.Float, vector.Double:
		return arrow.PrimitiveTypes.Float64
	case vector.Binary:
		return arrow.BinaryTypes.Binary
	case vector.Date:
		return arrow.FixedWidthTypes.Date32
	case vector.Datetime, vector.Timestamp, vector.Int96:
		return &arrow.TimestampType{Unit: arrow.Microsecond}
	case vector.TimestampTZ:
		return arrow.FixedWidthTypes.Timestamp_us
	case vector.Decimal128:
		if o.decimalsAsText {
			return arrow.BinaryTypes.String
		}
		return &arrow.Decimal128Type{Precision: 38, Scale: scaleOf(f, column)}
	case vector.Null:
		return arrow.Null
	}
	return arrow.BinaryTypes.String
}

// scaleOf is the scale of a column of decimals, and 0 if it is not known.
func scaleOf(f vector.Field, column *vector.Column) int32 {
	scale, known := f.DecimalScale()
	if !known && column != nil {
		scale, _ = column.DecimalScale()
	}
	return min(max(0, scale), 38)
}

// ValueError reports a value that does not fit the type of its column.
type ValueError struct {
	// Column is the name of the column, Row the row within its batch, counted from 0.
	Column string
	Row    int
	// Value is the value as text, Type the type.
	Value string
	Type  arrow.DataType
	// Hint is the next step.
	Hint string
}

// Error implements error.
func (e *ValueError) Error() string {
	value := e.Value
	if len(value) > 64 {
		value = value[:64] + "..."
	}
	if !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
		value = strconv.Quote(value) // it may steer a terminal
	}
	return fmt.Sprintf("e6arrow: column %q, row %d: %s does not fit %s: %s", e.Column, e.Row, value, e.Type, e.Hint)
}
