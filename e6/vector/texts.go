package vector

import (
	"encoding/binary"
	"math"
)

// lengthBytes is the size of the length before every string of an input.
const lengthBytes = 4

// maxInput is the maximum size of an input: every offset, also its end, fits a uint32.
const maxInput = math.MaxUint32 - lengthBytes

// texts are strings of an input: the input, and the offset of each string. They have four
// bytes for each string, which the garbage collector does not scan. A []string has sixteen,
// and the garbage collector follows each pointer.
type texts struct {
	input string
	// begin has one entry more than there are strings: where another one would begin.
	begin []uint32
}

func (t *texts) len() int { return max(len(t.begin)-1, 0) }

// at returns string i, a view of the input.
func (t *texts) at(i int) string { return t.input[t.begin[i] : t.begin[i+1]-lengthBytes] }

// head keeps the first n strings, or none if there are none.
func (t *texts) head(n int) { t.begin = firstOf(t.begin, n+1) }

// empty drops the reference to the input, and keeps the memory.
func (t *texts) empty() { t.input, t.begin = "", t.begin[:0] }

// texts reads a list of strings.
func (r *reader) texts(dst *texts, what string) *DecodeError {
	n, err := r.list(wireString, lengthBytes, what)
	if err != nil {
		return err
	}
	dst.input, dst.begin = view(r.b), resize(dst.begin, n+1)
	b, off, begin := r.b, r.off, dst.begin[:n]
	for i := range begin {
		if len(b)-off < lengthBytes {
			return r.badText(off, i, what)
		}
		// As an unsigned number a negative length is larger than any input.
		size := uint(binary.BigEndian.Uint32(b[off:]))
		off += lengthBytes
		if size > uint(len(b)-off) {
			return r.badText(off-lengthBytes, i, what)
		}
		begin[i] = uint32(off)
		off += int(size)
	}
	dst.begin[n] = uint32(off + lengthBytes)
	r.off = off
	return nil
}

// badText returns the error of string i, which begins at off.
func (r *reader) badText(off, i int, what string) *DecodeError {
	r.off = off
	if _, err := r.text(what); err != nil {
		err.Detail = "row " + numberName(i) + " of " + err.Detail
		return err
	}
	return fail(off, ErrTruncated, "row %d of %s", i, what)
}

// oneText reads a single string.
func (r *reader) oneText(dst *texts, what string) *DecodeError {
	begin := r.off + lengthBytes
	if _, err := r.text(what); err != nil {
		return err
	}
	dst.input, dst.begin = view(r.b), append(dst.begin[:0], uint32(begin), uint32(r.off+lengthBytes))
	return nil
}
