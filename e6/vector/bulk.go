package vector

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// The loops below carry the bulk of a batch. Each takes a source that has been
// cut to the exact length, and moves it along with the destination, which lets
// the compiler drop the bounds checks and use one swapping load per value.

// resize returns a slice of n elements, the given one if it is large enough.
// The values of the elements are undefined.
func resize[T any](s []T, n int) []T {
	if n <= cap(s) {
		return s[:n]
	}
	return make([]T, n)
}

func swapInt32s(dst []int32, src []byte) {
	for len(dst) >= 4 && len(src) >= 16 {
		dst[0] = int32(binary.BigEndian.Uint32(src[0:4]))
		dst[1] = int32(binary.BigEndian.Uint32(src[4:8]))
		dst[2] = int32(binary.BigEndian.Uint32(src[8:12]))
		dst[3] = int32(binary.BigEndian.Uint32(src[12:16]))
		dst, src = dst[4:], src[16:]
	}
	for i := range dst {
		dst[i] = int32(binary.BigEndian.Uint32(src[4*i:]))
	}
}

func swapInt64s(dst []int64, src []byte) {
	for len(dst) >= 4 && len(src) >= 32 {
		dst[0] = int64(binary.BigEndian.Uint64(src[0:8]))
		dst[1] = int64(binary.BigEndian.Uint64(src[8:16]))
		dst[2] = int64(binary.BigEndian.Uint64(src[16:24]))
		dst[3] = int64(binary.BigEndian.Uint64(src[24:32]))
		dst, src = dst[4:], src[32:]
	}
	for i := range dst {
		dst[i] = int64(binary.BigEndian.Uint64(src[8*i:]))
	}
}

func swapFloat64s(dst []float64, src []byte) {
	for len(dst) >= 4 && len(src) >= 32 {
		dst[0] = math.Float64frombits(binary.BigEndian.Uint64(src[0:8]))
		dst[1] = math.Float64frombits(binary.BigEndian.Uint64(src[8:16]))
		dst[2] = math.Float64frombits(binary.BigEndian.Uint64(src[16:24]))
		dst[3] = math.Float64frombits(binary.BigEndian.Uint64(src[24:32]))
		dst, src = dst[4:], src[32:]
	}
	for i := range dst {
		dst[i] = math.Float64frombits(binary.BigEndian.Uint64(src[8*i:]))
	}
}

// checkBools checks that all bytes are 0 or 1, and reports whether one of them is 1. It
// returns the position of the first other value, and otherwise -1. Bytes are converted to
// bools only after this check: a bool of another bit pattern is undefined behaviour.
func checkBools(src []byte) (any bool, bad int) {
	var seen uint64
	i := 0
	for ; i+8 <= len(src); i += 8 {
		seen |= binary.LittleEndian.Uint64(src[i:])
	}
	for _, c := range src[i:] {
		seen |= uint64(c)
	}
	if seen&^0x0101010101010101 != 0 {
		for i, c := range src {
			if c > 1 {
				return false, i
			}
		}
	}
	return seen != 0, -1
}

// copyBools copies bytes that checkBools has checked.
func copyBools(dst []bool, src []byte) {
	copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(dst))), len(dst)), src)
}
