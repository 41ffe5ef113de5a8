package vector

// minVectorBytes is the size of the shortest vector: its size, its type, and the end
// of the struct. It bounds the number of columns that an input can hold.
const minVectorBytes = 7 + 7 + 1

// parts holds the fields of a vector that were read, and their positions.
type parts struct {
	size, typ, nulls, data, constant, zone, format bool

	nullsAt, dataAt int
	flags           int // number of null flags
	kind            member
	scaled          bool
	scale           int32
	scaleAt         int
}

// decode reads one vector. Its fields may come in any order, so the values are
// read by the kind of their data and compared with the vector's type at the
// end.
func (c *Column) decode(r *reader) *DecodeError {
	c.empty()
	c.at = r.off
	var p parts
	for {
		at := r.off
		wire, id, err := r.field()
		if err != nil {
			return err
		}
		if wire == wireStop {
			break
		}
		if err := c.decodeField(r, &p, at, wire, id); err != nil {
			return err
		}
	}
	return c.finish(r, &p)
}

func (c *Column) decodeField(r *reader, p *parts, at int, wire byte, id int16) (err *DecodeError) {
	switch id {
	case 1:
		if err = r.once(&p.size, at, wire, wireI32, "the vector's size"); err == nil {
			c.rows, err = r.length("the vector's size")
		}
	case 2:
		if err = r.once(&p.typ, at, wire, wireI32, "the vector's type"); err == nil {
			err = c.decodeType(r)
		}
	case 3:
		if err = r.once(&p.nulls, at, wire, wireList, "the null flags"); err == nil {
			p.nullsAt = r.off
			p.flags, err = c.decodeNulls(r)
		}
	case 4:
		if err = r.once(&p.data, at, wire, wireStruct, "the data"); err == nil {
			p.dataAt = r.off
			err = c.decodeUnion(r, p)
		}
	case 5:
		if err = r.once(&p.constant, at, wire, wireBool, "the constant flag"); err == nil {
			c.constant, err = r.bool("the constant flag")
		}
	case 6:
		if err = r.once(&p.zone, at, wire, wireString, "the vector's zone"); err == nil {
			c.zone, err = r.text("the vector's zone")
		}
	case 7:
		if err = r.once(&p.format, at, wire, wireString, "the vector's format"); err == nil {
			c.format, err = r.text("the vector's format")
		}
	default:
		err = r.skip(wire, 0)
	}
	return err
}

// decodeNulls reads the null flags and returns how many there are. They are kept only
// if a row is null: most columns have none, and a flag for every row all the same.
func (c *Column) decodeNulls(r *reader) (n int, err *DecodeError) {
	src, any, err := r.flags("the null flags")
	if err != nil {
		return 0, err
	}
	if c.hasNulls = any; any {
		c.nulls = resize(c.nulls, len(src))
		copyBools(c.nulls, src)
	}
	return len(src), nil
}

// decodeType reads the vector's type. On the wire the types are numbered from
// 0, Type begins with Other.
func (c *Column) decodeType(r *reader) *DecodeError {
	at := r.off
	v, err := r.i32("the vector's type")
	if err != nil {
		return err
	}
	if v < 0 || v > int32(Decimal128-Binary) {
		return fail(at, ErrType, "the vector's type is %d, and the types are 0 to %d", v, Decimal128-Binary)
	}
	c.typ = Binary + Type(v)
	return nil
}

// finish compares the parts of a vector that has been read to its end.
func (c *Column) finish(r *reader, p *parts) *DecodeError {
	if !p.size {
		return fail(c.at, ErrField, "the vector has no size")
	}
	if !p.typ {
		return fail(c.at, ErrField, "the vector has no type")
	}
	if err := c.finishNulls(p); err != nil {
		return err
	}
	if p.scaled && c.typ == Decimal128 && checkScale(p.scale) == nil {
		c.scale, c.scaled = p.scale, true
	}
	// A constant null is null with any data: engines may send any data, or
	// none.
	if c.allNull && c.typ != Null {
		c.emptyData()
		return nil
	}
	if c.typ == Null && !p.data {
		return nil
	}
	if !p.data {
		return fail(c.at, ErrField, "the %v vector has no data", c.typ)
	}
	if !p.kind.fits(c.typ, c.constant) {
		if c.typ == Null && c.constant && len(c.nulls) == 1 && c.nulls[0] {
			c.emptyData()
			return nil
		}
		return fail(p.dataAt, ErrUnion, "a %v vector (constant: %t) has %v", c.typ, c.constant, p.kind)
	}
	return c.finishData(r, p)
}

func (c *Column) finishNulls(p *parts) *DecodeError {
	want := c.rows
	if c.constant {
		want = 1
	}
	if p.flags != 0 && p.flags != want {
		return fail(p.nullsAt, ErrRows, "%d null flags for %d rows (constant: %t)", p.flags, c.rows, c.constant)
	}
	c.allNull = c.typ == Null || c.constant && c.hasNulls
	c.hasNulls = c.hasNulls || c.allNull
	return nil
}

// finishData compares the number of values with that of the rows, and brings
// them into their final form.
func (c *Column) finishData(r *reader, p *parts) *DecodeError {
	want := c.rows
	if c.constant {
		want = 1
	}
	if c.typ != Null {
		if n := c.values(p.kind); n != want {
			return fail(p.dataAt, ErrRows, "%d values for %d rows (constant: %t)", n, c.rows, c.constant)
		}
	}
	if n := c.zones.len(); n != 0 && n != want {
		return fail(p.dataAt, ErrRows, "%d zones for %d rows (constant: %t)", n, c.rows, c.constant)
	}
	switch {
	case c.typ == Integer && c.constant:
		v := c.int64s[0]
		if v != int64(int32(v)) {
			return fail(p.dataAt, ErrValue, "the constant %d does not fit an INTEGER", v)
		}
		c.int32s = append(c.int32s, int32(v))
		c.int64s = c.int64s[:0]
	case c.typ == Decimal128:
		return c.finishDecimals(r, p)
	}
	return nil
}

// values returns the number of values in data of that kind.
func (c *Column) values(k member) int {
	switch members[k].payload {
	case payloadBools, payloadBool:
		return len(c.bools)
	case payloadInt32s:
		return len(c.int32s)
	case payloadInt64s, payloadInt64:
		return len(c.int64s)
	case payloadFloats, payloadFloat:
		return len(c.floats)
	default:
		return c.strings.len()
	}
}
