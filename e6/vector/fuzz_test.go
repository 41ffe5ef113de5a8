package vector

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzDecodeAgainstThrift reads the input once as a batch and once as the
// decisions that make up a valid one, and compares this package's reading of
// both, and of the latter with one byte changed, with Apache Thrift's.
func FuzzDecodeAgainstThrift(f *testing.F) {
	for _, g := range goldens(f) {
		f.Add(g.batch)
	}
	f.Add([]byte{7, 2, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	f.Fuzz(func(t *testing.T, in []byte) {
		reused := new(Batch)
		compareWithThrift(t, reused, in)

		e := &entropy{b: in}
		drawn := e.chunk()
		raw := encodeThrift(t, drawn)
		require.True(t, valid(drawn))
		require.NoError(t, reused.Decode(raw, nil))
		requireSame(t, drawn, reused)
		touch(reused)

		at := (int(e.byte())<<8 | int(e.byte())) % len(raw)
		raw[at] ^= e.byte()
		compareWithThrift(t, new(Batch), raw)
	})
}

// compareWithThrift holds the two readings against each other, as far as they
// can agree: what this package accepts, Thrift reads alike; and what Thrift
// reads and would write again byte for byte, this package accepts exactly if it
// keeps the rules. (Thrift's code passes over what is missing, given twice or
// of another type, which is corrupt here.)
func compareWithThrift(t *testing.T, b *Batch, in []byte) {
	t.Helper()
	err := b.Decode(in, nil)
	other, left, thriftErr := readThrift(in)
	if err == nil {
		require.NoError(t, thriftErr)
		require.Zero(t, left)
		requireSame(t, other, b)
		touch(b)
		return
	}
	requireDecodeError(t, err, "batch", len(in))
	if thriftErr != nil || left > 0 {
		return
	}
	again, writeErr := writeThrift(other)
	if writeErr == nil && bytes.Equal(again, in) {
		require.False(t, valid(other), "refused, though it keeps the rules: %v", err)
	}
}

func FuzzDecodeMetadata(f *testing.F) {
	for _, g := range goldens(f) {
		f.Add(g.metadata)
	}
	f.Add(metadataOf("a\xc0\x80b", "STRING", "\xed\xa0\xbd\xed\xba\x80", ""))
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := DecodeMetadata(in)
		if err != nil {
			require.Nil(t, m)
			requireDecodeError(t, err, "metadata", len(in))
			return
		}
		require.LessOrEqual(t, len(m.Fields), len(in)/minFieldBytes)
		for _, field := range m.Fields {
			for _, s := range []string{field.Name, field.TypeName, field.Zone, field.Format} {
				require.True(t, utf8.ValidString(s))
			}
		}
	})
}

// FuzzParseDecimal checks that a decimal that was read is written with the same
// value, and read back as itself where its text keeps the scale.
func FuzzParseDecimal(f *testing.F) {
	for _, s := range []string{"0", "-0.00", "12.50", "1.5E+3", "1e-7", ".5", "5.", "+7", "170141183460469231731687303715884105727", "-170141183460469231731687303715884105728", "1e", "--1", "٣"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDecimal(text)
		if err != nil {
			return
		}
		again, err := ParseDecimal(d.String())
		if d.Scale() < 0 {
			// The zeros that a negative scale stands for may need more bits.
			if err == nil {
				require.Zero(t, d.Cmp(again))
			}
			return
		}
		require.NoError(t, err)
		require.Equal(t, d, again)
		rebuilt, err := NewDecimal(d.Unscaled(), d.Scale())
		require.NoError(t, err)
		require.Equal(t, d, rebuilt)
	})
}

// FuzzZone checks that any text is a zone or an error, and that the text of a
// timestamp is never lost over it.
func FuzzZone(f *testing.F) {
	for _, s := range []string{"", "Z", "+05:30", "-18", "+1800", "+18:00:01", "+0:530", "Europe/Berlin", "Local", "../etc/passwd", "+12:3:4"} {
		f.Add(s, int64(0))
	}
	f.Fuzz(func(t *testing.T, zone string, micros int64) {
		v := TimestampValue{Micros: micros, Zone: zone}
		require.NotEmpty(t, v.String())
		if at, err := v.Time(); err == nil {
			require.Equal(t, micros, at.UnixMicro())
		}
	})
}
