package vector

import (
	"fmt"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// MaxScale bounds the scale of a Decimal in either direction. DECIMAL128 holds
// 38 digits, so a scale beyond this is a broken one; without a bound the text of
// one value could fill the memory.
const MaxScale = 1000

// Decimal is an exact decimal number: an unscaled integer of 128 bits divided by
// ten to the power of its scale. The zero value is 0.
//
// Two Decimals are equal under == if they have the same digits and the same
// scale; 1.0 and 1.00 are not. Cmp compares the numbers.
type Decimal struct {
	hi    int64
	lo    uint64
	scale int32
}

// NewDecimal returns unscaled / 10^scale. It fails if the unscaled value needs
// more than 128 bits, or if the scale is beyond MaxScale.
func NewDecimal(unscaled *big.Int, scale int32) (Decimal, error) {
	if err := checkScale(scale); err != nil {
		return Decimal{}, err
	}
	if unscaled.BitLen() > 128 {
		return Decimal{}, fmt.Errorf("vector: decimal of %d bits does not fit 128", unscaled.BitLen())
	}
	var raw [16]byte
	abs := new(big.Int).Abs(unscaled)
	abs.FillBytes(raw[:])
	d, ok := fromMagnitude(decimalFromBytes(raw[:]), unscaled.Sign() < 0)
	if !ok {
		return Decimal{}, fmt.Errorf("vector: decimal %v does not fit 128 bits with a sign", unscaled)
	}
	d.scale = scale
	return d, nil
}

// ParseDecimal reads a decimal number such as -12.50 or 1.5E+3 exactly. The
// scale of the result is the number of digits behind the point less the
// exponent. It fails if the text is no number, or if the number does not fit.
func ParseDecimal(text string) (Decimal, error) {
	d, ok := parseDecimal(text)
	if !ok {
		return Decimal{}, fmt.Errorf("vector: parse decimal %.60q: no decimal number, or one that does not fit 128 bits and a scale of %d", text, MaxScale)
	}
	return d, nil
}

func parseDecimal(text string) (Decimal, bool) {
	digits, negative := text, false
	if digits != "" && (digits[0] == '-' || digits[0] == '+') {
		digits, negative = digits[1:], digits[0] == '-'
	}
	exponent := 0
	if i := strings.IndexAny(digits, "eE"); i >= 0 {
		var err error
		if exponent, err = strconv.Atoi(digits[i+1:]); err != nil {
			return Decimal{}, false
		}
		digits = digits[:i]
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	if len(whole)+len(fraction) == 0 || exponent < -2*MaxScale || exponent > 2*MaxScale {
		return Decimal{}, false
	}
	var m Decimal
	for _, part := range [...]string{whole, fraction} {
		for i := range len(part) {
			digit := part[i] - '0'
			if digit > 9 || !m.appendDigit(digit) {
				return Decimal{}, false
			}
		}
	}
	d, ok := fromMagnitude(m, negative)
	scale := len(fraction) - exponent
	if !ok || scale < -MaxScale || scale > MaxScale {
		return Decimal{}, false
	}
	d.scale = int32(scale)
	return d, true
}

// appendDigit makes ten times d plus digit of d, taken as 128 bits without a
// sign, and reports whether that fits.
func (d *Decimal) appendDigit(digit byte) bool {
	over, high := bits.Mul64(uint64(d.hi), 10)
	carry, low := bits.Mul64(d.lo, 10)
	low, c := bits.Add64(low, uint64(digit), 0)
	high, c = bits.Add64(high, carry, c)
	d.hi, d.lo = int64(high), low
	return over == 0 && c == 0
}

// fromMagnitude gives 128 bits without a sign a sign, if they leave room for it.
func fromMagnitude(m Decimal, negative bool) (Decimal, bool) {
	if !negative {
		return m, m.hi >= 0
	}
	n := m.negated()
	return n, n.hi < 0 || n.hi == 0 && n.lo == 0
}

// negated returns the two's complement of the unscaled value.
func (d Decimal) negated() Decimal {
	lo, carry := bits.Add64(^d.lo, 1, 0)
	return Decimal{hi: int64(^uint64(d.hi) + carry), lo: lo, scale: d.scale}
}

// decimalFromBytes reads 1 to 16 bytes of two's complement, big endian, as a
// decimal without a scale.
func decimalFromBytes[T string | []byte](b T) Decimal {
	// Shorter forms begin with the sign.
	hi := int64(int8(b[0]) >> 7)
	lo := uint64(hi)
	for i := range len(b) {
		hi = hi<<8 | int64(lo>>56)
		lo = lo<<8 | uint64(b[i])
	}
	return Decimal{hi: hi, lo: lo}
}

// Scale returns the number of digits behind the decimal point. A negative one
// stands for as many zeros in front of it.
func (d Decimal) Scale() int32 { return d.scale }

// Sign returns -1, 0 or 1.
func (d Decimal) Sign() int {
	switch {
	case d.hi < 0:
		return -1
	case d.hi == 0 && d.lo == 0:
		return 0
	}
	return 1
}

// Unscaled returns the number without its decimal point, as a value of its own.
func (d Decimal) Unscaled() *big.Int {
	n := big.NewInt(d.hi)
	n.Lsh(n, 64)
	return n.Add(n, new(big.Int).SetUint64(d.lo))
}

// Rat returns the number as an exact fraction.
func (d Decimal) Rat() *big.Rat {
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(d.scale, -d.scale))), nil)
	if d.scale < 0 {
		return new(big.Rat).SetInt(power.Mul(power, d.Unscaled()))
	}
	return new(big.Rat).SetFrac(d.Unscaled(), power)
}

