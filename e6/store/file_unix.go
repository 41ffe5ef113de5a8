//go:build darwin || dragonfly || freebsd || linux || netbsd

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

const (
	fileSupported = true
	openFlags     = syscall.O_NOFOLLOW
)

// ownerProblem describes which other user could change the file, and is empty if none.
func ownerProblem(_ string, info fs.FileInfo) string {
	if s, ok := info.Sys().(*syscall.Stat_t); !ok || int(s.Uid) != os.Geteuid() {
		return fmt.Sprintf("does not belong to the user of this process (%d)", os.Geteuid())
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Sprintf("can be changed by other users (mode %#o)", mode)
	}
	return ""
}

func mapFile(file *os.File) ([]byte, func() error, error) {
	memory, err := syscall.Mmap(int(file.Fd()), 0, fileSize, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, nil, err
	}
	return memory, func() error { return syscall.Munmap(memory) }, nil
}

// write uses a system call, since the system notices it, and since a full disk is
// an error then and not a signal.
func (m *mapping) write(slot []byte, at int64) error {
	_, err := m.file.WriteAt(slot, at)
	return err
}

// gone reports whether the file has no name any more, or not its size.
func (m *mapping) gone() bool {
	var s syscall.Stat_t
	return syscall.Fstat(int(m.file.Fd()), &s) != nil || s.Nlink == 0 || s.Size != fileSize
}

// has reports whether the mapped file still is the one with that name, and has
// its size.
func (m *mapping) has(path string) bool {
	named, err := os.Lstat(path)
	return err == nil && !m.gone() && os.SameFile(named, m.info)
}

// tryLock takes the lock of the open file, which ends with the process.
func tryLock(file *os.File) (bool, error) {
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

func unlock(file *os.File) { _ = syscall.Flock(int(file.Fd()), syscall.LOCK_UN) }
