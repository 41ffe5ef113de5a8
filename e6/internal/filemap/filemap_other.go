//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !windows

package filemap

import (
	"errors"
	"os"
)

// Supported reports whether files can be mapped and locked here: there is no memory that
// processes share, or it does not show what they write, or no lock that ends with its
// process.
const Supported = false

// Map returns errors.ErrUnsupported.
func Map(*os.File, int, bool) (memory []byte, unmap func() error, err error) {
	return nil, nil, errors.ErrUnsupported
}

// TryLock returns errors.ErrUnsupported.
func TryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }

// Unlock does nothing.
func Unlock(*os.File) {}
