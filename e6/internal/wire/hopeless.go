package wire

import (
	"strings"

	"google.golang.org/grpc/status"
)

// A connectionFailure is a reason for a failed connection, recognised by a part of the
// text of gRPC, net or crypto/tls: gRPC passes on texts only.
type connectionFailure struct {
	text string
	also string // a second part that the text must contain
	hint string // the probable cause, or the next step
}

// connectionFailures are the failures that a retry cannot fix: the address or the TLS
// settings have to be changed, or the server has to be started. The first match counts.
// Timeouts, also of a name server, are not in the list.
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

// connectionFailureOf returns the failure that a message describes, or nil.
func connectionFailureOf(message string) *connectionFailure {
	for i := range connectionFailures {
		if f := &connectionFailures[i]; strings.Contains(message, f.text) && strings.Contains(message, f.also) {
			return f
		}
	}
	return nil
}

// IsHopeless reports whether a call failed because no connection could be made, for a
// reason that a retry cannot fix. gRPC tries all addresses of a name before it returns
// such an error.
func IsHopeless(err error) bool {
	failed, ok := AsError(err)
	return ok && failed.Class == ClassUnreachable && connectionFailureOf(status.Convert(failed.Err).Message()) != nil
}
