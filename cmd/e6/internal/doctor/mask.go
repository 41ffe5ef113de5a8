package doctor

import (
	"regexp"
	"strings"
)

// short is the length below which a secret is only looked for as a word: the name of
// a user may be a part of many others.
const short = 8

// mask replaces secrets in a text.
func mask(text string, secrets []string) string {
	for _, s := range secrets {
		switch {
		case s == "":
		case len(s) >= short:
			text = strings.ReplaceAll(text, s, "***")
		default:
			text = regexp.MustCompile(`(^|\W)`+regexp.QuoteMeta(s)+`($|\W)`).ReplaceAllString(text, "${1}***${2}")
		}
	}
	return text
}
