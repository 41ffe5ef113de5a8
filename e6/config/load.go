package config

import (
	"cmp"
	"context"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/internal/address"
	"github.com/e6data/e6data-go/e6/internal/settings"
	"github.com/e6data/e6data-go/e6/internal/spelling"
)

// A Source sets fields of an e6.Config: FromEnv, FromDSN, FromValues, FromToken,
// FromBearer, or profile.File.
type Source func(*loading)

// loading is a Config that sources fill in.
type loading struct {
	cfg        e6.Config
	host, port string                                // joined by finish
	token      func(context.Context) (string, error) // a provider of the user's token
	problems   []e6.Problem
	from       map[string]string // the source of each field, by the field's name
}

// Load returns the Config that the sources set. A later source overrides an earlier one,
// field by field; a field that no source sets keeps its zero value, which means its default.
// The usual order is
//
//	cfg, err := config.Load(config.FromEnv(), config.FromDSN(dsn))
//
// The error is an *e6.ConfigError that lists all problems of the sources. Load does not
// check that the Config is complete: e6.Config.Validate and e6.Open do.
func Load(sources ...Source) (e6.Config, error) {
	l := newLoading(sources)
	cfg := l.finish()
	if len(l.problems) > 0 {
		return e6.Config{}, &e6.ConfigError{Problems: l.problems}
	}
	return cfg, nil
}

func newLoading(sources []Source) *loading {
	l := &loading{from: map[string]string{}}
	Join(sources...)(l)
	return l
}

// finish returns the Config with its address and its credentials.
func (l *loading) finish() e6.Config {
	switch {
	case l.host != "":
		l.cfg.Address = net.JoinHostPort(l.host, cmp.Or(l.port, address.DefaultPort(l.cfg.TLS)))
	case l.port != "" && !slices.ContainsFunc(l.problems, func(p e6.Problem) bool { return p.Field == "Address" }):
		l.bad("Address", l.from["Address"], strconv.Quote(":"+l.port), "a host too")
	}
	cfg := l.cfg
	if user, token := cfg.User, l.token; token != nil {
		cfg.User = ""
		cfg.Credentials = func(ctx context.Context) (string, string, error) {
			text, err := token(ctx)
			return user, text, err
		}
	}
	return cfg
}

// setAddress sets the host, which may include a port, or the port, or both. A new host
// replaces the port of the old one.
func (l *loading) setAddress(host, port pair) {
	var parsed address.Address
	if host.value != "" {
		a, err := address.Parse(host.value)
		if err != nil {
			l.badAddress(host, err)
			return
		}
		parsed = a
	}
	number, err := address.Port(port.value)
	switch {
	case err != nil:
		l.badAddress(port, err)
		return
	case number != "" && parsed.Port != "" && number != parsed.Port:
		l.bad("Address", host.source+" and "+port.source, strconv.Quote(parsed.String())+" and "+strconv.Quote(number), "one port")
		return
	}
	if parsed.Host != "" {
		l.host, l.port, l.from["Address"] = parsed.Host, "", host.source
	}
	if parsed.Port != "" {
		l.port = parsed.Port
	}
	if number != "" {
		l.port = number
		if parsed.Host == "" {
			l.from["Address"] = port.source
		}
	}
}

func (l *loading) badAddress(given pair, err error) {
	want, show := address.Want(err)
	value := "***"
	if show && !given.hidden {
		value = strconv.Quote(given.value)
	}
	l.bad("Address", given.source, value, want)
}

// setToken sets the token of the user. It replaces the credentials of earlier sources.
func (l *loading) setToken(source, token string, provider func(context.Context) (string, error)) {
	l.cfg.Token, l.token, l.cfg.Bearer = token, provider, nil
	l.from["Token"] = source
	delete(l.from, "Bearer")
}

func (l *loading) bad(field, source, value, want string) {
	l.problems = append(l.problems, e6.Problem{Field: field, Source: source, Value: value, Want: want})
}

// EnvPrefix begins the names of all environment variables.
const EnvPrefix = settings.EnvPrefix

// FromEnv reads the environment variables: EnvPrefix with HOST or PORT, and those of
// Settings. An empty variable counts as not set.
func FromEnv() Source { return fromEnv(os.Getenv) }

func fromEnv(getenv func(string) string) Source {
	get := func(name string) pair { return pair{name: name, value: getenv(name), source: name} }
	return func(l *loading) {
		l.setAddress(get(EnvPrefix+"HOST"), get(EnvPrefix+"PORT"))
		for _, s := range settings.All() {
			for _, name := range []string{s.Env, s.EnvAlias} {
				if name == "" {
					continue
				}
				if value := getenv(name); value != "" {
					l.set(s, pair{name: name, value: value, source: name})
					break
				}
			}
		}
	}
}

// FromValues reads values by name: see ValueNames. Errors and Origins show the origin, such
// as the name of a file. An empty value counts as not set.
func FromValues(origin string, values map[string]string) Source {
	return func(l *loading) {
		var given []pair
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if values[name] != "" {
				given = append(given, pair{name: name, value: values[name], source: origin + ": " + shownName(name)})
			}
		}
		l.take(given)
	}
}

