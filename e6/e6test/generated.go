package e6test

import (
	"fmt"
	"math/big"
	"strconv"
	"time"

	"github.com/e6data/e6data-go/e6/vector"
)

// numbers is the table function of that name.
func numbers(n int) Result {
	return &cannedResult{
		fields: []vector.Field{{Name: "n", Type: vector.Long}, {Name: "text", Type: vector.String}},
		rows:   n,
		make: func(from, to int) *Batch {
			ns, texts := make([]int64, 0, to-from), make([]string, 0, to-from)
			for i := from; i < to; i++ {
				ns, texts = append(ns, int64(i)), append(texts, NumbersText(i))
			}
			return &Batch{Rows: to - from, Columns: []Column{
				{Type: vector.Long, Nulls: make([]bool, to-from), Ints: ns}, {Type: vector.String, Nulls: make([]bool, to-from), Strings: texts}}}
		},
	}
}

// NumbersText is the second column of row i of numbers(n). The first one is i.
func NumbersText(i int) string { return "row " + strconv.Itoa(i) }

// generator makes one column of everything(n).
type generator struct {
	field vector.Field
	add   func(c *Column, row int)
	text  func(row int) string
}

// isNull reports whether a row of a column of everything(n) is null: each column has others.
func isNull(column, row int) bool { return (row+column)%7 == 3 }

var zones = []string{"Z", "+05:30", "-08:00"}

func instant(row int) time.Time { return time.UnixMicro(int64(row-5) * 86_399_123_457).UTC() }

// decimalOf is a decimal of up to 38 digits with two behind the point.
func decimalOf(row int) *big.Int {
	n, _ := new(big.Int).SetString("12345678901234567890123456789012345678", 10)
	n.Sub(n, big.NewInt(int64(row)))
	if row%2 == 1 {
		n.Neg(n)
	}
	return n
}

func text(kind vector.Type, name string, of func(row int) string) generator {
	return generator{vector.Field{Name: name, Type: kind}, func(c *Column, row int) { c.Strings = append(c.Strings, of(row)) }, of}
}

func ints(kind vector.Type, name string, of func(row int) int64) generator {
	return generator{vector.Field{Name: name, Type: kind},
		func(c *Column, row int) { c.Ints = append(c.Ints, of(row)) },
		func(row int) string { return strconv.FormatInt(of(row), 10) }}
}

func floats(kind vector.Type, name string, of func(row int) float64) generator {
	return generator{vector.Field{Name: name, Type: kind},
		func(c *Column, row int) { c.Floats = append(c.Floats, of(row)) },
		func(row int) string { return strconv.FormatFloat(of(row), 'g', -1, 64) }}
}

const rfc3339Micros = "2006-01-02T15:04:05.000000Z07:00"

func times(kind vector.Type, name string) generator {
	return generator{vector.Field{Name: name, Type: kind},
		func(c *Column, row int) { c.Ints = append(c.Ints, instant(row).UnixMicro()) },
		func(row int) string { return instant(row).Format(rfc3339Micros) }}
}

// generators are the columns of everything(n).
var generators = []generator{
	ints(vector.Long, "l", func(row int) int64 { return int64(row) * 1_000_000_007 }),
	ints(vector.Integer, "i", func(row int) int64 { return int64(int32(row * -31)) }),
	floats(vector.Double, "d", func(row int) float64 { return float64(row) / 3 }),
	floats(vector.Float, "f", func(row int) float64 { return float64(float32(row) / 8) }),
	{vector.Field{Name: "b", Type: vector.Boolean},
		func(c *Column, row int) { c.Bools = append(c.Bools, row%2 == 0) },
		func(row int) string { return strconv.FormatBool(row%2 == 0) }},
	text(vector.String, "s", func(row int) string { return fmt.Sprintf("naïve '%d' 🚀", row) }),
	{vector.Field{Name: "bin", Type: vector.Binary},
		func(c *Column, row int) { c.Strings = append(c.Strings, string([]byte{0, 0xFF, byte(row)})) },
		func(row int) string { return fmt.Sprintf("00ff%02x", byte(row)) }},
	{vector.Field{Name: "day", Type: vector.Date},
		func(c *Column, row int) { c.Ints = append(c.Ints, int64(row-3)*86_400_000_000) },
		func(row int) string { return time.Unix(int64(row-3)*86_400, 0).UTC().Format(time.DateOnly) }},
	times(vector.Datetime, "t"),
	times(vector.Timestamp, "ts"),
	times(vector.Int96, "i96"),
	{vector.Field{Name: "tz", Type: vector.TimestampTZ},
		func(c *Column, row int) {
			c.Ints = append(c.Ints, instant(row).UnixMicro())
			c.Zones = append(c.Zones, zones[row%len(zones)])
		},
		func(row int) string {
			offset := []int{0, 19_800, -28_800}[row%3]
			return instant(row).In(time.FixedZone("", offset)).Format(rfc3339Micros)
		}},
	{vector.Field{Name: "dec", Type: vector.Decimal128},
		func(c *Column, row int) {
			scale := int32(2)
			c.Scale = &scale
			c.Decimals = append(c.Decimals, TwosComplement(decimalOf(row)))
		},
		func(row int) string {
			digits := decimalOf(row).String()
			return digits[:len(digits)-2] + "." + digits[len(digits)-2:]
		}},
	text(vector.Array, "a", func(row int) string { return fmt.Sprintf("[%d,null]", row) }),
	text(vector.Map, "m", func(row int) string { return fmt.Sprintf(`{"k":%d}`, row) }),
	text(vector.Struct, "r", func(row int) string { return fmt.Sprintf(`{"x":%d,"y":[true]}`, row) }),
}

// EverythingColumns is the number of columns of everything(n). The last two are
// a constant and a column of nulls.
func EverythingColumns() int { return len(generators) + 2 }

// EverythingText is a value of everything(n) as text, in the spelling of
// vector.Column.Text, and false for a null.
func EverythingText(column, row int) (string, bool) {
	switch {
	case column == len(generators):
		return "same", true
	case column > len(generators) || isNull(column, row):
		return "", false
	}
	return generators[column].text(row), true
}

// everything is the table function of that name.
func everything(n int) Result {
	fields := make([]vector.Field, 0, EverythingColumns())
	for _, g := range generators {
		fields = append(fields, g.field)
	}
	fields = append(fields, vector.Field{Name: "c", Type: vector.String}, vector.Field{Name: "n", Type: vector.Null})
	return &cannedResult{fields: fields, rows: n, make: func(from, to int) *Batch {
		b := &Batch{Rows: to - from}
		for i, g := range generators {
			c := Column{Type: g.field.Type}
			for row := from; row < to; row++ {
				c.Nulls = append(c.Nulls, isNull(i, row))
				g.add(&c, row)
			}
			b.Columns = append(b.Columns, c)
		}
		b.Columns = append(b.Columns,
			Column{Type: vector.String, Constant: true, Nulls: []bool{false}, Strings: []string{"same"}},
			Column{Type: vector.Null, Constant: true, Nulls: []bool{true}})
		return b
	}}
}
