package examples_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/emulator"
	"github.com/e6data/e6data-go/internal/stress"
)

// anyStatement draws a statement with placeholders between literals, names and
// comments that hold what could be mistaken for an end of them, or for a
// placeholder. Many are no SQL.
var anyStatement = rapid.Custom(func(t *rapid.T) string {
	inside := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"?", " ? ", `\'`, `''`, `'`, `\\`, `\`, `"`, `""`, "--", "//", "/*", "*/", "/", "*", "\n", "\r", "\r\n", "$$", "$a$", " ", "E'", "x", "||"}), 0, 4).Draw(t, "inside"), "")
	})
	part := rapid.Custom(func(t *rapid.T) string {
		in := inside.Draw(t, "in")
		return rapid.SampledFrom([]string{" || ?", " || ?", "||?", " || (?)", " || '" + in + "'", "|| E'" + in + "'", " /*" + in + "*/ ", " --" + in + "\n", " //" + in + "\n", ` AS "` + in + `"`, " || $$" + in + "$$", "||$a$" + in + "$a$", ", 'x'", ", ?::VARCHAR", in, "\n"}).Draw(t, "part")
	})
	return "SELECT 'p'" + strings.Join(rapid.SliceOfN(part, 1, 8).Draw(t, "parts"), "")
})

// Where the client sees a placeholder, and where the engine does, must be the
// same: a value in the middle of what the engine takes for a literal or a comment
// would be SQL. The emulator is the engine, and DuckDB's own binding the reference.
func TestTheClientAndTheEngineSeeTheSamePlaceholders(t *testing.T) {
	t.Parallel()
	w, reference := openWays(t, emulator.Options{}), duck(t)
	ran := 0
	rapid.Check(t, func(rt *rapid.T) {
		for range 20 {
			statement := anyStatement.Draw(rt, "statement")
			value := rapid.SampledFrom([]string{" || 6*7 || ", "' || 6*7 || '", "*/ || 6*7 /*", "\n|| 6*7 --", `\`, `'`, `\' || 6*7 --`, `" || 6*7 || "`, "$$ || 6*7 || $$", "$a$ || 6*7 || $a$", "\r\n|| 6*7 --"}).Draw(rt, "value")
			var got []any
			var err error
			n := strings.Count(statement, "?") + 1
			for wrong := new(e6.ParamError); n > 0 && (err == nil && got == nil || errors.As(err, &wrong)); {
				n--
				got, err = values(w.client.QueryAll(t.Context(), statement, slices.Repeat([]any{value}, n)...))
			}
			if n == 0 || err != nil {
				continue // no SQL, or nothing to send
			}
			ran++
			require.NotContains(rt, strings.Join(printed(got), " "), "42", "the value was run: %q with %q", statement, value)
			// A literal may stand where a placeholder may not, as behind another one.
			want, err := prepared(t.Context(), reference, emulator.Translate(statement), slices.Repeat([]any{value}, n)...)
			if err == nil {
				require.Equal(rt, printed(want), printed(got), "%q with %q", statement, value)
			}
		}
	})
	require.Greater(t, ran, stress.Count(40, 200), "too few of the statements are SQL")
}
