package browser

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	neturl "net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// outage is a proxy in front of a page that can lose all its connections.
type outage struct {
	url string

	mu     sync.Mutex
	ctx    context.Context // of the requests that are under way
	cancel context.CancelFunc
}

func breakable(t *testing.T, page string) *outage {
	t.Helper()
	behind, err := neturl.Parse(page)
	require.NoError(t, err)
	path := behind.Path
	behind.Path = ""
	transport := &http.Transport{}
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(behind)
		r.Out.Host = r.In.Host
	}, ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }}
	o := &outage{}
	o.end()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(o.now(), cancel)()
		proxy.ServeHTTP(w, r.WithContext(ctx))
	}))
	t.Cleanup(func() {
		o.begin()
		server.Close()
		transport.CloseIdleConnections()
	})
	o.url = server.URL + path
	return o
}

func (o *outage) now() context.Context {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ctx
}

// begin breaks the requests in flight, and all requests until end.
func (o *outage) begin() { o.cancel() }

func (o *outage) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ctx, o.cancel = context.WithCancel(context.Background())
}
