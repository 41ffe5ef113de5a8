package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"

	"github.com/e6data/e6data-go/cmd/e6/internal/stores"
	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/profile"
)

// step limits one check that asks somebody.
const step = 10 * time.Second

// The names of the checks, in their order.
const (
	checkVersion     = "version"
	checkEnvironment = "environment"
	checkConfig      = "configuration"
	checkName        = "address"
	checkTCP         = "connection"
	checkTLS         = "TLS"
	checkCredentials = "credentials"
	checkBlue        = "blue"
	checkGreen       = "green"
	checkSides       = "sides"
	checkStatus      = "status"
	checkLatency     = "latency"
	checkClock       = "clock"
	checkQuery       = "query"
	checkStore       = "store" // if one is named
)

// Run makes all checks and adds them to the report. The configuration is that of a
// client; wrong is what is wrong with it, if anything is; store is the URL of the one
// that the cluster's clients share, or empty. What it learns of a client that runs a
// query is returned, for Bundle.
func (r *Report) Run(ctx context.Context, cfg e6.Config, wrong error, store string) (known *Client) {
	r.version()
	r.environment(os.Environ())
	if !r.configuration(cfg, wrong) {
		const why = "there is no configuration to make it with"
		r.skip(why, checkName, checkTCP, checkTLS, checkCredentials, checkBlue, checkGreen,
			checkSides, checkStatus, checkLatency, checkClock, checkQuery)
		if store != "" {
			r.skip(why, checkStore)
		}
		return nil
	}
	if r.network(ctx, cfg) {
		known = r.cluster(ctx, cfg)
	} else {
		r.skip("the server is not reached", checkCredentials, checkBlue, checkGreen, checkSides, checkStatus, checkLatency, checkClock, checkQuery)
	}
	if store != "" {
		r.store(ctx, store, cfg)
	}
	return known
}

func (r *Report) version() {
	version := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	r.ok(checkVersion, "e6 %s, %s, gRPC %s, %s/%s", version, runtime.Version(), grpc.Version, runtime.GOOS, runtime.GOARCH)
}

// environment looks for variables that nobody reads.
func (r *Report) environment(environ []string) {
	known := []string{e6.EnvPrefix + "HOST", e6.EnvPrefix + "PORT", profile.EnvFile, profile.EnvName, stores.Env}
	for _, s := range e6.Settings() {
		known = append(known, s.Env, s.EnvAlias)
	}
	known = slices.DeleteFunc(known, func(name string) bool { return name == "" })
	var set, odd []string
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		switch {
		case !strings.HasPrefix(name, e6.EnvPrefix) || value == "":
		case slices.Contains(known, name):
			set = append(set, name)
		default:
			odd = append(odd, fmt.Sprintf("%s is not read; did you mean %s?", name, nearest(name, known)))
		}
	}
	slices.Sort(set)
	slices.Sort(odd)
	switch {
	case len(odd) > 0:
		r.add(checkEnvironment, Warn, strings.Join(odd, "\n"), "rename or remove what is not read: 'e6 config show' lists the variables")
	case len(set) > 0:
		r.ok(checkEnvironment, "%s", strings.Join(set, ", "))
	default:
		r.ok(checkEnvironment, "no variable of %s is set", e6.EnvPrefix+"*")
	}
}

// nearest is the name that has the most letters in common with a wrong one.
func nearest(wrong string, names []string) string {
	return slices.MinFunc(names, func(a, b string) int { return distance(wrong, a) - distance(wrong, b) })
}

// distance is how many letters must be added, removed or replaced.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func (r *Report) configuration(cfg e6.Config, wrong error) bool {
	if config, ok := errors.AsType[*e6.ConfigError](wrong); ok {
		var problems []string
		for _, p := range config.Problems {
			problems = append(problems, p.String())
		}
		r.add(checkConfig, Fail, strings.Join(problems, "\n"), "'e6 config show' tells where each value comes from")
		return false
	}
	if wrong != nil {
		r.add(checkConfig, Fail, wrong.Error(), "'e6 config show' tells where each value comes from")
		return false
	}
	r.ok(checkConfig, "%s", cfg)
	return true
}

