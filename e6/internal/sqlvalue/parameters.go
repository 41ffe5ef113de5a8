package sqlvalue

import (
	"math"
	"strconv"
	"time"

	"github.com/e6data/e6data-go/e6/vector"
)

// A Parameter is an argument that is sent beside the statement.
type Parameter struct {
	// Type is the name of the engine's type that a column of such values has.
	Type string
	// Value is the value as text.
	Value string
}

// parameters collects arguments that are sent beside the statement, in the order of their
// question marks. Nulls, binary values and floats that are not finite have no form as a
// parameter, and are written as literals.
type parameters struct {
	literals literals
	values   []Parameter
}

var _ valueWriter = (*parameters)(nil)

// escaped implements valueWriter. The server would read a question mark in the text
// as one more parameter.
func (*parameters) escaped() (string, error) {
	return "", refuse("?? cannot be sent with WithServerParameters: the engine would read a placeholder")
}

func (p *parameters) standard() bool { return p.literals.standard() }

// write implements valueWriter.
func (p *parameters) write(to *buffer, v any) error {
	if text, ok := v.(string); ok {
		if err := to.pieces(text, func(piece string) error { return to.keep(len(piece)) }); err != nil {
			return err
		}
	}
	param, ok, err := parameterOf(v)
	if err != nil {
		return err
	}
	if !ok {
		return p.literals.write(to, v)
	}
	if err := to.keep(parameterBytes); err != nil {
		return err
	}
	p.values = append(p.values, param)
	return to.write("?")
}

// parameterBytes estimates the size of a parameter in a message, without the text of a
// string.
const parameterBytes = 16

// parameterOf returns a normalized value as a parameter. It returns false for a value that
// has no such form.
func parameterOf(v any) (p Parameter, ok bool, err error) {
	of := func(t vector.Type, text string) (Parameter, bool, error) {
		return Parameter{Type: t.String(), Value: text}, true, nil
	}
	switch v := v.(type) {
	case bool:
		return of(vector.Boolean, strconv.FormatBool(v))
	case int64:
		return of(vector.Long, strconv.FormatInt(v, 10))
	case uint64:
		if int64(v) < 0 {
			return of(vector.Decimal128, strconv.FormatUint(v, 10))
		}
		return of(vector.Long, strconv.FormatUint(v, 10))
	case float32:
		if !finite(float64(v)) {
			return Parameter{}, false, nil
		}
		return of(vector.Float, strconv.FormatFloat(float64(v), 'g', -1, 32))
	case float64:
		if !finite(v) {
			return Parameter{}, false, nil
		}
		return of(vector.Double, strconv.FormatFloat(v, 'g', -1, 64))
	case string:
		return of(vector.String, v)
	case vector.Decimal:
		text, _, err := decimalText(v)
		if err != nil {
			return Parameter{}, false, err
		}
		return of(vector.Decimal128, text)
	case vector.DateValue:
		text, err := dateText(v)
		if err != nil {
			return Parameter{}, false, err
		}
		return of(vector.Date, text)
	case time.Time:
		text, err := timestampText(v)
		if err != nil {
			return Parameter{}, false, err
		}
		return of(vector.Timestamp, text)
	}
	return Parameter{}, false, nil
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }
