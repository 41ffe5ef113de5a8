package cutover

// PinOld is the second half of a Pin that has read r some time ago.
func (c *Coordinator) PinOld(r *Routing) (Pin, bool) { return c.pinTo(r, r.Active, false) }
