package wire

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// authority makes a certificate for 127.0.0.1 that is its own authority.
func authority(t *testing.T) (*tls.Config, []byte) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"engine.test"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	server := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	return server, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func refuse(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(456) }

func TestTLS_WithCAAndServerName(t *testing.T) {
	server, ca := authority(t)
	address := serveHTTP(t, refuse, server)
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, ca, 0o600))
	for name, source := range map[string]struct {
		file string
		pem  []byte
	}{"by path": {file: file}, "by bytes": {pem: ca}} {
		t.Run(name, func(t *testing.T) {
			cfg, err := TLSConfig(source.file, source.pem, "engine.test")
			require.NoError(t, err)
			require.GreaterOrEqual(t, cfg.MinVersion, uint16(tls.VersionTLS12))
			requireFailure(t, ask(t, dial(t, address, Config{TLS: cfg})), ClassWrongSide, EffectNone)
		})
	}
}

func TestTLS_FailedHandshakeNamesTheProbableCause(t *testing.T) {
	server, ca := authority(t)
	_, otherCA := authority(t)
	with := func(ca []byte, name string) *tls.Config {
		cfg, err := TLSConfig("", ca, name)
		require.NoError(t, err)
		return cfg
	}
	secure := serveHTTP(t, refuse, server)
	clear := serveHTTP(t, refuse, nil)
	engine := serveEngine(t, func(context.Context) (*e6xv1.StatusResponse, error) { return &e6xv1.StatusResponse{}, nil })
	for _, tc := range []struct {
		name, address string
		tls           *tls.Config
		want          string
	}{
		{"TLS against a clear-text ingress", clear, with(ca, ""), "handshake"},
		{"TLS against a clear-text engine", engine, with(ca, ""), "handshake"},
		{"clear text against TLS", secure, nil, "the server may expect TLS"},
		{"another authority", secure, with(otherCA, ""), "unknown authority"},
		{"another server name", secure, with(ca, "elsewhere.test"), "elsewhere.test"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := requireFailure(t, ask(t, dial(t, tc.address, Config{TLS: tc.tls})), ClassUnreachable, EffectNone)
			t.Log(e)
			require.ErrorContains(t, e, tc.want)
		})
	}
}

func TestTLS_InvalidCertificateAuthorities(t *testing.T) {
	broken := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})
	missing := filepath.Join(t.TempDir(), "missing.pem")

	_, err := TLSConfig(missing, nil, "")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, missing)
	for _, data := range [][]byte{[]byte("garbage"), key} {
		_, err = TLSConfig("", data, "")
		require.ErrorIs(t, err, ErrNoCertificate)
	}
	_, err = TLSConfig("", broken, "")
	var ca *CAError
	require.ErrorAs(t, err, &ca)
	require.Equal(t, "CA bytes", ca.Source)

	cfg, err := TLSConfig("", nil, "x")
	require.NoError(t, err)
	require.Nil(t, cfg.RootCAs)
}

func TestConfig_ErrorListsEveryProblem(t *testing.T) {
	_, err := Dial(Config{KeepaliveTimeout: -1, MaxReceiveBytes: -1, MaxSendBytes: -1, ClusterName: "é"})
	for _, problem := range []string{"target", "observer", "keepalive", "largest answer", "largest request", "cluster name"} {
		require.ErrorContains(t, err, problem)
	}
}
