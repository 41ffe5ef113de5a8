package vector

import (
	"encoding/hex"
	"strconv"
	"time"
)

// Zone returns the zone of a row of a time column, as the engine sent it: the
// row's own, else the vector's, else the one that the metadata declares. It is
// empty if there is none, which is UTC, and for columns of other types.
func (c *Column) Zone(row int) string {
	c.check(row)
	if !c.isTime() {
		return ""
	}
	if c.zones.len() > 0 {
		if zone := c.zones.at(c.index(row)); zone != "" {
			return zone
		}
	}
	if c.zone != "" || c.field == nil {
		return c.zone
	}
	return c.field.Zone
}

func (c *Column) isTime() bool {
	return c.typ == Datetime || c.typ == Timestamp || c.typ == TimestampTZ || c.typ == Int96
}

// Date returns the value of a row of a DATE column, 1970-01-01 if it is null.
func (c *Column) Date(row int) DateValue {
	if c.IsNull(row) {
		return DateValue{}
	}
	return dateOf(c.int64s[c.index(row)])
}

// Timestamp returns the value of a row of a DATETIME, TIMESTAMP, TIMESTAMP_TZ or
// INT96 column, the epoch if it is null.
func (c *Column) Timestamp(row int) TimestampValue {
	if c.IsNull(row) {
		return TimestampValue{}
	}
	return TimestampValue{Micros: c.int64s[c.index(row)], Zone: c.Zone(row)}
}

// Time returns the value of a row of a DATE column, as the beginning of the day
// in UTC, or of a time column, in its zone. It fails if the zone is not known.
// If the row is null it returns the zero time.
func (c *Column) Time(row int) (time.Time, error) {
	switch {
	case c.IsNull(row):
		return time.Time{}, nil
	case c.typ == Date:
		return c.Date(row).Time()
	default:
		return c.Timestamp(row).Time()
	}
}

// DecimalScale returns the scale of a column of decimals: the one that the metadata
// declares, else that of the vector, which it has even if all its rows are null, else
// that of the first value. It is false if none of them is there.
func (c *Column) DecimalScale() (scale int32, known bool) {
	if scale, known = c.Field().DecimalScale(); known {
		return scale, true
	}
	if c.scaled || c.typ != Decimal128 {
		return c.scale, c.scaled
	}
	for row := range c.rows {
		if !c.IsNull(row) {
			return c.Decimal(row).Scale(), true
		}
	}
	return 0, false
}

// Value returns the value of a row: nil if it is null, and otherwise
//
//	BOOLEAN                                   bool
//	INTEGER                                   int32
//	LONG                                      int64
//	FLOAT, DOUBLE                             float64
//	STRING, ARRAY, MAP, STRUCT                string, a view of the input
//	BINARY                                    []byte, a copy
//	DATE                                      DateValue
//	DATETIME, TIMESTAMP, TIMESTAMP_TZ, INT96  TimestampValue
//	DECIMAL128                                Decimal
func (c *Column) Value(row int) any {
	if c.IsNull(row) {
		return nil
	}
	i := c.index(row)
	switch c.typ {
	case Boolean:
		return c.bools[i]
	case Integer:
		return c.int32s[i]
	case Long:
		return c.int64s[i]
	case Float, Double:
		return c.floats[i]
	case Binary:
		return []byte(c.strings.at(i))
	case Date:
		return c.Date(row)
	case Datetime, Timestamp, TimestampTZ, Int96:
		return c.Timestamp(row)
	case Decimal128:
		return c.decimals[i]
	default:
		return c.strings.at(i)
	}
}

// Text returns the value of a row as text, empty if it is null: numbers exactly
// (floats in the shortest form that reads back as the same number), BINARY in
// lower case hexadecimal, dates and times as their String methods write them.
func (c *Column) Text(row int) string {
	if c.IsNull(row) {
		return ""
	}
	i := c.index(row)
	switch c.typ {
	case Boolean:
		return strconv.FormatBool(c.bools[i])
	case Integer:
		return strconv.FormatInt(int64(c.int32s[i]), 10)
	case Long:
		return strconv.FormatInt(c.int64s[i], 10)
	case Float, Double:
		return strconv.FormatFloat(c.floats[i], 'g', -1, 64)
	case Binary:
		return hex.EncodeToString([]byte(c.strings.at(i)))
	case Date:
		return c.Date(row).String()
	case Datetime, Timestamp, TimestampTZ, Int96:
		return c.Timestamp(row).String()
	case Decimal128:
		return c.decimals[i].String()
	default:
		return c.strings.at(i)
	}
}
