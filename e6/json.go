package e6

import (
	"database/sql"
	"fmt"

	"github.com/e6data/e6data-go/e6/internal/sqlvalue"
)

// JSON returns a sql.Scanner that decodes an ARRAY, a MAP or a STRUCT into dest, a pointer to
// a slice, a map or a struct, as encoding/json does. A NULL sets dest to its zero value. It
// is for database/sql, which returns such values as text: Rows.Scan and Collect do not need
// it.
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
		return fmt.Errorf("e6: scan JSON: a %T is not the text of an ARRAY, MAP or STRUCT", src)
	}
	if err := sqlvalue.UnmarshalNested(text, s.dest); err != nil {
		return fmt.Errorf("e6: scan JSON into %T: %w", s.dest, err)
	}
	return nil
}