// Cmp compares the numbers, also with different scales: it returns -1 if d is less
// than o, 0 if they are equal, and 1 if d is greater.
func (d Decimal) Cmp(o Decimal) int {
	if d.scale == o.scale {
		if d.hi != o.hi {
			return compare(d.hi, o.hi)
		}
		return compare(d.lo, o.lo)
	}
	return d.Rat().Cmp(o.Rat())
}

func compare[T int64 | uint64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// String returns all digits of the number and never an exponent: 0.50, -12,
// 1200 for 12 with a scale of -2.
func (d Decimal) String() string { return string(d.appendText(nil)) }

func (d Decimal) appendText(dst []byte) []byte {
	m := d
	if d.hi < 0 {
		dst = append(dst, '-')
		m = d.negated()
	}
	var store [40]byte
	digits := m.digits(&store)
	scale := int(d.scale)
	switch {
	case scale <= 0:
		dst = append(dst, digits...)
		if d.Sign() != 0 {
			dst = appendZeros(dst, -scale)
		}
	case scale >= len(digits):
		dst = append(dst, '0', '.')
		dst = appendZeros(dst, scale-len(digits))
		dst = append(dst, digits...)
	default:
		point := len(digits) - scale
		dst = append(dst, digits[:point]...)
		dst = append(dst, '.')
		dst = append(dst, digits[point:]...)
	}
	return dst
}

func appendZeros(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, '0')
	}
	return dst
}

// digits writes the digits of 128 bits without a sign to the end of the store.
func (d Decimal) digits(store *[40]byte) []byte {
	hi, lo := uint64(d.hi), d.lo
	at := len(store)
	for hi != 0 {
		// Nineteen digits at a time: 10^19 is the largest power that 64 bits hold.
		const chunk = 1e19
		var rest uint64
		quotient := hi / chunk
		lo, rest = bits.Div64(hi%chunk, lo, chunk)
		hi = quotient
		for range 19 {
			at--
			store[at] = '0' + byte(rest%10)
			rest /= 10
		}
	}
	for lo != 0 || at == len(store) {
		at--
		store[at] = '0' + byte(lo%10)
		lo /= 10
	}
	return store[at:]
}

func checkScale(scale int32) error {
	if scale < -MaxScale || scale > MaxScale {
		return fmt.Errorf("vector: decimal scale %d is beyond %d", scale, MaxScale)
	}
	return nil
}

// finishDecimals turns the bytes that were read into decimals.
//
// With a scale, the bytes are the unscaled value. Without one, as older engines send
// them, they are either text or an unscaled value of 16 bytes, without a mark. A
// column is text if every value that is not null parses as a decimal number;
// otherwise every value must have 16 bytes. The reverse order would misread every
// text of 16 characters, whereas 16 bytes that are all digits are very rare as
// unscaled values.
func (c *Column) finishDecimals(r *reader, p *parts) *DecodeError {
	if p.scaled {
		if err := checkScale(p.scale); err != nil {
			return fail(p.scaleAt, ErrValue, "the scale is %d, and nothing beyond %d makes sense for 38 digits", p.scale, MaxScale)
		}
	}
	c.decimals = resize(c.decimals, c.strings.len())
	asText := !p.scaled && c.decimalsFromText()
	if !asText {
		for i := range c.decimals {
			if c.hasNulls && c.nulls[i] {
				c.decimals[i] = Decimal{}
				continue
			}
			s := c.strings.at(i)
			if len(s) == 0 || len(s) > 16 || !p.scaled && len(s) != 16 {
				return fail(p.dataAt, ErrValue, "value %d has %d bytes, and a decimal has 1 to 16, or without a scale 16 or its text", i, len(s))
			}
			c.decimals[i] = decimalFromBytes(s)
			c.decimals[i].scale = p.scale
		}
	}
	c.strings.empty()
	return nil
}

// decimalsFromText parses every value that is not null as text, and reports whether
// all of them are decimal numbers.
func (c *Column) decimalsFromText() bool {
	for i := range c.decimals {
		if c.hasNulls && c.nulls[i] {
			c.decimals[i] = Decimal{}
			continue
		}
		d, ok := parseDecimal(c.strings.at(i))
		if !ok {
			return false
		}
		c.decimals[i] = d
	}
	return true
}
