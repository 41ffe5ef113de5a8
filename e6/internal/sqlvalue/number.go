package sqlvalue

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/e6data/e6data-go/e6/vector"
)

// intOf returns a whole number. It returns false for a value whose type is not an integer or
// a decimal.
func intOf(v any) (n int64, ok bool, err error) {
	switch v := v.(type) {
	case int64:
		return v, true, nil
	case int32:
		return int64(v), true, nil
	case vector.Decimal:
		digits, err := wholeDigits(v)
		if err != nil {
			return 0, true, err
		}
		if n, err = strconv.ParseInt(digits, 10, 64); err != nil {
			return 0, true, errRange
		}
		return n, true, nil
	}
	return 0, false, nil
}

// uintOf is intOf for unsigned destinations. A decimal may exceed every int64.
func uintOf(v any) (uint64, bool, error) {
	if d, ok := v.(vector.Decimal); ok {
		digits, err := wholeDigits(d)
		if err != nil {
			return 0, true, err
		}
		n, err := strconv.ParseUint(digits, 10, 64)
		if err != nil {
			return 0, true, errRange
		}
		return n, true, nil
	}
	n, ok, err := intOf(v)
	if err == nil && n < 0 {
		err = errRange
	}
	return uint64(n), ok, err
}

// wholeDigits returns the digits of a decimal whose fraction is zero.
func wholeDigits(d vector.Decimal) (string, error) {
	whole, fraction, _ := strings.Cut(d.String(), ".")
	if strings.Trim(fraction, "0") != "" {
		return "", errNotWhole
	}
	return whole, nil
}

// assignFloat copies a number that a float holds exactly. It refuses every decimal, because
// most of them would lose digits.
func assignFloat(dst reflect.Value, col *vector.Column, row int) error {
	switch n := col.Value(row).(type) {
	case float64:
		if dst.Kind() == reflect.Float32 {
			if err := fitsFloat32(n, col); err != nil {
				return err
			}
		}
		dst.SetFloat(n)
	case int64:
		return assignWhole(dst, n)
	case int32:
		return assignWhole(dst, int64(n))
	default:
		return mismatch(col, dst.Type())
	}
	return nil
}

var errFloat32 = errors.New("a float32 would round the value: use float64, or CAST to FLOAT in the statement")

// fitsFloat32 returns an error if a float32 would lose digits that the column declares. The
// values of a FLOAT column have no more digits than a float32, although they are sent as
// float64.
func fitsFloat32(n float64, col *vector.Column) error {
	f := float64(float32(n))
	switch {
	case math.IsInf(f, 0) && !math.IsInf(n, 0), f == 0 && n != 0: // no FLOAT can be that
		return errRange
	case col.Type() == vector.Float, col.Field().Type == vector.Float, f == n, math.IsNaN(n):
		return nil
	}
	return errFloat32
}

// assignWhole copies a whole number into a float that holds all its digits.
func assignWhole(dst reflect.Value, n int64) error {
	f := float64(n)
	if dst.Kind() == reflect.Float32 {
		f = float64(float32(n))
	}
	// 2^63 is no int64, and what a conversion makes of it differs between
	// processors.
	if f >= 1<<63 || int64(f) != n {
		return fmt.Errorf("the value is out of the destination's range of exact whole numbers: use int64, or CAST to %s in the statement", castFor(dst.Type()))
	}
	dst.SetFloat(f)
	return nil
}
