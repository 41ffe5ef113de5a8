package wire

import (
	"strings"

	"google.golang.org/grpc/status"
)

// A connectionFailure is why no connection can be made, by a part of the text of gRPC,
// net or crypto/tls: gRPC passes on nothing but texts.
type connectionFailure struct {
	text string
	also string // has to be there as well
	hint string // the probable cause, or the next step
}

// connectionFailures are those that waiting does not help: the address or the TLS
// settings of one end have to be changed, or the server has to be started. The first
// one that fits counts. Timeouts are not among them, nor is a name server that does not
// answer.
var connectionFailures = []connectionFailure{
	{"first record does not look like a TLS handshake", "", "the server does not speak TLS on this port"},
	{"authentication handshake failed", "connection reset", "the server may not speak TLS on this port"},
	{"authentication handshake failed", "EOF", "the server may not speak TLS on this port"},
	{"error reading server preface", "", "the server may expect TLS, or is no gRPC server"},
	{"malformed HTTP response", "", "the server may expect TLS, or is no gRPC server"},
	{"x509: certificate signed by unknown authority", "", "give the CA that signed the server's certificate"},
	{"x509: certificate is valid for", "", "set the server name to one that the certificate has, or correct the address"},
	{"x509: certificate is not valid for any names", "", "set the server name to one that the certificate has, or correct the address"},
	{"x509: ", "", "the certificate of the server is not accepted"},
	{"remote error: tls: ", "", "the server rejects the TLS settings of this client"},
	{"authentication handshake failed: tls: ", "", "the TLS settings of client and server do not fit"},
	{"produced zero addresses", "", "the host name is not known: check the address"},
	{"no such host", "", "the host name is not known: check the address"},
	{"invalid port", "", "check the port in the address"},
	{"unknown port", "", "check the port in the address"},
	{"connection refused", "", "nothing listens there: check the host and the port, and that the server runs"},
	{"actively refused", "", "nothing listens there: check the host and the port, and that the server runs"},
}

// connectionFailureOf finds why no connection could be made, or nil.
func connectionFailureOf(message string) *connectionFailure {
	for i := range connectionFailures {
		if f := &connectionFailures[i]; strings.Contains(message, f.text) && strings.Contains(message, f.also) {
			return f
		}
	}
	return nil
}

// IsHopeless reports whether a call failed as no connection could be made, for a
// reason that waiting does not help. gRPC tries all addresses of a name before it says
// so.
func IsHopeless(err error) bool {
	failed, ok := AsError(err)
	return ok && failed.Class == ClassUnreachable && connectionFailureOf(status.Convert(failed.Err).Message()) != nil
}
