package config_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/config"
)

func TestOrigins_NameTheSourceOfEachValue(t *testing.T) {
	t.Setenv("E6DATA_HOST", "env.example.com")
	t.Setenv("E6DATA_PREPARE_TIMEOUT", "20")
	t.Setenv("E6DATA_PASSWORD", "planted in the environment")
	sources := []config.Source{
		config.FromValues("file [profiles.dev]", map[string]string{
			"address": "file.example.com:9000", "user": "me", "token": "planted in the file", "catalog": "demo", "max_attempts": "3",
		}),
		config.FromEnv(),
		config.FromDSN("e6s://you@dsn.example.com/lake?cluster=c"),
	}
	got := map[string]config.Origin{}
	for _, o := range config.Origins(sources...) {
		got[o.Field] = o
		require.NotContains(t, o.Value, "planted")
	}
	for field, want := range map[string][2]string{
		"Address":          {"dsn.example.com:443", "DSN"},
		"ClusterName":      {"c", "DSN parameter cluster"},
		"User":             {"you", "DSN"},
		"Token":            {"***", "E6DATA_PASSWORD"},
		"Bearer":           {"", ""},
		"TLS":              {"true", "DSN"},
		"Catalog":          {"lake", "DSN"},
		"Schema":           {"", ""},
		"MaxAttempts":      {"3", "file [profiles.dev]: max_attempts"},
		"PrepareTimeout":   {"20s", "E6DATA_PREPARE_TIMEOUT"},
		"DetectionTimeout": {"30s", ""},
		"PreferredSide":    {"blue", ""},
	} {
		require.Equal(t, config.Origin{Field: field, Value: want[0], From: want[1]}, got[field])
	}
	require.Equal(t, "Address", config.Origins()[0].Field)
	for _, s := range config.Settings() {
		require.Contains(t, got, s.Field)
	}
}

func TestOriginsNameProvidersOfTokens(t *testing.T) {
	token := func(context.Context) (string, error) { return "planted", nil }
	of := func(field string, sources ...config.Source) config.Origin {
		for _, o := range config.Origins(sources...) {
			if o.Field == field {
				return o
			}
		}
		return config.Origin{}
	}
	user := config.FromValues("file", map[string]string{"user": "me", "token": "planted"})
	require.Equal(t, config.Origin{Field: "Token", Value: "***", From: "a provider of tokens"}, of("Token", user, config.FromToken(token)))
	require.Equal(t, config.Origin{Field: "User", Value: "me", From: "file: user"}, of("User", user, config.FromToken(token)))
	require.Equal(t, config.Origin{Field: "Bearer", Value: "***", From: "a provider of tokens"}, of("Bearer", user, config.FromBearer(token)))
	require.Equal(t, config.Origin{Field: "Token"}, of("Token", user, config.FromBearer(token)))
	require.Equal(t, config.Origin{Field: "Bearer"}, of("Bearer", config.FromBearer(token), user))
}

func TestOrigins_LogLevelsAreAsTheSettingsReadThem(t *testing.T) {
	values := map[string]string{}
	for _, o := range config.Origins(config.FromDSN("e6://h?log_level=WARNING&grpc_log_level=off")) {
		values[o.Field] = o.Value
	}
	require.Equal(t, []string{"warn", "", "off"}, []string{values["LogLevel"], values["StrategyLogLevel"], values["GRPCLogLevel"]})
}
