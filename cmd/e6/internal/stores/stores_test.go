package stores

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clean takes the caller's own configuration of etcd away.
func clean(t *testing.T) {
	for _, name := range []string{EnvUser, EnvPassword, EnvCA, EnvCert, EnvKey} {
		t.Setenv(name, "")
	}
}

func TestParse_AnEtcdURLConfiguresEtcd(t *testing.T) {
	clean(t)
	t.Setenv(EnvUser, "ops:from-user")
	for rest, want := range map[string]struct {
		secure    bool
		endpoints []string
		namespace string
	}{
		"//localhost:2379":                       {false, []string{"http://localhost:2379"}, ""},
		"//127.0.0.1:2379,[::1]:2380/":           {false, []string{"http://127.0.0.1:2379", "http://[::1]:2380"}, ""},
		"//127.0.0.1:2379/analytics":             {false, []string{"http://127.0.0.1:2379"}, "analytics/"},
		"//etcd-1:2379,etcd-2:2379/a/b%20c/":     {true, []string{"https://etcd-1:2379", "https://etcd-2:2379"}, "a/b c/"},
		"//etcd-1.example.com:2379,etcd-2:12379": {true, []string{"https://etcd-1.example.com:2379", "https://etcd-2:12379"}, ""},
	} {
		cfg, namespace, err := etcdConfig(want.secure, rest)
		require.NoError(t, err, rest)
		require.Equal(t, want.endpoints, cfg.Endpoints, rest)
		require.Equal(t, want.namespace, namespace, rest)
		require.Equal(t, want.secure, cfg.TLS != nil, rest)
		require.Equal(t, "ops", cfg.Username)
		require.Equal(t, "from-user", cfg.Password)
	}
	t.Setenv(EnvPassword, "of:its own")
	cfg, _, err := etcdConfig(false, "//localhost:2379")
	require.NoError(t, err)
	require.Equal(t, "of:its own", cfg.Password)
}

func TestParse_AnInvalidNameIsAnErrorWithTheForms(t *testing.T) {
	clean(t)
	for name, want := range map[string]string{
		"":                              "has no scheme: want etcd://HOST:PORT",
		"localhost:2379":                `"localhost:" is no kind of store: want etcd://`,
		"redis://localhost":             `"redis:" is no kind of store`,
		"etcd:localhost:2379":           "the hosts of etcd are missing",
		"etcd:///analytics":             "the hosts of etcd are missing",
		"etcd://localhost":              `"localhost": want HOST:PORT`,
		"etcd://a:1,,b:2":               `"": want HOST:PORT`,
		"etcd://a:1/%zz":                "the namespace",
		"etcd://a:1/x?timeout=5s":       "has a ? or a #",
		"etcd://ops:planted@a:1":        "set ETCDCTL_USER and ETCDCTL_PASSWORD",
		"etcds://ops:planted@a:1/x?y=z": "do not belong into the URL",
	} {
		opened, closed, err := Open(name)
		bad := new(Error)
		require.ErrorAs(t, err, &bad, name)
		require.ErrorContains(t, err, want, name)
		require.NotContains(t, err.Error(), "planted")
		require.Nil(t, opened)
		require.Nil(t, closed)
	}
}

func TestClearText_PasswordIsRefusedOverANetwork(t *testing.T) {
	clean(t)
	t.Setenv(EnvUser, "ops:planted")
	for _, hosts := range []string{"//etcd-1:2379", "//127.0.0.1:2379,10.0.0.1:2379"} {
		_, _, err := etcdConfig(false, hosts)
		require.ErrorContains(t, err, "clear text: use etcds://", hosts)
		require.NotContains(t, err.Error(), "planted")
	}
}

func TestCertificatesAreThoseOfEtcdctl(t *testing.T) {
	clean(t)
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	pkcs, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs}), 0o600))

	t.Setenv(EnvCA, cert)
	t.Setenv(EnvCert, cert)
	_, _, err = etcdConfig(true, "//etcd:2379")
	require.ErrorContains(t, err, "set both ETCDCTL_CERT and ETCDCTL_KEY")
	t.Setenv(EnvKey, key)
	cfg, _, err := etcdConfig(true, "//etcd:2379")
	require.NoError(t, err)
	require.NotNil(t, cfg.TLS.RootCAs)
	require.NotNil(t, cfg.TLS.GetClientCertificate)
	require.False(t, cfg.TLS.InsecureSkipVerify)
	require.GreaterOrEqual(t, cfg.TLS.MinVersion, uint16(tls.VersionTLS12))
	t.Setenv(EnvCA, filepath.Join(dir, "none"))
	_, _, err = etcdConfig(true, "//etcd:2379")
	require.ErrorContains(t, err, "no such file")
	require.ErrorContains(t, err, "ETCDCTL_CACERT")
}

func TestOpen_FilesAreInTheNamedDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a dir")
	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for name, where := range map[string]string{
		"file:" + dir: dir, "file://" + filepath.Dir(dir) + "/a%20dir": dir, "file:": filepath.Join(os.Getenv("XDG_CACHE_HOME"), "e6data"),
	} {
		s, closed, err := Open(name)
		require.NoError(t, err, name)
		_, err = s.CompareAndSwap(t.Context(), name, 0, store.Record{Active: fsm.Blue})
		require.NoError(t, err)
		require.NoError(t, closed())
		found, err := os.ReadDir(where)
		require.NoError(t, err)
		require.NotEmpty(t, found)
	}
}
