package sqlvalue

import (
	"database/sql/driver"
	"fmt"

	"github.com/e6data/e6data-go/e6/vector"
)

// DriverValue returns the value of one row of a column as a driver.Value: nil, bool, int64,
// float64, string, []byte or time.Time. Decimals are their text.
func DriverValue(col *vector.Column, row int) (driver.Value, error) {
	switch v := col.Value(row).(type) {
	case int32:
		return int64(v), nil
	case vector.Decimal:
		return v.String(), nil
	case vector.DateValue, vector.TimestampValue:
		t, _, err := timeOf(v)
		if err != nil {
			return nil, fmt.Errorf("%w: scan into a string for the text", err)
		}
		return t, nil
	default:
		return v, nil
	}
}
