package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6"
)

// soon is how close to its end a certificate is worth a warning.
const soon = 14 * 24 * time.Hour

// certificateRemedy is what to do if the server wants a certificate of the client.
const certificateRemedy = "this command has none to give: use an address that wants none, or a program with e6.WithDialOptions and gRPC's own TLS credentials"

// encryption checks TLS, and returns the connection to go on with, or nil.
func (r *Report) encryption(ctx context.Context, cfg e6.Config, w route, tcp net.Conn) net.Conn {
	if !cfg.TLS {
		if ip, host := net.ParseIP(w.host), w.host; host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			r.add(checkTLS, Warn, "the connection is not encrypted, so that others may read the token and the data", "set --tls, or tls = true")
			return tcp
		}
		r.skip("the server is on this machine, and TLS is not configured", checkTLS)
		return tcp
	}
	config, err := tlsConfig(cfg)
	if err != nil {
		r.add(checkTLS, Fail, err.Error(), "check the file of certificates: it must hold PEM")
		return nil
	}
	if config.ServerName == "" {
		config.ServerName = w.host
	}
	requested := false
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		requested = true
		return new(tls.Certificate), nil // none, as the client has none
	}
	encrypted := tls.Client(tcp, config)
	if err := encrypted.HandshakeContext(ctx); err != nil {
		seen, next := tlsFailure(err, requested)
		if next == "" {
			// A server in clear text closes the connection, or answers in clear text.
			seen, next = "the handshake fails: "+err.Error(), "check that the server speaks TLS 1.2 or newer at this port"
			if w.speaksClearText(ctx) {
				seen, next = "the server speaks clear text at this port, and no TLS", clearTextRemedy
			}
		}
		r.add(checkTLS, Fail, seen, next)
		return nil
	}
	state := encrypted.ConnectionState()
	leaf := state.PeerCertificates[0]
	seen := fmt.Sprintf("%s, certificate of %s by %s, good until %s", tls.VersionName(state.Version),
		named(leaf.Subject.CommonName, leaf.DNSNames), leaf.Issuer.CommonName, leaf.NotAfter.UTC().Format(time.DateOnly))
	if r.wantsCertificate = requested; requested {
		seen += "; the server requests a client certificate, and none is configured"
	}
	switch {
	case state.NegotiatedProtocol != "h2":
		r.add(checkTLS, Fail, seen+"; the server does not offer HTTP/2 (h2 in ALPN)", noHTTP2Remedy)
		return nil
	case time.Until(leaf.NotAfter) < soon:
		r.add(checkTLS, Warn, seen, "have the certificate renewed")
	default:
		r.ok(checkTLS, "%s", seen)
	}
	return encrypted
}

// noHTTP2Remedy is what to do if TLS works and HTTP/2 is not offered.
const noHTTP2Remedy = "gRPC needs HTTP/2: have it enabled where TLS ends (at the ingress or the load balancer), or use the port that has it"

func named(common string, dns []string) string {
	if common == "" && len(dns) > 0 {
		return dns[0]
	}
	return common
}

// noProtocol is the alert of a server that has none of the protocols which were offered.
const noProtocol = "no application protocol"

// clearTextRemedy is what to do if the server speaks no TLS.
const clearTextRemedy = "use the port that has TLS; without one, remove --tls, on a network that you trust"

// tlsFailure is what a failed handshake means and what to do about it, which is empty if
// the error does not. The server may have requested a client certificate
// before.
func tlsFailure(err error, requested bool) (seen, next string) {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return err.Error(), "give the authority's certificate with --ca FILE, or have it installed on this machine"
	}
	if h, ok := errors.AsType[x509.HostnameError](err); ok {
		return err.Error(), "use one of the certificate's names as the host, or give it with --server-name: " +
			strings.Join(append(slices.Clone(h.Certificate.DNSNames), texts(h.Certificate.IPAddresses)...), ", ")
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return err.Error(), "check this machine's clock; if it is right, have the certificate renewed"
	}
	switch {
	case strings.Contains(err.Error(), noProtocol):
		return "the server does not offer HTTP/2 (h2 in ALPN): " + err.Error(), noHTTP2Remedy
	case requested:
		return "the server requires a client certificate: " + err.Error(), certificateRemedy
	case isTimeout(err):
		return fmt.Sprintf("the server accepts the connection, and does not answer the handshake within %s", step), noResponseRemedy
	}
	return "", ""
}

// silenceRemedy is what to do if a server accepts a connection and sends nothing.
const noResponseRemedy = "check the port; if it is right, a load balancer without a server behind it, or a firewall, takes the connection: ask the cluster's operator"

// isTimeout reports whether a deadline ended a call of the network.
func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

func texts(ips []net.IP) (s []string) {
	for _, ip := range ips {
		s = append(s, ip.String())
	}
	return s
}
