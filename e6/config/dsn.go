package config

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/internal/connstring"
	"github.com/e6data/e6data-go/e6/internal/settings"
)

// FromDSN reads a data source name: see ParseDSN. An empty text sets nothing.
func FromDSN(dsn string) Source {
	return func(l *loading) {
		if dsn != "" {
			l.readDSN(dsn)
		}
	}
}

// ParseDSN returns the Config of a data source name:
//
//	e6s://user:token@host:port/catalog/schema?cluster=name
//
// The scheme e6s is e6 with TLS. Without TLS, e6.Config.AllowClearText is needed for all
// addresses but those of this machine. The user and the token are percent-encoded, and a plus
// sign stands for itself: e6.Config.FormatDSN writes them this way. The default port is 443
// with TLS and 80 without. docs/configuration.md lists the parameters. A duration is a number
// of seconds, or of milliseconds for the keepalive, or has a unit, such as 30s.
//
// ParseDSN also reads the connection strings of other clients: jdbc:e6data://host:port/...,
// e6data+e6data://user:token@host:port/?..., and lists such as host=h user=u.
//
// The error is an *e6.ConfigError that lists all problems.
func ParseDSN(dsn string) (e6.Config, error) { return Load(func(l *loading) { l.readDSN(dsn) }) }

// wantDSN is the form of a DSN.
const wantDSN = "e6s://user:token@host:port/catalog/schema?cluster=name, with user and token percent-encoded (Config.FormatDSN writes one)"

func (l *loading) readDSN(dsn string) {
	first := len(l.problems)
	defer func() {
		slices.SortStableFunc(l.problems[first:], func(a, b e6.Problem) int { return strings.Compare(a.Name(), b.Name()) })
	}()
	scheme, rest, found := strings.Cut(strings.TrimSpace(dsn), "://")
	switch scheme = strings.ToLower(scheme); {
	case found && (scheme == "e6" || scheme == "e6s"):
		l.readURL(scheme, rest)
		return
	case found && slices.Contains([]string{"http", "https", "grpc", "grpcs"}, scheme):
		l.bad("DSN", "", "not well formed", wantDSN+", with e6s:// in place of "+scheme+"://")
		return
	}
	if strings.HasPrefix(scheme, `"`) || strings.HasPrefix(scheme, "'") {
		l.bad("DSN", "", "in quotes", wantDSN+", without quotes around it")
		return
	}
	pairs, known, err := connstring.Parse(dsn)
	if !known || err != nil {
		// A malformed text may have a token anywhere, so the error shows no part of it.
		l.bad("DSN", "", "not well formed", wantDSN)
		return
	}
	l.takeForeign(pairs)
}

// readURL reads the text after e6:// or e6s://.
func (l *loading) readURL(scheme, rest string) {
	authority, tail := rest, ""
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority, tail = rest[:end], rest[end:]
	}
	if strings.ContainsAny(tail, "@#") {
		// A character that is not percent-encoded has ended the user or the token too
		// early. Errors would show the rest of it.
		l.bad("DSN", "", "not well formed", wantDSN+": @ is %40, # is %23, / is %2F and ? is %3F")
		return
	}
	path, query, _ := strings.Cut(tail, "?")
	var given []pair
	if scheme == "e6s" {
		given = append(given, pair{name: "tls", value: "true", source: "DSN"})
	}
	given = append(given, l.readAuthority(authority)...)
	given = append(given, l.readPath(path)...)
	values, err := url.ParseQuery(query)
	if err != nil {
		l.bad("DSN query", "", "not well formed", "key=value, joined by & and percent-encoded")
	}
	// An ampersand in a secret among the parameters may have cut it off.
	hidden := slices.ContainsFunc(slices.Collect(maps.Keys(values)), connstring.IsSecret)
	for key, texts := range values {
		for _, value := range texts {
			given = append(given, pair{name: key, value: value, source: "DSN parameter " + shownName(key), hidden: hidden})
		}
	}
	l.take(given)
}

// readAuthority reads user:token@host:port. Errors show no part of it, because a character
// that is not percent-encoded moves the borders of the parts.
func (l *loading) readAuthority(authority string) (given []pair) {
	add := func(name, value string) {
		if value != "" {
			given = append(given, pair{name: name, value: value, source: "DSN", hidden: true})
		}
	}
	at := strings.LastIndex(authority, "@")
	user, token, _ := strings.Cut(authority[:max(at, 0)], ":")
	for _, p := range []pair{{name: "user", value: user}, {name: "token", value: token}} {
		plain, err := url.PathUnescape(p.value)
		if err != nil {
			l.bad("DSN", "", "not well formed", wantDSN+": % is %25")
			return nil
		}
		add(p.name, plain)
	}
	host := authority[at+1:]
	if port, alone := strings.CutPrefix(host, ":"); alone && !strings.Contains(port, ":") {
		add("port", port)
	} else {
		add("host", host)
	}
	return given
}

// readPath reads the catalog and the schema. Each may be empty.
func (l *loading) readPath(path string) (given []pair) {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if len(parts) == 3 && parts[2] == "" {
		parts = parts[:2]
	}
	if len(parts) > 2 {
		l.bad("DSN path", "", strconv.Quote(path), "/catalog/schema, with a slash in a name as %2F")
		return nil
	}
	for i, part := range parts {
		plain, err := url.PathUnescape(part)
		if err != nil {
			l.bad("DSN path", "", strconv.Quote(path), "/catalog/schema, percent-encoded: % is %25")
			return nil
		}
		if plain != "" {
			given = append(given, pair{name: []string{"catalog", "schema"}[i], value: plain, source: "DSN"})
		}
	}
	return given
}

// withoutCounterpart are parameters of other clients that this client does not need: the
// transport, and a decoding library. docs/migration.md lists them.
var withoutCounterpart = []string{"scheme", "requirefastbinary"}

// takeForeign sets the values of another client's connection string. If some are invalid,
// the error shows the others as a DSN.
func (l *loading) takeForeign(pairs []connstring.Pair) {
	var given []pair
	for _, p := range pairs {
		switch name := settings.Plain(p.Name); {
		case p.Value == "" || slices.Contains(withoutCounterpart, name):
		case name == "debug":
			if strings.EqualFold(p.Value, "true") {
				given = append(given, pair{name: "log_level", value: "debug", source: "connection string parameter debug"})
			}
		default:
			given = append(given, pair{name: p.Name, value: p.Value, hidden: p.Hidden, source: "connection string parameter " + shownName(p.Name)})
		}
	}
	alone := newLoading(nil)
	alone.take(given)
	if cfg := alone.finish(); len(alone.problems) > 0 && cfg.Address != "" {
		last := &alone.problems[len(alone.problems)-1]
		last.Want += "; without it, the connection string is " + cfg.String() + " as a DSN"
		l.problems = append(l.problems, alone.problems...)
		return
	}
	l.take(given)
}
