package debug

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var names = []string{"", "page.js", "state.json", "nothing-of-that-name"}

func TestHandler_AllowsOnlyGetAndHead(t *testing.T) {
	_, client := open(t)
	h := Handler(client)
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PURGE"} {
		for _, name := range append(names, "events") {
			w := get(t, h, method, "/debug/e6/"+name)
			require.Equal(t, http.StatusMethodNotAllowed, w.Code, "%s %s", method, name)
			require.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
		}
	}
}

func TestHandler_RefusesAnotherOrigin(t *testing.T) {
	_, client := open(t)
	h := Handler(client)
	for _, c := range []struct {
		name    string
		headers []string
		want    int
	}{
		{"a program", nil, 200},
		{"the page itself", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"a person who typed the address", []string{"Sec-Fetch-Site", "none"}, 200},
		{"the page itself, by its origin", []string{"Origin", "http://ops.example:6060"}, 200},
		{"the page behind a proxy for TLS", []string{"Origin", "https://OPS.example:6060", "Sec-Fetch-Site", "same-origin"}, 200},
		{"another site", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"another origin of the same site", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"a value that is not known", []string{"Sec-Fetch-Site", "elsewhere"}, 403},
		{"another site in an old browser", []string{"Origin", "http://evil.example"}, 403},
		{"another port", []string{"Origin", "http://ops.example:6061"}, 403},
		{"a frame without an origin", []string{"Origin", "null"}, 403},
		{"a lie about the origin", []string{"Origin", "http://ops.example:6060.evil.example"}, 403},
		{"a broken origin", []string{"Origin", "http://[::1"}, 403},
		{"another site that claims same-origin", []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://evil.example"}, 403},
	} {
		for _, name := range names[:3] {
			w := get(t, h, http.MethodGet, "/debug/e6/"+name, append([]string{"Host", "ops.example:6060"}, c.headers...)...)
			require.Equal(t, c.want, w.Code, "%s: %s", c.name, name)
			if c.want != 200 {
				require.NotContains(t, w.Body.String(), "blue", c.name)
			}
		}
		if c.want != 200 {
			require.Equal(t, c.want, get(t, h, http.MethodGet, "/debug/e6/events", append([]string{"Host", "ops.example:6060"}, c.headers...)...).Code)
		}
	}
}

func TestHandler_RefusesAnotherHostIfHostsAreSet(t *testing.T) {
	_, client := open(t)
	h := Handler(client, WithHosts("ops.example"), WithHosts("Localhost:6060", "[::1]:6060"))
	for host, want := range map[string]int{
		"ops.example": 200, "ops.example:80": 200, "OPS.example:6060": 200, "localhost:6060": 200, "[::1]:6060": 200,
		"localhost": 403, "localhost:6061": 403, "evil.example": 403, "evil.example:6060": 403, "": 403, "ops.example.evil.example": 403,
	} {
		require.Equal(t, want, get(t, h, http.MethodGet, "/", "Host", host).Code, host)
	}
	require.Equal(t, 403, get(t, Handler(client, WithHosts()), http.MethodGet, "/").Code)
	require.Equal(t, 200, get(t, Handler(client), http.MethodGet, "/", "Host", "anything.example").Code)
}

func TestHandler_EveryResponseHasTheSecurityHeaders(t *testing.T) {
	_, client := open(t)
	h := Handler(client)
	answers := []http.Header{
		get(t, h, http.MethodPost, "/").Header(),
		get(t, h, http.MethodGet, "/", "Sec-Fetch-Site", "cross-site").Header(),
		get(t, h, http.MethodHead, "/events").Header(),
	}
	for _, name := range names {
		answers = append(answers, get(t, h, http.MethodGet, "/"+name).Header())
	}
	for _, header := range answers {
		policy := header.Get("Content-Security-Policy")
		require.True(t, strings.HasPrefix(policy, "default-src 'none';"), policy)
		for _, part := range []string{"script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self'", "frame-ancestors 'none'"} {
			require.Contains(t, policy, part)
		}
		require.NotContains(t, policy, "unsafe")
		require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
		require.Equal(t, "no-store", header.Get("Cache-Control"))
		require.Equal(t, "no-referrer", header.Get("Referrer-Policy"))
		require.Equal(t, "same-origin", header.Get("Cross-Origin-Resource-Policy"))
		require.Empty(t, header.Get("Access-Control-Allow-Origin"))
	}
}
