// Package address parses the host and the port of a cluster, for every source of a
// configuration, so that all of them accept and refuse the same texts.
package address

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Address is a host with a port. Both are checked by the functions that return it.
type Address struct {
	// Host is a DNS name or an IP address. An IPv6 address has no brackets and may
	// have a zone.
	Host string
	// Port is a decimal number from 1 to 65535, or empty if the text has none.
	Port string
}

// String joins host and port: "[::1]:443", and the host alone without a port.
func (a Address) String() string {
	if a.Port != "" {
		return net.JoinHostPort(a.Host, a.Port)
	}
	if strings.Contains(a.Host, ":") {
		return "[" + a.Host + "]"
	}
	return a.Host
}

// Authority is the host and port without a zone, which means something on this
// machine alone: RFC 6874 section 1 keeps it out of what is sent.
func (a Address) Authority() string {
	a.Host = WithoutZone(a.Host)
	return a.String()
}

// WithoutZone removes the zone of an IPv6 address.
func WithoutZone(host string) string {
	host, _, _ = strings.Cut(host, "%")
	return host
}

// Error reports a text that is no address. Its message never quotes the text, which
// may hold credentials.
type Error struct {
	// Want names the problem and the expected form.
	Want string
	// Secret is set if the text may hold credentials, so that it must not be shown.
	Secret bool
}

// Error implements error.
func (e *Error) Error() string { return e.Want }

const example = "such as e6.example.com:443"

func wrong(format string, args ...any) error { return &Error{Want: fmt.Sprintf(format, args...)} }

// Parse reads "host", "host:port", "[IPv6]", "[IPv6]:port" or a bare IPv6 address.
// White space around it is ignored. The zone of an IPv6 address may be written as
// in a URL, %25eth0. The error is an *Error.
func Parse(text string) (Address, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return Address{}, wrong("a host and a port, %s", example)
	case strings.ContainsAny(text, "@/?#\\"):
		return Address{}, notAURL(text)
	}
	return parsePlain(text)
}

// parsePlain is Parse for a text without the marks of a URL.
func parsePlain(text string) (Address, error) {
	if bare, err := netip.ParseAddr(zoneOfURL(text)); err == nil {
		host, err := withZone(bare)
		return Address{Host: host}, err
	}
	host, port, err := split(text)
	if err != nil {
		return Address{}, err
	}
	if port, err = Port(port); err != nil {
		return Address{}, err
	}
	if host, err = Host(host); err != nil {
		return Address{}, err
	}
	return Address{Host: host, Port: port}, nil
}

// split cuts a text where the port begins. A name and a port that is missing behind
// its colon are fine.
func split(text string) (host, port string, err error) {
	if strings.HasPrefix(text, "[") {
		if inner, ok := strings.CutSuffix(text, "]"); ok && !strings.Contains(inner, "]") {
			return text, "", nil
		}
	} else if !strings.Contains(text, ":") {
		return text, "", nil
	}
	host, port, splitErr := net.SplitHostPort(text)
	switch {
	case splitErr != nil && strings.Count(text, ":") > 1:
		return "", "", wrong("an IPv6 address in brackets, such as [::1]:443, or a name and one port, %s", example)
	case splitErr != nil:
		return "", "", wrong("a host and a port, %s", example)
	case strings.HasPrefix(text, "["):
		host = "[" + host + "]"
	case host == "":
		return "", "", wrong("a host before the port, %s", example)
	}
	return host, port, nil
}

// zoneOfURL turns the zone of an IPv6 address as URLs have it (RFC 6874) into the
// form that it has elsewhere.
func zoneOfURL(host string) string {
	if before, zone, ok := strings.Cut(host, "%25"); ok && zone != "" {
		return before + "%" + zone
	}
	return host
}

// zoneForm is the name or the number of a network interface.
var zoneForm = regexp.MustCompile(`^[A-Za-z0-9._~-]*$`)

// withZone checks the zone of an IPv6 address. A zone that begins with 25 would be decoded
// as a percent-encoded one when it is parsed again.
func withZone(addr netip.Addr) (string, error) {
	zone := addr.Zone()
	if !zoneForm.MatchString(zone) || strings.HasPrefix(zone, "25") && zone != "25" {
		return "", wrong("a network interface behind the percent sign, such as fe80::1%%eth0")
	}
	return addr.String(), nil
}

