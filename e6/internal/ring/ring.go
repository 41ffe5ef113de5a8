package ring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/e6data/e6data-go/e6/internal/filemap"
)

// The errors of a Ring.
var (
	// ErrTooLong is returned for a record of more than MaxRecord bytes.
	ErrTooLong = errors.New("the record is too long")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("the recording is closed")
	// ErrInUse is returned by Open if another process, or another Ring of this process,
	// writes to the file.
	ErrInUse = errors.New("another recorder writes to the file")
	// errFault is returned for a file that was cut off while it was open.
	errFault = errors.New("the file was cut off, or its disk failed")
)

// A Ring is a file, or the memory of one, to which records are appended. Its methods may be
// called by any goroutine.
type Ring struct {
	memory []byte
	lanes  []lane
	file   *os.File // nil: in memory only
	flush  bool     // memory is a copy of the file
	unmap  func() error

	seq    atomic.Uint64 // sequence number of the newest record
	broken atomic.Pointer[error]
	ended  atomic.Bool
	mu     sync.RWMutex // of the mapping: an append holds it for reading
}

// A lane is a ring of blocks.
type lane struct {
	mu     sync.Mutex
	memory []byte
	at     int    // of the next record in its block; 0: a new block is needed
	block  []byte // under way
	number uint64 // of the block under way, or of the newest one before the first
	next   int    // index of the block after it
}

// NewMemory returns a Ring without a file.
func NewMemory(size int, shares ...int) (*Ring, error) {
	l, err := newLayout(size, shares)
	if err != nil {
		return nil, err
	}
	r := &Ring{memory: make([]byte, l.size())}
	copy(r.memory, l.head())
	r.open(l)
	return r, nil
}

// Open opens or creates the file with that size, whose lanes have shares of it. The records
// of a file of the same layout stay. A recording of another layout or version is renamed:
// its name gets the suffix ".old". Any other file is an error that is ErrFormat.
func Open(path string, size int, shares ...int) (*Ring, error) {
	l, err := newLayout(size, shares)
	if err != nil {
		return nil, err
	}
	for range 2 {
		r, other, err := open(path, l)
		if err != nil || !other {
			return r, err
		}
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: it is replaced again and again", ErrInUse)
}

// open opens a file. other: it is a recording of another layout.
func open(path string, l layout) (r *Ring, other bool, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false, err
	}
	defer func() {
		if r == nil {
			_ = file.Close()
		}
	}()
	if filemap.Supported {
		if locked, err := filemap.TryLock(file); err != nil || !locked {
			return nil, false, errors.Join(err, fmt.Errorf("%s: %w", path, ErrInUse))
		}
	}
	info, err := file.Stat()
	if err != nil {
		return nil, false, err
	}
	if !info.Mode().IsRegular() {
		return nil, false, fmt.Errorf("%s: %w: it is no regular file", path, ErrFormat)
	}
	if info.Size() > 0 {
		head := make([]byte, headSize)
		if _, err := file.ReadAt(head, 0); err != nil || string(head[:len(magic)]) != magic {
			return nil, false, fmt.Errorf("%s: %w: choose another file, or remove it", path, ErrFormat)
		}
		if string(head) != string(l.head()) || info.Size() != int64(l.size()) {
			return nil, true, nil
		}
	}
	// Zeros are written, as a hole in a file may have no room on the disk later: that
	// would end the process.
	if info.Size() == 0 {
		image := make([]byte, l.size())
		copy(image, l.head())
		if _, err := file.WriteAt(image, 0); err != nil {
			return nil, false, errors.Join(err, os.Remove(path))
		}
	}
	if err := file.Chmod(0o600); err != nil {
		return nil, false, err
	}
	ring := &Ring{file: file}
	if filemap.Supported {
		ring.memory, ring.unmap, err = filemap.Map(file, l.size(), true)
	} else {
		ring.flush, ring.memory = true, make([]byte, l.size())
		_, err = file.ReadAt(ring.memory, 0)
	}
	if err != nil {
		return nil, false, err
	}
	if err := ring.open(l); err != nil {
		return nil, false, errors.Join(err, ring.Close())
	}
	return ring, false, nil
}

