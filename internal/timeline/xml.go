package timeline

import (
	"bytes"
	"unicode/utf8"
)

// validXML replaces what XML does not allow even as a reference: control characters and invalid
// UTF-8, which an error of a server may contain. Without it a browser would refuse the whole SVG.
func validXML(text []byte) []byte {
	return bytes.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n', r == '\r', r >= ' ' && r != 0xFFFE && r != 0xFFFF:
			return r
		}
		return utf8.RuneError
	}, text)
}
