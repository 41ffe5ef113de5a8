package config

import (
	"errors"
	"log/slog"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/internal/settings"
)

// env makes the environment of a test.
func env(pairs map[string]string) Source {
	return fromEnv(func(name string) string { return pairs[strings.TrimPrefix(name, EnvPrefix)] })
}

// settingCases are the values of the settings, by their fields.
var settingCases = map[string]struct {
	byItself any            // the default
	good     map[string]any // by what is given
	bad      []string
}{
	"User":            {"", map[string]any{"me@example.com": "me@example.com"}, nil},
	"Token":           {"", map[string]any{"secret": "secret"}, nil},
	"Catalog":         {"", map[string]any{"demo": "demo"}, nil},
	"Schema":          {"", map[string]any{"sales": "sales"}, nil},
	"ClusterName":     {"", map[string]any{"prod": "prod"}, nil},
	"ApplicationName": {"", map[string]any{"billing": "billing"}, nil},
	"TLS":             {false, map[string]any{"true": true, "1": true, "False": false, "0": false, "on": true, "no": false}, []string{"perhaps"}},
	"CAFile":          {"", map[string]any{"ca.pem": "ca.pem"}, nil},
	"ServerName":      {"", map[string]any{"e6.example.com": "e6.example.com"}, nil},
	"AllowClearText":  {false, map[string]any{"true": true, "off": false}, []string{"perhaps"}},
	"PreferredSide":   {e6.None, map[string]any{"blue": e6.Blue, "GREEN": e6.Green}, []string{"red", "none"}},
	"NoAutoResume":    {false, map[string]any{"true": false, "false": true}, []string{"maybe"}},
	"RefreshInterval": {5 * time.Minute,
		map[string]any{"60": time.Minute, "1800": 30 * time.Minute, "2m": 2 * time.Minute, "1": time.Second}, []string{"0.9", "86401", "x", "NaN", "-60", "999ms", "25h"}},
	"DetectionTimeout":     {30 * time.Second, map[string]any{"10": 10 * time.Second, "120": 2 * time.Minute, "1ms": time.Millisecond}, []string{"0.0009", "3601", "61m", "1ns"}},
	"ProbeTimeout":         {10 * time.Second, map[string]any{"0.5": 500 * time.Millisecond, "1m": time.Minute}, []string{"0", "-1", "x", "NaN", "2h"}},
	"ReadyTimeout":         {10 * time.Minute, map[string]any{"60": time.Minute}, []string{"0", "-1", "x", "721h"}},
	"SharedTimeout":        {30 * time.Minute, map[string]any{"60": time.Minute}, []string{"0", "-1", "x", "721h"}},
	"DrainTimeout":         {15 * time.Minute, map[string]any{"1h": time.Hour}, []string{"0", "-1h", "x", "721h"}},
	"PrepareTimeout":       {10 * time.Minute, map[string]any{"1": time.Second, "86400": 24 * time.Hour}, []string{"0", "86401"}},
	"ResumeTimeout":        {5 * time.Minute, map[string]any{"300": 5 * time.Minute, "86400": 24 * time.Hour}, []string{"0", "86401"}},
	"ResumePoll":           {5 * time.Second, map[string]any{"5ms": 5 * time.Millisecond, "3600": time.Hour}, []string{"0", "3601", "1us"}},
	"CloseTimeout":         {5 * time.Second, map[string]any{"0.5": 500 * time.Millisecond}, []string{"0", "2h", "50000"}},
	"HookBudget":           {100 * time.Millisecond, map[string]any{"1": time.Second}, []string{"0", "2h", "100ns"}},
	"GuardBudget":          {30 * time.Second, map[string]any{"1m": time.Minute}, []string{"0", "25h"}},
	"HealthWindow":         {time.Minute, map[string]any{"30": 30 * time.Second}, []string{"0", "25h"}},
	"EventHistory":         {256, map[string]any{"1": 1, "1000000": 1000000}, []string{"0", "-1", "1000001"}},
	"Admission":            {false, map[string]any{"true": true, "false": false}, []string{"2"}},
	"MaxAttempts":          {5, map[string]any{"1": 1, "10": 10, "20": 20}, []string{"0", "21", "1.5", "x", "99"}},
	"RetryPause":           {200 * time.Millisecond, map[string]any{"0.1": 100 * time.Millisecond, "2": 2 * time.Second, "5ms": 5 * time.Millisecond}, []string{"0", "61", "1us"}},
	"KeepaliveTime":        {6 * time.Minute, map[string]any{"10000": 10 * time.Second, "1m": time.Minute}, []string{"9999", "9s"}},
	"KeepaliveTimeout":     {time.Minute, map[string]any{"1": time.Millisecond, "60000": time.Minute}, []string{"0", "x", "25h"}},
	"MaxConnections":       {16, map[string]any{"1": 1, "1000": 1000}, []string{"0", "1001", "x"}},
	"StreamsPerConnection": {64, map[string]any{"1": 1, "100": 100}, []string{"0", "-1", "x"}},
	"MaxReceiveBytes":      {2147483647, map[string]any{"1": 1, "2147483647": 2147483647}, []string{"0", "2147483648"}},
	"MaxSendBytes":         {104857600, map[string]any{"1": 1, "2147483647": 2147483647}, []string{"-1", "2147483648"}},
	"MaxInFlight":          {0, map[string]any{"0": 0, "64": 64}, []string{"-1", "x"}},
	"LogLevel":             {nil, map[string]any{"debug": slog.LevelDebug, "INFO": slog.LevelInfo, "WARNING": slog.LevelWarn, "CRITICAL": slog.LevelError, "off": settings.LevelOff, "info+2": slog.LevelInfo + 2}, []string{"loud", "0"}},
	"StrategyLogLevel":     {nil, map[string]any{"warn": slog.LevelWarn}, []string{"0"}},
	"GRPCLogLevel":         {nil, map[string]any{"ERROR": slog.LevelError}, []string{"x"}},
	"LogFormat":            {"text", map[string]any{"JSON": "json", "text": "text"}, []string{"xml"}},
	"Prefetch":             {2, map[string]any{"1": 1, "1000": 1000}, []string{"0", "1001"}},
	"PrefetchBytes":        {67108864, map[string]any{"1": 1, "2147483647": 2147483647}, []string{"0", "2147483648"}},
	"ContinueWindow":       {1048576, map[string]any{"1": 1, "2147483647": 2147483647}, []string{"0", "2147483648"}},
	"FetchAfterMetadata":   {false, map[string]any{"true": true, "false": false}, []string{"2"}},
	"TrustRowCount":        {false, map[string]any{"yes": true, "no": false}, []string{"perhaps"}},
}

