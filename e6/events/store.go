package events

import "fmt"

// KindStoreFailed is the kind of StoreFailed.
const KindStoreFailed Kind = "store_failed"

// StoreFailed: the shared store could not be read or written.
type StoreFailed struct {
	// Op is the operation: watch, compare-and-swap or presence.
	Op    string
	Error string
}

// String describes the event in one line.
func (d StoreFailed) String() string { return fmt.Sprintf("store: %s failed: %s", d.Op, d.Error) }

func (d StoreFailed) attrs(a *attrs) {
	a.text("op", d.Op)
	a.text("error", d.Error)
}

func (StoreFailed) sides() sideSet { return 0 }
