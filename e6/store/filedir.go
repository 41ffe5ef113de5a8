package store

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// UnsafePathError is returned for a file or a directory that another user could
// change, or that is not what it should be.
type UnsafePathError struct {
	// Path is the file or the directory.
	Path string
	// Problem describes who could change it, or what else makes it unsafe.
	Problem string
}

// Error implements error.
func (e *UnsafePathError) Error() string {
	return fmt.Sprintf("store: %s %s: remove it, or choose another directory", e.Path, e.Problem)
}

// defaultDir is the directory of the files if FileOptions.Dir is empty.
func defaultDir() (string, error) {
	const name = "e6data"
	if base := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(base) {
		// Under sudo it may be the one of another user.
		if info, err := os.Stat(base); err == nil && info.IsDir() && ownerProblem(base, info) == "" {
			return filepath.Join(base, name), nil
		}
	}
	base, err := os.UserCacheDir()
	return filepath.Join(base, name), err
}

// checkDir makes sure that a directory is one that only the user can change. It
// creates it if create is true.
func checkDir(dir string, create bool) error {
	var failed error
	if create {
		failed = os.MkdirAll(dir, 0o700)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("store: %w", cmp.Or(failed, err))
	}
	if !info.IsDir() {
		return unsafeKind(dir, "no directory", info)
	}
	return checkOwner(dir, info)
}

// openOwn opens a file in such a directory, and creates it if create is true. It
// refuses one that other users can change, and an entry that is no file.
func openOwn(path string, create bool) (*os.File, error) {
	if err := checkDir(filepath.Dir(path), create); err != nil {
		return nil, err
	}
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, unsafeKind(path, "no regular file", info)
	}
	flags := os.O_RDWR | openFlags
	if create {
		flags |= os.O_CREATE
	}
	file, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if err := checkOpened(path, file); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// checkOpened looks at what was opened, as it may have taken the place of what
// was looked at before.
func checkOpened(path string, file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if named, err := os.Lstat(path); err == nil && !named.Mode().IsRegular() {
		return unsafeKind(path, "no regular file", named)
	}
	if !info.Mode().IsRegular() {
		return unsafeKind(path, "no regular file", info)
	}
	return checkOwner(path, info)
}

func unsafeKind(path, problem string, info fs.FileInfo) error {
	if info.Mode()&fs.ModeSymlink != 0 {
		problem = "a symbolic link"
	}
	return &UnsafePathError{path, "is " + problem}
}

func checkOwner(path string, info fs.FileInfo) error {
	if problem := ownerProblem(path, info); problem != "" {
		return &UnsafePathError{path, problem}
	}
	return nil
}
