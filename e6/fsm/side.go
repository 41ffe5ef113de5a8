package fsm

import (
	"fmt"
	"strings"
)

// Side is one of the two halves of a blue/green deployment. The engine's protocol calls
// it a strategy. The zero value, None, means that no side is known.
type Side uint8

// The sides.
const (
	None Side = iota
	Blue
	Green
)

// Sides lists the two sides in the order in which a detection probes them when nothing
// is known.
var Sides = [...]Side{Blue, Green}

// String returns "none", "blue" or "green". The engine's protocol uses the last two as
// values of the strategy header and of the field new_strategy.
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

// ParseSide returns the side with the name, in any case; white space around the name is
// ignored. Any other text than blue or green returns a *SideError.
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

// UnmarshalText implements encoding.TextUnmarshaler. It accepts the texts of ParseSide,
// and "none" and the empty text for None. After an error, s is unchanged.
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

// SideError reports a text that is not the name of a side.
type SideError struct {
	// Name is the text as received. Error shows its first 32 bytes.
	Name string
}

// Error implements error.
func (e *SideError) Error() string {
	return fmt.Sprintf("unknown side %q: expected blue or green", shorten(e.Name, 32))
}

// shorten truncates s to n bytes, which limits the length of an error message with text
// from the network.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
