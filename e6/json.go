package e6

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// JSON returns a sql.Scanner that reads an ARRAY, a MAP or a STRUCT into dest, a
// pointer to a slice, a map or a struct, as encoding/json does. A null sets dest to
// its zero value. It is for database/sql, which gives such values as text:
// Rows.Scan and QueryAll need no help.
//
//	var tags []string
//	err := row.Scan(&id, e6.JSON(&tags))
func JSON(dest any) sql.Scanner { return jsonScanner{dest} }

type jsonScanner struct{ dest any }

// Scan implements sql.Scanner.
func (s jsonScanner) Scan(src any) error {
	var text []byte
	switch v := src.(type) {
	case nil:
		text = []byte("null")
	case string:
		text = []byte(v)
	case []byte:
		text = v
	default:
		return fmt.Errorf("e6: a %T is no ARRAY, MAP or STRUCT", src)
	}
	if err := unmarshalNested(text, s.dest); err != nil {
		return fmt.Errorf("e6: into %T: %w", s.dest, err)
	}
	return nil
}

// unmarshalNested reads JSON into a value of its own first: encoding/json leaves
// what a map or a struct holds from the row before, and half of a value that it
// cannot read. Numbers that go into an any keep their digits.
func unmarshalNested(text []byte, dest any) error {
	into := reflect.ValueOf(dest)
	if into.Kind() != reflect.Pointer || into.IsNil() {
		return errNoPointer
	}
	fresh := reflect.New(into.Type().Elem())
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	err := decoder.Decode(fresh.Interface())
	if err == nil && decoder.InputOffset() < int64(len(bytes.TrimRight(text, " \t\r\n"))) {
		err = errors.New("something follows the value")
	}
	if err != nil {
		return fmt.Errorf("the value is not the JSON that the destination needs: %w: scan into *string for the text", err)
	}
	into.Elem().Set(fresh.Elem())
	return nil
}
