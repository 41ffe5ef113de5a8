package e6

import (
	"cmp"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
)

// ParseDSN returns the configuration that a data source name stands for:
//
//	e6://user:token@host:port/catalog/schema?cluster=name&tls=true
//
// e6s is e6 with TLS. The user and the token are percent-encoded. A port that is
// left out is 443 with TLS and 80 without. The parameters are named like the
// fields of Config: cluster, tls, ca, server_name, strategy, auto_resume,
// resume_timeout, refresh_interval, detection_timeout and so on. A duration is a
// number of seconds, of milliseconds for the keepalive, or has a unit of its own,
// such as 30s. The error is a *ConfigError that lists everything that is wrong.
func ParseDSN(dsn string) (Config, error) {
	var c Config
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme != "e6" && u.Scheme != "e6s" || u.Opaque != "" {
		// What is not well formed may hold a token anywhere.
		return c, &ConfigError{[]Problem{{"DSN", "not well formed", "e6://user:token@host:port/catalog/schema?cluster=name, with user and token percent-encoded"}}}
	}
	var problems []Problem
	c.User = u.User.Username()
	c.Token, _ = u.User.Password()
	c.TLS = u.Scheme == "e6s"
	path := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	if len(path) > 2 {
		problems = append(problems, Problem{"DSN path", u.Path, "/catalog/schema"})
	}
	for i, into := range []*string{&c.Catalog, &c.Schema} {
		if i < len(path) {
			*into, _ = url.PathUnescape(path[i]) // url.Parse has checked it
		}
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		problems = append(problems, Problem{"DSN parameters", "not well formed", "key=value, joined by &"})
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		problems = append(problems, c.setParameter(key, values[key])...)
	}
	c.Address = address(u, c.TLS)
	if len(problems) > 0 {
		return Config{}, &ConfigError{problems}
	}
	return c, nil
}

// setParameter sets one parameter of a DSN.
func (c *Config) setParameter(key string, values []string) []Problem {
	source := "DSN parameter " + key
	s, ok := settingOf(func(s setting) bool { return s.dsn != "" && s.dsn == key })
	switch {
	case !ok:
		return []Problem{{source, "unknown", "one of " + strings.Join(dsnKeys(), ", ")}}
	case len(values) > 1:
		return []Problem{{source, "given more than once", "one value"}}
	}
	return s.apply(c, source, values[0])
}

// dsnKeys lists the parameters of a DSN.
func dsnKeys() (keys []string) {
	for _, s := range settings() {
		if s.dsn != "" {
			keys = append(keys, s.dsn)
		}
	}
	return keys
}

// address is the host and the port of a DSN.
func address(u *url.URL, tls bool) string {
	if u.Hostname() == "" {
		return ""
	}
	port := "80"
	if tls {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port))
}
