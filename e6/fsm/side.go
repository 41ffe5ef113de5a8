package fsm

import (
	"fmt"
	"strings"
)

// Side is one half of a blue/green deployment, which e6data calls a strategy.
// The zero value, None, means that no side is known.
type Side uint8

// The sides.
const (
	None Side = iota
	Blue
	Green
)

// Sides lists the two sides in the order in which they are tried when nothing
// is known yet.
var Sides = [...]Side{Blue, Green}

// String returns "none", "blue" or "green". The last two are the values of the
// strategy header and of the field new_strategy.
func (s Side) String() string {
	switch s {
	case Blue:
		return "blue"
	case Green:
		return "green"
	case None:
		return "none"
	}
	return fmt.Sprintf("Side(%d)", uint8(s))
}

// Valid reports whether s is blue or green.
func (s Side) Valid() bool { return s == Blue || s == Green }

// Other returns the opposite side, and None for None.
func (s Side) Other() Side {
	switch s {
	case Blue:
		return Green
	case Green:
		return Blue
	}
	return None
}

// ParseSide reads the name of a side in any case, with white space around it
// ignored. Anything but blue or green is a *SideError.
func ParseSide(name string) (Side, error) {
	trimmed := strings.TrimSpace(name)
	for _, s := range Sides {
		if strings.EqualFold(trimmed, s.String()) {
			return s, nil
		}
	}
	return None, &SideError{Name: name}
}

// MarshalText implements encoding.TextMarshaler with the same text as String.
func (s Side) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It reads what ParseSide
// reads, and "none" or nothing as None.
func (s *Side) UnmarshalText(text []byte) error {
	if t := strings.TrimSpace(string(text)); t == "" || strings.EqualFold(t, None.String()) {
		*s = None
		return nil
	}
	side, err := ParseSide(string(text))
	if err != nil {
		return err
	}
	*s = side
	return nil
}

// SideError reports a name that is not the name of a side.
type SideError struct {
	// Name is the text as it was received.
	Name string
}

// Error implements error.
func (e *SideError) Error() string {
	return fmt.Sprintf("unknown side %q: expected blue or green", shorten(e.Name, 32))
}

// shorten cuts s to at most n bytes, so that text from the network cannot
// flood an error message.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
