package recorder

import (
	"fmt"
	"os"

	"github.com/e6data/e6data-go/e6/internal/ring"
)

// A Follower reads what a client adds to a file. Each call reads only the parts of the file
// that have changed. Its methods must not be called concurrently.
type Follower struct {
	path   string
	file   *os.File
	reader *ring.Reader
}

// Follow opens a file, which may be in use by a client, for reading. The error is ErrFormat
// for a file that is not a recording, is one of another version, or is cut off.
func Follow(path string) (*Follower, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("recorder: %w", err)
	}
	info, err := file.Stat()
	if err == nil {
		var reader *ring.Reader
		if reader, err = ring.NewReader(file, info.Size()); err == nil {
			return &Follower{path, file, reader}, nil
		}
	}
	_ = file.Close()
	return nil, fmt.Errorf("recorder: %s: %w", path, err)
}

// Next returns the entries that were added since the last call; the first call returns all.
// Entries that were overwritten between two calls are missing. Without new ones the
// Recording has no entries.
func (f *Follower) Next() (*Recording, error) {
	lanes, damaged, err := f.reader.Next()
	if err != nil {
		return nil, fmt.Errorf("recorder: %s: %w", f.path, err)
	}
	return parseLanes(lanes, damaged)
}

// Replaced reports whether the path names another file now, or none: the client has renamed
// the file, or it was removed. Its entries can still be read.
func (f *Follower) Replaced() bool {
	named, err := os.Stat(f.path)
	if err != nil {
		return true
	}
	opened, err := f.file.Stat()
	return err != nil || !os.SameFile(named, opened)
}

// Close closes the file.
func (f *Follower) Close() error { return f.file.Close() }
