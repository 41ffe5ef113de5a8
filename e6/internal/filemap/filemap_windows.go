package filemap

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Supported reports whether files can be mapped and locked here.
const Supported = true

// lockAt is the position of the lock: far behind the end, as Windows would keep others
// from reading what is locked.
const lockAt = 1 << 30

// Map maps the first size bytes of a file. The file needs that size, and to be open for
// writing. unmap ends the mapping.
func Map(file *os.File, size int, _ bool) (memory []byte, unmap func() error, err error) {
	section, err := windows.CreateFileMapping(windows.Handle(file.Fd()), nil, windows.PAGE_READWRITE, 0, uint32(size), nil)
	if err != nil {
		return nil, nil, err
	}
	// The view keeps the section.
	defer windows.CloseHandle(section)
	at, err := windows.MapViewOfFile(section, windows.FILE_MAP_READ|windows.FILE_MAP_WRITE, 0, 0, uintptr(size))
	if err != nil {
		return nil, nil, err
	}
	// The address is none of Go's memory, so that it does not move.
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), size), func() error { return windows.UnmapViewOfFile(at) }, nil
}

// TryLock takes the lock of an open file, and returns false if another one has it. The lock
// ends with the process, or when the file is closed.
func TryLock(file *os.File) (bool, error) {
	err := windows.LockFileEx(windows.Handle(file.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0,
		&windows.Overlapped{OffsetHigh: lockAt})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}

// Unlock releases the lock of TryLock.
func Unlock(file *os.File) {
	_ = windows.UnlockFileEx(windows.Handle(file.Fd()), 0, 1, 0, &windows.Overlapped{OffsetHigh: lockAt})
}
