package e6test

import (
	"encoding/hex"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/vector"
)

// golden is a file of result batches whose bytes are known.
type golden struct {
	Batch    string `json:"batch"`
	Metadata string `json:"metadata"`
	Rows     int    `json:"rows"`
}

func TestWhatIsDecodedFromTheGoldenFilesEncodesToTheSameBytes(t *testing.T) {
	files, err := filepath.Glob("../vector/testdata/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			var g golden
			require.NoError(t, json.Unmarshal(text, &g))
			rawMeta, err := hex.DecodeString(g.Metadata)
			require.NoError(t, err)
			md, err := vector.DecodeMetadata(rawMeta)
			require.NoError(t, err)
			require.Equal(t, g.Metadata, hex.EncodeToString(EncodeMetadata(md.Rows, md.Fields)))

			raw, err := hex.DecodeString(g.Batch)
			require.NoError(t, err)
			batch, err := vector.Decode(raw, md.Fields)
			require.NoError(t, err)
			encoded, err := EncodeBatch(rebuild(t, batch))
			require.NoError(t, err)
			again, err := vector.Decode(encoded, md.Fields)
			require.NoError(t, err)
			for i := range md.Fields {
				for row := range batch.Rows() {
					require.Equal(t, batch.Column(i).Text(row), again.Column(i).Text(row))
					require.Equal(t, batch.Column(i).IsNull(row), again.Column(i).IsNull(row))
				}
			}
		})
	}
}

// rebuild turns a decoded batch into one that can be encoded.
func rebuild(t *testing.T, b *vector.Batch) Batch {
	out := Batch{Rows: b.Rows()}
	for i := range b.NumColumns() {
		col := b.Column(i)
		c := Column{Type: col.Type(), Nulls: make([]bool, b.Rows())}
		for row := range b.Rows() {
			c.Nulls[row] = col.IsNull(row)
			add(t, &c, col.Value(row))
		}
		out.Columns = append(out.Columns, c)
	}
	return out
}

// add appends a value to a column, and anything at all for a null.
func add(t *testing.T, c *Column, v any) {
	switch c.Type {
	case vector.Null:
	case vector.Boolean:
		b, _ := v.(bool)
		c.Bools = append(c.Bools, b)
	case vector.Long, vector.Integer:
		n, _ := v.(int64)
		if i, ok := v.(int32); ok {
			n = int64(i)
		}
		c.Ints = append(c.Ints, n)
	case vector.Double, vector.Float:
		f, _ := v.(float64)
		c.Floats = append(c.Floats, f)
	case vector.Date:
		d, _ := v.(vector.DateValue)
		c.Ints = append(c.Ints, d.Days*86_400_000_000)
	case vector.Datetime, vector.Timestamp, vector.TimestampTZ:
		ts, _ := v.(vector.TimestampValue)
		c.Ints = append(c.Ints, ts.Micros)
		c.Zones = append(c.Zones, ts.Zone)
	case vector.Decimal128:
		d, _ := v.(vector.Decimal)
		scale := d.Scale()
		if v != nil || c.Scale == nil {
			c.Scale = &scale
		}
		c.Decimals = append(c.Decimals, TwosComplement(d.Unscaled()))
	case vector.Binary:
		b, _ := v.([]byte)
		c.Strings = append(c.Strings, string(b))
	default:
		s, ok := v.(string)
		require.True(t, ok || v == nil)
		c.Strings = append(c.Strings, s)
	}
}

func TestTwosComplementGivesTheProtocolsKnownSample(t *testing.T) {
	require.Equal(t, "00000000000000000000000000256680", hex.EncodeToString(TwosComplement(big.NewInt(2451072))))
	require.Equal(t, "ffffffffffffffffffffffffffffffff", hex.EncodeToString(TwosComplement(big.NewInt(-1))))
}

func TestABatchThatDoesNotFitItsTypeIsAnError(t *testing.T) {
	for i, b := range []Batch{
		{Rows: 2, Columns: []Column{{Type: vector.Long, Ints: []int64{1}}}},
		{Rows: 1, Columns: []Column{{Type: vector.Char, Strings: []string{"x"}}}},
		{Rows: 2, Columns: []Column{{Type: vector.Long, Ints: []int64{1, 2}, Nulls: []bool{true}}}},
		{Rows: 2, Columns: []Column{{Type: vector.Datetime, Ints: []int64{1, 2}, Zones: []string{"Z"}}}},
	} {
		_, err := EncodeBatch(b)
		require.Error(t, err, strconv.Itoa(i))
	}
}
