package e6

import (
	"fmt"
	"io"
)

// String returns the cluster that the client uses, and the active side.
func (c *Client) String() string {
	return fmt.Sprintf("e6.Client(%s, %s)", c.cfg.Address, c.Strategy().Active)
}

// GoString implements fmt.GoStringer: %#v shows no more than %v.
func (c *Client) GoString() string { return c.String() }

// Format implements fmt.Formatter. Without it, verbs that are not for text would
// print the fields. They are read while other goroutines write them, and one of
// them is the configuration.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }
