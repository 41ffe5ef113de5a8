package vector

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

func TestTexts_RefuseAnInputAboveTheMaximum(t *testing.T) {
	if unsafe.Sizeof(0) < 8 {
		t.Skip("no input is that long here")
	}
	// A slice of one byte with a larger length; the other bytes are not read.
	long := struct {
		data     *byte
		len, cap uint64
	}{new(byte), maxInput + 1, maxInput + 1}
	b := new(Batch)
	err := b.Decode(*(*[]byte)(unsafe.Pointer(&long)), nil)
	require.ErrorIs(t, err, ErrLength)
	require.ErrorContains(t, err, "4294967292 bytes")
	require.Zero(t, b.Rows())
}

func TestTexts_AreStoredInOrder(t *testing.T) {
	w := head(3, 1).vector(3, String).data(varcharData, wireList).list(wireString, 3).text("one").text("").text("three").end(4)
	c := decoded(t, w)
	require.Equal(t, []string{"one", "", "three"}, []string{c.Str(0), c.Str(1), c.Str(2)})
	require.Same(t, unsafe.StringData(c.strings.input), &w.b[0], "they are views")
}
