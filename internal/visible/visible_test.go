package visible

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestText_EscapesControlBytes(t *testing.T) {
	for text, want := range map[string]string{
		"\x9b2J": `\x9b2J`, "\u009b2J": `\u009b2J`, "\x1b[2J": `\x1b[2J`, "a\xffb": `a\xffb`, "é\xc3": `é\xc3`,
		"\u202etxt": `\u202etxt`, "\ufffd": "\ufffd", "it's": "it's",
	} {
		require.Equal(t, want, Text(text))
		require.Equal(t, want, Line(text))
		require.True(t, utf8.ValidString(want))
	}
}

func TestLine_EscapesLineBreaksAndTextKeepsThem(t *testing.T) {
	const text = "two\nlines\t"
	require.Equal(t, text, Text(text))
	require.Equal(t, `two\nlines\t`, Line(text))
	require.False(t, strings.ContainsFunc(Line(text), IsControl))
}