// FromProblems sets no field. It adds problems to the error of Load, for a Source that is
// built from others.
func FromProblems(problems ...e6.Problem) Source {
	return func(l *loading) { l.problems = append(l.problems, problems...) }
}

// Join combines sources into one. A later source overrides an earlier one.
func Join(sources ...Source) Source {
	return func(l *loading) {
		for _, from := range sources {
			from(l)
		}
	}
}

// pair is a value by its name.
type pair struct {
	name, value string
	source      string // its name in errors
	hidden      bool   // the name and the value must not be shown
}

// shownName is a name from a source as errors show it: in quotes if no setting could have
// it.
func shownName(name string) string {
	if name == "" || strings.Trim(settings.Plain(name), "abcdefghijklmnopqrstuvwxyz0123456789.") != "" {
		return strconv.Quote(name)
	}
	return name
}

// hostNames are the names of the host, with those of other databases' clients.
var hostNames = []string{"address", "host", "server", "hostname"}

// tlsOfSSLMode maps the sslmode of PostgreSQL's and MySQL's clients to the setting tls,
// which always verifies the certificate and its name. Modes in which the server decides
// whether to encrypt have no equivalent.
var tlsOfSSLMode = map[string]string{
	"require": "true", "required": "true", "verifyca": "true", "verifyfull": "true", "verifyidentity": "true",
	"disable": "false", "disabled": "false",
}

// take sets the values of one source by name. A value that is given twice, perhaps by two
// of its names, is an error unless both are equal.
func (l *loading) take(given []pair) {
	byField := map[string]pair{}
	var host, port pair
	for _, p := range given {
		name := settings.Plain(p.name)
		if name == "sslmode" {
			tls, known := tlsOfSSLMode[settings.Plain(p.value)]
			if !known {
				value := "***"
				if !p.hidden {
					value = strconv.Quote(p.value)
				}
				l.bad("TLS", p.source, value, "require or disable, or tls=true or tls=false")
				continue
			}
			name, p.name, p.value = "tls", "tls", tls
		}
		field := ""
		switch {
		case slices.Contains(hostNames, name):
			field = "host"
		case name == "port":
			field = "port"
		}
		s, known := settings.Named(name)
		if known {
			field = s.Field
		}
		if field == "" {
			l.unknown(p)
			continue
		}
		if name == "clusteruuid" && slices.ContainsFunc(given, func(p pair) bool {
			other, _ := settings.Named(settings.Plain(p.name))
			return other.Field == s.Field && settings.Plain(p.name) != name && p.value != ""
		}) {
			continue // the older parameter for the cluster, beside the newer one
		}
		if before, twice := byField[field]; twice {
			if before.value != p.value {
				l.bad(cmp.Or(s.Field, "Address"), p.source, "given more than once", "one value")
			}
			continue
		}
		byField[field] = p
		switch field {
		case "host":
			host = p
		case "port":
			port = p
		default:
			l.set(s, p)
		}
	}
	l.setAddress(host, port)
}

// unknown reports an unknown name, and suggests the nearest one.
func (l *loading) unknown(p pair) {
	if p.hidden {
		l.bad("DSN", "a parameter", "unknown", "a token in quotes or percent-encoded, if this is a part of it")
		return
	}
	want := "a name that docs/configuration.md lists"
	if near := spelling.Nearest(p.name, ValueNames()); near != "" {
		want = near + ", if that is meant, or another " + strings.TrimPrefix(want, "a ")
	}
	l.bad(p.source, p.source, "unknown", want)
}

// FromToken takes the token of the user from a provider, such as auth.File. The client calls
// the provider for every login, from any goroutine. It replaces a token of an earlier source;
// a token of a later source replaces it.
func FromToken(provider func(ctx context.Context) (string, error)) Source {
	return func(l *loading) { l.setToken("a provider of tokens", "", provider) }
}

// FromBearer sets e6.Config.Bearer. It replaces the credentials of earlier sources; a token
// of a later source replaces it.
func FromBearer(provider func(ctx context.Context) (string, error)) Source {
	return func(l *loading) {
		l.setToken("", "", nil)
		l.cfg.User, l.cfg.Bearer = "", provider
		delete(l.from, "User")
		delete(l.from, "Token")
		l.from["Bearer"] = "a provider of tokens"
	}
}

// set sets the field of a setting from text.
func (l *loading) set(s settings.Setting, given pair) {
	if s.Field == "Token" {
		l.setToken(given.source, given.value, nil)
		return
	}
	if s.Set(&l.cfg, given.value) {
		l.from[s.Field] = given.source
		return
	}
	s.Secret = s.Secret || given.hidden
	l.bad(s.Field, given.source, shownText(s, given.value), s.Want)
}

// shownText is a value as errors show it.
func shownText(s settings.Setting, value string) string {
	if s.Secret {
		return "***"
	}
	return strconv.Quote(value)
}
