package store

import (
	"errors"
	"io/fs"
	"os"
	"runtime/debug"
	"unsafe"

	"golang.org/x/sys/windows"
)

const (
	fileSupported = true
	openFlags     = 0
	// lockAt is where the lock is: far behind the end, as Windows would keep
	// others from reading what is locked.
	lockAt = 1 << 30
)

// ownerProblem looks at the owner only: who else may write is up to the access
// list of the directory, and that of a user's own directories admits no other user.
func ownerProblem(path string, _ fs.FileInfo) string {
	d, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return "has an owner that cannot be read (" + err.Error() + ")"
	}
	owner, _, err := d.Owner()
	if err != nil {
		return "has an owner that cannot be read (" + err.Error() + ")"
	}
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	// A file that an administrator creates belongs to the group.
	if err != nil || !owner.Equals(user.User.Sid) && !owner.IsWellKnown(windows.WinBuiltinAdministratorsSid) {
		return "does not belong to the user of this process"
	}
	return ""
}

func mapFile(file *os.File) ([]byte, func() error, error) {
	section, err := windows.CreateFileMapping(windows.Handle(file.Fd()), nil, windows.PAGE_READWRITE, 0, fileSize, nil)
	if err != nil {
		return nil, nil, err
	}
	// The view keeps the section.
	defer windows.CloseHandle(section)
	at, err := windows.MapViewOfFile(section, windows.FILE_MAP_READ|windows.FILE_MAP_WRITE, 0, 0, fileSize)
	if err != nil {
		return nil, nil, err
	}
	// The address is none of Go's memory, so that it does not move.
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), fileSize), func() error { return windows.UnmapViewOfFile(at) }, nil
}

// write goes through the memory: Windows does not promise that a view shows what
// is written with a system call.
func (m *mapping) write(slot []byte, at int64) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { err = fault(recover()) }()
	copy(m.memory[at:], slot)
	return nil
}

// gone and has report nothing: Windows does not let a file be removed, renamed
// or cut off that is open and mapped.
func (m *mapping) gone() bool      { return false }
func (m *mapping) has(string) bool { return true }

// tryLock takes the lock of the open file, which ends with the process.
func tryLock(file *os.File) (bool, error) {
	err := windows.LockFileEx(windows.Handle(file.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0,
		&windows.Overlapped{OffsetHigh: lockAt})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}

func unlock(file *os.File) {
	_ = windows.UnlockFileEx(windows.Handle(file.Fd()), 0, 1, 0, &windows.Overlapped{OffsetHigh: lockAt})
}
