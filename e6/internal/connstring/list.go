package connstring

import (
	"regexp"
	"strings"
)

// A list may be the arguments of a call, Connection(host="h", port=443), also of one whose
// result is assigned, or a dictionary, {"host": "h", "port": 443}.
var (
	callForm    = regexp.MustCompile(`(?s)^(?:[A-Za-z_][A-Za-z0-9_.]*\s*=\s*)?[A-Za-z_][A-Za-z0-9_.]*\s*\((.*)\)$`)
	dictForm    = regexp.MustCompile(`(?s)^\{(.*)\}$`)
	optionsForm = regexp.MustCompile(`(?s)["']?grpc_options["']?\s*[=:]\s*\{([^{}]*)\}`)
)

// severalForm is a value without quotes that holds another name with its value.
var severalForm = regexp.MustCompile(`\s.*=`)

// parseList reads names with values. ok is false if the text is no such list.
func parseList(text string) (pairs []Pair, ok bool) {
	for _, form := range []*regexp.Regexp{callForm, dictForm} {
		if inner := form.FindStringSubmatch(text); inner != nil {
			text = strings.TrimSpace(inner[1])
		}
	}
	text = optionsForm.ReplaceAllString(text, "$1")
	s := scanner{rest: text, separators: separatorsOf(text)}
	behind := false // a secret without quotes
	for s.skip(s.separators + " \t\r\n"); s.rest != ""; s.skip(s.separators + " \t\r\n") {
		name, inQuotes, ok := s.word("=: \t" + s.separators)
		if !ok || !nameForm.MatchString(name) {
			return nil, false
		}
		if s.skip(" \t"); s.rest == "" || s.rest[0] != '=' && !(inQuotes && s.rest[0] == ':') {
			return nil, false
		}
		s.rest = s.rest[1:]
		s.skip(" \t")
		value, quoted, ok := s.word(s.separators)
		if !ok || !quoted && severalForm.MatchString(value) {
			return nil, false
		}
		if quoted || value != "None" && value != "null" {
			pairs = append(pairs, Pair{Name: name, Value: value, Hidden: behind})
		}
		behind = behind || IsSecret(name) && !quoted
	}
	return pairs, len(pairs) > 0
}

// separatorsOf returns what separates the pairs of a list: semicolons, or commas, or
// ampersands, or white space, of which the first that stands outside of quotes counts.
func separatorsOf(text string) string {
	var outside strings.Builder
	quote := rune(0)
	for _, r := range text {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'':
			quote = r
		default:
			outside.WriteRune(r)
		}
	}
	for _, separator := range []string{";", ",", "&"} {
		if strings.Contains(outside.String(), separator) {
			return separator
		}
	}
	return " \t\r\n"
}

// scanner takes words from the front of a text.
type scanner struct {
	rest, separators string
}

// skip drops any of these characters from the front.
func (s *scanner) skip(cutset string) { s.rest = strings.TrimLeft(s.rest, cutset) }

// word takes a word in quotes, or all up to one of the characters of ends. It is not ok
// if a quote is not closed, or if something follows it.
func (s *scanner) word(ends string) (word string, quoted, ok bool) {
	if s.rest != "" && (s.rest[0] == '"' || s.rest[0] == '\'') {
		return s.quoted(ends)
	}
	end := strings.IndexAny(s.rest, ends)
	if end < 0 {
		end = len(s.rest)
	}
	word, s.rest = s.rest[:end], s.rest[end:]
	return strings.TrimSpace(word), false, true
}

func (s *scanner) quoted(ends string) (word string, quoted, ok bool) {
	var b strings.Builder
	quote := s.rest[0]
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '\\' && i+1 < len(s.rest):
			i++
			b.WriteByte(s.rest[i])
		case c == quote:
			s.rest = strings.TrimLeft(s.rest[i+1:], " \t")
			return b.String(), true, s.rest == "" || strings.ContainsRune(ends+"=:\r\n", rune(s.rest[0])) || strings.Trim(ends, " \t\r\n") == ""
		default:
			b.WriteByte(c)
		}
	}
	return "", true, false
}
