package emulator_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/auth"
	"github.com/e6data/e6data-go/emulator"
)

// seven queries that number.
func seven(t *testing.T, cfg e6.Config) (n []int, err error) {
	t.Helper()
	client, err := e6.Open(t.Context(), cfg)
	if err != nil {
		return nil, err
	}
	defer func() { require.NoError(t, client.Close()) }()
	return e6.QueryAll[int](t.Context(), client, "SELECT 7")
}

func TestTLS_ABearerReplacesAuthenticate(t *testing.T) {
	t.Parallel()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	em, err := emulator.Start(emulator.Options{NoSample: true, SelfSigned: ca, Bearer: "right"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, em.Close()) })
	cfg := e6.Config{Address: em.Addr(), TLS: true, CAFile: ca, Bearer: auth.Static("right")}
	n, err := seven(t, cfg)
	require.NoError(t, err)
	require.Equal(t, []int{7}, n)
	require.Zero(t, em.Cluster().Stats().Calls["authenticate"])

	wrong := cfg
	wrong.Bearer = auth.Static("wrong")
	_, err = seven(t, wrong)
	require.ErrorIs(t, err, e6.ErrCredentials)

	unverified := cfg
	unverified.CAFile = ""
	_, err = seven(t, unverified)
	require.ErrorContains(t, err, "certificate")
}

func TestTLS_CertificateIsReadFromFiles(t *testing.T) {
	t.Parallel()
	_, err := emulator.Start(emulator.Options{NoSample: true, CertFile: "no/such/file", KeyFile: "no/such/file"})
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = emulator.Start(emulator.Options{NoSample: true, CertFile: "a", KeyFile: "b", SelfSigned: "c"})
	require.ErrorContains(t, err, "want one of them")
}
