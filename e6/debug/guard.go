package debug

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// secure sets the headers of every answer. The page may load what comes with it
// and nothing else, runs no inline script, and cannot be put into a frame. That
// scripts must not write markup is enforced twice: here, and in their code.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// refuse returns the status and the reason to refuse a request, and 0 for none.
func (h *handler) refuse(r *http.Request) (status int, reason string) {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return http.StatusMethodNotAllowed, "this page only reads: GET and HEAD"
	case !h.knows(r.Host):
		return http.StatusForbidden, "this page is not served under that host name"
	case !sameOrigin(r):
		return http.StatusForbidden, "this page answers no other site: open its address in a tab of its own"
	}
	return 0, ""
}

// knows reports whether the page is served under a host, which may have a port.
func (h *handler) knows(host string) bool {
	if h.hosts == nil {
		return true
	}
	host = strings.ToLower(host)
	name, _, err := net.SplitHostPort(host)
	return h.hosts[host] || err == nil && h.hosts[name]
}

// sameOrigin reports whether a request comes from the page itself, from a person
// who typed the address, or from a program. Browsers send where a request comes
// from in Sec-Fetch-Site; old ones, and those on plain HTTP, at least name the
// origin when a script requests across origins. Programs send none of the two.
func sameOrigin(r *http.Request) bool {
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "same-origin" && site != "none" {
			return false
		}
	}
	for _, origin := range r.Header.Values("Origin") {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host) {
			return false
		}
	}
	return true
}
