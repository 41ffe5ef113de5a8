package audit

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// file is an open file.
type file interface {
	Write([]byte) (int, error)
	Stat() (fs.FileInfo, error)
	Close() error
}

// openFile opens a file for lines at its end. Only its owner may read it, also if it was
// there with another mode.
func openFile(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(0o600); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// rotated are the files of one class. A library for rotation removes old files only when
// it rotates, and expects one process for each file; here the day in the name decides, so
// that a class without new records is cleaned too, and processes can share a directory.
type rotated struct {
	dir      string
	class    Class
	keep     time.Duration
	maxSize  int64
	maxFiles int
	open     func(string) (file, error)

	file file
	name fileName // of file
}

// fileName is the name of a file: its day, and its number on that day.
type fileName struct {
	day    string
	number int
}

const dayFormat = time.DateOnly

func (f *rotated) path(n fileName) string {
	name := fmt.Sprintf("%s-%s.jsonl", f.class, n.day)
	if n.number > 0 {
		name = fmt.Sprintf("%s-%s.%d.jsonl", f.class, n.day, n.number)
	}
	return filepath.Join(f.dir, name)
}

// list lists the files of the class, the oldest first. Others are not touched.
func (f *rotated) list() (names []fileName, err error) {
	all, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, err
	}
	for _, e := range all {
		rest, ours := strings.CutPrefix(e.Name(), string(f.class)+"-")
		rest, jsonl := strings.CutSuffix(rest, ".jsonl")
		date, number, numbered := strings.Cut(rest, ".")
		n := fileName{day: date}
		if numbered {
			n.number, err = strconv.Atoi(number)
		}
		if _, wrong := time.Parse(dayFormat, date); ours && jsonl && wrong == nil && err == nil && e.Type().IsRegular() && f.path(n) == filepath.Join(f.dir, e.Name()) {
			names = append(names, n)
		}
		err = nil
	}
	slices.SortFunc(names, func(a, b fileName) int { return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.number, b.number)) })
	return names, nil
}

// write appends a line with a single call, so that the lines of several processes do not
// mix.
func (f *rotated) write(now time.Time, line []byte) error {
	if err := f.rotate(now.UTC().Format(dayFormat), int64(len(line))); err != nil {
		return err
	}
	_, err := f.file.Write(line)
	if err != nil { // the next line begins with a new attempt to open the file
		err = errors.Join(err, f.close())
	}
	return err
}

// rotate opens the file for n more bytes, if that is not the open one. It asks for the
// size, as other processes may write to the same file.
func (f *rotated) rotate(today string, n int64) error {
	for {
		if f.file == nil || f.name.day != today {
			if err := f.reopen(today); err != nil {
				return err
			}
		}
		info, err := f.file.Stat()
		if err != nil {
			return errors.Join(err, f.close())
		}
		if info.Size() == 0 || info.Size()+n <= f.maxSize {
			return nil
		}
		if err := f.openAs(fileName{today, f.name.number + 1}); err != nil {
			return err
		}
		if err := f.limit(); err != nil {
			return err
		}
	}
}

// reopen opens the newest file of a day.
func (f *rotated) reopen(today string) error {
	names, err := f.list()
	if err != nil {
		return err
	}
	next := fileName{day: today}
	for _, n := range names {
		if n.day == today {
			next = n
		}
	}
	return f.openAs(next)
}

func (f *rotated) openAs(n fileName) (err error) {
	if err := f.close(); err != nil {
		return err
	}
	f.file, err = f.open(f.path(n))
	f.name = n
	if err != nil {
		f.file = nil
	}
	return err
}

// limit removes the oldest files of more than maxFiles.
func (f *rotated) limit() error {
	names, err := f.list()
	if err != nil || len(names) <= f.maxFiles {
		return err
	}
	return f.remove(names[:len(names)-f.maxFiles])
}

// clean removes the files whose day ended longer ago than they are kept. A class that has
// no new records is cleaned too.
func (f *rotated) clean(now time.Time) error {
	names, err := f.list()
	if err != nil {
		return err
	}
	return f.remove(slices.DeleteFunc(names, func(n fileName) bool {
		began, _ := time.Parse(dayFormat, n.day)
		return now.Sub(began.Add(day)) <= f.keep
	}))
}

// remove removes files. A file that another process has removed is no error.
func (f *rotated) remove(names []fileName) (err error) {
	for _, n := range names {
		if n == f.name {
			err = errors.Join(err, f.close())
		}
		if gone := os.Remove(f.path(n)); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return err
}

// close closes the open file, if there is one.
func (f *rotated) close() error {
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	return err
}
