package record

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/recorder"
)

// Tail writes the last entries of a file, and then each entry that a program adds, until
// ctx ends. It reads the file again in each interval. A file that is replaced is followed
// by its name. The error is a *FileError, or of the writer.
func Tail(ctx context.Context, path string, p *Printer, f Filter, last int, every time.Duration) error {
	r, err := Read(path)
	if err != nil {
		return err
	}
	seen := cursors{}
	entries := f.applyTo(seen.fresh(r.Entries), r)
	if err := p.Entries(entries[max(0, len(entries)-last):]); err != nil {
		return err
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		r, err := Read(path)
		if err != nil {
			if failed { // once: the file is being replaced
				return err
			}
			failed = true
			continue
		}
		failed = false
		if err := p.Entries(f.applyTo(seen.fresh(r.Entries), r)); err != nil {
			return err
		}
	}
}

// cursors are the positions up to which the parts of a recording were read: the router,
// the events and the queries. The times of a part do not fall.
type cursors [3]cursor

// A cursor is the time of the newest entry of a part, and how many have it.
type cursor struct {
	at time.Time
	n  int
}

// part is the part of a recording that an entry is in.
func part(e recorder.Entry) int {
	switch kindOf(e) {
	case kindEvent:
		return 1
	case kindQuery:
		return 2
	}
	return 0
}

// fresh returns the entries behind the cursors, and moves the cursors to the end.
func (c *cursors) fresh(entries []recorder.Entry) (added []recorder.Entry) {
	var newest cursors
	for _, e := range entries {
		was, now := c[part(e)], &newest[part(e)]
		if !e.Time.Equal(now.at) {
			*now = cursor{at: e.Time}
		}
		now.n++
		if e.Time.After(was.at) || e.Time.Equal(was.at) && now.n > was.n {
			added = append(added, e)
		}
	}
	*c = newest
	return added
}
