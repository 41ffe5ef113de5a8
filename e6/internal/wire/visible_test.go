package wire

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestVisible_EscapesControlBytes(t *testing.T) {
	for text, want := range map[string]string{
		"\x9b2J": `\x9b2J`, "\u009b2J": `\u009b2J`, "\x1b[2J": `\x1b[2J`, "a\xffb": `a\xffb`, "é\xc3": `é\xc3`, "two\nlines\t": "two\nlines\t", "\ufffd": "\ufffd",
	} {
		got := Visible(text)
		require.Equal(t, want, got)
		require.True(t, utf8.ValidString(got))
		require.False(t, strings.ContainsFunc(got, steers))
	}
}
