package sqlvalue

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/internal/sqltext"
)

func FuzzBinder_AParameterReadsBackAsItsValue(f *testing.F) {
	f.Add("it's", int64(-1), 1.5, uint8(0))
	f.Add("\x00\xff?", int64(math.MinInt64), math.Inf(-1), uint8(1))
	f.Add("", int64(math.MaxInt64), math.Copysign(0, -1), uint8(2))
	f.Fuzz(func(t *testing.T, s string, n int64, x float64, kind uint8) {
		p := &parameters{}
		var v any
		var want vector.Type
		switch kind % 6 {
		case 0:
			v, want = s, vector.String
		case 1:
			v, want = n, vector.Long
		case 2:
			v, want = x, vector.Double
		case 3:
			v, want = n%2 == 0, vector.Boolean
		case 4:
			v, want = time.Unix(n%(1<<33), int64(math.Float64bits(x)%1e9)).UTC(), vector.Timestamp
		case 5:
			v, want = uint64(n), vector.Long
			if n < 0 {
				want = vector.Decimal128
			}
		}
		to := &buffer{ctx: t.Context(), limit: math.MaxInt32}
		err := p.write(to, v)
		text := to.text.String()
		if err != nil {
			require.True(t, kind%6 == 0 && !utf8.ValidString(s) || kind%6 == 4, "%T %v: %v", v, v, err)
			require.Empty(t, p.values)
			return
		}
		if text != "?" { // a literal, which holds nothing of the caller's text
			require.Empty(t, p.values)
			require.True(t, kind%6 == 2 && (math.IsNaN(x) || math.IsInf(x, 0)), "%T %v was written as %s", v, v, text)
			return
		}
		require.Len(t, p.values, 1)
		require.Equal(t, want.String(), p.values[0].Type)
		got := p.values[0].Value
		switch v := v.(type) {
		case string:
			require.Equal(t, v, got)
		case int64, uint64, bool:
			require.Equal(t, fmt.Sprint(v), got)
		case float64:
			back, err := strconv.ParseFloat(got, 64)
			require.NoError(t, err)
			require.Equal(t, math.Float64bits(v), math.Float64bits(back))
		case time.Time:
			require.NotEmpty(t, got)
		}
	})
}

func FuzzBinder_AValueIsOneLiteral(f *testing.F) {
	for _, s := range []string{"it's", `\`, `\'`, "''", "a\r\n\tb", "-- /* //", "\x00", "\xff", "$$ ? $$", "; DROP TABLE t"} {
		f.Add(s, []byte(s))
	}
	f.Fuzz(func(t *testing.T, s string, raw []byte) {
		for _, escape := range []Escape{EscapeSafe, EscapeBackslash} {
			bound, err := bound(t, "SELECT ? FROM t WHERE a = ?", []any{s, raw}, literals{escape})
			if err != nil {
				require.True(t, !utf8.ValidString(s) || strings.Contains(s, "\x00"), "%q: %v", s, err)
				require.False(t, len(s) > 3 && strings.Contains(err.Error(), s), "the error repeats the value: %v", err)
				continue
			}
			kinds := []sqltext.Kind{}
			for token := range sqltext.Tokens(bound) {
				if token.Kind != sqltext.Space {
					kinds = append(kinds, token.Kind)
				}
			}
			want := []sqltext.Kind{sqltext.Word, sqltext.Literal, sqltext.Word, sqltext.Word, sqltext.Word, sqltext.Word, sqltext.Symbol, sqltext.Word, sqltext.Literal}
			if raw == nil {
				want = append(want[:7], sqltext.Word)
			}
			require.Equal(t, want, kinds, "%q", bound)
			require.True(t, sqltext.ReadOnly(bound) || strings.Contains(s, `\`), "%q", bound)
		}
	})
}
