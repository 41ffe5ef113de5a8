// Package visible makes text from the network safe to print. Control characters,
// bidirectional controls and bytes that are not UTF-8 are escaped: a terminal would obey
// them, also some of the bytes.
package visible

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line returns the text without a control character.
func Line(s string) string { return escape(s, IsControl) }

// Text is Line for a text of several lines: it keeps line breaks and tabs.
func Text(s string) string {
	return escape(s, func(r rune) bool { return r != '\n' && r != '\t' && IsControl(r) })
}

// IsControl reports whether a terminal may obey the character: it is a control character or
// changes the direction of the text.
func IsControl(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

func escape(s string, hidden func(rune) bool) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, hidden) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case hidden(r):
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}
