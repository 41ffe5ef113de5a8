package doctor

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/e6data/e6data-go/e6"
)

// route is how the client connects to the server: directly, or through a proxy. gRPC uses
// the proxy of HTTPS_PROXY for connections in clear text too, unless NO_PROXY names the
// host; addresses of this machine never have one.
type route struct {
	host, port string   // of the server
	proxy      *url.URL // nil for none
}

// routeTo finds the route to an address as gRPC does.
func routeTo(address string) (w route, err error) {
	if w.host, w.port, err = net.SplitHostPort(address); err != nil {
		return w, err // Validate has looked at it
	}
	// ProxyFromEnvironment has no error here: an HTTPS_PROXY that cannot be parsed is not used.
	w.proxy, _ = http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: "https", Host: address}})
	return w, nil
}

// unusableProxy reports whether HTTPS_PROXY is set to what is no URL.
func unusableProxy() bool {
	value := cmp.Or(os.Getenv("HTTPS_PROXY"), os.Getenv("https_proxy"))
	_, err := url.Parse(value)
	_, bare := url.Parse("http://" + value)
	return err != nil && bare != nil
}

// first is the first host of the route, which this machine must resolve and reach.
func (w route) first() (host, port string) {
	if w.proxy == nil {
		return w.host, w.port
	}
	return w.proxy.Hostname(), cmp.Or(w.proxy.Port(), "443") // gRPC has the same port for every proxy
}

// dial connects to the server. The error of a proxy that refuses is a *connectError.
func (w route) dial(ctx context.Context) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(w.first()))
	if err != nil || w.proxy == nil {
		return c, err
	}
	through, err := w.connect(ctx, c)
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return through, nil
}

// connectError is a proxy's answer to CONNECT that is none of success.
type connectError struct {
	status int
	text   string
}

func (e *connectError) Error() string { return "it answers CONNECT with " + e.text }

// connect requests a connection to the server from the proxy.
func (w route) connect(ctx context.Context, c net.Conn) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok {
		_ = c.SetDeadline(deadline)
		defer func() { _ = c.SetDeadline(time.Time{}) }()
	}
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Host: net.JoinHostPort(w.host, w.port)}, Header: http.Header{}}
	if user := w.proxy.User; user != nil {
		password, _ := user.Password()
		req.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	if err := req.Write(c); err != nil {
		return nil, err
	}
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, req)
	if err != nil {
		return nil, fmt.Errorf("it gives no HTTP answer to CONNECT: %w", err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, &connectError{resp.StatusCode, resp.Status}
	}
	return buffered{c, r}, nil
}

// buffered is a connection of which something has been read already.
type buffered struct {
	net.Conn
	r *bufio.Reader
}

func (b buffered) Read(p []byte) (int, error) { return b.r.Read(p) }

// network checks the route to the server, up to the first frame of HTTP/2.
func (r *Report) network(ctx context.Context, cfg e6.Config) bool {
	w, err := routeTo(cfg.Address)
	if err != nil {
		r.add(checkName, Fail, err.Error(), "give the address as host:port")
		r.skip("the address is not known", checkTCP, checkTLS, checkProtocol)
		return false
	}
	if unusableProxy() {
		r.add(checkProxy, Warn, "HTTPS_PROXY is no URL, so that clients do not use it", "give it as http://HOST:PORT")
	}
	within, cancel := context.WithTimeout(ctx, step)
	defer cancel()
	if w.proxy != nil && !r.proxy(w) || !r.name(within, w) {
		return false
	}
	c := r.connection(within, w)
	if c == nil {
		r.skip("there is no connection", checkTLS, checkProtocol)
		return false
	}
	defer func() { _ = c.Close() }()
	secure := r.encryption(within, cfg, w, c)
	if secure == nil {
		r.skip("there is no connection", checkProtocol)
		return false
	}
	return r.protocol(within, cfg, w, secure)
}

// proxy reports that a proxy is used.
func (r *Report) proxy(w route) bool {
	if password, ok := w.proxy.User.Password(); ok {
		r.secrets.keep(password)
	}
	if w.proxy.Scheme != "http" {
		r.add(checkProxy, Fail, fmt.Sprintf("HTTPS_PROXY names a proxy of the kind %s", w.proxy.Scheme),
			"gRPC speaks to a proxy in HTTP, without TLS: give one as http://HOST:PORT, or name the server in NO_PROXY")
		r.skip("the route to the server is not known", checkName, checkTCP, checkTLS, checkProtocol)
		return false
	}
	r.ok(checkProxy, "HTTPS_PROXY: clients reach %s through %s; NO_PROXY does not name it", net.JoinHostPort(w.host, w.port), net.JoinHostPort(w.first()))
	return true
}

// name resolves the first host of the route.
func (r *Report) name(ctx context.Context, w route) bool {
	host, _ := w.first()
	ips, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		next := "check the name of the host, and whether this machine needs a VPN or another DNS server for it"
		if w.proxy != nil {
			next = "check the name of the proxy in HTTPS_PROXY"
		}
		r.add(checkName, Fail, err.Error(), next)
		r.skip("the address is not known", checkTCP, checkTLS, checkProtocol)
		return false
	}
	seen := fmt.Sprintf("%s is %s", host, strings.Join(ips, ", "))
	if w.proxy != nil {
		seen = fmt.Sprintf("the proxy %s; it looks up %s itself", seen, w.host)
	}
	r.ok(checkName, "%s", seen)
	return true
}

