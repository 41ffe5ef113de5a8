package etcd

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
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// certificate makes a certificate for loopback that is its own authority.
func certificate(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "etcd"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool = x509.NewCertPool()
	pool.AddCert(cert)
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	return certFile, keyFile, pool
}

func TestTLSAndUsersAreThoseOfTheEtcdClient(t *testing.T) {
	certFile, keyFile, pool := certificate(t)
	etcd := startEtcd(t, "--cert-file", certFile, "--key-file", keyFile)
	cfg := etcd.config()
	cfg.TLS = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	admin, err := clientv3.New(cfg)
	require.NoError(t, err)
	defer admin.Close()
	ctx := within(t)
	require.Eventually(t, func() bool { _, err := admin.Get(ctx, "any"); return err == nil }, patience, 10*time.Millisecond)
	_, err = admin.RoleAdd(ctx, "fleet")
	require.NoError(t, err)
	const prefix = "mine/e6/v1/"
	_, err = admin.RoleGrantPermission(ctx, "fleet", prefix, clientv3.GetPrefixRangeEnd(prefix), clientv3.PermissionType(clientv3.PermReadWrite))
	require.NoError(t, err)
	for user, role := range map[string]string{"root": "root", "client": "fleet"} {
		_, err = admin.UserAdd(ctx, user, "secret of "+user)
		require.NoError(t, err)
		if role == "root" {
			_, err = admin.RoleAdd(ctx, role)
			require.NoError(t, err)
		}
		_, err = admin.UserGrantRole(ctx, user, role)
		require.NoError(t, err)
	}
	_, err = admin.AuthEnable(ctx)
	require.NoError(t, err)

	// A user that may read and write the keys of the store needs nothing more.
	cfg.Username, cfg.Password = "client", "secret of client"
	s := open(t, cfg, WithNamespace("mine/"))
	w := watch(t, s, "a")
	r := watchClients(t, s, "a")
	put(t, s, "a", 0, fsm.Blue)
	w.until(1)
	join(t, s, "a", store.Client{})
	r.until("one", count(1))

	// Elsewhere it is refused, at once and without a retry.
	other := open(t, cfg, WithNamespace("theirs/"), WithCallTimeout(time.Hour))
	_, err = other.Load(t.Context(), "a")
	require.ErrorContains(t, err, "permission denied")
	require.ErrorContains(t, other.Watch(t.Context(), "a", nil), "permission denied")

	// A wrong password is an error of Open, and is not in its text.
	cfg.Password = "a wrong secret"
	_, err = Open(cfg)
	require.ErrorContains(t, err, "authentication failed")
	require.NotContains(t, err.Error(), cfg.Password)

	// Who does not know the certificate is not connected.
	unverified := open(t, clientv3.Config{Endpoints: cfg.Endpoints, TLS: &tls.Config{MinVersion: tls.VersionTLS12}}, WithCallTimeout(time.Second))
	_, err = unverified.Load(t.Context(), "a")
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestOpen_RefusesInvalidOptions(t *testing.T) {
	_, err := Open(clientv3.Config{}, WithCallTimeout(0), WithLease(time.Millisecond), WithRefresh(-1))
	require.ErrorContains(t, err, "WithCallTimeout")
	require.ErrorContains(t, err, "WithLease")
	require.ErrorContains(t, err, "WithRefresh")
	_, err = Open(clientv3.Config{})
	require.ErrorContains(t, err, "no available endpoints")
	_, err = New(nil)
	require.ErrorContains(t, err, "use Open")
}
