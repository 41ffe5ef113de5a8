package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/e6test"
)

func TestCluster_SuspendAndResume(t *testing.T) {
	cluster, flags := start(t)
	do := func(args ...string) result {
		return command(t, append(append([]string{"cluster"}, args...), flags...)...)
	}
	require.Equal(t, result{out: "active\n"}, do("status"))
	got := do("suspend")
	require.Equal(t, exitStatement, got.code)
	require.Contains(t, got.errOut, "--yes")
	require.Equal(t, result{out: "active\n"}, do("status"), "without a confirmation nothing changes")
	require.Equal(t, result{out: "suspended\n"}, do("suspend", "--yes"))
	require.Equal(t, result{out: "suspended\n"}, do("status"), "reading the status does not resume it")
	require.Equal(t, result{out: "active\n"}, do("resume", "--set", "auto_resume=false"))
	require.Equal(t, result{out: "active\n"}, do("status"))
	require.Zero(t, cluster.Stats().Calls["authenticate"], "cluster control needs no session")
}

func TestCluster_ReportsWrongCredentials(t *testing.T) {
	_, flags := start(t, e6test.WithCredentials("me", "another"))
	got := command(t, append([]string{"cluster", "status"}, flags...)...)
	require.Equal(t, exitCluster, got.code, got.errOut)
	require.Contains(t, got.errOut, "the credentials are rejected")
}

func TestEmulator_StartsWithItsOwnFlags(t *testing.T) {
	clean(t)
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	got := command(t, "emulator")
	require.Equal(t, exitStatement, got.code)
	require.Contains(t, got.errOut, "go install github.com/e6data/e6data-go/emulator/cmd/e6emu@latest")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "e6emu"), []byte("#!/bin/sh\necho \"$@\"\nexit 3\n"), 0o700))
	got = command(t, "emulator", "--listen", "127.0.0.1:0", "--help")
	require.Equal(t, result{out: "--listen 127.0.0.1:0 --help\n", code: 3}, got)
}
