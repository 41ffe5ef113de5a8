package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/profile"
)

// profiles writes a file of profiles where it is looked for.
func profiles(t *testing.T) {
	t.Helper()
	clean(t)
	require.NoError(t, os.MkdirAll(filepath.Dir(profile.DefaultPath()), 0o700))
	require.NoError(t, os.WriteFile(profile.DefaultPath(), []byte(`
default = "dev"

[profiles.dev]
address = "dev.example.com:9000"
user = "me@example.com"
token = "planted"
prefetch = 4

[profiles.prod]
address = "prod.example.com:443"
tls = true
user = "app"
token_command = ["false"]
`), 0o600))
}

func TestConfigShow_HasTheOriginOfEachValue(t *testing.T) {
	profiles(t)
	t.Setenv("E6DATA_CATALOG", "demo")
	got := command(t, "config", "show", "--dsn", "e6://other.example.com?allow_clear_text=true", "--schema", "sales", "--set", "drain_timeout=1m")
	require.Equal(t, result{got.out, "", 0}, got)
	requireGolden(t, "config.show", got.out)

	got = command(t, "config", "show", "--profile", "prod", "--json")
	require.Equal(t, 0, got.code, got.errOut)
	var values []shownValue
	require.NoError(t, json.Unmarshal([]byte(got.out), &values))
	require.Contains(t, values, shownValue{Field: "Token", Value: "***", From: "a provider of tokens", Key: "token", Env: "E6DATA_PASSWORD"})
}

func TestConfigCheck_ReportsEveryProblem(t *testing.T) {
	clean(t)
	t.Setenv("E6DATA_SECURE", "perhaps")
	got := command(t, "config", "check", "--set", "prefetch=0", "--set", "nope=1", "--dsn", "e6://:planted@h/a/b/c?nope=1")
	require.Equal(t, result{"", got.errOut, exitUsage}, got)
	requireGolden(t, "config.problems", got.errOut)
	t.Setenv("E6DATA_SECURE", "")
	got = command(t, "config", "check")
	require.Equal(t, exitUsage, got.code)
	requireGolden(t, "config.nothing", got.errOut)
}

func TestConfigCheck_ConnectAuthenticates(t *testing.T) {
	cluster, flags := start(t, e6test.WithCredentials("me", "planted"))
	got := command(t, append([]string{"config", "check"}, flags...)...)
	require.Equal(t, result{out: "ok: e6://:***@" + cluster.Addr() + "/demo/sales?detection_timeout=10s\n"}, got)
	require.Zero(t, cluster.Stats().Calls["authenticate"], "no call is made")
	got = command(t, append([]string{"config", "check", "--connect"}, flags...)...)
	require.Equal(t, 0, got.code, got.errOut)
	require.Contains(t, got.out, "ok: blue accepts the credentials")
	got = command(t, append([]string{"config", "check", "--connect", "--user", "alice"}, flags...)...)
	require.Equal(t, exitCluster, got.code)
}
