package vector

import (
	"fmt"
	"strconv"
	"strings"
)

// Type is the type of a column as the engine names it. The list of types is
// open: an engine may name one that is not here, which is Other; its name is
// kept in Field.TypeName.
type Type uint8

// The types of the wire protocol. The vectors of a batch carry the types from
// Binary to Decimal128 by number; the remaining ones occur in metadata only.
const (
	Other Type = iota
	Binary
	Boolean
	Double
	Float
	Int96
	Integer
	Long
	String
	Date
	Datetime
	Timestamp
	Struct
	Map
	Array
	Null
	TimestampTZ
	Decimal128
	Short
	Byte
	Char
)

var typeNames = [...]string{
	Other: "OTHER", Binary: "BINARY", Boolean: "BOOLEAN", Double: "DOUBLE", Float: "FLOAT",
	Int96: "INT96", Integer: "INTEGER", Long: "LONG", String: "STRING", Date: "DATE",
	Datetime: "DATETIME", Timestamp: "TIMESTAMP", Struct: "STRUCT", Map: "MAP", Array: "ARRAY",
	Null: "NULL", TimestampTZ: "TIMESTAMP_TZ", Decimal128: "DECIMAL128", Short: "SHORT",
	Byte: "BYTE", Char: "CHAR",
}

// String returns the engine's name of the type, such as TIMESTAMP_TZ.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("Type(%d)", uint8(t))
}

// ParseType returns the type of that name, and Other for a name that is not
// known. INT is another name of INTEGER, and DECIMAL, with or without its precision
// and scale, of DECIMAL128.
func ParseType(name string) Type {
	switch base, _, _ := strings.Cut(name, "("); strings.TrimSpace(base) {
	case "INT":
		return Integer
	case "DECIMAL", "DECIMAL128":
		return Decimal128
	}
	for t, n := range typeNames {
		if n == name {
			return Type(t)
		}
	}
	return Other
}

// Field describes one column of a result, as its metadata declares it.
type Field struct {
	// Name is the column's name.
	Name string
	// Type is the declared type, or Other if its name is not known here.
	Type Type
	// TypeName is the declared type as the engine spelled it.
	TypeName string
	// Zone is the column's time zone, often empty.
	Zone string
	// Format is the column's format, often empty.
	Format string
}

// DecimalScale returns the scale that the metadata declares for a column of decimals,
// in its type or its format: 2 for DECIMAL(10,2). It is false if there is none. Mostly
// there is none: the engine sends the scale with the values. See Column.DecimalScale.
func (f Field) DecimalScale() (scale int32, known bool) {
	if f.Type != Decimal128 {
		return 0, false
	}
	for _, text := range [...]string{f.TypeName, f.Format} {
		_, digits, _ := strings.Cut(text, "(")
		digits, _, _ = strings.Cut(digits, ")")
		_, digits, found := strings.Cut(digits, ",")
		if n, err := strconv.Atoi(strings.TrimSpace(digits)); found && err == nil && n >= 0 && n <= MaxScale {
			return int32(n), true
		}
	}
	return 0, false
}
