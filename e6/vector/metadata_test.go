package vector

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// metadataOf encodes the metadata of no rows and of fields of four strings each.
func metadataOf(texts ...string) []byte {
	b := binary.BigEndian.AppendUint64(nil, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(len(texts)/4))
	for _, s := range texts {
		b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
		b = append(b, s...)
	}
	return b
}

func TestMetadata_StringsInBothFormsOfUTF8(t *testing.T) {
	for _, tt := range []struct{ name, raw, want string }{
		{"plain ASCII", "price", "price"},
		{"plain UTF-8 beyond the basic plane", "n\u00efve \U0001F680", "n\u00efve \U0001F680"},
		{"a plain NUL", "a\x00b", "a\x00b"},
		{"a NUL in two bytes", "a\xc0\x80b", "a\x00b"},
		{"a character as two surrogates", "\xed\xa0\xbd\xed\xba\x80!", "\U0001F680!"},
		{"both forms in one string", "\xc3\xaf\xed\xa0\xbd\xed\xba\x80\xc0\x80\xf0\x9f\x9a\x80", "\u00ef\U0001F680\x00\U0001F680"},
		{"a replacement character of the sender's own", "\xef\xbf\xbd\xc0\x80", "\ufffd\x00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := DecodeMetadata(metadataOf(tt.raw, "STRING", tt.raw, tt.raw))
			require.NoError(t, err)
			require.Equal(t, []Field{{Name: tt.want, Type: String, TypeName: "STRING", Zone: tt.want, Format: tt.want}}, m.Fields)
		})
	}
}

func TestMetadata_BrokenIsATypedError(t *testing.T) {
	whole := metadataOf("a", "LONG", "", "", "b", "LONG", "", "")
	for _, tt := range []struct {
		name   string
		raw    []byte
		want   error
		column int
	}{
		{"half a surrogate pair", metadataOf("x\xed\xa0\xbd", "LONG", "", ""), ErrValue, 0},
		{"a low surrogate first", metadataOf("\xed\xba\x80\xed\xa0\xbd", "LONG", "", ""), ErrValue, 0},
		{"bytes that no form of UTF-8 has", metadataOf("a", "LONG", "", "", "\xff", "LONG", "", ""), ErrValue, 1},
		{"an overlong form of a letter", metadataOf("\xc1\x81", "LONG", "", ""), ErrValue, 0},
		{"half of a NUL in two bytes", metadataOf("\xc0A", "LONG", "", ""), ErrValue, 0},
		{"a byte behind the end", append(metadataOf("a", "LONG", "", ""), 0), ErrTrailing, -1},
		{"a negative number of fields", append(make([]byte, 8), 0xff, 0xff, 0xff, 0xff), ErrLength, -1},
		{"more fields than bytes", append(make([]byte, 8), 0x7f, 0xff, 0xff, 0xff, 0), ErrTruncated, -1},
		{"the second field cut off", whole[:len(whole)-1], ErrTruncated, 1},
		{"nothing at all", nil, ErrTruncated, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := DecodeMetadata(tt.raw)
			require.Nil(t, m)
			requireDecodeError(t, err, "metadata", len(tt.raw))
			require.ErrorIs(t, err, tt.want)
			var e *DecodeError
			require.ErrorAs(t, err, &e)
			require.Equal(t, tt.column, e.Column)
		})
	}
}

func TestMetadata_KeepsUnknownTypes(t *testing.T) {
	m, err := DecodeMetadata(metadataOf("a", "GEOMETRY", "", "", "b", "INT", "", ""))
	require.NoError(t, err)
	require.Equal(t, Other, m.Fields[0].Type)
	require.Equal(t, "GEOMETRY", m.Fields[0].TypeName)
	require.Equal(t, Integer, m.Fields[1].Type)
	require.Equal(t, "INT", m.Fields[1].TypeName)
}

func TestMetadata_NegativeRowCount(t *testing.T) {
	raw := metadataOf()
	binary.BigEndian.PutUint64(raw, ^uint64(0))
	m, err := DecodeMetadata(raw)
	require.NoError(t, err)
	require.Equal(t, int64(-1), m.Rows)
}

func TestDecimalScale_OfFieldAndColumn(t *testing.T) {
	for name, want := range map[string]int32{"DECIMAL(10,2)": 2, "DECIMAL128(38, 4)": 4, "DECIMAL(5,0)": 0, "DECIMAL128": -1, "DECIMAL(5)": -1, "DECIMAL(5,x)": -1, "DECIMAL(5,-1)": -1, "LONG": -1, "STRUCT(1,2)": -1} {
		scale, known := Field{Type: ParseType(name), TypeName: name}.DecimalScale()
		require.Equal(t, want >= 0, known, name)
		require.Equal(t, max(want, 0), scale, name)
	}
	scale, known := Field{Type: Decimal128, TypeName: "DECIMAL128", Format: "(10,3)"}.DecimalScale()
	require.True(t, known)
	require.EqualValues(t, 3, scale)
	require.Equal(t, []Type{Decimal128, Decimal128, Integer, Other, Other}, []Type{ParseType("DECIMAL"), ParseType("DECIMAL(1,1)"), ParseType("INT"), ParseType("MONEY(1,1)"), ParseType("")})

	two := int32(2)
	for name, test := range map[string]struct {
		column *Column
		want   int32
		known  bool
	}{
		"a vector of nulls":                {&Column{typ: Decimal128, rows: 2, hasNulls: true, nulls: []bool{true, true}, decimals: make([]Decimal, 2), scale: two, scaled: true}, 2, true},
		"nulls of an older engine":         {&Column{typ: Decimal128, rows: 1, hasNulls: true, nulls: []bool{true}, decimals: make([]Decimal, 1)}, 0, false},
		"a value of an older engine":       {&Column{typ: Decimal128, rows: 1, decimals: []Decimal{{lo: 1, scale: 3}}}, 3, true},
		"a vector of another type":         {&Column{typ: Long, rows: 1, int64s: []int64{1}}, 0, false},
		"a declared scale before all else": {&Column{typ: Decimal128, field: &Field{Type: Decimal128, TypeName: "DECIMAL(9,4)"}, scale: two, scaled: true}, 4, true},
	} {
		scale, known := test.column.DecimalScale()
		require.Equal(t, test.want, scale, name)
		require.Equal(t, test.known, known, name)
	}
}
