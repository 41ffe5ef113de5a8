package main

import (
	"database/sql"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
)

func FuzzParameter_ValueEqualsItsText(f *testing.F) {
	for _, s := range []string{"1", "-0", "007", "1.50", "1e3", "true", "null", `"7"`, `"a`, "NaN", "9223372036854775808", "", "a=b", " 1", "1 ", "0x1", "1e999", "-1.5E-3"} {
		f.Add(s, "n="+s)
		f.Add(s, ":"+s+"=1")
	}
	f.Fuzz(func(t *testing.T, text, named string) {
		switch v := parameter(text).(type) {
		case nil:
			require.Equal(t, "null", text)
		case bool:
			require.Equal(t, text, strconv.FormatBool(v))
		case int64:
			require.Equal(t, strings.TrimPrefix(text, "-"), strings.TrimPrefix(strconv.FormatInt(v, 10), "-"), "no digit is lost")
		case e6.Decimal:
			require.Equal(t, text, v.String(), "no digit is lost")
		case float64:
			var n json.Number
			require.NoError(t, json.Unmarshal([]byte(text), &n))
			want, err := n.Float64()
			require.NoError(t, err)
			require.Equal(t, want, v)
		case string:
			quoted := strings.HasPrefix(text, `"`) && v != text
			require.True(t, quoted || v == text, "%q became %q", text, v)
		default:
			t.Fatalf("%q became a %T", text, v)
		}
		values, err := parameters([]string{text}, []string{named})
		name, value, found := strings.Cut(named, "=")
		name = strings.TrimLeft(name, ":@")
		require.Equal(t, !found || name == "", err != nil)
		if err == nil {
			require.Equal(t, []any{parameter(text), sql.Named(name, parameter(value))}, values)
		}
	})
}
