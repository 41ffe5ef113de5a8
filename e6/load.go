package e6

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
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
	if l.host != "" {
		l.cfg.Address = net.JoinHostPort(l.host, cmp.Or(l.port, defaultPort(l.cfg.TLS)))
	} else if l.port != "" {
		l.bad("port", l.port, "a host too")
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

// give notes who gives a field its value, and returns that value.
func give[T comparable](l *loading, field, source string, value, otherwise T) T {
	var none T
	if value == none {
		return otherwise
	}
	l.from[field] = source
	return value
}

// setAddress sets the host, or the port, or both. The port of another host is
// forgotten.
func (l *loading) setAddress(source, host, port string) {
	if host != "" {
		l.host, l.port = host, ""
	}
	l.port = cmp.Or(port, l.port)
	if host+port != "" {
		l.from["Address"] = source
	}
}

// setToken sets the token of the user, which replaces what earlier sources said
// about credentials.
func (l *loading) setToken(source, token string, provider func(context.Context) (string, error)) {
	l.cfg.Token, l.token, l.cfg.Bearer = token, provider, nil
	l.from["Token"] = source
	delete(l.from, "Bearer")
}

func (l *loading) bad(field, value, want string) {
	l.problems = append(l.problems, Problem{field, value, want})
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
	return func(l *loading) {
		l.setAddress(EnvPrefix+"HOST", getenv(EnvPrefix+"HOST"), getenv(EnvPrefix+"PORT"))
		for _, s := range settings {
			if s.Env == "" {
				continue
			}
			if value := getenv(s.Env); value != "" {
				l.set(s, s.Env, value)
			}
		}
	}
}

// FromValues reads values by name: those of the parameters of a DSN, and address
// or host and port, user, token, catalog and schema. The origin, such as a file,
// is for errors. An empty value counts as not given.
func FromValues(origin string, values map[string]string) Source {
	return func(l *loading) {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if values[name] != "" {
				l.setNamed(origin+": "+name, name, values[name])
			}
		}
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

// setNamed sets a value that is called name.
func (l *loading) setNamed(source, name, value string) {
	switch name {
	case "address":
		host, port, err := net.SplitHostPort(value)
		if err != nil {
			l.bad(source, "not well formed", "a host and a port, such as e6.example.com:443")
			return
		}
		l.setAddress(source, host, port)
		return
	case "host":
		l.setAddress(source, value, "")
		return
	case "port":
		l.setAddress(source, "", value)
		return
	}
	for _, s := range settings {
		if s.name() == name {
			l.set(s, source, value)
			return
		}
	}
	l.bad(source, "unknown", "one of "+strings.Join(ValueNames(), ", "))
}

// ValueNames lists the names that FromValues knows.
func ValueNames() []string {
	names := []string{"address", "host", "port"}
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

// set sets a setting. The source is what it was called there.
func (l *loading) set(s Setting, source, value string) {
	if s.Field == "Token" {
		l.setToken(source, value, nil)
		return
	}
	if s.set(&l.cfg, value) {
		l.from[s.Field] = source
		return
	}
	shown := fmt.Sprintf("%q", value)
	if s.Secret {
		shown = "***"
	}
	l.bad(source, shown, s.Want)
}

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
// e6s is e6 with TLS; without, Config.AllowClearText tells what else it takes. The user and the token are percent-encoded. A port that is
// left out is 443 with TLS and 80 without. docs/configuration.md lists the
// parameters. A duration is a number of seconds, of milliseconds for the
// keepalive, or has a unit of its own, such as 30s. The error is a *ConfigError
// that lists everything that is wrong.
func ParseDSN(dsn string) (Config, error) { return Load(func(l *loading) { l.readDSN(dsn) }) }

func (l *loading) readDSN(dsn string) {
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme != "e6" && u.Scheme != "e6s" || u.Opaque != "" || splitsCredentials(dsn) || forgetsHost(u) {
		// What is not well formed may hold a token anywhere.
		l.bad("DSN", "not well formed", "e6://user:token@host:port/catalog/schema?cluster=name, with user and token percent-encoded")
		return
	}
	const source = "DSN"
	l.setAddress(source, u.Hostname(), u.Port())
	l.cfg.TLS = give(l, "TLS", source, u.Scheme == "e6s", l.cfg.TLS)
	token, _ := u.User.Password()
	l.cfg.User = give(l, "User", source, u.User.Username(), l.cfg.User)
	if token != "" {
		l.setToken(source, token, nil)
	}
	l.readPath(u)
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		l.bad("DSN parameters", "not well formed", "key=value, joined by &")
	}
	for _, s := range settings {
		given, ok := values[s.DSN]
		delete(values, s.DSN)
		switch {
		case !ok || s.DSN == "":
		case len(given) > 1:
			l.bad("DSN parameter "+s.DSN, "given more than once", "one value")
		default:
			l.set(s, "DSN parameter "+s.DSN, given[0])
		}
	}
	for key := range values {
		l.bad("DSN parameter "+key, "unknown", "one of "+strings.Join(dsnKeys(), ", "))
	}
	slices.SortFunc(l.problems, func(a, b Problem) int { return strings.Compare(a.Field, b.Field) })
}

// splitsCredentials reports whether an at sign stands behind the host: a character of
// the user or the token that was not percent-encoded has ended them too early, and the
// rest of them would show in errors.
func splitsCredentials(dsn string) bool {
	_, behind, _ := strings.Cut(dsn, ":")
	behind, found := strings.CutPrefix(behind, "//")
	if !found { // with one slash, all of it is a path
		return strings.Contains(behind, "@")
	}
	end := strings.IndexAny(behind, "/?#")
	return end >= 0 && strings.Contains(behind[end:], "@")
}

// forgetsHost reports whether the host holds a colon and is no address in brackets:
// user and token stand where the host belongs.
func forgetsHost(u *url.URL) bool {
	return strings.Contains(u.Hostname(), ":") && !strings.HasPrefix(u.Host, "[")
}

// readPath reads the catalog and the schema.
func (l *loading) readPath(u *url.URL) {
	path := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	if len(path) > 2 {
		l.bad("DSN path", fmt.Sprintf("%q", u.Path), "/catalog/schema")
		return
	}
	for i, into := range []*string{&l.cfg.Catalog, &l.cfg.Schema}[:len(path)] {
		part, _ := url.PathUnescape(path[i]) // url.Parse has checked it
		*into = give(l, []string{"Catalog", "Schema"}[i], "DSN", part, *into)
	}
}

// dsnKeys lists the parameters of a DSN.
func dsnKeys() (keys []string) {
	for _, s := range settings {
		if s.DSN != "" {
			keys = append(keys, s.DSN)
		}
	}
	return keys
}
