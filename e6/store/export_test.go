package store

// The sizes of a file and its parts, and the greatest version.
const (
	FileSize   = fileSize
	SlotSize   = slotSize
	HeadSize   = headSize
	MaxVersion = maxVersion
)

// EncodeSlot makes a slot.
var EncodeSlot = encodeSlot

// ParseFile reads a file, and tells the slot that the next fact goes to.
func ParseFile(image []byte) (fact Record, free int) {
	c := parseFile(image)
	return c.fact, c.free
}