func TestEverySettingHasItsDefaultItsRangeAndItsError(t *testing.T) {
	require.Len(t, settingCases, len(settings.All()))
	for _, s := range settings.All() {
		t.Run(s.Field, func(t *testing.T) {
			c, ok := settingCases[s.Field]
			require.True(t, ok)
			value := func(cfg e6.Config) any { return reflect.ValueOf(cfg).FieldByName(s.Field).Interface() }
			filled := e6.Config{}
			settings.Fill(&filled)
			require.Equal(t, c.byItself, value(filled))
			// Where a setting can be given, and what an error calls it there.
			sources := map[string]func(given string) Source{
				"values: " + s.Name(): func(given string) Source { return FromValues("values", map[string]string{s.Name(): given}) },
			}
			if s.Env != "" {
				sources[s.Env] = func(given string) Source { return env(map[string]string{strings.TrimPrefix(s.Env, EnvPrefix): given}) }
			}
			if s.DSN != "" {
				sources["DSN parameter "+s.DSN] = func(given string) Source { return FromDSN("e6://h?" + url.Values{s.DSN: {given}}.Encode()) }
			}
			for called, source := range sources {
				for given, want := range c.good {
					cfg, err := Load(source(given))
					require.NoError(t, err, "%s=%s", called, given)
					require.Equal(t, want, value(cfg), "%s=%s", called, given)
				}
				for _, given := range c.bad {
					_, err := Load(source(given))
					wrong, ok := errors.AsType[*e6.ConfigError](err)
					require.True(t, ok, "%s=%s", called, given)
					require.Equal(t, s.Field, wrong.Problems[0].Field)
					require.Equal(t, called, wrong.Problems[0].Source)
					require.Equal(t, s.Want, wrong.Problems[0].Want)
				}
			}
		})
	}
}

