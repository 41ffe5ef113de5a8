//go:build darwin || dragonfly || freebsd || linux || netbsd

package filemap

import (
	"errors"
	"os"
	"syscall"
)

// Supported reports whether files can be mapped and locked here.
const Supported = true

// Map maps the first size bytes of a file. The file needs that size, and to be open for
// writing if writable is set. unmap ends the mapping.
func Map(file *os.File, size int, writable bool) (memory []byte, unmap func() error, err error) {
	protection := syscall.PROT_READ
	if writable {
		protection |= syscall.PROT_WRITE
	}
	memory, err = syscall.Mmap(int(file.Fd()), 0, size, protection, syscall.MAP_SHARED)
	if err != nil {
		return nil, nil, err
	}
	return memory, func() error { return syscall.Munmap(memory) }, nil
}

// TryLock takes the lock of an open file, and returns false if another one has it. The lock
// ends with the process, or when the file is closed.
func TryLock(file *os.File) (bool, error) {
	for {
		switch err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, err
		}
	}
}

// Unlock releases the lock of TryLock.
func Unlock(file *os.File) { _ = syscall.Flock(int(file.Fd()), syscall.LOCK_UN) }
