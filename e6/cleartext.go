package e6

import (
	"net/netip"
	"strings"

	"github.com/e6data/e6data-go/e6/internal/address"
	"github.com/e6data/e6data-go/e6/internal/wire"
)

// clearText is the problem of a Config that would send credentials, statements and
// rows over a network without TLS and without AllowClearText. A loopback address has no
// network. A dialer or transport credentials of the caller may encrypt by other means.
func (c Config) clearText(o *options) []Problem {
	if c.TLS || c.AllowClearText || c.Bearer != nil || o.dialer != nil {
		return nil // validate requires TLS for a bearer
	}
	if c.CAFile != "" || len(c.CAPEM) > 0 || c.ServerName != "" {
		return nil // reported already
	}
	a, err := address.Parse(c.Address)
	if err != nil || a.Port == "" || isLoopback(a.Host) { // what is wrong with an address is reported already
		return nil
	}
	if len(o.dial) > 0 && wire.Encrypts(nil, o.dial) {
		return nil
	}
	return []Problem{{Field: "TLS", Value: "false", Want: "true, as credentials would cross the network to " + a.Host + " in clear text; " +
		"or AllowClearText, if that network is trusted"}}
}

// isLoopback reports whether a host is this machine by its name alone. The response of
// a name server does not count: it may be forged.
func isLoopback(host string) bool {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true // RFC 6761 keeps these names for loopback
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
