package vector

import (
	"encoding/binary"
	"unsafe"
)

// The types of Thrift's binary protocol, as they stand before fields and in
// front of lists.
const (
	wireStop   = 0
	wireBool   = 2
	wireByte   = 3
	wireDouble = 4
	wireI16    = 6
	wireI32    = 8
	wireI64    = 10
	wireString = 11
	wireStruct = 12
	wireMap    = 13
	wireSet    = 14
	wireList   = 15
	wireUUID   = 16
)

// maxSkipDepth bounds the nesting of fields that are skipped. The protocol's
// own structs have a depth of four. The limit bounds the stack that hostile input can
// use.
const maxSkipDepth = 32

// reader reads one input. The errors of its methods have the position; none of the
// methods allocates.
type reader struct {
	b   []byte
	off int
}

// need checks that n more bytes are there.
func (r *reader) need(n int, what string) *DecodeError {
	if len(r.b)-r.off < n {
		return fail(r.off, ErrTruncated, "%s needs %d bytes, %d are left", what, n, len(r.b)-r.off)
	}
	return nil
}

// field reads the head of a field. The end of a struct is wireStop.
func (r *reader) field() (wire byte, id int16, err *DecodeError) {
	if err := r.need(1, "a field"); err != nil {
		return 0, 0, err
	}
	wire = r.b[r.off]
	if wire == wireStop {
		r.off++
		return wireStop, 0, nil
	}
	if err := r.need(3, "the head of a field"); err != nil {
		return 0, 0, err
	}
	id = int16(binary.BigEndian.Uint16(r.b[r.off+1:]))
	r.off += 3
	return wire, id, nil
}

func (r *reader) i32(what string) (int32, *DecodeError) {
	if err := r.need(4, what); err != nil {
		return 0, err
	}
	v := int32(binary.BigEndian.Uint32(r.b[r.off:]))
	r.off += 4
	return v, nil
}

func (r *reader) i64(what string) (int64, *DecodeError) {
	if err := r.need(8, what); err != nil {
		return 0, err
	}
	v := int64(binary.BigEndian.Uint64(r.b[r.off:]))
	r.off += 8
	return v, nil
}

func (r *reader) bool(what string) (bool, *DecodeError) {
	if err := r.need(1, what); err != nil {
		return false, err
	}
	v := r.b[r.off]
	if v > 1 {
		return false, fail(r.off, ErrValue, "%s is the byte %d, and a boolean is 0 or 1", what, v)
	}
	r.off++
	return v == 1, nil
}

// length reads a length or a size, which cannot be negative.
func (r *reader) length(what string) (int, *DecodeError) {
	at := r.off
	v, err := r.i32(what)
	if err != nil {
		return 0, err
	}
	if v < 0 {
		return 0, fail(at, ErrLength, "%s is %d", what, v)
	}
	return int(v), nil
}

// text reads a string as a view of the input.
func (r *reader) text(what string) (string, *DecodeError) {
	n, err := r.length(what)
	if err != nil {
		return "", err
	}
	if err := r.need(n, what); err != nil {
		return "", err
	}
	s := view(r.b[r.off : r.off+n])
	r.off += n
	return s, nil
}

// list reads the head of a list, whose elements take at least width bytes each,
// and checks that the input can hold them.
func (r *reader) list(wire byte, width int, what string) (int, *DecodeError) {
	at := r.off
	if err := r.need(5, what); err != nil {
		return 0, err
	}
	if got := r.b[r.off]; got != wire {
		return 0, fail(at, ErrType, "%s has elements of the wire type %d, not %d", what, got, wire)
	}
	r.off++
	n, err := r.length(what)
	if err != nil {
		return 0, err
	}
	// Divided, since the product may not fit an int of 32 bits.
	if left := len(r.b) - r.off; n > left/width {
		return 0, fail(at, ErrTruncated, "%s claims %d elements of %d bytes or more, %d bytes are left", what, n, width, left)
	}
	return n, nil
}

// skip passes over a value of an unknown field.
func (r *reader) skip(wire byte, depth int) *DecodeError {
	if n := fixedWidth(wire); n > 0 {
		if err := r.need(n, "an unknown field"); err != nil {
			return err
		}
		r.off += n
		return nil
	}
	if depth >= maxSkipDepth {
		return fail(r.off, ErrDepth, "an unknown field has more than %d levels", maxSkipDepth)
	}
	switch wire {
	case wireString:
		_, err := r.text("an unknown field")
		return err
	case wireStruct:
		return r.skipStruct(depth + 1)
	case wireList, wireSet:
		if err := r.need(1, "an unknown list"); err != nil {
			return err
		}
		elem := r.b[r.off]
		r.off++
		return r.skipElements(depth+1, elem)
	case wireMap:
		if err := r.need(2, "an unknown map"); err != nil {
			return err
		}
		key, value := r.b[r.off], r.b[r.off+1]
		r.off += 2
		return r.skipElements(depth+1, key, value)
	}
	return fail(r.off, ErrType, "an unknown field has the wire type %d, which does not exist", wire)
}

func (r *reader) skipStruct(depth int) *DecodeError {
	for {
		wire, _, err := r.field()
		if err != nil {
			return err
		}
		if wire == wireStop {
			return nil
		}
		if err := r.skip(wire, depth); err != nil {
			return err
		}
	}
}

// skipElements passes over a count and as many elements, each of which consists
// of values of the given wire types in turn. Every value takes a byte at least,
// so the length of the input bounds the work, for any value of the count.
func (r *reader) skipElements(depth int, wires ...byte) *DecodeError {
	n, err := r.length("the size of an unknown container")
	if err != nil {
		return err
	}
	width := 0
	for _, w := range wires {
		fixed := fixedWidth(w)
		if fixed == 0 {
			width = 0
			break
		}
		width += fixed
	}
	if width > 0 {
		if left := len(r.b) - r.off; n > left/width {
			return fail(r.off, ErrTruncated, "an unknown container claims %d elements of %d bytes, %d bytes are left", n, width, left)
		}
		r.off += n * width
		return nil
	}
	for range n {
		for _, w := range wires {
			if err := r.skip(w, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// fixedWidth returns the number of bytes of a wire type that always has the
// same, and 0 for any other.
func fixedWidth(wire byte) int {
	switch wire {
	case wireBool, wireByte:
		return 1
	case wireI16:
		return 2
	case wireI32:
		return 4
	case wireI64, wireDouble:
		return 8
	case wireUUID:
		return 16
	}
	return 0
}

// view returns the bytes as a string without copying them. It is correct only
// as long as the bytes do not change, which is a duty of the caller of Decode.
func view(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b))
}