// network checks the way to the server.
func (r *Report) network(ctx context.Context, cfg e6.Config) bool {
	host, port, err := net.SplitHostPort(cfg.Address)
	if err != nil { // Validate has looked at it
		r.add(checkName, Fail, err.Error(), "give the address as host:port")
		return false
	}
	within, cancel := context.WithTimeout(ctx, step)
	defer cancel()
	ips, err := net.DefaultResolver.LookupHost(within, host)
	if err != nil {
		r.add(checkName, Fail, err.Error(), "check the name of the host, and whether this machine needs a VPN or another DNS server for it")
		r.skip("the address is not known", checkTCP, checkTLS)
		return false
	}
	r.ok(checkName, "%s is %s", host, strings.Join(ips, ", "))

	begin := time.Now()
	tcp, err := new(net.Dialer).DialContext(within, "tcp", cfg.Address)
	if err != nil {
		next := "check the port, and whether a firewall or a missing VPN is in the way"
		if errors.Is(err, syscall.ECONNREFUSED) {
			next = "nothing listens at port " + port + ": check the port, and whether the server runs"
		}
		r.add(checkTCP, Fail, err.Error(), next)
		r.skip("there is no connection", checkTLS)
		return false
	}
	defer func() { _ = tcp.Close() }()
	r.ok(checkTCP, "%s, in %s", tcp.RemoteAddr(), round(time.Since(begin)))
	return r.encryption(within, cfg, host, tcp)
}

// soon is how close to its end a certificate is worth a warning.
const soon = 14 * 24 * time.Hour

func (r *Report) encryption(ctx context.Context, cfg e6.Config, host string, tcp net.Conn) bool {
	if !cfg.TLS {
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			r.add(checkTLS, Warn, "the connection is not encrypted, so that others may read the token and the data", "set --tls, or tls = true")
			return true
		}
		r.skip("the server is on this machine, and TLS is not asked for", checkTLS)
		return true
	}
	config, err := tlsConfig(cfg)
	if err != nil {
		r.add(checkTLS, Fail, err.Error(), "check the file of certificates: it must hold PEM")
		return false
	}
	if config.ServerName == "" {
		config.ServerName = host
	}
	encrypted := tls.Client(tcp, config)
	if err := encrypted.HandshakeContext(ctx); err != nil {
		r.add(checkTLS, Fail, err.Error(), advice(err))
		return false
	}
	state := encrypted.ConnectionState()
	leaf := state.PeerCertificates[0]
	seen := fmt.Sprintf("%s, certificate of %s by %s, good until %s", tls.VersionName(state.Version),
		named(leaf.Subject.CommonName, leaf.DNSNames), leaf.Issuer.CommonName, leaf.NotAfter.UTC().Format(time.DateOnly))
	switch {
	case state.NegotiatedProtocol != "h2":
		r.add(checkTLS, Fail, seen+"; the server does not speak HTTP/2", "check the port: gRPC needs HTTP/2")
		return false
	case time.Until(leaf.NotAfter) < soon:
		r.add(checkTLS, Warn, seen, "have the certificate renewed")
	default:
		r.ok(checkTLS, "%s", seen)
	}
	return true
}

func named(common string, dns []string) string {
	if common == "" && len(dns) > 0 {
		return dns[0]
	}
	return common
}

// advice is what to do about a handshake that failed.
func advice(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "give the authority's certificate with --ca FILE, or have it installed on this machine"
	}
	if h, ok := errors.AsType[x509.HostnameError](err); ok {
		return "use one of the certificate's names as the host, or give it with --server-name: " +
			strings.Join(append(slices.Clone(h.Certificate.DNSNames), texts(h.Certificate.IPAddresses)...), ", ")
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return "check this machine's clock; if it is right, have the certificate renewed"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "the server does not speak TLS at this port: take --tls away, or use another port"
	}
	return "check that the server speaks TLS 1.2 or newer at this port; if it speaks none, take --tls away"
}

func texts(ips []net.IP) (s []string) {
	for _, ip := range ips {
		s = append(s, ip.String())
	}
	return s
}

// round leaves as many digits of a time as say something.
func round(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}
