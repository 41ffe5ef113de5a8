package cutover

// PinTo is the second half of a Pin that has read r some time ago.
func (c *Coordinator) PinTo(r *Routing) (Pin, bool) { return c.pinTo(r, false) }
