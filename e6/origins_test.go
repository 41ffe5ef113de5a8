package e6_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
)

func TestOriginsTellWhoGaveEachValue(t *testing.T) {
	t.Setenv("E6DATA_HOST", "env.example.com")
	t.Setenv("E6DATA_PREPARE_TIMEOUT", "20")
	t.Setenv("E6DATA_PASSWORD", "planted in the environment")
	sources := []e6.Source{
		e6.FromValues("file [profiles.dev]", map[string]string{
			"address": "file.example.com:9000", "user": "me", "token": "planted in the file", "catalog": "demo", "max_attempts": "3",
		}),
		e6.FromEnv(),
		e6.FromDSN("e6s://you@dsn.example.com/lake?cluster=c"),
	}
	got := map[string]e6.Origin{}
	for _, o := range e6.Origins(sources...) {
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
		require.Equal(t, e6.Origin{Field: field, Value: want[0], From: want[1]}, got[field])
	}
	require.Equal(t, "Address", e6.Origins()[0].Field)
	for _, s := range e6.Settings() {
		require.Contains(t, got, s.Field)
	}
}

func TestOriginsNameProvidersOfTokens(t *testing.T) {
	token := func(context.Context) (string, error) { return "planted", nil }
	of := func(field string, sources ...e6.Source) e6.Origin {
		for _, o := range e6.Origins(sources...) {
			if o.Field == field {
				return o
			}
		}
		return e6.Origin{}
	}
	user := e6.FromValues("file", map[string]string{"user": "me", "token": "planted"})
	require.Equal(t, e6.Origin{Field: "Token", Value: "***", From: "a provider of tokens"}, of("Token", user, e6.FromToken(token)))
	require.Equal(t, e6.Origin{Field: "User", Value: "me", From: "file: user"}, of("User", user, e6.FromToken(token)))
	require.Equal(t, e6.Origin{Field: "Bearer", Value: "***", From: "a provider of tokens"}, of("Bearer", user, e6.FromBearer(token)))
	require.Equal(t, e6.Origin{Field: "Token"}, of("Token", user, e6.FromBearer(token)))
	require.Equal(t, e6.Origin{Field: "Bearer"}, of("Bearer", e6.FromBearer(token), user))
}

func TestOrigins_LogLevelsAreAsTheSettingsReadThem(t *testing.T) {
	values := map[string]string{}
	for _, o := range e6.Origins(e6.FromDSN("e6://h?log_level=WARNING&grpc_log_level=off")) {
		values[o.Field] = o.Value
	}
	require.Equal(t, []string{"warn", "", "off"}, []string{values["LogLevel"], values["StrategyLogLevel"], values["GRPCLogLevel"]})
}
