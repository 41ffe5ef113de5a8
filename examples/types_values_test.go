package examples_test

import (
	"database/sql"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/cockroachdb/apd/v3"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/emulator"
	"github.com/e6data/e6data-go/internal/stress"
)

func TestWholeNumbersComeBackToTheirLimits(t *testing.T) {
	t.Parallel()
	seven := int64(7)
	long := func(n int64) sample {
		return sample{name: fmt.Sprint(n), sql: fmt.Sprintf("CAST('%d' AS BIGINT)", n), arg: n, with: "CAST(? AS BIGINT)", typ: vector.Long,
			value: n, text: fmt.Sprint(n), checks: []check{into(n), into(&n), into(sql.NullInt64{Int64: n, Valid: true})}}
	}
	integer := func(n int32, arg any, typ string, more ...check) sample {
		return sample{name: typ + fmt.Sprint(n), sql: fmt.Sprintf("CAST('%d' AS %s)", n, typ), arg: arg, with: "CAST(? AS " + typ + ")",
			typ: vector.Integer, value: n, driver: int64(n), text: fmt.Sprint(n), checks: append(more, into(n), into(int64(n)))}
	}
	requireSentInBothWays(t, both(t), []sample{
		long(math.MinInt64), long(math.MaxInt64), long(math.MinInt32 - 1), long(0), long(-1),
		integer(math.MinInt32, int32(math.MinInt32), "INTEGER"), integer(math.MaxInt32, int32(math.MaxInt32), "INTEGER"),
		integer(math.MinInt16, int16(math.MinInt16), "SMALLINT", into(int16(math.MinInt16))),
		integer(math.MaxInt16, int16(math.MaxInt16), "SMALLINT", into(int16(math.MaxInt16)), refused[int8]("range")),
		integer(math.MinInt8, int8(math.MinInt8), "TINYINT", into(int8(math.MinInt8)), refused[uint8]("range")),
		integer(math.MaxInt8, int8(math.MaxInt8), "TINYINT", into(int8(math.MaxInt8)), into(uint8(math.MaxInt8))),
		integer(math.MaxUint8, uint8(math.MaxUint8), "UTINYINT", into(uint8(math.MaxUint8)), refused[int8]("range")),
		integer(math.MaxUint16, uint16(math.MaxUint16), "USMALLINT", into(uint16(math.MaxUint16)), refused[uint8]("range")),
		{name: "the largest uint32", sql: "4294967295::UINTEGER", arg: uint32(math.MaxUint32), with: "CAST(? AS UINTEGER)", typ: vector.Long,
			value: int64(math.MaxUint32), text: "4294967295", checks: []check{into(uint32(math.MaxUint32)), refused[int32]("range")}},
		{name: "the largest uint64", sql: "18446744073709551615::UBIGINT", arg: uint64(math.MaxUint64), with: "CAST(? AS UBIGINT)", typ: vector.Decimal128,
			value: number(t, "18446744073709551615"), driver: "18446744073709551615", text: "18446744073709551615",
			checks: []check{into(uint64(math.MaxUint64)), refused[int64]("range"), refused[float64]("does not hold every decimal")}},
		{name: "a number that a float cannot hold", sql: "9007199254740993", arg: 9007199254740993, typ: vector.Long,
			value: int64(9007199254740993), text: "9007199254740993", checks: []check{refused[float64]("range"), into(number(t, "9007199254740993"))}},
		{name: "a pointer", arg: &seven, with: "CAST(? AS BIGINT)", typ: vector.Long, value: seven, text: "7", checks: []check{into(7), into(7.0), into(float32(7))}},
	})
}

