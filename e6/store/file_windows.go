package store

import (
	"io/fs"
	"runtime/debug"

	"golang.org/x/sys/windows"
)

const (
	fileSupported = true
	openFlags     = 0
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
