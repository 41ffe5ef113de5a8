package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/e6data/e6data-go/e6/recorder"
)

// A FileError reports a file that cannot be read as a recording.
type FileError struct {
	// Path is the path of the file, as it was given.
	Path string
	// Err is the cause. It is recorder.ErrFormat for a file that is not a recording, is
	// one of another version, or is cut off.
	Err error
}

// Error implements error. It has the cause and the next step.
func (e *FileError) Error() string {
	text := strings.TrimPrefix(e.Err.Error(), "recorder: ")
	if failed, ok := errors.AsType[*fs.PathError](e.Err); ok {
		text = failed.Err.Error()
	}
	switch {
	case errors.Is(e.Err, fs.ErrNotExist):
		text += ": give the path that the program passes to recorder.File"
	case errors.Is(e.Err, fs.ErrPermission):
		text += ": a recording has mode 0600; use the account of the program that writes it"
	}
	return fmt.Sprintf("read recording %s: %s", e.Path, text)
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

var errNoFile = errors.New("it is not a regular file: give the path that the program passes to recorder.File")

// checkRegular returns a *FileError for a path that is not a regular file.
func checkRegular(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = errNoFile
	}
	if err != nil {
		return &FileError{path, err}
	}
	return nil
}

// follow opens a file to read it piece by piece. Its error is a *FileError.
func follow(path string) (*recorder.Follower, error) {
	if err := checkRegular(path); err != nil {
		return nil, err
	}
	file, err := recorder.Follow(path)
	if err != nil {
		return nil, &FileError{path, errors.Unwrap(err)} // the path is in it once
	}
	return file, nil
}

// Read reads a file, which may be in use by a client. Its error is a *FileError.
func Read(path string) (*recorder.Recording, error) {
	if err := checkRegular(path); err != nil {
		return nil, err
	}
	image, err := os.ReadFile(path)
	if err != nil {
		return nil, &FileError{path, err}
	}
	r, err := recorder.Parse(image)
	if err != nil {
		return nil, &FileError{path, err}
	}
	return r, nil
}
