package debug

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
)

// Any path may be requested, with any headers.
func FuzzARequestIsAnsweredOrRefused(f *testing.F) {
	cluster, err := e6test.Start(e6test.InMemory())
	require.NoError(f, err)
	client, err := e6.Open(f.Context(), e6.Config{Address: cluster.Addr(), User: "u", Token: token}, e6.WithDialer(cluster.Dialer()))
	require.NoError(f, err)
	h := Handler(client, WithHosts("page.example", "[::1]", "127.0.0.1:6060"))
	f.Cleanup(func() {
		require.NoError(f, client.Close())
		require.NoError(f, cluster.Close())
	})
	for _, path := range []string{"/", "/state.json", "/a/b/state.json?x=1", "/..%2fstate.json", "/app.js", "/events", "/\x00", "//"} {
		f.Add("GET", path, "page.example:80", "", "")
		f.Add("HEAD", path, "[::1]:1", "https://page.example", "same-origin")
		f.Add("POST", path, "evil.example", "null", "cross-site")
	}
	f.Fuzz(func(t *testing.T, method, path, host, origin, site string) {
		u, err := url.ParseRequestURI(path)
		if err != nil || strings.HasSuffix(u.Path, "/events") && method == http.MethodGet {
			return // the stream does not end by itself
		}
		r := &http.Request{Method: method, URL: u, Host: host, Header: http.Header{}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		if site != "" {
			r.Header.Set("Sec-Fetch-Site", site)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(t.Context()))

		require.Contains(t, []int{200, 403, 404, 405}, w.Code)
		require.NotContains(t, w.Body.String(), token)
		require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"), "every answer is guarded")
		require.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
		reads := method == http.MethodGet || method == http.MethodHead
		require.Equal(t, !reads, w.Code == http.StatusMethodNotAllowed, "%q", method)
		if w.Code != http.StatusOK && w.Code != http.StatusNotFound {
			return
		}
		require.True(t, site == "" || site == "same-origin" || site == "none", "%q was answered", site)
		name := strings.ToLower(host)
		require.True(t, strings.HasPrefix(name, "page.example") || strings.Contains(name, "::1") || name == "127.0.0.1:6060", "the host %q was answered", host)
		if from, err := url.Parse(origin); origin != "" {
			require.NoError(t, err)
			require.True(t, strings.EqualFold(from.Host, host), "the origin %q was answered by %q", origin, host)
		}
	})
}
