package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// ErrNoCertificate is in the chain of a *CAError when the source holds no
// certificate.
var ErrNoCertificate = errors.New("no PEM block of type CERTIFICATE in it")

// CAError reports certificate authorities that cannot be used.
type CAError struct {
	// Source is the path of the file, or "CA bytes".
	Source string
	// Err is the cause: an error of the file system, of a certificate, or
	// ErrNoCertificate.
	Err error
}

// Error implements error.
func (e *CAError) Error() string {
	return fmt.Sprintf("e6: read certificate authorities from %s: %v", e.Source, e.Err)
}

// Unwrap returns Err.
func (e *CAError) Unwrap() error { return e.Err }

// TLSConfig makes a configuration for Config.TLS, with TLS 1.2 at least. The
// server must be signed by one of the certificates in the file and in the
// bytes, both in PEM; without both, by an authority of the system. The
// server name is checked instead of the target's host if it is not empty. A
// source that cannot be read or used is a *CAError.
func TLSConfig(caFile string, caPEM []byte, serverName string) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: serverName}
	if caFile == "" && len(caPEM) == 0 {
		return cfg, nil
	}
	cfg.RootCAs = x509.NewCertPool()
	if caFile != "" {
		data, err := os.ReadFile(caFile)
		if err == nil {
			err = addCertificates(cfg.RootCAs, data)
		}
		if err != nil {
			return nil, &CAError{Source: caFile, Err: err}
		}
	}
	if len(caPEM) > 0 {
		if err := addCertificates(cfg.RootCAs, caPEM); err != nil {
			return nil, &CAError{Source: "CA bytes", Err: err}
		}
	}
	return cfg, nil
}

// addCertificates adds all certificates in data. An invalid one is an error, where
// AppendCertsFromPEM would skip it.
func addCertificates(pool *x509.CertPool, data []byte) error {
	found := false
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return err
		}
		pool.AddCert(cert)
		found = true
	}
	if !found {
		return ErrNoCertificate
	}
	return nil
}

// atLeast12 is a copy of cfg that accepts nothing older than TLS 1.2.
func atLeast12(cfg *tls.Config) *tls.Config {
	cfg = cfg.Clone()
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	return cfg
}

// needsTLS are credentials that gRPC refuses to send in clear text. They are empty.
type needsTLS struct{}

var _ credentials.PerRPCCredentials = needsTLS{}

func (needsTLS) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return nil, nil
}
func (needsTLS) RequireTransportSecurity() bool { return true }

// Encrypts reports whether a connection is encrypted if it is made with cfg, nil for
// clear text, and then with options that may override it. Only gRPC can read the
// options: a client with credentials that require TLS is created with them, and that
// fails if they turn TLS off. No connection is made.
func Encrypts(cfg *tls.Config, opts []grpc.DialOption) bool {
	creds := insecure.NewCredentials()
	if cfg != nil {
		creds = credentials.NewTLS(atLeast12(cfg))
	}
	all := append([]grpc.DialOption{grpc.WithTransportCredentials(creds)}, opts...)
	cc, err := grpc.NewClient("passthrough:///nowhere", append(all, grpc.WithPerRPCCredentials(needsTLS{}))...)
	if err != nil {
		return false
	}
	_ = cc.Close()
	return true
}