func TestEveryVariableOfThePublicConnectorIsRead(t *testing.T) {
	var got []string
	for _, s := range settings.All() {
		if s.Env != "" && !slices.Contains([]string{"AllowClearText", "PreferredSide"}, s.Field) { // which the connector lacks
			got = append(got, strings.TrimPrefix(s.Env, EnvPrefix))
		}
	}
	require.ElementsMatch(t, strings.Fields(`USERNAME PASSWORD CATALOG DATABASE CLUSTER_NAME SECURE AUTO_RESUME
		STRATEGY_CACHE_TIMEOUT MAX_RETRY_ATTEMPTS RETRY_BACKOFF_FACTOR STRATEGY_DETECTION_TIMEOUT KEEPALIVE_TIMEOUT_MS
		KEEPALIVE_TIME_MS MAX_RECEIVE_MSG_LENGTH MAX_SEND_MSG_LENGTH MAX_CONNECTIONS PREPARE_TIMEOUT AUTO_RESUME_TIMEOUT
		LOG_LEVEL STRATEGY_LOG_LEVEL GRPC_LOG_LEVEL LOG_FORMAT`), got)
	cfg, err := Load(env(map[string]string{"HOST": "h", "PORT": "9000", "CLUSTER_UUID": "old"}))
	require.NoError(t, err)
	require.Equal(t, "h:9000", cfg.Address)
	require.Equal(t, "old", cfg.ClusterName)
	cfg, err = Load(env(map[string]string{"CLUSTER_NAME": "new", "CLUSTER_UUID": "old"}))
	require.NoError(t, err)
	require.Equal(t, "new", cfg.ClusterName)
}

func TestConfig_LaterSourceOverridesSingleValues(t *testing.T) {
	cfg, err := Load(
		env(map[string]string{"HOST": "env.example.com", "USERNAME": "env", "PASSWORD": "env-token", "CATALOG": "env", "MAX_RETRY_ATTEMPTS": "3"}),
		FromDSN("e6://dsn:dsn-token@:9000/dsn?cluster=c&tls=true"))
	require.NoError(t, err)
	require.Equal(t, "env.example.com:9000", cfg.Address)
	require.Equal(t, "dsn", cfg.User)
	require.Equal(t, "dsn-token", cfg.Token)
	require.Equal(t, "dsn", cfg.Catalog)
	require.Equal(t, 3, cfg.MaxAttempts)
	require.Equal(t, "c", cfg.ClusterName)
	require.NoError(t, cfg.Validate())
}

func TestThePortThatIsLeftOutDependsOnTLS(t *testing.T) {
	for source, want := range map[string]string{"e6://h": "h:80", "e6s://h": "h:443", "e6://h?tls=true": "h:443", "e6://[::1]": "[::1]:80"} {
		cfg, err := ParseDSN(source)
		require.NoError(t, err)
		require.Equal(t, want, cfg.Address, source)
	}
	_, err := Load(env(map[string]string{"PORT": "80"}))
	require.ErrorContains(t, err, `Address (E6DATA_PORT) is ":80": want a host too`)
}

func TestLoad_ListsAllProblemsWithoutTheSecret(t *testing.T) {
	_, err := Load(env(map[string]string{"SECURE": "x", "MAX_RETRY_ATTEMPTS": "99"}),
		FromDSN("e6://me:planted@h/a/b/c?tls=x&nonsense=1&strategy=red&prefetch=1&prefetch=2"))
	wrong, ok := errors.AsType[*e6.ConfigError](err)
	require.True(t, ok)
	require.Len(t, wrong.Problems, 7)
	require.NotContains(t, err.Error(), "planted")
}

// strategy is the name that the setting has elsewhere: it is the name of the header.
func TestPreferredSide_HasTheNameStrategyInADSNAndTheEnvironment(t *testing.T) {
	for name, source := range map[string]Source{
		"a DSN":           FromDSN("e6://h:1?strategy=green"),
		"a new DSN":       FromDSN("e6://h:1?preferred_side=green"),
		"the environment": fromEnv(func(name string) string { return map[string]string{"E6DATA_STRATEGY": "green"}[name] }),
	} {
		cfg, err := Load(source)
		require.NoError(t, err, name)
		require.Equal(t, e6.Green, cfg.PreferredSide, name)
	}
}
