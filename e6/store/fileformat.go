package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc64"
)

// A file is two slots. A slot holds a record with its version and a checksum. A
// writer overwrites the slot of the older record, so that the newer one is whole
// even if the writer is killed.
//
//	 0  "e6fact", and the version of the format in two bytes
//	 8  the version of the record
//	16  the length of the text, in four bytes, and four zeros
//	24  the checksum of all that comes before it, and of the text
//	32  the record as JSON
//
// Numbers are little-endian. A slot of zeros is empty.
const (
	slotSize   = 4096 // a page of most systems
	fileSize   = 2 * slotSize
	headSize   = 32
	textSize   = slotSize - headSize
	fileFormat = 1
	slotMark   = uint64('e') | '6'<<8 | 'f'<<16 | 'a'<<24 | 'c'<<32 | 't'<<40 | fileFormat<<48
	// maxVersion leaves room to count from any version that a file holds.
	maxVersion = 1 << 62
)

var slotTable = crc64.MakeTable(crc64.ECMA)

// errBadSlot is for a slot that holds neither a record nor nothing.
var errBadSlot = errors.New("the slot is broken")

// fileName is the name of a cluster's file. It is the same on every system and valid on
// each, for any characters in the name of the cluster.
func fileName(cluster string) string {
	sum := sha256.Sum256([]byte(cluster))
	return fmt.Sprintf("cluster-%s.v%d", hex.EncodeToString(sum[:16]), fileFormat)
}

// parseSlot returns the record in a slot, and the zero Record if it is empty.
func parseSlot(slot []byte) (Record, error) {
	head, text := slot[:headSize], slot[headSize:slotSize]
	if [headSize]byte(head) == ([headSize]byte{}) {
		return Record{}, nil
	}
	version := binary.LittleEndian.Uint64(head[8:])
	length := binary.LittleEndian.Uint64(head[16:])
	if binary.LittleEndian.Uint64(head) != slotMark || version == 0 || version > maxVersion || length > textSize {
		return Record{}, errBadSlot
	}
	text = text[:length]
	if binary.LittleEndian.Uint64(head[24:]) != slotSum(head[:24], text) {
		return Record{}, errBadSlot
	}
	var f Record
	if err := json.Unmarshal(text, &f); err != nil || f.Version != version {
		return Record{}, errBadSlot
	}
	return f, nil
}

// encodeSlot returns the bytes to write to a slot: less than all of it, as the
// remainder of an older record does no harm. It also returns the record as readers will
// see it.
func encodeSlot(f Record) ([]byte, Record, error) {
	if f.Version > maxVersion {
		return nil, Record{}, fmt.Errorf("store: version %d exceeds the limit of a file: remove the file", f.Version)
	}
	f.At = f.At.UTC()
	text, err := json.Marshal(f)
	if err != nil {
		return nil, Record{}, fmt.Errorf("store: encode the record: %w", err)
	}
	if len(text) > textSize {
		return nil, Record{}, fmt.Errorf("store: encode the record: it takes %d bytes, the limit is %d: shorten the reasons of its vetoes", len(text), textSize)
	}
	slot := make([]byte, slotSize)
	binary.LittleEndian.PutUint64(slot, slotMark)
	binary.LittleEndian.PutUint64(slot[8:], f.Version)
	binary.LittleEndian.PutUint64(slot[16:], uint64(len(text)))
	binary.LittleEndian.PutUint64(slot[24:], slotSum(slot[:24], text))
	copy(slot[headSize:], text)
	read, err := parseSlot(slot)
	if err != nil {
		return nil, Record{}, fmt.Errorf("store: encode the record %+v: it would not be readable", f)
	}
	return slot[:headSize+len(text)], read, nil
}

func slotSum(head, text []byte) uint64 {
	return crc64.Update(crc64.Checksum(head, slotTable), slotTable, text)
}

// content is what parseFile finds in a file.
type content struct {
	record Record
	free   int  // the slot that the next record is written to
	good   bool // no slot is broken
	none   bool // both slots are broken
}

// parseFile returns the newer of the records in two slots. A broken slot counts as
// an empty one: a writer may be in the middle of it, or have died there.
func parseFile(image []byte) content {
	a, errA := parseSlot(image[:slotSize])
	b, errB := parseSlot(image[slotSize:fileSize])
	c := content{record: a, free: 1, good: errA == nil && errB == nil, none: errA != nil && errB != nil}
	if b.Version > a.Version || errA != nil {
		c.record, c.free = b, 0
	}
	return c
}