// Host checks a host: a DNS name, an IPv4 address, or an IPv6 address with or without
// brackets, which are removed. The error is an *Error.
func Host(host string) (string, error) {
	inner, bracketed := strings.CutPrefix(host, "[")
	if bracketed {
		inner, bracketed = strings.CutSuffix(inner, "]")
	}
	addr, err := netip.ParseAddr(zoneOfURL(inner))
	switch {
	case err == nil && (addr.Is6() || !bracketed):
		return withZone(addr)
	case bracketed || strings.ContainsAny(host, "[]"):
		return "", wrong("an IPv6 address alone between the brackets, such as [::1]:443")
	case strings.Contains(host, ":"):
		return "", wrong("an IPv6 address such as [::1]:443, or a name")
	case host == "":
		return "", wrong("a host, such as e6.example.com")
	case strings.Contains(host, ".") && strings.Trim(host, "0123456789.") == "":
		return "", wrong("an IPv4 address of four numbers from 0 to 255, such as 10.0.0.7")
	}
	return host, dnsName(host)
}

// dnsName checks a name by its characters. An underscore is no part of a host name in
// RFC 1123, but networks of containers have such names.
func dnsName(name string) error {
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
		case r > '~':
			return wrong("a name in ASCII: its form that begins with xn-- if it has other letters")
		case r == ' ' || r == '\t' || r == '\n' || r == '\r':
			return wrong("a host without white space in it, %s", example)
		default:
			return wrong("a name of letters, digits, dots and hyphens, or an IP address, %s", example)
		}
	}
	if strings.HasPrefix(name, ".") || strings.Contains(name, "..") {
		return wrong("a name without an empty part between its dots, such as e6.example.com")
	}
	return nil
}

// Port checks a port, which may be empty, and removes zeros before it. The error is an
// *Error.
func Port(port string) (string, error) {
	port = strings.TrimSpace(port)
	if port == "" {
		return "", nil
	}
	if n, err := strconv.ParseUint(port, 10, 16); err == nil && n > 0 {
		return strconv.FormatUint(n, 10), nil
	}
	if known := map[string]int{"http": 80, "https": 443}[strings.ToLower(port)]; known != 0 {
		return "", wrong("a port between 1 and 65535: %d in place of %s", known, strings.ToLower(port))
	}
	return "", wrong("a port between 1 and 65535")
}

// notAURL returns the error for a URL or a path.
func notAURL(text string) error {
	if strings.Contains(text, "@") {
		return &Error{Secret: true, Want: "a host and a port alone, " + example +
			": the user and the token have fields of their own, and a whole e6s://user:token@host:port belongs in a DSN"}
	}
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		scheme, rest = "", text
	}
	host, _, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, "?")
	host, _, _ = strings.Cut(host, "#")
	inner, err := parsePlain(host)
	if err != nil || !plainScheme(scheme) {
		return &Error{Secret: true, Want: "a host and a port alone, " + example + ": no scheme, no user and no path"}
	}
	want := inner.String()
	encrypted := scheme == "https" || scheme == "e6s" || scheme == "grpcs"
	if inner.Port == "" {
		inner.Port = map[bool]string{true: "443", false: "80"}[encrypted || scheme == ""]
		want = inner.String()
	}
	switch {
	case encrypted:
		return wrong("a host and a port alone: %s, with TLS switched on", want)
	case scheme != "":
		return wrong("a host and a port alone: %s", want)
	}
	return wrong("a host and a port alone, without a path: %s", want)
}

// plainScheme reports whether a text can be a scheme, and so holds no secret.
func plainScheme(scheme string) bool {
	return strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz0123456789+") == ""
}

// Want returns the text of an error of this package, and whether the parsed text may be
// shown.
func Want(err error) (want string, show bool) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Want, !e.Secret
	}
	return err.Error(), true
}

// Target is the address as a target of gRPC, resolved by scheme. gRPC reads it as a
// URL, so that the zone of an IPv6 address must be escaped, and a name such as "dns"
// must not stand where a scheme is expected.
func Target(scheme, address string) string {
	return (&url.URL{Scheme: scheme, Path: "/" + address}).String()
}

// DefaultPort is the port of a cluster if its address has none.
func DefaultPort(tls bool) string {
	if tls {
		return "443"
	}
	return "80"
}

// Masked returns an address as errors show it. A text with a mark of a URL may hold
// credentials, and the place where they end is unknown, so that only its scheme is shown.
func Masked(text string) string {
	if !strings.ContainsAny(text, "@/?#") {
		return text
	}
	scheme, _, found := strings.Cut(text, "://")
	if found && strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz0123456789") == "" {
		return scheme + "://***"
	}
	return "***"
}
