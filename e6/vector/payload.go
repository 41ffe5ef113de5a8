package vector

import "math"

// decodePayload reads the values of a member into the slice of their form.
func (c *Column) decodePayload(r *reader, form payload, what string) (err *DecodeError) {
	switch form {
	case payloadBools:
		var src []byte
		if src, _, err = r.flags(what); err == nil {
			c.bools = resize(c.bools, len(src))
			copyBools(c.bools, src)
		}
	case payloadInt32s:
		var src []byte
		if src, err = r.block(wireI32, 4, what); err == nil {
			c.int32s = resize(c.int32s, len(src)/4)
			swapInt32s(c.int32s, src)
		}
	case payloadInt64s:
		var src []byte
		if src, err = r.block(wireI64, 8, what); err == nil {
			c.int64s = resize(c.int64s, len(src)/8)
			swapInt64s(c.int64s, src)
		}
	case payloadFloats:
		var src []byte
		if src, err = r.block(wireDouble, 8, what); err == nil {
			c.floats = resize(c.floats, len(src)/8)
			swapFloat64s(c.floats, src)
		}
	case payloadStrings:
		err = r.texts(&c.strings, what)
	case payloadBool:
		c.bools = resize(c.bools, 1)
		c.bools[0], err = r.bool(what)
	case payloadByte:
		if err = r.need(1, what); err == nil {
			r.off++
		}
	case payloadInt64:
		c.int64s = resize(c.int64s, 1)
		c.int64s[0], err = r.i64(what)
	case payloadFloat:
		var bits int64
		bits, err = r.i64(what)
		c.floats = resize(c.floats, 1)
		c.floats[0] = math.Float64frombits(uint64(bits))
	case payloadString:
		err = r.oneText(&c.strings, what)
	}
	return err
}

// decodeCompanion reads field 2 of a member: the zones of the rows, the zone of
// a constant, or the scale of decimals.
func (c *Column) decodeCompanion(r *reader, form companion, p *parts) (err *DecodeError) {
	switch form {
	case companionZones:
		err = r.texts(&c.zones, "the zones")
	case companionZone:
		err = r.oneText(&c.zones, "the zone")
	case companionScale:
		p.scaled, p.scaleAt = true, r.off
		p.scale, err = r.i32("the scale")
	}
	return err
}

// block returns the bytes of a list whose elements have a fixed width.
func (r *reader) block(wire byte, width int, what string) ([]byte, *DecodeError) {
	n, err := r.list(wire, width, what)
	if err != nil {
		return nil, err
	}
	src := r.b[r.off : r.off+n*width]
	r.off += n * width
	return src, nil
}

// flags returns the bytes of a list of booleans, each of them 0 or 1, and reports
// whether one is 1.
func (r *reader) flags(what string) (src []byte, any bool, err *DecodeError) {
	if src, err = r.block(wireBool, 1, what); err != nil {
		return nil, false, err
	}
	any, bad := checkBools(src)
	if bad >= 0 {
		return nil, false, fail(r.off-len(src)+bad, ErrValue,
			"row %d of %s is the byte %d, and a boolean is 0 or 1", bad, what, src[bad])
	}
	return src, any, nil
}
