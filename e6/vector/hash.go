package vector

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"unsafe"
)

// Hash has a hash of 64 bits for each column of a result, over the values and the nulls
// of the rows that were added, in their order. With it, two runs of a statement can be
// compared without a copy of their rows. The zero value is a Hash of no rows.
//
// It depends on the rows only: not on their division into batches, on whether a vector is
// constant, or on the data of a null. Two values are
// the same if they have the same type, and the same bits, text, or digits and scale; two
// times also need the same zone. So every NaN differs from NaNs of other bits, 0 from -0,
// and 1.0 from 1.00.
//
// It has a few hundred bytes for each column, for any number of rows. It detects
// accidental changes, but not data that was constructed to collide: its constants are
// fixed. A hash is valid within one process only. A Hash is not safe for concurrent use.
type Hash struct {
	rows    int64
	columns []columnHash
}

// Rows is the number of rows that were added.
func (h *Hash) Rows() int64 { return h.rows }

// Reset drops all rows, and keeps the memory.
func (h *Hash) Reset() { h.rows, h.columns = 0, h.columns[:0] }

// Add adds the first n rows of a batch. It panics if the batch has fewer rows. A column
// that only some of the batches have is hashed over their rows.
func (h *Hash) Add(b *Batch, n int) {
	if n < 0 || n > b.rows {
		panic("vector: row out of range")
	}
	if n == 0 {
		return
	}
	if known := len(h.columns); known < len(b.columns) {
		h.columns = slices.Grow(h.columns, len(b.columns)-known)[:len(b.columns)]
		for i := range h.columns[known:] {
			h.columns[known+i].reset()
		}
	}
	for i := range b.columns {
		h.columns[i].add(&b.columns[i], n, uint64(h.rows))
	}
	h.rows += int64(n)
}

// Diff returns the number of the first column whose rows differ, counted from 0, and -1 if
// all columns have the same rows.
func (h *Hash) Diff(other *Hash) int {
	for i := range min(len(h.columns), len(other.columns)) {
		if !h.columns[i].equal(&other.columns[i]) {
			return i
		}
	}
	switch {
	case len(h.columns) != len(other.columns):
		return min(len(h.columns), len(other.columns))
	case h.rows != other.rows:
		return 0
	}
	return -1
}

// columnHash is the hash of one column. Values and nulls are hashed separately, so the
// type of a vector with nulls only makes no difference.
type columnHash struct {
	nulls  uint64 // the sum of the mixed numbers of the null rows
	values stream // the others, one after the other
	kinds  kinds  // what they are
}

func (h *columnHash) reset() {
	h.nulls = 0
	h.values.reset()
	h.kinds = kinds{zone: h.kinds.zone[:0]}
}

func (h *columnHash) equal(o *columnHash) bool {
	return h.nulls == o.nulls && h.values.equal(&o.values) && h.kinds.equal(&o.kinds)
}

// add adds the first n rows of a column. The first of them has that number in the result.
func (h *columnHash) add(c *Column, n int, row uint64) {
	switch {
	case c.allNull:
		for i := range n {
			h.null(row + uint64(i))
		}
	case c.constant:
		h.kinds.addColumn(c, 0, n)
		h.constant(c, n)
	case !c.hasNulls:
		h.kinds.addColumn(c, 0, n)
		h.flat(c, 0, n)
	default:
		for from := 0; from < n; {
			if c.nulls[from] {
				h.null(row + uint64(from))
				from++
				continue
			}
			to := n
			if next := slices.Index(c.nulls[from:n], true); next >= 0 {
				to = from + next
			}
			h.kinds.addColumn(c, from, to)
			h.flat(c, from, to)
			from = to
		}
	}
}

func (h *columnHash) null(row uint64) { h.nulls += mix(row^key0, key1) }

// flat adds the values of some rows, none of which is null.
func (h *columnHash) flat(c *Column, from, to int) {
	switch c.typ {
	case Boolean:
		h.values.write(raw(c.bools[from:to]))
	case Integer:
		h.values.write(raw(c.int32s[from:to]))
	case Float, Double:
		h.values.write(raw(c.floats[from:to]))
	case Decimal128:
		h.decimals(c.decimals[from:to])
	case Long, Date, Datetime, Timestamp, TimestampTZ, Int96:
		h.values.write(raw(c.int64s[from:to]))
	default:
		// In the input each string has its length before it, so that the bytes from the
		// first length to the end of the last string are the list without ambiguity.
		begin := c.strings.begin
		h.values.writeString(c.strings.input[begin[from]-lengthBytes : begin[to]-lengthBytes])
	}
}

// decimals writes the fields of decimals, without the padding between them.
func (h *columnHash) decimals(values []Decimal) {
	const size, together = 20, 16
	var text [together * size]byte
	for len(values) > 0 {
		some := values[:min(len(values), together)]
		for i, d := range some {
			p := text[i*size : (i+1)*size]
			binary.LittleEndian.PutUint64(p, uint64(d.hi))
			binary.LittleEndian.PutUint64(p[8:], d.lo)
			binary.LittleEndian.PutUint32(p[16:], uint32(d.scale))
		}
		h.values.write(text[:len(some)*size])
		values = values[len(some):]
	}
}

// constant adds the value of a constant column that is not null, n times.
func (h *columnHash) constant(c *Column, n int) {
	var one columnHash
	one.reset()
	one.flat(c, 0, 1)
	if one.values.n >= blockBytes { // a long text
		for range n {
			h.flat(c, 0, 1)
		}
		return
	}
	const together = 16
	size := int(one.values.n)
	var text [together * blockBytes]byte
	for i := range together {
		copy(text[i*size:], one.values.buf[:size])
	}
	for ; n > 0; n -= together {
		h.values.write(text[:min(n, together)*size])
	}
}

