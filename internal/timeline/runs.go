package timeline

import (
	"slices"
	"time"

	"github.com/e6data/e6data-go/e6/recorder"
)

// A Run is one query, from its start to its end.
type Run struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Outcome string    `json:"outcome"`
	Note    string    `json:"note"`

	row int
}

// The limits of a lane with runs: the number of queries, and of rows for those that run at the
// same time. A row has at most 6 pixels, and less if there are many.
const (
	maxRuns = 150
	maxRows = 14
	runRow  = 6
)

// runs collects the queries of a lane while they are few.
type runs struct {
	t    *Timeline
	list []Run
	many bool
}

// add adds a query that ran in the window, also one that ended after it.
func (l *runs) add(at time.Time, q recorder.Query) {
	from := at.Add(-q.Took)
	if l.many || from.After(l.t.To) || at.Before(l.t.From) {
		return
	}
	if len(l.list) == maxRuns {
		l.many = true
		return
	}
	l.list = append(l.list, Run{From: from, To: at, Outcome: q.Outcome(), Note: l.t.queryNote(at, q)})
}

// inRows returns the queries with a row for each, so that they do not overlap. It returns nil if
// they need too many rows, or are too many.
func (l *runs) inRows() []Run {
	if l.many {
		return nil
	}
	slices.SortStableFunc(l.list, func(a, b Run) int { return a.From.Compare(b.From) })
	ends := make([]float64, 0, maxRows) // of the last query in each row
	p := pen{t: l.t, plot: l.t.plot()}
	for i, r := range l.list {
		x, width := p.run(r)
		row := slices.IndexFunc(ends, func(end float64) bool { return end <= x })
		if row < 0 {
			if row = len(ends); row == maxRows {
				return nil
			}
			ends = append(ends, 0)
		}
		l.list[i].row = row
		if ends[row] = x + width + 1; r.Outcome != "ok" {
			ends[row] += cellWidth / 2.0 // the mark at its end
		}
	}
	return l.list
}

// run is the place of a query.
func (p *pen) run(r Run) (x, width float64) {
	x = p.x(r.From)
	width = max(p.x(r.To)-x, 2)
	return min(x, float64(p.plot.x+p.plot.width)-width), width
}

// runs draws each query as a bar, with a mark at its end unless its outcome is ok. A query that
// ends after the window has no mark.
func (p *pen) runs(list []Run) {
	rows := 1
	for _, r := range list {
		rows = max(rows, r.row+1)
	}
	height := min(runRow, (queryRow-2)/float64(rows))
	for _, r := range list {
		x, width := p.run(r)
		y := p.y + 2 + float64(r.row)*height
		p.seen[r.Outcome] = true
		d := cell{Title: p.clock(r.From) + " to " + r.Note}
		d.Bars = append(d.Bars, rect{X: px(x), Y: px(y), W: px(width), H: px(height * 2 / 3), Class: "run " + r.Outcome})
		if r.Outcome != "ok" && !r.To.After(p.t.To) {
			d.Marks = append(d.Marks, markOf(r.Outcome, x+width, y+height/3))
		}
		p.d.Cells = append(p.d.Cells, d)
	}
}
