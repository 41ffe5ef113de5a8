package vector

import (
	"database/sql"
	"database/sql/driver"
	"encoding"
	"encoding/json"
	"fmt"
	"strconv"
)

var (
	_ sql.Scanner              = (*Decimal)(nil)
	_ driver.Valuer            = Decimal{}
	_ encoding.TextMarshaler   = Decimal{}
	_ encoding.TextUnmarshaler = (*Decimal)(nil)
	_ json.Unmarshaler         = (*Decimal)(nil)
)

// Scan implements sql.Scanner: it takes text and whole numbers. A float is
// refused, as it is not exact, and so is a null, which sql.Null[Decimal] takes.
func (d *Decimal) Scan(src any) error {
	switch v := src.(type) {
	case string:
		return d.UnmarshalText([]byte(v))
	case []byte:
		return d.UnmarshalText(v)
	case int64:
		return d.UnmarshalText(strconv.AppendInt(nil, v, 10))
	case Decimal:
		*d = v
		return nil
	case nil:
		return fmt.Errorf("vector: scan a decimal: the value is null: use sql.Null[vector.Decimal] or a pointer")
	}
	return fmt.Errorf("vector: scan a decimal: a %T is not exact: want text or a whole number", src)
}

// Value implements driver.Valuer with the text of the number.
func (d Decimal) Value() (driver.Value, error) { return d.String(), nil }

// MarshalText implements encoding.TextMarshaler with the same text as String, so
// that other decimal types can read it.
func (d Decimal) MarshalText() ([]byte, error) { return d.appendText(nil), nil }

// UnmarshalText implements encoding.TextUnmarshaler as ParseDecimal does.
func (d *Decimal) UnmarshalText(text []byte) error {
	parsed, err := ParseDecimal(string(text))
	if err == nil {
		*d = parsed
	}
	return err
}

// UnmarshalJSON implements json.Unmarshaler. It takes a number, as decimals inside
// arrays, maps and structs come, and a string, as MarshalText makes one; a null
// leaves the decimal as it is.
func (d *Decimal) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return nil
	}
	if len(text) > 0 && text[0] == '"' {
		var s string
		if err := json.Unmarshal(text, &s); err != nil {
			return err
		}
		text = []byte(s)
	}
	return d.UnmarshalText(text)
}
