package e6

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/e6data/e6data-go/e6/internal/address"
	"github.com/e6data/e6data-go/e6/internal/connstring"
)

// FromDSN reads a data source name: see ParseDSN. An empty one gives nothing.
func FromDSN(dsn string) Source {
	return func(l *loading) {
		if dsn != "" {
			l.readDSN(dsn)
		}
	}
}

// ParseDSN returns the configuration that a data source name stands for:
//
//	e6s://user:token@host:port/catalog/schema?cluster=name
//
// e6s is e6 with TLS; without, Config.AllowClearText tells what else it takes. The
// user and the token are percent-encoded, where a plus is a plus: Config.FormatDSN
// writes them so. A port that is left out is 443 with TLS and 80 without.
// docs/configuration.md lists the parameters. A duration is a number of seconds, of
// milliseconds for the keepalive, or has a unit of its own, such as 30s.
//
// The connection strings of other clients are read too: jdbc:e6data://host:port/...,
// e6data+e6data://user:token@host:port/?..., and lists such as host=h user=u.
//
// The error is a *ConfigError that lists everything that is wrong.
func ParseDSN(dsn string) (Config, error) { return Load(func(l *loading) { l.readDSN(dsn) }) }

// wantDSN is the form of a DSN.
const wantDSN = "e6s://user:token@host:port/catalog/schema?cluster=name, with user and token percent-encoded (Config.FormatDSN writes one)"

func (l *loading) readDSN(dsn string) {
	first := len(l.problems)
	defer func() {
		slices.SortStableFunc(l.problems[first:], func(a, b Problem) int { return strings.Compare(a.Name(), b.Name()) })
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
		// What is not well formed may hold a token anywhere.
		l.bad("DSN", "", "not well formed", wantDSN)
		return
	}
	l.takeForeign(pairs)
}

// readURL reads what stands behind e6:// or e6s://.
func (l *loading) readURL(scheme, rest string) {
	authority, tail := rest, ""
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority, tail = rest[:end], rest[end:]
	}
	if strings.ContainsAny(tail, "@#") {
		// A character of the user or the token has ended them too early, and the rest
		// of them would show in errors.
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
	// A secret among the parameters may have been cut off by an ampersand in it.
	hidden := slices.ContainsFunc(slices.Collect(maps.Keys(values)), connstring.IsSecret)
	for key, texts := range values {
		for _, value := range texts {
			given = append(given, pair{name: key, value: value, source: "DSN parameter " + shownName(key), hidden: hidden})
		}
	}
	l.take(given)
}

// readAuthority reads user:token@host:port. Nothing of it is shown: where one ends and
// the other begins is not certain.
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

// readPath reads the catalog and the schema, of which either may be empty.
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

// withoutCounterpart are names that other clients have for what does not exist here:
// the transport, and a library that decodes. docs/migration.md says so.
var withoutCounterpart = []string{"scheme", "requirefastbinary"}

// takeForeign takes the values of another client's connection string. If some are
// wrong, the error shows what the rest of them is as a DSN.
func (l *loading) takeForeign(pairs []connstring.Pair) {
	var given []pair
	for _, p := range pairs {
		switch name := plainName(p.Name); {
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

// FormatDSN returns the DSN that ParseDSN reads as this configuration. It holds the
// token: String does not. What is no text is left out: Credentials, Bearer and CAPEM.
func (c Config) FormatDSN() string {
	var b strings.Builder
	b.WriteString("e6")
	if c.TLS {
		b.WriteByte('s')
	}
	b.WriteString("://")
	if c.User != "" || c.Token != "" {
		b.WriteString(escaped(c.User))
		if c.Token != "" {
			b.WriteString(":" + escaped(c.Token))
		}
		b.WriteByte('@')
	}
	if a, err := address.Parse(c.Address); err == nil {
		b.WriteString(strings.ReplaceAll(a.String(), "%", "%25"))
	} else {
		b.WriteString(c.shownAddress())
	}
	if c.Catalog != "" || c.Schema != "" {
		b.WriteString("/" + escaped(c.Catalog))
	}
	if c.Schema != "" {
		b.WriteString("/" + escaped(c.Schema))
	}
	mark := "?"
	for _, s := range settings {
		if value := s.text(&c); s.DSN != "" && value != "" && s.Field != "TLS" {
			b.WriteString(mark + s.DSN + "=" + strings.NewReplacer("%2F", "/", "%3A", ":").Replace(url.QueryEscape(value)))
			mark = "&"
		}
	}
	return b.String()
}

// escaped is a part of a DSN before its parameters, percent-encoded: a space is %20 and
// not a plus, which stands for itself there. The mask of a secret stays readable.
func escaped(part string) string {
	return strings.NewReplacer("+", "%20", "%2A", "*").Replace(url.QueryEscape(part))
}
