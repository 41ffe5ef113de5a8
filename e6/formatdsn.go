package e6

import (
	"net/url"
	"strings"

	"github.com/e6data/e6data-go/e6/internal/address"
	"github.com/e6data/e6data-go/e6/internal/settings"
)

// FormatDSN returns the Config as a data source name, which config.ParseDSN reads. It includes
// the token in clear text; String masks it. Fields that are not text are left out: Credentials,
// Bearer and CAPEM.
func (c Config) FormatDSN() string {
	var b strings.Builder
	b.WriteString("e6")
	if c.TLS {
		b.WriteByte('s')
	}
	b.WriteString("://")
	if c.User != "" || c.Token != "" {
		b.WriteString(escaped(c.User))
		if c.Token != "" {
			b.WriteString(":" + escaped(c.Token))
		}
		b.WriteByte('@')
	}
	if a, err := address.Parse(c.Address); err == nil {
		b.WriteString(strings.ReplaceAll(a.String(), "%", "%25"))
	} else {
		b.WriteString(address.Masked(c.Address))
	}
	if c.Catalog != "" || c.Schema != "" {
		b.WriteString("/" + escaped(c.Catalog))
	}
	if c.Schema != "" {
		b.WriteString("/" + escaped(c.Schema))
	}
	mark := "?"
	for _, s := range settings.All() {
		if value := s.Text(&c); s.DSN != "" && value != "" && s.Field != "TLS" {
			b.WriteString(mark + s.DSN + "=" + strings.NewReplacer("%2F", "/", "%3A", ":").Replace(url.QueryEscape(value)))
			mark = "&"
		}
	}
	return b.String()
}

// escaped percent-encodes a part of a DSN before its parameters. A space becomes %20, because
// a plus sign stands for itself there. The mask of a secret stays readable.
func escaped(part string) string {
	return strings.NewReplacer("+", "%20", "%2A", "*").Replace(url.QueryEscape(part))
}
