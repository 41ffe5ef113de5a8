package emulator

import (
	"cmp"
	"time"

	"github.com/e6data/e6data-go/e6/e6test"
)

// Options configure New and Start. The zero value is the sample data set in
// memory, served on a free port of 127.0.0.1 without an admin interface.
type Options struct {
	// Database is the path of a DuckDB file to serve instead of the sample data
	// set; it is created if it does not exist. Its catalog is the file's name
	// without the ending, and names are resolved to its schema main.
	Database string
	// Zone is the time zone of the sessions, an IANA name; UTC by default. A
	// TIMESTAMPTZ is sent with it in every row.
	Zone string
	// NoSample leaves demo.sales empty, which saves some tenths of a second.
	NoSample bool

	// Listen is the address of the cluster; 127.0.0.1:0 by default. This and
	// what follows concern Start only.
	Listen string
	// Admin is the address of the admin interface; empty means none.
	Admin string
	// EngineBlue and EngineGreen are addresses on which the two engines are
	// served without the ingress, for use behind a real proxy. Give both or none.
	EngineBlue, EngineGreen string
	// Refusal is the form in which the ingress refuses calls.
	Refusal e6test.Refusal
	// BatchRows is how many rows a batch has at most; 0 leaves it to the server.
	BatchRows int
	// Latency is how long every call takes before it is looked at.
	Latency time.Duration
	// MaxStreams is how many calls the ingress lets run at once on one connection; 0
	// leaves it to the server, which allows 100.
	MaxStreams int
	// User and Token are the only credentials that are accepted. If both are
	// empty, any are that are not empty. Give both or none.
	User, Token string
	// Bearer is the only OAuth access token that is accepted. It replaces logins:
	// every call must carry it. Clients send one over TLS alone.
	Bearer string
	// CertFile and KeyFile are PEM files with the certificate to serve TLS with.
	// Give both or none.
	CertFile, KeyFile string
	// SelfSigned is a file to write a certificate to that is made for this run, for
	// clients to trust; the cluster is served over TLS with it.
	SelfSigned string
	// Cluster holds more options of the server, applied after the others.
	Cluster []e6test.Option
}

// listen returns the address of the cluster.
func (o Options) listen() string { return cmp.Or(o.Listen, "127.0.0.1:0") }