func TestFloatsComeBackBitByBit(t *testing.T) {
	t.Parallel()
	var samples []sample
	for _, f := range []float64{0, math.Copysign(0, -1), 0.1, -1.5, 1e16, 123456789.123456789, math.MaxFloat64, -math.MaxFloat64,
		math.SmallestNonzeroFloat64, 2.2250738585072011e-308, math.Inf(1), math.Inf(-1), math.NaN(), math.Pi} {
		text := strings.ToLower(strings.TrimPrefix(fmt.Sprint(f), "+"))
		samples = append(samples, sample{name: text, sql: "CAST('" + text + "' AS DOUBLE)", arg: f, with: "CAST(? AS DOUBLE)", typ: vector.Double,
			value: f, text: fmt.Sprint(f), checks: []check{into(f), into(&f), refused[int]("does not convert to int")}})
	}
	for _, f := range []float32{0.1, -math.MaxFloat32, math.SmallestNonzeroFloat32, float32(math.Inf(1)), float32(math.NaN())} {
		text := strings.ToLower(strings.TrimPrefix(fmt.Sprint(f), "+"))
		samples = append(samples, sample{name: "a short " + text, sql: "CAST('" + text + "' AS FLOAT)", arg: f, with: "CAST(? AS FLOAT)", typ: vector.Float,
			value: float64(f), text: fmt.Sprint(float64(f)), checks: []check{into(f), into(float64(f))}})
	}
	requireSentInBothWays(t, both(t), append(samples,
		sample{name: "a double that no float32 is", sql: "0.1::DOUBLE", arg: 0.1, typ: vector.Double, value: 0.1, text: "0.1",
			checks: []check{refused[float32]("round"), into(sql.NullFloat64{Float64: 0.1, Valid: true})}}))
}

func TestTypes_BooleansComeBack(t *testing.T) {
	t.Parallel()
	var samples []sample
	for _, b := range []bool{true, false} {
		samples = append(samples, sample{name: fmt.Sprint(b), sql: fmt.Sprint(b), arg: b, typ: vector.Boolean, value: b, text: fmt.Sprint(b),
			checks: []check{into(b), into(&b), into(sql.NullBool{Bool: b, Valid: true}), refused[int]("does not convert to int")}})
	}
	requireSentInBothWays(t, both(t), samples)
}

