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

// ParseFile reads a file, and returns the slot that the next record is written to.
func ParseFile(image []byte) (record Record, free int) {
	c := parseFile(image)
	return c.record, c.free
}
