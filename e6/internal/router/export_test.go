package router

// PinOld is the second half of a Pin that has read r some time ago.
func (rt *Router) PinOld(r *Routing) (Pin, bool) { return rt.pinTo(r, r.Active, false) }

// ChangeKindOf is the kind of a change that an event of the machine leads to.
var ChangeKindOf = changeKind

// Occupy keeps the writer busy until the channel is closed.
func (rt *Router) Occupy(until <-chan struct{}) {
	rt.post(occupied{until})
}

type occupied struct{ until <-chan struct{} }

func (m occupied) apply(*writer) { <-m.until }
func (occupied) fields(*codec)   {}

// MessageTypes lists the types of the messages that a record can hold.
func MessageTypes() (names []string) {
	for t := range numbers {
		names = append(names, t.Name())
	}
	return names
}
