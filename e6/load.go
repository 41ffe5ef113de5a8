package e6

import (
	"cmp"
	"context"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/e6data/e6data-go/e6/internal/address"
	"github.com/e6data/e6data-go/e6/internal/spelling"
)

// A Source gives values to a Config: FromEnv, FromDSN, FromValues, FromToken,
// FromBearer, or a profile of package profile.
type Source func(*loading)

// loading is a Config that is being put together.
type loading struct {
	cfg        Config
	host, port string                                // until the address is complete
	token      func(context.Context) (string, error) // of the user, if it comes from somewhere else
	problems   []Problem
	from       map[string]string // by the name of a field: who gave its value
}

// Load puts a configuration together. A later source overrides an earlier one,
// value by value, and what none of them gives has its default. The usual order
// is
//
//	cfg, err := e6.Load(e6.FromEnv(), e6.FromDSN(dsn))
//
// The fields of the Config can be changed in the end, which overrides all of
// them. The error is a *ConfigError that lists everything that is wrong with the
// sources; Open looks at the whole.
func Load(sources ...Source) (Config, error) {
	l := newLoading(sources)
	cfg := l.finish()
	if len(l.problems) > 0 {
		return Config{}, &ConfigError{l.problems}
	}
	return cfg, nil
}

func newLoading(sources []Source) *loading {
	l := &loading{from: map[string]string{}}
	Join(sources...)(l)
	return l
}

// finish returns what has come together.
func (l *loading) finish() Config {
	switch {
	case l.host != "":
		l.cfg.Address = net.JoinHostPort(l.host, cmp.Or(l.port, defaultPort(l.cfg.TLS)))
	case l.port != "" && !slices.ContainsFunc(l.problems, func(p Problem) bool { return p.Field == "Address" }):
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

// setAddress sets the host, which may have a port with it, or the port, or both. The
// port of another host is forgotten. Each comes with what its source calls it.
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

// setToken sets the token of the user, which replaces what earlier sources said
// about credentials.
func (l *loading) setToken(source, token string, provider func(context.Context) (string, error)) {
	l.cfg.Token, l.token, l.cfg.Bearer = token, provider, nil
	l.from["Token"] = source
	delete(l.from, "Bearer")
}

func (l *loading) bad(field, source, value, want string) {
	l.problems = append(l.problems, Problem{Field: field, Source: source, Value: value, Want: want})
}

// defaultPort is the usual port of a cluster.
func defaultPort(tls bool) string {
	if tls {
		return "443"
	}
	return "80"
}

// EnvPrefix is what the names of the environment variables begin with.
const EnvPrefix = "E6DATA_"

// FromEnv reads the environment variables that begin with EnvPrefix: HOST and
// PORT, and those of the settings. One that is empty counts as not set.
func FromEnv() Source { return fromEnv(os.Getenv) }

func fromEnv(getenv func(string) string) Source {
	get := func(name string) pair { return pair{name: name, value: getenv(name), source: name} }
	return func(l *loading) {
		l.setAddress(get(EnvPrefix+"HOST"), get(EnvPrefix+"PORT"))
		for _, s := range settings {
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

// FromValues reads values by name: those of the parameters of a DSN, and address
// or host and port, user, token, catalog and schema. The origin, such as a file,
// is for errors. An empty value counts as not given.
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

// FromProblems gives nothing but problems, for the error of Load. It is for sources
// that are made of others.
func FromProblems(problems ...Problem) Source {
	return func(l *loading) { l.problems = append(l.problems, problems...) }
}

// Join makes one source of several. A later one overrides an earlier one.
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
	source      string // what errors call it
	hidden      bool   // neither may be shown
}

// plainName is the form in which names are compared: cluster-name, cluster_name and
// clusterName are one.
func plainName(name string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
}

// shownName is a name that somebody gave, as errors have it: in quotes if it is not one
// that a setting could have.
func shownName(name string) string {
	if name == "" || strings.Trim(plainName(name), "abcdefghijklmnopqrstuvwxyz0123456789.") != "" {
		return strconv.Quote(name)
	}
	return name
}

// hostNames are the names of the host, as other databases' clients have them too.
var hostNames = []string{"address", "host", "server", "hostname"}

// tlsOfSSLMode turns what clients of PostgreSQL and MySQL call sslmode into the setting
// tls, which always checks the certificate and its name. Modes that leave it to the
// server whether to encrypt have no counterpart.
var tlsOfSSLMode = map[string]string{
	"require": "true", "required": "true", "verifyca": "true", "verifyfull": "true", "verifyidentity": "true",
	"disable": "false", "disabled": "false",
}

// addressNames are the names of values that the address is put together from.
var addressNames = []string{"address", "host", "port"}

// take takes the values that one source gives by name. One that comes twice, perhaps by
// two of its names, is an error unless both say the same.
func (l *loading) take(given []pair) {
	byField := map[string]pair{}
	var host, port pair
	for _, p := range given {
		name := plainName(p.name)
		if name == "sslmode" {
			tls, known := tlsOfSSLMode[plainName(p.value)]
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
		s, known := settingOf(name)
		if known {
			field = s.Field
		}
		if field == "" {
			l.unknown(p)
			continue
		}
		if name == "clusteruuid" && slices.ContainsFunc(given, func(p pair) bool {
			other, _ := settingOf(plainName(p.name))
			return other.Field == s.Field && plainName(p.name) != name && p.value != ""
		}) {
			continue // what the name was before it had a name
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

// settingOf finds a setting by one of its names.
func settingOf(name string) (Setting, bool) {
	i := slices.IndexFunc(settings, func(s Setting) bool { return s.Named(name) })
	if i < 0 {
		return Setting{}, false
	}
	return settings[i], true
}

// unknown reports a name that nothing has, with the one that was probably meant.
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

// ValueNames lists the names that FromValues knows, without the aliases that other
// clients have for them.
func ValueNames() []string {
	names := slices.Clone(addressNames)
	for _, s := range settings {
		names = append(names, s.name())
	}
	return names
}

// FromToken takes the token of the user from a provider, such as package auth's.
// It replaces a token of an earlier source, and is replaced by one of a later one.
func FromToken(provider func(ctx context.Context) (string, error)) Source {
	return func(l *loading) { l.setToken("a provider of tokens", "", provider) }
}

// FromBearer sets Config.Bearer. It replaces the credentials of earlier sources,
// and is replaced by a token of a later one.
func FromBearer(provider func(ctx context.Context) (string, error)) Source {
	return func(l *loading) {
		l.setToken("", "", nil)
		l.cfg.User, l.cfg.Bearer = "", provider
		delete(l.from, "User")
		delete(l.from, "Token")
		l.from["Bearer"] = "a provider of tokens"
	}
}

// set sets a setting.
func (l *loading) set(s Setting, given pair) {
	if s.Field == "Token" {
		l.setToken(given.source, given.value, nil)
		return
	}
	if s.set(&l.cfg, given.value) {
		l.from[s.Field] = given.source
		return
	}
	s.Secret = s.Secret || given.hidden
	l.bad(s.Field, given.source, shownText(s, given.value), s.Want)
}
