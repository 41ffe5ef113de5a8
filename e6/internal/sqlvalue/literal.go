package sqlvalue

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6/vector"
)

// literals writes values into a statement as SQL literals. A negative number is put into
// parentheses, because two minus signs would begin a comment.
type literals struct{ escape Escape }

var _ valueWriter = literals{}

func (literals) escaped() (string, error) { return "?", nil }

func (l literals) standard() bool { return l.escape == EscapeStandard }

// write implements valueWriter.
func (l literals) write(to *buffer, v any) error {
	switch v := v.(type) {
	case string:
		return l.string(to, v)
	case []byte:
		return binaryLiteral(to, v)
	}
	text, err := l.short(v)
	if err != nil {
		return err
	}
	return to.write(text)
}

// short returns the literal of a value of bounded size.
func (l literals) short(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "NULL", nil
	case bool:
		return strings.ToUpper(strconv.FormatBool(v)), nil
	case int64:
		return signed(strconv.FormatInt(v, 10)), nil
	case uint64:
		return strconv.FormatUint(v, 10), nil
	case float32:
		if f := float64(v); finite(f) {
			return "CAST(" + strconv.FormatFloat(f, 'E', -1, 32) + " AS FLOAT)", nil
		}
		return floatLiteral(float64(v)), nil
	case float64:
		return floatLiteral(v), nil
	case vector.Decimal:
		return decimalLiteral(v)
	case vector.DateValue:
		text, err := dateText(v)
		return "CAST('" + text + "' AS DATE)", err
	}
	text, err := timestampText(v.(time.Time))
	return "CAST('" + text + "' AS TIMESTAMP)", err
}

// string writes a string literal in one pass.
func (l literals) string(to *buffer, s string) error {
	if err := to.reserve(len(s) + len("''")); err != nil {
		return err
	}
	quote, backslash := "'", `\`
	switch l.escape {
	case EscapeBackslash:
		quote = `\`
	case EscapeStandard:
		backslash = ""
	}
	to.text.Grow(len(s) + len("''"))
	to.text.WriteByte('\'')
	err := to.pieces(s, func(piece string) error {
		if strings.IndexByte(piece, 0) >= 0 {
			return refuse("the string holds a NUL character, which no engine reads in a literal")
		}
		if err := to.reserve(len(piece)); err != nil {
			return err
		}
		done := 0
		for i := range len(piece) {
			escape := ""
			switch piece[i] {
			case '\'':
				escape = quote
			case '\\':
				escape = backslash
			}
			if escape != "" {
				to.text.WriteString(piece[done:i])
				to.text.WriteString(escape)
				done = i
			}
		}
		to.text.WriteString(piece[done:])
		return nil
	})
	if err != nil {
		return err
	}
	return to.write("'")
}

// binaryLiteral writes bytes in hexadecimal digits.
func binaryLiteral(to *buffer, b []byte) error {
	if err := to.reserve(hex.EncodedLen(len(b)) + len("X''")); err != nil {
		return err
	}
	to.text.Grow(hex.EncodedLen(len(b)) + len("X''"))
	to.text.WriteString("X'")
	digits := make([]byte, 0, hex.EncodedLen(min(len(b), chunk)))
	for piece := range slices.Chunk(b, chunk) {
		digits = hex.AppendEncode(digits[:0], piece)
		if err := to.reserve(len(digits)); err != nil {
			return err
		}
		to.text.Write(digits)
	}
	return to.write("'")
}

// decimalLiteral writes a decimal with its type. Engines read a number without a type
// differently, and one of many digits as a float.
func decimalLiteral(d vector.Decimal) (string, error) {
	text, precision, err := decimalText(d)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("CAST('%s' AS DECIMAL(%d,%d))", text, precision, max(d.Scale(), 0)), nil
}

// decimalText returns a decimal without an exponent, and the number of its digits.
func decimalText(d vector.Decimal) (text string, precision int, err error) {
	unscaled, scale := d.Unscaled(), int(d.Scale())
	if scale < -maxDigits || scale > maxDigits {
		return "", 0, refuse("the scale of the decimal is %d: engines have up to %d digits", scale, maxDigits)
	}
	if scale < 0 {
		unscaled.Mul(unscaled, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-scale)), nil))
		scale = 0
	}
	digits := new(big.Int).Abs(unscaled).String()
	if precision = max(len(digits), scale); precision > maxDigits {
		return "", 0, refuse("the decimal has %d digits: engines have up to %d", precision, maxDigits)
	}
	if missing := scale + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	text = digits[:len(digits)-scale]
	if scale > 0 {
		text += "." + digits[len(digits)-scale:]
	}
	if unscaled.Sign() < 0 {
		text = "-" + text
	}
	return text, precision, nil
}

const maxDigits = 38

// dateText is a day without the plus sign of years beyond 9999, which not every
// engine reads.
func dateText(d vector.DateValue) (string, error) {
	if _, err := d.Time(); err != nil {
		return "", refuse("day %d from 1970 is no DATE", d.Days)
	}
	return strings.TrimPrefix(d.String(), "+"), nil
}

// timestampText is a point in time as the engine's timestamps are: in UTC, and in
// whole microseconds, down to which it is cut.
func timestampText(t time.Time) (string, error) {
	t = t.UTC().Truncate(time.Microsecond)
	if t.Year() < 1 || t.Year() > 9999 {
		return "", refuse("the year %d cannot be written as a timestamp: it must be from 1 to 9999", t.Year())
	}
	return t.Format("2006-01-02 15:04:05.000000"), nil
}

// floatLiteral writes a float in scientific notation, which makes it a double
// and no decimal.
func floatLiteral(f float64) string {
	switch {
	case math.IsNaN(f):
		return "CAST('NaN' AS DOUBLE)"
	case math.IsInf(f, 0):
		return "CAST('" + map[bool]string{true: "Infinity", false: "-Infinity"}[f > 0] + "' AS DOUBLE)"
	}
	return signed(strconv.FormatFloat(f, 'E', -1, 64))
}

func signed(number string) string {
	if strings.HasPrefix(number, "-") {
		return "(" + number + ")"
	}
	return number
}
