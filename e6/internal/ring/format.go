package ring

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
)

const (
	magic = "e6record"
	// Version is the version of the format of the file.
	Version = 2
	// BlockSize is the size of a block. A lane loses one block of its oldest records at a
	// time.
	BlockSize = 32 << 10
	// MaxLanes is the maximum number of lanes.
	MaxLanes = 4
	// MaxRecord is the maximum size of the content of a record.
	MaxRecord = BlockSize - blockHead - recordHead

	blockHead  = 16
	recordHead = 16
	headSize   = len(magic) + 4 + 4 + 4*MaxLanes + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrFormat is returned for a file that is not a recording, or not one of this version.
var ErrFormat = errors.New("not a recording of this version")

// A layout is the number of blocks of each lane.
type layout []int

// newLayout divides a size into lanes by their shares.
func newLayout(size int, shares []int) (layout, error) {
	blocks, sum := size/BlockSize-1, 0
	for _, s := range shares {
		sum += s
	}
	var l layout
	for _, s := range shares {
		l = append(l, blocks*s/sum)
	}
	if len(l) > MaxLanes || slices.Min(l) < 2 {
		return nil, fmt.Errorf("a size of %d bytes: use at least %d", size, MinSize(shares))
	}
	return l, nil
}

// MinSize is the smallest size of a file with lanes of these shares.
func MinSize(shares []int) int {
	sum := 0
	for _, s := range shares {
		sum += s
	}
	least := slices.Min(shares)
	return BlockSize * (1 + (2*sum+least-1)/least)
}

// size is the size of the file.
func (l layout) size() int {
	size := BlockSize
	for _, n := range l {
		size += n * BlockSize
	}
	return size
}

// lanes are the parts of a file's memory that hold the lanes.
func (l layout) lanes(memory []byte) (lanes [][]byte) {
	at := BlockSize
	for _, n := range l {
		lanes = append(lanes, memory[at:at+n*BlockSize])
		at += n * BlockSize
	}
	return lanes
}

// head is the header of a file.
func (l layout) head() []byte {
	h := append(make([]byte, 0, headSize), magic...)
	h = binary.LittleEndian.AppendUint32(h, Version)
	h = binary.LittleEndian.AppendUint32(h, BlockSize)
	for i := range MaxLanes {
		n := 0
		if i < len(l) {
			n = l[i]
		}
		h = binary.LittleEndian.AppendUint32(h, uint32(n))
	}
	return binary.LittleEndian.AppendUint32(h, crc32.Checksum(h, castagnoli))
}

// parseHead reads the header of a file.
func parseHead(memory []byte) (layout, error) { return parseLayout(memory, int64(len(memory))) }

// parseLayout reads the header of a file of that size.
func parseLayout(memory []byte, size int64) (layout, error) {
	if len(memory) < headSize || !bytes.HasPrefix(memory, []byte(magic)) {
		return nil, fmt.Errorf("%w: it does not begin with %q: give a file of recorder.File", ErrFormat, magic)
	}
	h, u32 := memory[:headSize], binary.LittleEndian.Uint32
	if v := u32(h[len(magic):]); v != Version {
		return nil, fmt.Errorf("%w: it has version %d, and this program reads version %d: use the version of e6data-go that wrote it", ErrFormat, v, Version)
	}
	if u32(h[headSize-4:]) != crc32.Checksum(h[:headSize-4], castagnoli) || u32(h[len(magic)+4:]) != BlockSize {
		return nil, fmt.Errorf("%w: its header is damaged: copy the file again", ErrFormat)
	}
	var l layout
	for i := range MaxLanes {
		n := int(u32(h[len(magic)+8+4*i:]))
		if n == 0 {
			break
		}
		if int64(n) > size/BlockSize {
			return nil, fmt.Errorf("%w: it is cut off after %d bytes: copy the whole file again", ErrFormat, size)
		}
		l = append(l, n)
	}
	if int64(l.size()) > size {
		return nil, fmt.Errorf("%w: it is cut off after %d bytes: copy the whole file again", ErrFormat, size)
	}
	return l, nil
}

// blockNumber is the number of a block, and 0 if it is not in use.
func blockNumber(block []byte) uint64 {
	n := binary.LittleEndian.Uint64(block)
	if n == 0 || binary.LittleEndian.Uint32(block[8:]) != crc32.Checksum(block[:8], castagnoli) {
		return 0
	}
	return n
}

// recordSize is the size of a record with its head, rounded up.
func recordSize(content int) int { return (recordHead + content + 7) &^ 7 }

// checksum is the checksum of a record: numbered is its sequence number and its content. The
// number of the block is its initial value, so that nothing is allocated for it.
func checksum(block uint64, numbered []byte) uint32 {
	return crc32.Update(uint32(block), castagnoli, numbered) ^ uint32(len(numbered))
}

// A Record is one record of a lane.
type Record struct {
	// Seq is its sequence number.
	Seq     uint64
	Content []byte
}

// Parse returns the records of each lane of a file, the oldest first. Records that are not
// whole are left out: damaged is their number, at most one for each block. The contents are
// parts of memory.
func Parse(memory []byte) (lanes [][]Record, damaged int, err error) {
	l, err := parseHead(memory)
	if err != nil {
		return nil, 0, err
	}
	for _, lane := range l.lanes(memory) {
		records, torn := parseLane(lane)
		lanes, damaged = append(lanes, records), damaged+torn
	}
	return lanes, damaged, nil
}

func parseLane(lane []byte) (records []Record, damaged int) {
	var blocks [][]byte
	for at := 0; at < len(lane); at += BlockSize {
		if block := lane[at : at+BlockSize]; blockNumber(block) > 0 {
			blocks = append(blocks, block)
		}
	}
	slices.SortFunc(blocks, func(a, b []byte) int {
		if blockNumber(a) < blockNumber(b) {
			return -1
		}
		return 1
	})
	for _, block := range blocks {
		more, _, torn := parseBlock(block, blockNumber(block), blockHead)
		records = append(records, more...)
		if torn {
			damaged++
		}
	}
	return records, damaged
}

// parseBlock returns the records of a block from a position on, and the position behind them.
// torn: a record that is not whole follows.
func parseBlock(block []byte, number uint64, at int) (records []Record, end int, torn bool) {
	for at+recordHead <= BlockSize {
		n := int(binary.LittleEndian.Uint32(block[at:]))
		if n == 0 {
			break
		}
		if n > BlockSize-at-recordHead {
			return records, at, true
		}
		numbered := block[at+8 : at+recordHead+n]
		if binary.LittleEndian.Uint32(block[at+4:]) != checksum(number, numbered) {
			return records, at, true
		}
		records = append(records, Record{binary.LittleEndian.Uint64(numbered), numbered[8:]})
		at += recordSize(n)
	}
	return records, at, false
}
