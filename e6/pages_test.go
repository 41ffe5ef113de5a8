package e6_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/internal/stress"
)

// errorPage is what an ingress answers in the place of an engine.
type errorPage struct {
	name    string
	status  int
	headers map[string]string
	body    string
	close   bool // it drains the connection

	unpassed bool // an ingress answers so only to a call that it does not forward
}

// denies reports whether the page rejects the credentials.
func (p errorPage) denies() bool {
	return p.status == 403 || p.headers["Grpc-Status"] == "7" || p.headers["Grpc-Status"] == "16"
}

func (p errorPage) write(w http.ResponseWriter) {
	for key, value := range p.headers {
		w.Header()[key] = []string{value}
	}
	if p.headers["Content-Type"] == "" {
		w.Header()["Content-Type"] = nil // or net/http finds one
	}
	if p.close {
		w.Header().Set("Connection", "close") // net/http sends GOAWAY
	}
	w.WriteHeader(p.status)
	_, _ = io.WriteString(w, p.body)
}

// errorPages are the replies of ingresses: plain HTTP in several forms, and statuses as
// Envoy answers gRPC requests.
func errorPages() (pages []errorPage) {
	const html = "<html><head><title>error</title></head><body><center>nginx</center></body></html>\n"
	for _, status := range []int{400, 403, 404, 413, 414, 429, 500, 502, 503, 504} {
		pages = append(pages,
			errorPage{fmt.Sprintf("%d as HTML", status), status, map[string]string{"Content-Type": "text/html"}, html, false, status == 503},
			errorPage{fmt.Sprintf("%d without a content type", status), status, nil, html, false, status == 503},
			errorPage{fmt.Sprintf("%d and GOAWAY", status), status, map[string]string{"Content-Type": "text/html"}, html, true, status == 503},
		)
	}
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		pages = append(pages, errorPage{fmt.Sprintf("%s in trailers only", code), 200,
			map[string]string{"Content-Type": "application/grpc", "Grpc-Status": fmt.Sprint(int(code)), "Grpc-Message": "a reply of the ingress", "Server": "envoy"}, "", false,
			code == codes.Unimplemented}) // there is no route
	}
	return pages
}

// frontend is an ingress that answers calls of one method by a page, before or after it
// has passed the call on.
type frontend struct {
	mu      sync.Mutex
	page    errorPage
	method  string
	after   bool
	left    int
	pages   atomic.Int64
	forward http.Handler
}

func (f *frontend) set(method string, page errorPage, after bool, times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.method, f.page, f.after, f.left = method, page, after, times
	f.pages.Store(0)
}

// ServeHTTP implements http.Handler.
func (f *frontend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	hit := f.left > 0 && strings.HasSuffix(r.URL.Path, "/"+f.method)
	page, after := f.page, f.after
	if hit {
		f.left--
		f.pages.Add(1)
	}
	f.mu.Unlock()
	switch {
	case !hit:
		f.forward.ServeHTTP(w, r)
	case after:
		f.forward.ServeHTTP(&nowhereWriter{header: http.Header{}}, r)
		page.write(w)
	default:
		_, _ = io.Copy(io.Discard, r.Body)
		page.write(w)
	}
}

// nowhereWriter drops a response.
type nowhereWriter struct{ header http.Header }

func (n *nowhereWriter) Header() http.Header         { return n.header }
func (n *nowhereWriter) Write(b []byte) (int, error) { return len(b), nil }
func (n *nowhereWriter) WriteHeader(int)             {}
func (n *nowhereWriter) Flush()                      {}

// serveFrontend puts a frontend in front of a cluster.
func serveFrontend(t *testing.T, cluster *e6test.Cluster) (addr string, f *frontend) {
	var h2 http.Protocols
	h2.SetHTTP2(true)
	h2.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &h2}
	t.Cleanup(transport.CloseIdleConnections)
	target := &url.URL{Scheme: "http", Host: cluster.Addr()}
	f = &frontend{forward: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: transport, FlushInterval: -1,
		ModifyResponse: func(r *http.Response) error { r.Header.Set("X-Envoy-Upstream-Service-Time", "1"); return nil },
	}}
	return serveH2C(t, f), f
}

// serveH2C serves HTTP/2 in clear text until the test ends.
func serveH2C(t *testing.T, h http.Handler) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var h2 http.Protocols
	h2.SetHTTP2(true)
	h2.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: h, Protocols: &h2, ErrorLog: log.New(io.Discard, "", 0)}
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(l) })
	t.Cleanup(func() { _ = server.Close(); served.Wait() })
	return l.Addr().String()
}

// TestIngressReply_RunsNoStatementTwice: an ingress answers one call of a statement in
// its own words, before or after it has passed the call on. A write is never run twice;
// one that may have run is lost and not an answer of the engine; and reads are saved.
func TestIngressReply_RunsNoStatementTwice(t *testing.T) {
	engine := e6test.NewCannedEngine()
	cluster := start(t, e6test.WithEngine(engine))
	addr, f := serveFrontend(t, cluster)
	cfg := config(cluster)
	cfg.Address, cfg.RetryPause, cfg.FetchAfterMetadata = addr, time.Millisecond, true
	cfg.ResumeTimeout, cfg.DetectionTimeout = 200*time.Millisecond, 2*time.Second
	client, err := e6.Open(within(t, 20*time.Second), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	n := int64(0)
	every := stress.Count(4, 1) // the pages have three forms, so a quarter of them has one of each
	for i, page := range errorPages() {
		if i%every != 0 {
			continue
		}
		for _, method := range []string{"authenticate", "prepareStatement", "executeStatement", "getResultMetadata", "getNextResultBatchV2"} {
			for way, after := range map[string]bool{"before": false, "after": true} {
				if after && page.unpassed || method == "getNextResultBatchV2" && strings.HasPrefix(page.name, "Unimplemented") {
					continue // the client fetches by the older call from then on
				}
				t.Run(page.name+", "+method+", "+way, func(t *testing.T) {
					n++
					if method == "authenticate" {
						cluster.ExpireSessions()
					}
					f.set(method, page, after, 1)
					err := client.Exec(within(t, 20*time.Second), fmt.Sprintf("INSERT INTO sales VALUES (%d)", n))
					require.Equal(t, int64(1), f.pages.Load())
					ran := 0
					for _, v := range engine.Inserted("sales") {
						if v == n {
							ran++
						}
					}
					switch cut, lost := errors.AsType[*e6.CutoverError](err); {
					case err == nil:
						require.Equal(t, 1, ran)
					case lost && cut.MayHaveTakenEffect:
						require.LessOrEqual(t, ran, 1)
						require.NotEqual(t, "prepareStatement", method)
					default:
						require.Zero(t, ran, "%v", err)
					}
					if page.denies() {
						return
					}
					if method == "authenticate" {
						cluster.ExpireSessions()
					}
					f.set(method, page, after, 1)
					result, err := client.QueryAll(within(t, 20*time.Second), tenNumbers)
					require.NoError(t, err, "a statement that only reads is saved")
					require.Equal(t, 10, result.Len())
				})
			}
		}
	}
}
