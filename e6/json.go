package e6

import (
	"database/sql"
	"fmt"
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
