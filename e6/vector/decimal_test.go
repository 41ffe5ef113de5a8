package vector

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestDecimal_TextKeepsDigitsAndScale(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		scale    int32
	}{
		{"0", "0", 0},
		{"-0.00", "0.00", 2},
		{"+7", "7", 0},
		{"5.", "5", 0},
		{".5", "0.5", 1},
		{"12.50", "12.50", 2},
		{"1.5E+3", "1500", -2},
		{"0E+3", "0", -3},
		{"1e-7", "0.0000001", 7},
		{"000000000000000000000000000000000000000000012", "12", 0},
		{"10000000000000000000", "10000000000000000000", 0},
		{"99999999999999999999999999999999999999", "99999999999999999999999999999999999999", 0},
		{"170141183460469231731687303715884105727", "170141183460469231731687303715884105727", 0},
		{"-170141183460469231731687303715884105728", "-170141183460469231731687303715884105728", 0},
	} {
		t.Run(tt.in, func(t *testing.T) {
			d, err := ParseDecimal(tt.in)
			require.NoError(t, err)
			require.Equal(t, tt.want, d.String())
			require.Equal(t, tt.scale, d.Scale())
		})
	}
}

func TestParseDecimal_RefusesOtherText(t *testing.T) {
	for _, s := range []string{
		"", "-", ".", "+.", "e5", "1e", "1e1.5", "1.2.3", "--1", "1_000", " 1", "1 ", "0x10", "NaN", "Inf", "1,5", "\u0663",
		"170141183460469231731687303715884105728", "-170141183460469231731687303715884105729",
		"340282366920938463463374607431768211461", "999999999999999999999999999999999999999", "1e1001", "1e-1001", "1e99999999999999999999", "1e-999999999",
	} {
		t.Run(s, func(t *testing.T) {
			d, err := ParseDecimal(s)
			require.Error(t, err)
			require.Zero(t, d)
		})
	}
}

// bigDecimal draws an integer of up to 128 bits with a sign, often one at an
// edge.
func bigDecimal(t *rapid.T, name string) *big.Int {
	raw := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0x7f, 0x80, 0xff, 0x25}), 1, 16).Draw(t, name)
	n := new(big.Int).SetBytes(raw)
	if raw[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(raw))))
	}
	require.Zero(t, n.Cmp(decimalFromBytes(raw).Unscaled()))
	return n
}

func TestDecimal_AgreesWithBigIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unscaled := bigDecimal(t, "unscaled")
		scale := rapid.Int32Range(-45, 45).Draw(t, "scale")
		d, err := NewDecimal(unscaled, scale)
		require.NoError(t, err)
		require.Zero(t, unscaled.Cmp(d.Unscaled()))
		require.Equal(t, unscaled.Sign(), d.Sign())

		want := d.Rat().FloatString(int(max(scale, 0)))
		if unscaled.Sign() == 0 {
			want = new(big.Rat).FloatString(int(max(scale, 0)))
		}
		require.Equal(t, want, d.String())

		o, err := NewDecimal(bigDecimal(t, "other"), rapid.Int32Range(-45, 45).Draw(t, "other scale"))
		require.NoError(t, err)
		require.Equal(t, d.Rat().Cmp(o.Rat()), d.Cmp(o))
		require.Equal(t, -d.Cmp(o), o.Cmp(d))
		same, err := NewDecimal(o.Unscaled(), scale)
		require.NoError(t, err)
		require.Equal(t, d.Rat().Cmp(same.Rat()), d.Cmp(same))
	})
}

func TestDecimal_RefusesOverflow(t *testing.T) {
	edge := new(big.Int).Lsh(big.NewInt(1), 127)
	_, err := NewDecimal(edge, 0)
	require.ErrorContains(t, err, "does not fit")
	_, err = NewDecimal(new(big.Int).Neg(edge), 0)
	require.NoError(t, err)
	_, err = NewDecimal(new(big.Int).Neg(edge.Add(edge, big.NewInt(1))), 0)
	require.ErrorContains(t, err, "does not fit")
	_, err = NewDecimal(edge.Lsh(edge, 1), 0)
	require.ErrorContains(t, err, "129 bits")
	_, err = NewDecimal(big.NewInt(1), MaxScale+1)
	require.ErrorContains(t, err, "scale")
	_, err = NewDecimal(big.NewInt(1), -MaxScale-1)
	require.ErrorContains(t, err, "scale")
}

func TestDecimal_ComparesByValue(t *testing.T) {
	one, _ := ParseDecimal("1.0")
	same, _ := ParseDecimal("1.0")
	longer, _ := ParseDecimal("1.00")
	require.True(t, one == same)
	require.False(t, one == longer)
	require.Zero(t, one.Cmp(longer))
}

func TestDecimal_JSONKeepsItsDigits(t *testing.T) {
	for text, want := range map[string]string{
		"12345678901234567890.10": "12345678901234567890.10", `"-12.50"`: "-12.50", `"\u0031"`: "1", "1.5E-3": "0.0015", "null": "7",
	} {
		d, err := ParseDecimal("7")
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal([]byte(text), &d), text)
		require.Equal(t, want, d.String())
	}
	for _, text := range []string{"true", `"x"`, `""`, "[]", "{}", strings.Repeat("9", 40)} {
		require.Error(t, json.Unmarshal([]byte(text), new(Decimal)), text)
	}
	require.Error(t, new(Decimal).UnmarshalJSON([]byte(`"open`)))
	d, err := ParseDecimal("-0.10")
	require.NoError(t, err)
	text, err := json.Marshal(d)
	require.NoError(t, err)
	require.Equal(t, `"-0.10"`, string(text))
}
