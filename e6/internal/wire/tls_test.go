package wire

import (
	"crypto/tls"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func TestTLS_MinimumIs12(t *testing.T) {
	server, ca := authority(t)
	server.MinVersion, server.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	cfg, err := TLSConfig("", ca, "engine.test")
	require.NoError(t, err)
	cfg.MinVersion = tls.VersionTLS10
	err = ask(t, dial(t, serveHTTP(t, refuse, server), Config{TLS: cfg}))
	requireFailure(t, err, ClassUnreachable, EffectNone)
	require.ErrorContains(t, err, "tls: protocol version not supported")
	require.EqualValues(t, tls.VersionTLS10, cfg.MinVersion, "the caller's own is not changed")
}

func TestTLS_ConfigWithoutProtectionIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		cfg  *tls.Config
		opts []grpc.DialOption
		want string
	}{
		"no certificate is verified": {&tls.Config{InsecureSkipVerify: true}, nil, "verifies no certificate"},
		"only old versions":          {&tls.Config{MaxVersion: tls.VersionTLS11}, nil, "TLS 1.1 is the newest"},
		"turned off afterwards":      {&tls.Config{}, []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}, "turn TLS off"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Dial(Config{Target: "cluster.test:443", TLS: test.cfg, DialOptions: test.opts, Observer: &recorder{}})
			require.ErrorContains(t, err, test.want)
		})
	}
}