// kinds is a hash over the types of values, and the zones of times, as runs of equal ones.
type kinds struct {
	sum uint64 // of the runs that have ended

	// The current run.
	typ   Type
	zone  []byte
	count uint64
}

// addColumn adds the types and zones of some rows of a column.
func (k *kinds) addColumn(c *Column, from, to int) {
	switch {
	case !c.isTime():
		k.add(c.typ, "", to-from)
	case c.constant || c.zones.len() == 0:
		k.add(c.typ, c.Zone(0), to-from)
	default:
		for row := from; row < to; row++ {
			k.add(c.typ, c.Zone(row), 1)
		}
	}
}

func (k *kinds) add(t Type, zone string, n int) {
	if n == 0 {
		return
	}
	if k.count > 0 && (k.typ != t || string(k.zone) != zone) {
		k.sum, k.count = k.total(), 0
	}
	if k.count == 0 {
		k.typ, k.zone = t, append(k.zone[:0], zone...)
	}
	k.count += uint64(n)
}

// total is the sum, with the current run.
func (k *kinds) total() uint64 {
	sum := mix(k.sum^uint64(k.typ)^key2, k.count^key3)
	for _, b := range k.zone {
		sum = mix(sum^uint64(b)^key4, key5)
	}
	return sum
}

func (k *kinds) equal(o *kinds) bool { return k.total() == o.total() }

// lanes is how many hashes of a stream are computed side by side, each over 16 bytes of
// every block, so that the processor need not wait for one to begin the next.
const lanes = 8

// blockBytes is the size of a block. The rest of the input is buffered.
const blockBytes = lanes * 16

// stream hashes bytes. Their division into writes makes no difference.
type stream struct {
	sums [lanes]uint64
	n    uint64
	buf  [blockBytes]byte // the last n % blockBytes bytes
}

// reset makes it the stream of no bytes. The sums begin with numbers other than 0: see
// hashBlocks.
func (s *stream) reset() {
	s.sums, s.n = [lanes]uint64{key1, key2, key3, key4, key5, key6, key7, key8}, 0
}

func (s *stream) equal(o *stream) bool {
	left := s.n % blockBytes
	return s.n == o.n && s.sums == o.sums && bytes.Equal(s.buf[:left], o.buf[:left])
}

func (s *stream) writeString(text string) {
	s.write(unsafe.Slice(unsafe.StringData(text), len(text)))
}

func (s *stream) write(p []byte) {
	filled := int(s.n % blockBytes)
	s.n += uint64(len(p))
	if filled > 0 {
		n := copy(s.buf[filled:], p)
		if filled+n < blockBytes {
			return
		}
		hashBlocks(&s.sums, s.buf[:])
		p = p[n:]
	}
	whole := len(p) &^ (blockBytes - 1)
	hashBlocks(&s.sums, p[:whole])
	copy(s.buf[:], p[whole:])
}

// Odd numbers without a pattern: the fractions of the square roots of small primes.
const (
	key0 = 0x6a09e667f3bcc909
	key1 = 0xbb67ae8584caa73b
	key2 = 0x3c6ef372fe94f82b
	key3 = 0xa54ff53a5f1d36f1
	key4 = 0x510e527fade682d1
	key5 = 0x9b05688c2b3e6c1f
	key6 = 0x1f83d9abfb41bd6b
	key7 = 0x5be0cd19137e2179
	key8 = 0xcbbb9d5dc1059ed9
)

// mix multiplies two words and folds the product, so that every bit of one of them has
// an effect on all bits.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// hashBlocks continues hashes with whole blocks. A product takes 16 bytes: the sum of the
// lane before it is a part of one factor, so that the order of the blocks counts, and the
// other factor is 0, which would make the lane forget what it has, for one word only,
// key0. A sum becomes 0 by chance alone, once in 2^64 products.
func hashBlocks(sums *[lanes]uint64, p []byte) {
	s0, s1, s2, s3, s4, s5, s6, s7 := sums[0], sums[1], sums[2], sums[3], sums[4], sums[5], sums[6], sums[7]
	for len(p) >= blockBytes {
		b := p[:blockBytes:blockBytes]
		s0 = mix(binary.LittleEndian.Uint64(b[0:8])^key0, binary.LittleEndian.Uint64(b[8:16])^s0)
		s1 = mix(binary.LittleEndian.Uint64(b[16:24])^key0, binary.LittleEndian.Uint64(b[24:32])^s1)
		s2 = mix(binary.LittleEndian.Uint64(b[32:40])^key0, binary.LittleEndian.Uint64(b[40:48])^s2)
		s3 = mix(binary.LittleEndian.Uint64(b[48:56])^key0, binary.LittleEndian.Uint64(b[56:64])^s3)
		s4 = mix(binary.LittleEndian.Uint64(b[64:72])^key0, binary.LittleEndian.Uint64(b[72:80])^s4)
		s5 = mix(binary.LittleEndian.Uint64(b[80:88])^key0, binary.LittleEndian.Uint64(b[88:96])^s5)
		s6 = mix(binary.LittleEndian.Uint64(b[96:104])^key0, binary.LittleEndian.Uint64(b[104:112])^s6)
		s7 = mix(binary.LittleEndian.Uint64(b[112:120])^key0, binary.LittleEndian.Uint64(b[120:128])^s7)
		p = p[blockBytes:]
	}
	*sums = [lanes]uint64{s0, s1, s2, s3, s4, s5, s6, s7}
}

// raw is the memory of values without padding.
func raw[T bool | int32 | int64 | float64](values []T) []byte {
	var one T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), len(values)*int(unsafe.Sizeof(one)))
}