func TestTextComesBackByteForByte(t *testing.T) {
	t.Parallel()
	long := stress.Count(1<<12, 1<<14)
	var samples []sample
	for name, s := range map[string]string{
		"empty": "", "quotes": `'"'' it's`, "backslashes": `\ \\ \' \n \t \x41 \`, "an end of a literal": `\'; DROP TABLE t; --`,
		"control characters": "\a\b\t\n\v\f\r\x1b\x7f", "beyond the basic plane": "🚀𝔸🏴󠁧󠁢󠁥󠁮󠁧󠁿", "combining": "e\u0301 Z\u0351\u036b", "right to left": "שלום مرحبا \u202eabc",
		"spaces": " \u00a0\u2003\u3000\ufeff ", "placeholders": "? ?? :v @v ::int $1 {}", "a long one": strings.Repeat("0123456789abcdef", long),
		"much to escape": strings.Repeat(`'\`, long),
	} {
		checks := []check{into(&s), into([]byte(s)), into(sql.NullString{String: s, Valid: true})}
		if len(s) > 1<<12 { // for those the few ways above will do
			checks = nil
		}
		of := sample{name: name, sql: "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'", arg: s, typ: vector.String, value: s, text: s,
			checks: checks}
		if s == "" {
			of.driver = []byte{} // not nil in a sql.RawBytes
		}
		samples = append(samples, of)
	}
	type name string
	requireSentInBothWays(t, both(t), append(samples,
		sample{name: "a type of the caller's", arg: name("x"), typ: vector.String, value: "x", text: "x", checks: []check{into(name("x"))}}))
	// A NUL character is no part of a literal. A result may hold one.
	requireAll(t, openWays(t, emulator.Options{}), []sample{{name: "NUL", sql: "'a' || chr(0) || 'b'", typ: vector.String, value: "a\x00b", text: "a\x00b"}})
}

func TestBinaryComesBackByteForByte(t *testing.T) {
	t.Parallel()
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	var samples []sample
	for name, b := range map[string][]byte{"every byte": all, "empty": {}, "a quote and a backslash": []byte(`'\`), "long": append(make([]byte, 1<<13), all...)} {
		samples = append(samples, sample{name: name, sql: fmt.Sprintf("unhex('%x')", b), arg: b, typ: vector.Binary, value: b, text: string(b),
			checks: []check{into(b), into(string(b)), into(sql.Null[[]byte]{V: b, Valid: true})}})
	}
	type blob []byte
	requireSentInBothWays(t, both(t), append(samples,
		sample{name: "a type of the caller's", arg: blob{0, 255}, typ: vector.Binary, value: []byte{0, 255}, text: "\x00\xff"},
		sample{name: "an array", arg: [2]byte{0, 255}, typ: vector.Binary, value: []byte{0, 255}, text: "\x00\xff"}))
}

func number(t testing.TB, text string) vector.Decimal {
	d, err := vector.ParseDecimal(text)
	require.NoError(t, err)
	return d
}

func TestDecimalsComeBackExactlyAtEveryScale(t *testing.T) {
	t.Parallel()
	for name, w := range both(t) {
		t.Run(name, func(t *testing.T) {
			for scale := range int32(39) {
				var texts []string
				var decimals, args []any
				for _, digits := range []string{"12345678901234567890123456789012345678", "-99999999999999999999999999999999999999", "1", "-50", "0"} {
					unscaled, ok := new(big.Int).SetString(digits, 10)
					require.True(t, ok)
					d, err := vector.NewDecimal(unscaled, scale)
					require.NoError(t, err)
					require.Equal(t, decimal.NewFromBigInt(unscaled, -scale).StringFixed(scale), d.String(), "another package agrees")
					decimals, args = append(decimals, d), append(args, d)
					texts = append(texts, fmt.Sprintf("CAST('%s' AS DECIMAL(38,%d))", d, scale))
				}
				onlyRow(t, w, "SELECT "+strings.Join(texts, ", "), nil, func(r *e6.Rows) { require.Equal(t, decimals, r.Values()) })
				onlyRow(t, w, "SELECT ?, ?, ?, ?, ?", args, func(r *e6.Rows) { require.Equal(t, decimals, r.Values()) })
			}
		})
	}
}

func TestTypes_DecimalsScanIntoExactTypes(t *testing.T) {
	t.Parallel()
	var samples []sample
	for _, text := range []string{"-1234567890123456789012345678901234567.8", "12.50", "0.00000000000000000000000000000000000001"} {
		d := number(t, text)
		exact, _, err := apd.NewFromString(text)
		require.NoError(t, err)
		samples = append(samples, sample{name: text, sql: fmt.Sprintf("CAST('%s' AS DECIMAL(38,%d))", d, d.Scale()), arg: d, typ: vector.Decimal128,
			value: d, driver: d.String(), text: d.String(), checks: []check{into(d), into(&d), into(sql.Null[vector.Decimal]{V: d, Valid: true}),
				into(decimal.RequireFromString(text)), into(*exact), refused[float64]("does not hold every decimal"), refused[int]("whole")}})
	}
	requireSentInBothWays(t, both(t), append(samples, sample{name: "a whole one", sql: "7.00", arg: number(t, "7.00"), typ: vector.Decimal128, value: number(t, "7.00"),
		driver: "7.00", text: "7.00", checks: []check{native(7), native(uint8(7)), refused[float64]("does not hold every decimal")}}))
}

func TestDecimalsOfOtherPackagesAreSentAsText(t *testing.T) {
	t.Parallel()
	exact, _, err := apd.NewFromString("-1234567890123456789012345678901234567.8")
	require.NoError(t, err)
	requireSentInBothWays(t, both(t), []sample{
		{name: "shopspring", arg: decimal.RequireFromString("12345678901234567890.50"), with: "CAST(? AS DECIMAL(38,2))", typ: vector.Decimal128,
			value: number(t, "12345678901234567890.50"), driver: "12345678901234567890.50", text: "12345678901234567890.50"},
		{name: "apd", arg: exact, with: "CAST(? AS DECIMAL(38,1))", typ: vector.Decimal128,
			value: number(t, exact.String()), driver: exact.String(), text: exact.String()},
	})
}
