package vector

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// golden is one file of testdata: the bytes of a result, and their text.
type golden struct {
	name            string
	batch, metadata []byte
	rows            int
	columns         []goldenColumn
}

type goldenColumn struct {
	Name   string    `json:"name"`
	Type   string    `json:"type"`
	Values []*string `json:"values"`
}

func goldens(t testing.TB) []golden {
	paths, err := filepath.Glob("testdata/*.json")
	require.NoError(t, err)
	require.Len(t, paths, 15)
	var all []golden
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		var file struct {
			Batch    string         `json:"batch"`
			Metadata string         `json:"metadata"`
			Rows     int            `json:"rows"`
			Columns  []goldenColumn `json:"columns"`
		}
		require.NoError(t, json.Unmarshal(raw, &file))
		g := golden{name: strings.TrimSuffix(filepath.Base(path), ".json"), rows: file.Rows, columns: file.Columns}
		g.batch, err = hex.DecodeString(file.Batch)
		require.NoError(t, err)
		g.metadata, err = hex.DecodeString(file.Metadata)
		require.NoError(t, err)
		all = append(all, g)
	}
	return all
}

func TestGolden_DecodesToItsText(t *testing.T) {
	reused := new(Batch)
	for _, g := range goldens(t) {
		t.Run(g.name, func(t *testing.T) {
			meta, err := DecodeMetadata(g.metadata)
			require.NoError(t, err)
			require.Equal(t, int64(g.rows), meta.Rows)
			require.Len(t, meta.Fields, len(g.columns))

			fresh, err := Decode(g.batch, meta.Fields)
			require.NoError(t, err)
			require.NoError(t, reused.Decode(g.batch, meta.Fields))
			for _, b := range []*Batch{fresh, reused} {
				require.Equal(t, g.rows, b.Rows())
				require.Equal(t, len(g.columns), b.NumColumns())
				for i, want := range g.columns {
					c := b.Column(i)
					require.Equal(t, want.Name, c.Field().Name)
					require.Equal(t, want.Type, c.Field().TypeName)
					require.Equal(t, want.Type, c.Field().Type.String())
					require.Equal(t, want.Type, c.Type().String())
					requireTexts(t, want.Values, c)
				}
			}
		})
	}
}

// requireTexts compares a column with the texts of its values, nil for null.
func requireTexts(t *testing.T, want []*string, c *Column) {
	t.Helper()
	require.Equal(t, len(want), c.Len())
	nulls := false
	for row, text := range want {
		require.Equal(t, text == nil, c.IsNull(row), "row %d", row)
		if text == nil {
			nulls = true
			require.Nil(t, c.Value(row))
			require.Empty(t, c.Text(row))
			continue
		}
		require.NotNil(t, c.Value(row))
		require.Equal(t, *text, c.Text(row), "row %d", row)
	}
	require.Equal(t, nulls, c.HasNulls())
}

func TestGolden_EveryPrefixIsATypedError(t *testing.T) {
	for _, g := range goldens(t) {
		t.Run(g.name, func(t *testing.T) {
			for n := range g.batch {
				b, err := Decode(g.batch[:n], nil)
				require.Nil(t, b)
				requireDecodeError(t, err, "batch", n)
				require.ErrorIs(t, err, ErrTruncated, "prefix of %d bytes", n)
			}
			for n := range g.metadata {
				m, err := DecodeMetadata(g.metadata[:n])
				require.Nil(t, m)
				requireDecodeError(t, err, "metadata", n)
				require.ErrorIs(t, err, ErrTruncated, "prefix of %d bytes", n)
			}
		})
	}
}

// requireDecodeError checks that an error is one of ours, whole and within the
// input.
func requireDecodeError(t testing.TB, err error, op string, size int) {
	t.Helper()
	var e *DecodeError
	require.True(t, errors.As(err, &e), "%v", err)
	require.Equal(t, op, e.Op)
	require.GreaterOrEqual(t, e.Column, -1)
	require.GreaterOrEqual(t, e.Offset, 0)
	require.LessOrEqual(t, e.Offset, size)
	require.NotEmpty(t, e.Detail)
	require.Contains(t, sentinels, e.Err)
}

var sentinels = []error{
	ErrTruncated, ErrTrailing, ErrLength, ErrType, ErrField, ErrUnion, ErrDepth, ErrRows, ErrColumns, ErrValue,
}

func TestGolden_ChangedBytesNeverPanic(t *testing.T) {
	reused := new(Batch)
	for _, g := range goldens(t) {
		meta, err := DecodeMetadata(g.metadata)
		require.NoError(t, err)
		for i := range g.batch {
			for _, with := range []byte{0, 1, 2, 0x7f, 0x80, 0xff, g.batch[i] + 1, g.batch[i] - 1} {
				broken := append([]byte(nil), g.batch...)
				broken[i] = with
				if err := reused.Decode(broken, meta.Fields); err != nil {
					requireDecodeError(t, err, "batch", len(broken))
					require.Zero(t, reused.Rows())
					require.Zero(t, reused.NumColumns())
					continue
				}
				touch(reused)
			}
		}
		for i := range g.metadata {
			for _, with := range []byte{0, 1, 0x7f, 0x80, 0xc0, 0xed, 0xff} {
				broken := append([]byte(nil), g.metadata...)
				broken[i] = with
				if _, err := DecodeMetadata(broken); err != nil {
					requireDecodeError(t, err, "metadata", len(broken))
				}
			}
		}
	}
}

// touch reads everything that a batch can be asked for. A batch of constants
// may have any number of rows, of which a few are enough.
func touch(b *Batch) {
	for i := range b.NumColumns() {
		c := b.Column(i)
		_, _ = c.Field(), c.Nulls()
		for row := range min(b.Rows(), 1000) {
			_, _, _ = c.Value(row), c.Text(row), c.Zone(row)
			if c.isTime() || c.Type() == Date {
				_, _ = c.Time(row)
			}
		}
	}
}
