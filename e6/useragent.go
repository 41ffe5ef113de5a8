package e6

import (
	"strings"

	"github.com/e6data/e6data-go/e6/internal/version"
)

// maxName is the longest Config.ApplicationName, in bytes.
const maxName = 64

// validName reports whether a text may be an application's name: it is a word of a header.
func validName(name string) bool {
	return len(name) <= maxName && strings.IndexFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

// userAgent names the program and the SDK to the server, in the form of RFC 9110.
func userAgent(application string) string {
	return strings.TrimSpace(application + " e6data-go/" + version.SDK())
}
