package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
)

// sink is where results go.
type sink interface {
	io.Writer
	// End ends the output; failed is the error that made it incomplete, or nil. It returns failed
	// and what else went wrong.
	End(failed error) error
}

// sinkOf returns where a result goes: a file, the pager, or the standard output.
func (a *app) sinkOf(path string, toTerminal, noPager bool) (sink, error) {
	switch {
	case path != "" && path != "-":
		return replace(path, 0o666)
	case toTerminal && !noPager && !dumbTerminal():
		return newPager(a.out.(*os.File)), nil
	}
	return keepOpen{a.out}, nil
}

// keepOpen is a writer that others go on using.
type keepOpen struct{ io.Writer }

func (keepOpen) End(failed error) error { return failed }

// Close makes it the place of a pager's program.
func (keepOpen) Close() error { return nil }

// replacement is a file that takes the place of another one when it is complete, so that
// a command that fails leaves what was there before. Until then it stands in the same
// folder under a name of its own.
type replacement struct {
	*os.File
	path string // of the file to replace
}

// replace begins to replace a file, or to make it with these permissions. A file that is not
// regular, such as a pipe or /dev/stdout, is opened and written to directly.
func replace(path string, mode os.FileMode) (sink, error) {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		target = path // it does not exist yet
	}
	info, err := os.Stat(target)
	switch {
	case err == nil && info.IsDir():
		return nil, fmt.Errorf("write %s: it is a directory", path)
	case err == nil && !info.Mode().IsRegular():
		f, err := os.OpenFile(target, os.O_WRONLY, 0)
		if err != nil {
			return nil, notWritten(path, err)
		}
		return special{f}, nil
	}
	if err == nil {
		if mode = mode.Perm() & info.Mode().Perm(); mode&0o200 == 0 {
			return nil, notWritten(path, os.ErrPermission)
		}
	}
	for {
		name := filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+"."+strconv.FormatUint(rand.Uint64(), 36))
		f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
		if err == nil {
			return &replacement{f, target}, nil
		}
		if !errors.Is(err, os.ErrExist) {
			return nil, notWritten(path, err)
		}
	}
}

// notWritten is an error of the file that the user named. Those of package os name the
// file that stands in for it.
func notWritten(path string, err error) error {
	if failed, ok := errors.AsType[*os.PathError](err); ok {
		err = failed.Err
	}
	if failed, ok := errors.AsType[*os.LinkError](err); ok {
		err = failed.Err
	}
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("write %s: the folder does not exist", path)
	}
	return fmt.Errorf("write %s: %w", path, err)
}

// Write implements io.Writer. Its errors name the file to replace.
func (r *replacement) Write(p []byte) (int, error) {
	n, err := r.File.Write(p)
	if err != nil {
		err = notWritten(r.path, err)
	}
	return n, err
}

// WriteString hides that of the file.
func (r *replacement) WriteString(s string) (int, error) { return r.Write([]byte(s)) }

// End puts the file in its place, or takes it away if it is not complete.
func (r *replacement) End(failed error) error {
	err := errors.Join(failed, r.Close())
	if err == nil {
		if err = os.Rename(r.Name(), r.path); err != nil {
			err = notWritten(r.path, err)
		}
	}
	if err != nil {
		_ = os.Remove(r.Name())
	}
	return err
}

// special is a device or a pipe.
type special struct{ *os.File }

func (s special) End(failed error) error { return errors.Join(failed, s.Close()) }
