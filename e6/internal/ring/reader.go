package ring

import (
	"errors"
	"io"
)

// A Reader reads the records that a process adds to a file, each once. It reads only the
// blocks that have changed. Its methods must not be called concurrently.
type Reader struct {
	file  io.ReaderAt
	lanes []laneReader
	block []byte
}

// laneReader is the position in a lane: everything before it was read.
type laneReader struct {
	offset int64 // of the lane in the file
	blocks int
	index  int    // of the block that is read
	number uint64 // of this block; 0: none was read yet
	at     int    // of the next record
}

// NewReader returns a Reader of a file, from its oldest records on. The error is ErrFormat for
// a file that is not a recording, or that is cut off.
func NewReader(file io.ReaderAt, size int64) (*Reader, error) {
	head := make([]byte, headSize)
	n, err := file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	l, err := parseLayout(head[:n], size)
	if err != nil {
		return nil, err
	}
	r := &Reader{file: file, block: make([]byte, BlockSize)}
	offset := int64(BlockSize)
	for _, n := range l {
		r.lanes = append(r.lanes, laneReader{offset: offset, blocks: n})
		offset += int64(n) * BlockSize
	}
	return r, nil
}

// Next returns the records of each lane that were added since the last call; the first call
// returns all. Records that were overwritten meanwhile are missing. damaged counts the records
// that are not whole and will not become so. The contents are the caller's.
func (r *Reader) Next() (lanes [][]Record, damaged int, err error) {
	lanes = make([][]Record, len(r.lanes))
	for i := range r.lanes {
		torn, err := r.read(&r.lanes[i], &lanes[i])
		if err != nil {
			return nil, 0, err
		}
		damaged += torn
	}
	return lanes, damaged, nil
}

// read appends the new records of a lane.
func (r *Reader) read(l *laneReader, to *[]Record) (damaged int, err error) {
	for {
		number, err := r.numberAt(l, l.index)
		if err != nil {
			return damaged, err
		}
		if l.number == 0 || number != l.number {
			found, err := r.seek(l)
			if err != nil || !found {
				return damaged, err
			}
		}
		// The block is complete if the next one has begun, so that is looked at first.
		next := (l.index + 1) % l.blocks
		following, err := r.numberAt(l, next)
		if err != nil {
			return damaged, err
		}
		if _, err := r.file.ReadAt(r.block, l.offset+int64(l.index)*BlockSize); err != nil {
			return damaged, err
		}
		var records []Record
		var torn bool
		records, l.at, torn = parseBlock(r.block, l.number, l.at)
		for _, record := range records {
			record.Content = append([]byte(nil), record.Content...)
			*to = append(*to, record)
		}
		if following != l.number+1 {
			return damaged, nil // a record that is not whole may be under way
		}
		if torn {
			damaged++
		}
		l.index, l.number, l.at = next, following, blockHead
	}
}

// seek moves to the oldest block that was not read. found is false if there is none.
func (r *Reader) seek(l *laneReader) (found bool, err error) {
	var oldest uint64
	index := 0
	for i := range l.blocks {
		number, err := r.numberAt(l, i)
		if err != nil {
			return false, err
		}
		if number > l.number && (oldest == 0 || number < oldest) {
			oldest, index = number, i
		}
	}
	if oldest == 0 {
		return false, nil
	}
	l.index, l.number, l.at = index, oldest, blockHead
	return true, nil
}

// numberAt is the number of a block.
func (r *Reader) numberAt(l *laneReader, index int) (uint64, error) {
	var head [blockHead]byte
	if _, err := r.file.ReadAt(head[:], l.offset+int64(index)*BlockSize); err != nil {
		return 0, err
	}
	return blockNumber(head[:]), nil
}
