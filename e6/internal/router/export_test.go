package router

// PinOld is the second half of a Pin that has read r some time ago.
func (c *Router) PinOld(r *Routing) (Pin, bool) { return c.pinTo(r, r.Active, false) }

// ChangeKindOf is the kind of a change that an event of the machine leads to.
var ChangeKindOf = changeKind
