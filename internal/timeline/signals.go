package timeline

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/recorder"
)

// The rows of signals. A signal of a side is in the row of the side.
const (
	rowBlue = iota
	rowGreen
	rowClient
	rowOfSide
)

// withoutSide is the kind of a query that found no side. It has no event.
const withoutSide = "query without a side"

// signal is how events of a kind are drawn.
type signal struct {
	event events.Kind
	row   int
	kind  string
}

// signals are the events that are drawn, by severity: a mark of several shows the first. The
// others are drawn as bands (transition, drain_ended), flags (strategy_changed) or queries.
var signals = []signal{
	{"", rowClient, withoutSide},
	{events.KindSubscriberPanicked, rowClient, "problem"},
	{events.KindEventsDropped, rowClient, "problem"},
	{events.KindHealthBreached, rowClient, "health"},
	{events.KindSideVetoed, rowClient, "health"},
	{events.KindHookFailed, rowClient, "hook failure"},
	{events.KindStreamsExhausted, rowClient, "exhausted streams"},
	{events.KindGuardDecided, rowClient, "guard"},
	{events.KindAnnouncementReceived, rowClient, "announcement"},
	{events.KindAnnouncementInvalid, rowClient, "announcement"},
	{events.KindStoreFailed, rowClient, "store failure"},
	{events.KindStageEnded, rowClient, "stage"},
	{events.KindClusterResume, rowClient, "resume"},
	{events.KindClosed, rowClient, "closed"},
	{events.KindRefused, rowOfSide, "refusal"},
	{events.KindProbeFailed, rowOfSide, "failed probe"},
	{events.KindQueryAbandoned, rowOfSide, "abandoned query"},
	{events.KindSessionExpired, rowOfSide, "expired session"},
	{events.KindQueryQueued, rowOfSide, "queued query"},
	{events.KindSessionOpened, rowOfSide, "login"},
}

// Outcomes are the outcomes of queries, the most severe first.
func Outcomes() []string { return []string{"lost", "failed", "continued", "replayed", "retried", "ok"} }

// SignalKinds are the kinds of signals, the most severe first.
func SignalKinds() (kinds []string) {
	for _, s := range signals {
		if !slices.Contains(kinds, s.kind) {
			kinds = append(kinds, s.kind)
		}
	}
	return kinds
}

var signalByEvent = func() map[events.Kind]signal {
	m := make(map[events.Kind]signal, len(signals))
	for _, s := range signals {
		m[s.event] = s
	}
	return m
}()

// signalOf is how an event is drawn, and false if it is not.
func signalOf(e recorder.Event) (signal, bool) {
	s, ok := signalByEvent[e.Kind]
	if ok && s.row == rowOfSide {
		switch side, _ := e.Attrs["side"].(string); side {
		case fsm.Blue.String():
			s.row = rowBlue
		case fsm.Green.String():
			s.row = rowGreen
		default:
			s.row = rowClient
		}
	}
	return s, ok
}

// A grid collects entries in the cells of a lane.
type grid struct {
	t     *Timeline
	order []string
	byCol map[int]*Cell
}

// cellWidth is the width of a cell in pixels: as wide as a mark, so that marks do not overlap.
const cellWidth = 9

// maxNotes limits the notes of a cell.
const maxNotes = 2

func (t *Timeline) grid(order []string) grid { return grid{t, order, map[int]*Cell{}} }

// columns is the number of cells in a lane.
func (t *Timeline) columns() int { return max(1, t.plot().width/cellWidth) }

func (g *grid) add(at time.Time, kind string, note func() string) {
	n := g.t.columns()
	span := g.t.To.Sub(g.t.From)
	col := min(n-1, int(float64(at.Sub(g.t.From))/float64(span)*float64(n)))
	c := g.byCol[col]
	if c == nil {
		step := float64(span) / float64(n)
		from := g.t.From.Add(time.Duration(float64(col) * step))
		c = &Cell{From: from, To: from.Add(time.Duration(step))}
		g.byCol[col] = c
	}
	i := slices.IndexFunc(c.Counts, func(x Count) bool { return x.Kind == kind })
	if i < 0 {
		i = len(c.Counts)
		c.Counts = append(c.Counts, Count{Kind: kind})
	}
	c.Counts[i].N++
	if len(c.Notes) < maxNotes && kind != "ok" {
		c.Notes = append(c.Notes, note())
	}
}

// cells are the cells with entries, in the order of time.
func (g *grid) cells() (cells []Cell) {
	for _, col := range slices.Sorted(maps.Keys(g.byCol)) {
		c := g.byCol[col]
		slices.SortFunc(c.Counts, func(a, b Count) int { return slices.Index(g.order, a.Kind) - slices.Index(g.order, b.Kind) })
		cells = append(cells, *c)
	}
	return cells
}

// clock is the form of a time in notes.
const clock = "15:04:05.000"

func (t *Timeline) queryNote(at time.Time, q recorder.Query) string {
	text := fmt.Sprintf("%s %s in %s, %d rows", at.In(t.zone).Format(clock), q.Outcome(), Short(q.Took), q.Rows)
	if q.Code != codes.OK {
		text += ", " + q.Code.String()
	}
	return text
}

// eventNote is an event in one line.
func (t *Timeline) eventNote(at time.Time, e recorder.Event) string {
	return at.In(t.zone).Format(clock) + " " + EventText(e)
}

// EventText is an event in one line, without its number and the ids of queries.
func EventText(e recorder.Event) string {
	text := e.Kind.Message()
	if text == "" {
		text = string(e.Kind)
	}
	for _, key := range slices.Sorted(maps.Keys(e.Attrs)) {
		switch key {
		case "seq", "query_id", "stack", "trace_id", "span_id", "generation", "detail", "reason":
			continue
		}
		value := fmt.Sprint(e.Attrs[key])
		if n, ok := e.Attrs[key].(float64); ok { // as JSON has all numbers
			value = strconv.FormatFloat(n, 'f', -1, 64)
		}
		if value != "" {
			text += ", " + strings.ReplaceAll(key, "_", " ") + " " + value
		}
	}
	if detail, _ := e.Attrs["detail"].(string); detail != "" {
		text += " (" + detail + ")"
	}
	const most = 160
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