// open finds the newest block of each lane, and in these blocks the newest record. The next
// record starts a new block: the newest one may end with a torn record.
func (r *Ring) open(l layout) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { err = errors.Join(err, fault(recover())) }()
	r.lanes = make([]lane, len(l))
	for i, memory := range l.lanes(r.memory) {
		n := &r.lanes[i]
		n.memory = memory
		for at := 0; at < len(memory); at += BlockSize {
			if number := blockNumber(memory[at : at+BlockSize]); number > n.number {
				n.number, n.next = number, at/BlockSize+1
			}
		}
		if n.number > 0 {
			newest := memory[(n.next-1)*BlockSize:][:BlockSize]
			for _, record := range first(parseBlock(newest, n.number, blockHead)) {
				r.seq.Store(max(r.seq.Load(), record.Seq))
			}
		}
	}
	return nil
}

func first(records []Record, _ int, _ bool) []Record { return records }

// LaneSize is the size of a lane in bytes.
func (r *Ring) LaneSize(lane int) int { return len(r.lanes[lane].memory) }

// Append adds a record to a lane. It copies the content, and does not wait for the disk.
// After an error that is not ErrTooLong, every call returns that error.
func (r *Ring) Append(lane int, content []byte) error {
	if broken := r.broken.Load(); broken != nil {
		return *broken
	}
	if len(content) > MaxRecord {
		return ErrTooLong
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.ended.Load() {
		return ErrClosed
	}
	n := &r.lanes[lane]
	n.mu.Lock()
	defer n.mu.Unlock()
	if r.file == nil {
		return r.append(n, content)
	}
	if err := r.guarded(n, content); err != nil {
		r.broken.CompareAndSwap(nil, &err)
		return err
	}
	return nil
}

// guarded is append for memory with a file behind it.
func (r *Ring) guarded(n *lane, content []byte) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if f := fault(recover()); f != nil {
			err = f
		}
	}()
	return r.append(n, content)
}

// append adds a record to a lane. Its caller holds the lock of the lane.
func (r *Ring) append(n *lane, content []byte) error {
	size := recordSize(len(content))
	if n.at == 0 || n.at+size > BlockSize {
		if err := r.begin(n); err != nil {
			return err
		}
	}
	record := n.block[n.at:]
	copy(record[recordHead:], content)
	binary.LittleEndian.PutUint64(record[8:], r.seq.Add(1))
	binary.LittleEndian.PutUint32(record[4:], checksum(n.number, record[8:recordHead+len(content)]))
	binary.LittleEndian.PutUint32(record, uint32(len(content)))
	if err := r.write(n, n.at, size); err != nil {
		return err
	}
	n.at += size
	return nil
}

// begin takes the next block of a lane into use.
func (r *Ring) begin(n *lane) error {
	if n.next == len(n.memory)/BlockSize {
		n.next = 0
	}
	n.block = n.memory[n.next*BlockSize:][:BlockSize]
	clear(n.block[:blockHead])
	if err := r.write(n, 0, blockHead); err != nil {
		return err
	}
	clear(n.block)
	if err := r.write(n, 0, BlockSize); err != nil {
		return err
	}
	n.next++
	n.number++
	binary.LittleEndian.PutUint64(n.block, n.number)
	binary.LittleEndian.PutUint32(n.block[8:], crc32.Checksum(n.block[:8], castagnoli))
	n.at = blockHead
	return r.write(n, 0, blockHead)
}

// write writes a part of the block under way to the file, if memory is a copy of it.
func (r *Ring) write(n *lane, at, size int) error {
	if !r.flush {
		return nil
	}
	offset := len(r.memory) - cap(n.block) + at // both end at the end of the memory
	_, err := r.file.WriteAt(n.block[at:at+size], int64(offset))
	return err
}

// Bytes returns a copy of the file, for Parse.
func (r *Ring) Bytes() (image []byte, err error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.ended.Load() && r.file != nil {
		return nil, ErrClosed
	}
	for i := range r.lanes {
		r.lanes[i].mu.Lock()
		defer r.lanes[i].mu.Unlock()
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if f := fault(recover()); f != nil {
			err = f
		}
	}()
	return append([]byte(nil), r.memory...), nil
}

// Close ends the Ring. The records stay in the file; those of a Ring in memory can still be
// read with Bytes. It is idempotent.
func (r *Ring) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended.Swap(true) || r.file == nil {
		return nil
	}
	var err error
	if r.unmap != nil {
		err = r.unmap()
	}
	return errors.Join(err, r.file.Close())
}

// fault makes an error of the panic that a lost page causes. Any other panic continues.
func fault(p any) error {
	if p == nil {
		return nil
	}
	if at, ok := p.(interface{ Addr() uintptr }); ok {
		return fmt.Errorf("%w (address %#x)", errFault, at.Addr())
	}
	panic(p)
}
