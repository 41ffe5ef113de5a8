package address

import (
	"net"
	"net/netip"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParse_RecognisesHostsAndPorts(t *testing.T) {
	for text, want := range map[string]Address{
		"localhost:50052":         {"localhost", "50052"},
		"localhost":               {"localhost", ""},
		"e6.example.com.:443":     {"e6.example.com.", "443"},
		"e6.example.com:":         {"e6.example.com", ""},
		" e6.example.com:443\n":   {"e6.example.com", "443"},
		"e6_engine:0443":          {"e6_engine", "443"},
		"10.0.0.7:80":             {"10.0.0.7", "80"},
		"[::1]":                   {"::1", ""},
		"[::1]:443":               {"::1", "443"},
		"::1":                     {"::1", ""},
		"2001:DB8::1":             {"2001:db8::1", ""},
		"::ffff:10.0.0.1":         {"::ffff:10.0.0.1", ""},
		"fe80::1%eth0":            {"fe80::1%eth0", ""},
		"[fe80::1%eth0]:443":      {"fe80::1%eth0", "443"},
		"[fe80::1%25eth0]:443":    {"fe80::1%eth0", "443"},
		"XN--BCHER-KVA.example:1": {"XN--BCHER-KVA.example", "1"},
	} {
		got, err := Parse(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
}

func TestParse_ErrorNamesTheProblemAndTheForm(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "a host and a port",
		"https://e6.example.com":    "e6.example.com:443, with TLS",
		"http://e6.example.com:80/": "a host and a port alone: e6.example.com:80",
		"e6s://h:1/c":               "h:1, with TLS",
		"e6.example.com:443/":       "without a path: e6.example.com:443",
		"e6.example.com/sales":      "without a path: e6.example.com:443",
		"user:pl4nted@h:443":        "the user and the token have fields of their own",
		"https://u:pl4nted@h:443":   "the user and the token have fields of their own",
		"h:https":                   "443 in place of https",
		"h:pl4nted":                 "a port between 1 and 65535",
		"h:0":                       "a port between 1 and 65535",
		"h:70000":                   "a port between 1 and 65535",
		"h:+443":                    "a port between 1 and 65535",
		"h:443:443":                 "IPv6 address in brackets",
		":443":                      "a host before the port",
		"[::1":                      "brackets",
		"[::1]x:443":                "brackets",
		"[localhost]:443":           "an IPv6 address alone between the brackets",
		"[127.0.0.1]:443":           "an IPv6 address alone between the brackets",
		"[]:443":                    "an IPv6 address alone between the brackets",
		"fe80::1%":                  "IPv6 address",
		"e6 example.com:443":        "without white space",
		"bücher.example:443":        "xn--",
		"e6..example.com:443":       "an empty part",
		".example.com:443":          "an empty part",
		"300.0.0.1:443":             "four numbers from 0 to 255",
		"10.0.1:443":                "four numbers from 0 to 255",
		"h%41:443":                  "letters, digits",
		"h,other:443":               "letters, digits",
		`h\\x:443`:                  "no scheme, no user and no path",
		"fe80::1%eth 0":             "a network interface",
		"https://":                  "no scheme, no user and no path",
		"/":                         "no scheme, no user and no path",
	} {
		_, err := Parse(text)
		require.Error(t, err, text)
		got, show := Want(err)
		require.Contains(t, got, want, text)
		require.NotContains(t, got, "pl4nted", text)
		if text == "user:pl4nted@h:443" || text == "https://u:pl4nted@h:443" {
			require.False(t, show, text)
		}
	}
}

func TestTarget_IsReadBackByGRPCAsTheAddress(t *testing.T) {
	for _, text := range []string{"[fe80::1%eth0]:443", "dns:443", "unix:1", "[::1]:443", "localhost:50052"} {
		u, err := url.Parse(Target("dns", text))
		require.NoError(t, err)
		require.Equal(t, "dns", u.Scheme)
		require.Equal(t, "/"+text, u.Path)
	}
	a, err := Parse("[fe80::1%eth0]:443")
	require.NoError(t, err)
	require.Equal(t, "[fe80::1]:443", a.Authority())
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"localhost:50052", "[::1]", "::1", "[fe80::1%eth0]:443", "https://h", "h:0", "u:p@h:1", "a..b", " h:1 ", "[[::1]]:1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := Parse(text)
		if err != nil {
			want, _ := Want(err)
			require.NotEmpty(t, want)
			return
		}
		require.NotEmpty(t, a.Host)
		again, err := Parse(a.String())
		require.NoError(t, err, "%q became %q", text, a)
		require.Equal(t, a, again)
		if a.Port != "" {
			host, port, err := net.SplitHostPort(a.String())
			require.NoError(t, err)
			require.Equal(t, []string{a.Host, a.Port}, []string{host, port})
			if _, err := netip.ParseAddr(host); err == nil {
				_, err := netip.ParseAddrPort(a.String())
				require.NoError(t, err)
			}
		}
		u, err := url.Parse(Target("dns", a.String()))
		require.NoError(t, err)
		require.Equal(t, "/"+a.String(), u.Path)
	})
}
