package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/internal/settings"
)

// planted is a secret that nothing may show.
const planted = "pl4nted-s3cret"

func FuzzParseDSN(f *testing.F) {
	for _, dsn := range []string{
		"e6://user:token@host:80/catalog/schema?cluster=c", "e6s://u%40x:t%2Fk@h", "e6://u:t@[::1]:9/c?strategy=blue&resume_timeout=30s&max_attempts=3",
		"e6://u:t@h?tls=true&tls=false&none=1", "e6:opaque", "e6://u:p/w@h", "e6://u:t@h/a/b/c", "e6://h?%zz",
	} {
		f.Add(dsn)
	}
	f.Fuzz(func(t *testing.T, dsn string) {
		// An error never shows the token, for any text behind it.
		for _, with := range []string{"e6://user:" + planted + dsn, "e6s://user:" + planted + "@host" + dsn, "e6:/user:" + planted + "@host" + dsn, "e6:user:" + planted + "@host" + dsn} {
			if cfg, err := ParseDSN(with); err != nil {
				require.NotContains(t, err.Error(), planted, "%q", with)
			} else {
				require.NotContains(t, fmt.Sprintf("%v %+v %#v", cfg, cfg, cfg.Validate()), planted, "%q", with)
			}
		}
		cfg, err := ParseDSN(dsn)
		if err != nil {
			wrong, ok := errors.AsType[*e6.ConfigError](err)
			require.True(t, ok, "%T", err)
			require.NotEmpty(t, wrong.Problems)
			require.Zero(t, cfg.Token)
			return
		}
		if cfg.Token != "" && cfg.Token != "***" {
			hidden := cfg
			hidden.Token = planted
			require.Equal(t, cfg.String(), hidden.String(), "the text of a configuration does not depend on its token")
			require.NotContains(t, fmt.Sprintf("%v %+v %#v %s %q", hidden, hidden, hidden, hidden, hidden), planted)
		}
		if _, _, err := net.SplitHostPort(cfg.Address); cfg.Address != "" && err != nil {
			require.ErrorContains(t, cfg.Validate(), "Address", "what is no address is refused by Open")
			return
		}
		again, err := ParseDSN(asDSN(t, cfg))
		require.NoError(t, err, "%q became %q", dsn, asDSN(t, cfg))
		require.Equal(t, fields(cfg), fields(again), "%q became %q", dsn, asDSN(t, cfg))
	})
}

// asDSN formats the fields of a configuration that a DSN can set.
func asDSN(t *testing.T, c e6.Config) string {
	u := url.URL{Scheme: "e6", User: url.UserPassword(c.User, c.Token)}
	if c.Token == "" {
		u.User = url.User(c.User)
	}
	if c.Address != "" {
		host, port, err := net.SplitHostPort(c.Address)
		require.NoError(t, err)
		if u.Host = net.JoinHostPort(host, port); host == "" {
			u.Host = ":" + port
		}
	}
	if c.Catalog != "" || c.Schema != "" {
		u.Path = "/" + c.Catalog + "/" + c.Schema
		u.RawPath = strings.ReplaceAll("/"+url.PathEscape(c.Catalog)+"/"+url.PathEscape(c.Schema), "@", "%40")
	}
	q := url.Values{}
	for name, value := range values(c) {
		q.Set(name, value)
	}
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	return u.String()
}

// values are the parameters of a DSN that are not at their default.
func values(c e6.Config) map[string]string {
	all := map[string]string{
		"cluster": c.ClusterName, "ca": c.CAFile, "server_name": c.ServerName, "log_format": c.LogFormat,
	}
	if c.TLS {
		all["tls"] = "true"
	}
	if c.NoAutoResume {
		all["auto_resume"] = "false"
	}
	if c.Admission {
		all["admission"] = "true"
	}
	if c.PreferredSide.Valid() {
		all["preferred_side"] = c.PreferredSide.String()
	}
	for name, l := range map[string]slog.Leveler{"log_level": c.LogLevel, "strategy_log_level": c.StrategyLogLevel, "grpc_log_level": c.GRPCLogLevel} {
		if l != nil {
			all[name] = settings.FormatLevel(l.Level())
		}
	}
	for name, d := range map[string]time.Duration{
		"resume_timeout": c.ResumeTimeout, "refresh_interval": c.RefreshInterval, "detection_timeout": c.DetectionTimeout,
		"probe_timeout": c.ProbeTimeout, "ready_timeout": c.ReadyTimeout, "shared_timeout": c.SharedTimeout, "drain_timeout": c.DrainTimeout,
		"prepare_timeout": c.PrepareTimeout, "retry_pause": c.RetryPause, "keepalive_time": c.KeepaliveTime, "keepalive_timeout": c.KeepaliveTimeout,
	} {
		if d != 0 {
			all[name] = d.String()
		}
	}
	for name, n := range map[string]int{
		"max_attempts": c.MaxAttempts, "max_receive_bytes": c.MaxReceiveBytes, "max_send_bytes": c.MaxSendBytes,
		"max_in_flight": c.MaxInFlight, "prefetch": c.Prefetch,
	} {
		if n != 0 {
			all[name] = strconv.Itoa(n)
		}
	}
	for name, value := range all {
		if value == "" {
			delete(all, name)
		}
	}
	return all
}

// fields returns the fields of a configuration that a DSN can set, for a comparison.
func fields(c e6.Config) []any {
	return []any{c.Address, c.User, c.Token, c.Catalog, c.Schema, values(c)}
}

func FuzzLoad_ValuesOfTheEnvironmentAndOfFiles(f *testing.F) {
	for _, s := range settings.All() {
		for _, value := range []string{"true", "30", "30s", "x", "blue", "json", "1e99", "NaN", "-1", "9223372036854775807"} {
			f.Add(s.Name(), value)
		}
	}
	f.Add("address", "host:1")
	f.Add("port", "443")
	f.Fuzz(func(t *testing.T, name, value string) {
		env := func(key string) string {
			if strings.EqualFold(key, EnvPrefix+name) {
				return value
			}
			return ""
		}
		_, err := Load(fromEnv(env))
		for _, s := range settings.All() {
			if err == nil || !strings.EqualFold(s.Env, EnvPrefix+name) {
				continue
			}
			require.ErrorContains(t, err, s.Env, "the error names the variable")
			require.ErrorContains(t, err, s.Want, "and the valid values")
		}
		fromFile, err := Load(FromValues("file", map[string]string{name: value, "token": planted}))
		if err != nil {
			require.Contains(t, err.Error(), name, "the error names the value")
			if !strings.Contains(name+value, planted) {
				require.NotContains(t, err.Error(), planted)
			}
			return
		}
		for _, d := range []time.Duration{fromFile.ResumeTimeout, fromFile.DetectionTimeout, fromFile.ProbeTimeout, fromFile.DrainTimeout, fromFile.RetryPause, fromFile.KeepaliveTime} {
			require.GreaterOrEqual(t, d, time.Duration(0), "%s=%q overflows", name, value)
		}
	})
}