// connection connects to the server. It returns nil if it cannot.
func (r *Report) connection(ctx context.Context, w route) net.Conn {
	begin := time.Now()
	c, err := w.dial(ctx)
	if err == nil {
		seen := fmt.Sprintf("%s, in %s", c.RemoteAddr(), round(time.Since(begin)))
		if w.proxy != nil {
			seen = fmt.Sprintf("the proxy %s connects to %s, in %s", c.RemoteAddr(), net.JoinHostPort(w.host, w.port), round(time.Since(begin)))
		}
		r.ok(checkTCP, "%s", seen)
		return c
	}
	_, port := w.first()
	next := "check the port, and whether a firewall or a missing VPN is in the way"
	if errors.Is(err, syscall.ECONNREFUSED) {
		next = "nothing listens at port " + port + ": check the port, and whether the server runs"
	}
	seen := err.Error()
	if w.proxy != nil {
		seen, next = "the proxy "+net.JoinHostPort(w.first())+": "+seen, w.remedy(err)
	}
	r.add(checkTCP, Fail, seen, next)
	return nil
}

// remedy is what to do about a proxy that does not connect.
func (w route) remedy(err error) string {
	server := net.JoinHostPort(w.host, w.port)
	refused, ok := errors.AsType[*connectError](err)
	switch {
	case !ok:
		return "check the proxy's host and port in HTTPS_PROXY; if " + server + " can be reached without it, name the host in NO_PROXY"
	case refused.status == http.StatusProxyAuthRequired && w.proxy.User == nil:
		return "give its user and password in HTTPS_PROXY, as http://USER:PASSWORD@HOST:PORT, percent-encoded where they are no letters or digits"
	case refused.status == http.StatusProxyAuthRequired:
		return "check the user and the password in HTTPS_PROXY; the proxy must take them in the Basic scheme"
	case refused.status >= 500:
		return "the proxy does not reach " + server + ": check its name and port as the proxy sees them"
	}
	return "have the proxy allow CONNECT to " + server + "; if it can be reached without the proxy, name the host in NO_PROXY"
}

// preface is what a client of HTTP/2 sends first: its magic words and empty settings.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// frameHeader is how long the header of a frame is. Its fourth byte is the type.
const frameHeader = 9

// settingsFrame is the type of the first frame that a server sends.
const settingsFrame = 4

// protocol checks that the server speaks HTTP/2.
func (r *Report) protocol(ctx context.Context, cfg e6.Config, w route, c net.Conn) bool {
	begin := time.Now()
	answer, err := settings(ctx, c)
	if speaksHTTP2(answer) {
		r.ok(checkProtocol, "HTTP/2, in %s", round(time.Since(begin)))
		return true
	}
	seen, next := "the server closes the connection instead of speaking HTTP/2, which gRPC needs", "check that this port is the cluster's gRPC port"
	switch {
	case isTimeout(err):
		seen, next = fmt.Sprintf("the server accepts the connection, and sends nothing within %s", step), noResponseRemedy
	case r.wantsCertificate:
		seen, next = "the server requires a client certificate: "+err.Error(), certificateRemedy
	case !cfg.TLS && w.speaksTLS(ctx):
		seen, next = "the server speaks TLS at this port, and the client does not", "set --tls, or tls = true, or use e6s:// in a data source name"
	case strings.HasPrefix(answer, http1):
		seen, next = "the server answers in HTTP/1.1, and gRPC needs HTTP/2",
			"check that this port is the cluster's gRPC port; if a proxy answers there, have it take HTTP/2"
	case answer != "":
		seen = fmt.Sprintf("the server speaks another protocol than HTTP/2, which gRPC needs: it begins with %q", answer)
	}
	r.add(checkProtocol, Fail, seen, next)
	return false
}

// settings sends what a client sends first, and returns the beginning of the answer.
func settings(ctx context.Context, c net.Conn) (answer string, err error) {
	if deadline, ok := ctx.Deadline(); ok {
		_ = c.SetDeadline(deadline)
	}
	_, _ = c.Write([]byte(preface)) // if it fails, the server's response has the cause
	var head [frameHeader]byte
	n, err := io.ReadFull(c, head[:])
	return string(head[:n]), err
}

// http1 is how an answer in HTTP/1 begins.
const http1 = "HTTP/1."

// speaksHTTP2 reports whether an answer begins as every server of HTTP/2 begins.
func speaksHTTP2(answer string) bool {
	return len(answer) == frameHeader && answer[3] == settingsFrame
}

// speaksTLS reports whether the server accepts a TLS handshake, with any certificate.
func (w route) speaksTLS(ctx context.Context) bool {
	c, err := w.dial(ctx)
	if err != nil {
		return false
	}
	defer func() { _ = c.Close() }()
	err = tls.Client(c, &tls.Config{MinVersion: tls.VersionTLS12, ServerName: w.host, NextProtos: []string{"h2", "http/1.1"}}).HandshakeContext(ctx)
	return err == nil || is[*tls.CertificateVerificationError](err)
}

// speaksClearText reports whether the server speaks HTTP without TLS.
func (w route) speaksClearText(ctx context.Context) bool {
	c, err := w.dial(ctx)
	if err != nil {
		return false
	}
	defer func() { _ = c.Close() }()
	answer, _ := settings(ctx, c)
	return speaksHTTP2(answer) || strings.HasPrefix(answer, http1)
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
