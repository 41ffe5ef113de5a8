//go:build darwin || dragonfly || freebsd || linux || netbsd

package store

import (
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
