package record

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/recorder"
)

// Tail writes the last entries of a file, and then each entry that a program adds, until
// ctx ends. In each interval it reads the parts of the file that have changed. A file that
// is replaced is followed by its name. The error is a *FileError, or of the writer.
func Tail(ctx context.Context, path string, p *Printer, f Filter, last int, every time.Duration) error {
	file, err := follow(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	var first *recorder.Entry
	added := func() ([]recorder.Entry, error) {
		r, err := file.Next()
		if err != nil {
			return nil, &FileError{path, err}
		}
		if first == nil {
			first = firstTransition(r.Entries)
		}
		return f.applyTo(r.Entries, first), nil
	}
	entries, err := added()
	if err != nil {
		return err
	}
	if err := p.Entries(entries[max(0, len(entries)-last):]); err != nil {
		return err
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for missing := false; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for {
			replaced := file.Replaced() // what was added to this file before is read below
			entries, err := added()
			if err == nil {
				err = p.Entries(entries)
			}
			if err != nil {
				return err
			}
			if !replaced {
				missing = false
				break
			}
			next, err := follow(path)
			if err != nil && missing {
				return err
			}
			if missing = err != nil; missing {
				break // once: the file is being replaced
			}
			_ = file.Close()
			file, first = next, nil
		}
	}
}

// firstTransition is the first transition that the router has recorded, and nil without one.
func firstTransition(entries []recorder.Entry) *recorder.Entry {
	for i := range entries {
		if kindOf(entries[i]) == kindTransition {
			return &entries[i]
		}
	}
	return nil
}
