// Package connstring reads the connection strings of other clients of the engine: the
// URL of the JDBC driver, the URL of the SQLAlchemy dialect, and lists of names and
// values such as the arguments of the Python connector.
package connstring

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Pair is a name and its value, as the text has them.
type Pair struct {
	Name, Value string
	// Hidden is set if the name and the value may be parts of a secret that was cut off
	// too early, so that they must not be shown.
	Hidden bool
}

// ErrMalformed: the text has one of the forms, but is malformed. The error never quotes
// the text, which may hold a secret anywhere.
var ErrMalformed = errors.New("malformed")

// Parse returns the pairs of a text, in its order. The host and the port of a URL are the
// pair "host", its user and password are "user" and "token", and the parts of its path
// are "catalog" and "schema", or "schema" alone. known is false for a text that is of
// none of the forms.
func Parse(text string) (pairs []Pair, known bool, err error) {
	text = strings.TrimSpace(text)
	if form := urlForm.FindStringSubmatch(text); form != nil {
		pairs, err = parseURL(text[len(form[0]):], form[1] != "")
		return pairs, true, err
	}
	if pairs, ok := parseList(text); ok {
		return pairs, true, nil
	}
	return nil, false, nil
}

// urlForm is how the URLs begin: jdbc:e6data:// and e6data+driver://.
var urlForm = regexp.MustCompile(`^(?i)(jdbc:)?e6data(?:\+[a-z0-9_]+)?://`)

// parseURL reads what stands behind the scheme.
func parseURL(rest string, jdbc bool) (pairs []Pair, err error) {
	add := func(name, value string) { pairs = append(pairs, Pair{Name: name, Value: value}) }
	authority, tail := rest, ""
	if end := strings.IndexAny(rest, "/?;&"); end >= 0 {
		authority, tail = rest[:end], rest[end:]
	}
	if at := strings.LastIndex(authority, "@"); at >= 0 {
		user, token, _ := strings.Cut(authority[:at], ":")
		authority = authority[at+1:]
		for _, p := range []Pair{{Name: "user", Value: user}, {Name: "token", Value: token}} {
			value, err := url.PathUnescape(p.Value)
			if err != nil {
				return nil, ErrMalformed
			}
			add(p.Name, value)
		}
	}
	add("host", authority)
	path, params := splitTail(tail)
	if strings.Contains(path, "@") {
		return nil, ErrMalformed // a slash in a token that was not percent-encoded
	}
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	if len(parts) > 2 {
		return nil, ErrMalformed
	}
	for i, name := range []string{"catalog", "schema"}[2-len(parts):] {
		value, err := url.PathUnescape(parts[i])
		if err != nil {
			return nil, ErrMalformed
		}
		add(name, value)
	}
	behind := false // a secret, which may have held one of the characters that separate parameters
	for _, param := range params {
		name, value, found := strings.Cut(param, "=")
		if !found {
			return nil, ErrMalformed
		}
		name = unescape(name, jdbc)
		pairs = append(pairs, Pair{Name: name, Value: unescape(value, jdbc), Hidden: behind || !nameForm.MatchString(name)})
		behind = behind || IsSecret(name)
	}
	return pairs, nil
}

// splitTail separates a path from parameters, which follow a question mark, or, in a
// URL of JDBC, a slash or a semicolon.
func splitTail(tail string) (path string, params []string) {
	pieces := strings.FieldsFunc(tail, func(r rune) bool { return r == '?' || r == '&' || r == ';' })
	if len(pieces) > 0 && strings.HasPrefix(tail, "/") {
		first := strings.TrimPrefix(pieces[0], "/")
		if !strings.Contains(first, "=") {
			return first, pieces[1:]
		}
		pieces[0] = first
	}
	return "", pieces
}

// unescape is for parameters, where a plus is a space, except in a URL of JDBC. What
// is not percent-encoded is taken as it stands.
func unescape(text string, jdbc bool) string {
	decode := url.QueryUnescape
	if jdbc {
		decode = url.PathUnescape
	}
	if plain, err := decode(text); err == nil {
		return plain
	}
	return text
}

// IsSecret reports whether the value of a parameter is a secret, by this client's names
// and by what others call theirs, such as access_token and passwd.
func IsSecret(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"token", "pass", "pwd", "secret", "key"}, func(part string) bool {
		return strings.Contains(name, part)
	})
}

// nameForm is what the name of a parameter looks like.
var nameForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*$`)
