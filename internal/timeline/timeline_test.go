package timeline

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/recorder"
)

var start = time.Date(2030, 1, 31, 14, 2, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return start.Add(d) }

// machine makes the entries of steps of a strategy machine.
type machine struct {
	*fsm.Machine
	entries []recorder.Entry
}

func (m *machine) fire(t *testing.T, at time.Duration, trigger fsm.Trigger) {
	t.Helper()
	trigger.At = after(at)
	step, err := m.Fire(trigger)
	require.NoError(t, err)
	m.add(at, step)
}

func (m *machine) add(at time.Duration, data any) {
	m.entries = append(m.entries, recorder.Entry{Time: after(at), Data: data})
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	inner, err := fsm.New()
	require.NoError(t, err)
	m := &machine{Machine: inner}
	m.add(0, recorder.Start{})
	m.fire(t, time.Second, fsm.Trigger{Event: fsm.EventDetect})
	m.fire(t, 2*time.Second, fsm.Trigger{Event: fsm.EventSettle, Side: fsm.Blue})
	return m
}

// cutover are the entries of an announced change to green, with a query of each outcome.
func cutover(t *testing.T) []recorder.Entry {
	t.Helper()
	m := newMachine(t)
	m.fire(t, 10*time.Second, fsm.Trigger{Event: fsm.EventAnnounce, Side: fsm.Green, Cause: fsm.Cause{Reason: fsm.ReasonAnnouncement, Detail: "blue named <green>"}})
	m.add(11*time.Second, recorder.Event{Kind: events.KindProbeFailed, Attrs: map[string]any{"side": "green", "purpose": "prepare", "attempt": 1.0}})
	m.fire(t, 12*time.Second, fsm.Trigger{Event: fsm.EventAccept, Phase: fsm.PhaseDraining})
	m.add(12*time.Second, recorder.Event{Kind: events.KindStrategyChanged, Attrs: map[string]any{"from": "blue", "to": "green", "change": "announced"}})
	for i, q := range []recorder.Query{
		{}, {Retries: 1}, {Replays: 1}, {Continued: 1}, {Code: codes.Internal}, {Lost: true, Code: codes.Unknown},
	} {
		q.Side = fsm.Green
		m.add(13*time.Second+time.Duration(i)*time.Second, q)
	}
	m.fire(t, 19*time.Second, fsm.Trigger{Event: fsm.EventCommit, Side: fsm.Green, Cause: fsm.Cause{Reason: fsm.ReasonDrained}})
	m.add(20*time.Second, recorder.Event{Kind: events.KindClosed})
	return m.entries
}

// shown are the phases with their beginnings and ends in seconds.
func shown(phases []Phase) (list []string) {
	for _, p := range phases {
		list = append(list, fmt.Sprintf("%g-%g %s", p.From.Sub(start).Seconds(), p.To.Sub(start).Seconds(), p.Label()))
	}
	return list
}

func TestPhases_OfACutover(t *testing.T) {
	require.Equal(t, []string{"0-1 unknown", "1-2 detecting", "2-10 blue", "10-12 preparing green", "12-19 draining blue", "19-20 green"},
		shown(Phases(cutover(t), after(time.Minute))), "a closed client has no phase")
}

func TestPhases_LastUntilTheEndOfTheWindow(t *testing.T) {
	require.Equal(t, []string{"0-1 unknown", "1-2 detecting", "2-60 blue"}, shown(Phases(newMachine(t).entries, after(time.Minute))))
}

func TestPhases_OfAProcessThatWasKilledAndStartedAgain(t *testing.T) {
	m := newMachine(t)
	m.add(5*time.Second, recorder.Query{Side: fsm.Blue})
	m.add(30*time.Second, recorder.Start{})
	require.Equal(t, []string{"0-1 unknown", "1-2 detecting", "2-5 blue", "30-60 unknown"}, shown(Phases(m.entries, after(time.Minute))))
}

// The state before the first step is known from the step.
func TestPhases_OfARecordingWithoutItsBeginning(t *testing.T) {
	entries := cutover(t)
	i := slices.IndexFunc(entries, func(e recorder.Entry) bool { return e.Time.Equal(after(10 * time.Second)) })
	entries = append([]recorder.Entry{{Time: after(5 * time.Second), Data: recorder.Query{Side: fsm.Blue}}}, entries[i:]...)
	require.Equal(t, []string{"5-10 blue", "10-12 preparing green"}, shown(Phases(entries, after(time.Minute)))[:2])
}

func TestNew_CountsTheEntriesOfTheWindow(t *testing.T) {
	tl := New(Options{From: after(9 * time.Second), To: after(17 * time.Second)}, Source{Entries: cutover(t)})
	count := map[string]int{}
	for _, c := range slices.Concat(tl.Clients[0].Sides[1].Queries, tl.Clients[0].Sides[1].Signals, tl.Clients[0].Sides[0].Queries) {
		for _, n := range c.Counts {
			count[n.Kind] += n.N
		}
	}
	require.Equal(t, map[string]int{"ok": 1, "retried": 1, "replayed": 1, "continued": 1, "failed": 1, "failed probe": 1}, count)
	require.Equal(t, []string{"blue", "preparing green", "draining blue"}, labels(tl.Clients[0].Phases))
	require.Equal(t, after(9*time.Second), tl.Clients[0].Phases[0].From, "cut off at the window")
	require.Equal(t, []Flag{{after(12 * time.Second), "green", "14:02:12.000 active side changed, change announced, from blue, to green"}}, tl.Flags)
	require.Empty(t, tl.Clients[0].Name, "a single client needs no name")
}

func labels(bands []Band) (list []string) {
	for _, b := range bands {
		list = append(list, b.Label)
	}
	return list
}

func TestNew_TakesTheWindowOfAllSources(t *testing.T) {
	tl := New(Options{Flags: []Flag{}}, Source{"a", newMachine(t).entries}, Source{"b", cutover(t)}, Source{Name: "empty"})
	require.Equal(t, []time.Time{start, after(20 * time.Second)}, []time.Time{tl.From, tl.To})
	require.Equal(t, "b", tl.Clients[1].Name)
	require.Empty(t, tl.Clients[2].Phases)
	require.Empty(t, tl.Flags, "an empty list draws none")
	draw(t, tl)
	draw(t, New(Options{}))
}

func TestLive_EndsNow(t *testing.T) {
	tl := Live(Options{}, newMachine(t).entries, 10*time.Second, after(time.Minute))
	require.Equal(t, []time.Time{after(50 * time.Second), after(time.Minute)}, []time.Time{tl.From, tl.To})
	require.Equal(t, []string{"blue"}, labels(tl.Clients[0].Phases))
}

// A cell shows its most severe kind.
func TestNew_OrdersTheCountsOfACell(t *testing.T) {
	var entries []recorder.Entry
	for _, q := range []recorder.Query{{}, {Retries: 1}, {Lost: true}, {}} {
		q.Side = fsm.Blue
		entries = append(entries, recorder.Entry{Time: start, Data: q})
	}
	cells := New(Options{}, Source{Entries: entries}).Clients[0].Sides[0].Queries
	require.Len(t, cells, 1)
	require.Equal(t, []Count{{"lost", 1}, {"retried", 1}, {"ok", 2}}, cells[0].Counts)
	require.Len(t, cells[0].Notes, 2, "a query without a problem needs no note")
}

func TestNew_QueryWithoutASideIsASignalOfTheClient(t *testing.T) {
	tl := New(Options{}, Source{Entries: []recorder.Entry{{Time: start, Data: recorder.Query{Code: codes.Unavailable}}}})
	require.Equal(t, []Count{{withoutSide, 1}}, tl.Clients[0].Signals[0].Counts)
}

// draw returns the SVG, which must be XML, and its number of elements with each class.
func draw(t *testing.T, tl Timeline) (svg string, classes map[string]int) {
	t.Helper()
	html, err := tl.SVG()
	require.NoError(t, err)
	svg, classes = string(html), map[string]int{}
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if err == io.EOF {
			return svg, classes
		}
		require.NoError(t, err)
		if e, ok := token.(xml.StartElement); ok {
			for _, a := range e.Attr {
				if a.Name.Local == "class" {
					classes[a.Value]++
				}
				require.NotContains(t, []string{"style", "id", "href", "onclick"}, a.Name.Local)
			}
			require.NotContains(t, []string{"style", "script"}, e.Name.Local)
		}
	}
}

func TestTimeline_SVGHasAMarkForEachKind(t *testing.T) {
	svg, classes := draw(t, New(Options{}, Source{Entries: cutover(t)}))
	for _, o := range Outcomes() {
		want := 2 // with the legend
		if o == "ok" {
			want = 1
		}
		require.Equal(t, want, classes["mark "+o], o)
	}
	require.Equal(t, 1, classes["band draining to-green"])
	require.Equal(t, 1, classes["drains on-blue"])
	require.Contains(t, svg, "blue named &lt;green&gt;")
	require.Contains(t, svg, "<title>Timeline from 2030-01-31 14:02:00.000 to 14:02:20.000 UTC</title>")
	require.Contains(t, svg, "queries: 1 lost, 1 failed, 1 continued, 1 replayed, 1 retried, 1 ok</desc>")
}

func TestTimeline_WriteFileHasItsStyles(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, New(Options{}, Source{Entries: cutover(t)}).WriteFile(&b))
	require.Contains(t, b.String(), "<style>"+CSS+"</style>")
	require.NoError(t, xml.Unmarshal(b.Bytes(), new(any)))
}

// step is a step to a side.
func step(to fsm.Side, at time.Time) fsm.Transition {
	return fsm.Transition{Event: fsm.EventSettle, At: at, After: fsm.Snapshot{State: fsm.Settled(to), Active: to, Since: at}}
}

// A phase between two long ones stays visible, and many short ones are one band.
func TestNew_JoinsBandsThatAreTooNarrow(t *testing.T) {
	m := &machine{}
	m.add(0, step(fsm.Blue, start))
	for i := range 7 {
		at := 30*time.Second + time.Duration(i)*time.Millisecond
		m.add(at, step(fsm.Sides[i%2], after(at)))
	}
	m.add(50*time.Second, step(fsm.Green, after(50*time.Second)))
	m.add(50*time.Second+time.Millisecond, step(fsm.Blue, after(50*time.Second+time.Millisecond)))
	m.add(time.Minute, recorder.Event{Kind: events.KindClosed})
	tl := New(Options{}, Source{Entries: m.entries})
	require.Equal(t, []string{"unknown", "blue", "6 phases", "blue", "green", "blue"}, labels(tl.Clients[0].Phases))
	require.Equal(t, "6 phases in 6ms, from blue to green", tl.Clients[0].Phases[2].Title)
	_, classes := draw(t, tl)
	require.Equal(t, 1, classes["band mixed"])
	require.Equal(t, 1, classes["mixed on-green"])
}

// The size of the SVG is bounded by its width.
func TestTimeline_ManyEntriesBecomeFewMarks(t *testing.T) {
	var entries []recorder.Entry
	for i := range 20_000 {
		at := after(time.Duration(i) * time.Millisecond)
		entries = append(entries,
			recorder.Entry{Time: at, Data: recorder.Query{Side: fsm.Blue, Retries: i % 2, Lost: i%3 == 0}},
			recorder.Entry{Time: at, Data: recorder.Event{Kind: events.KindRefused, Attrs: map[string]any{"side": "blue"}}},
			recorder.Entry{Time: at, Data: step(fsm.Sides[i%2], at)},
			recorder.Entry{Time: at, Data: recorder.Event{Kind: events.KindStrategyChanged, Attrs: map[string]any{"from": "blue", "to": "green"}}})
	}
	svg, _ := draw(t, New(Options{}, Source{Entries: entries}))
	require.Less(t, len(svg), 256<<10)
}

func TestTimeline_FlagsThatOverlapShareALabel(t *testing.T) {
	flags := []Flag{{Label: "1"}, {Label: "2"}, {Label: "3"}, {Label: "4"}, {Label: "5"}}
	for i, ms := range []int{100, 500, 501, 510, 900} {
		flags[i].At = after(time.Duration(ms) * time.Millisecond)
	}
	d := New(Options{From: start, To: after(time.Second), Flags: flags}).draw("")
	var texts []string
	for _, c := range d.Flags {
		texts = append(texts, c.Text)
	}
	require.Equal(t, []string{"1", "2–4", "", "5"}, texts, "2 and 3 have one line")
}

func TestTimeline_TextsFitIntoTheWidth(t *testing.T) {
	long := strings.Repeat("very-long-name/", 30)
	for _, width := range []int{1, 340, 559, 560, 960} {
		tl := New(Options{Width: width}, Source{long, cutover(t)}, Source{"b", cutover(t)})
		d := tl.draw("")
		require.Equal(t, max(width, MinWidth), d.Width)
		for _, text := range slices.Concat(d.Legend) {
			var x float64
			_, err := fmt.Sscan(text.X, &x)
			require.NoError(t, err)
			require.LessOrEqual(t, x+letter*float64(len(text.Text)), float64(d.Width), text.Text)
		}
		for _, l := range d.Labels {
			require.LessOrEqual(t, len([]rune(l.Text)), d.Width/6)
		}
	}
}

// Every event is drawn as a signal, or in another form.
func TestSignals_CoverTheEvents(t *testing.T) {
	others := []events.Kind{events.KindTransition, events.KindDrainEnded, events.KindStrategyChanged,
		events.KindQueryRetried, events.KindQueryReplayed, events.KindQueryContinued, events.KindQueryLost}
	for _, k := range events.AllKinds() {
		_, drawn := signalByEvent[k]
		require.NotEqual(t, drawn, slices.Contains(others, k), "%s", k)
	}
}

func TestShapes_DifferByKind(t *testing.T) {
	seen := map[shape]string{}
	for _, kind := range slices.Concat(Outcomes(), SignalKinds()) {
		s := shapeOf(kind)
		require.NotEmpty(t, s, kind)
		require.Empty(t, seen[s], "%s has the shape of another kind", kind)
		seen[s] = kind
	}
	require.Len(t, shapes, len(seen))
}

func TestTicks_AreRoundTimes(t *testing.T) {
	india := time.FixedZone("IST", 5*3600+1800)
	for _, c := range []struct {
		name   string
		from   time.Time
		window time.Duration
		want   string
	}{
		{"microseconds", start, 30 * time.Microsecond, "02:00.000000 02:00.000010 02:00.000020 02:00.000030"},
		{"milliseconds", after(1500 * time.Microsecond), 7 * time.Millisecond, "14:02:00.002 14:02:00.004 14:02:00.006 14:02:00.008"},
		{"seconds", after(300 * time.Millisecond), 5 * time.Second, "14:02:02 14:02:04"},
		{"minutes", start, time.Hour, "14:30 15:00"},
		{"days of a zone", start.In(india), 72 * time.Hour, "2030-02-01 2030-02-02 2030-02-03"},
		{"years", start, 3000 * 24 * time.Hour, "2030-08-27 2031-08-27 2032-08-26 2033-08-26"},
	} {
		var labels []string
		for _, k := range ticks(c.from, c.from.Add(c.window), 4) {
			labels = append(labels, k.label)
		}
		require.Equal(t, c.want, strings.Join(labels, " "), c.name)
	}
}

func TestEventText_HasNoIDsAndIsShort(t *testing.T) {
	text := EventText(recorder.Event{Kind: events.KindQueryLost, Attrs: map[string]any{
		"seq": 7.0, "query_id": "secret", "rows_delivered": 1e7, "error": strings.Repeat("x", 300), "detail": "cut off",
	}})
	require.NotContains(t, text, "secret")
	require.True(t, strings.HasPrefix(text, "query lost, error xxx"), text)
	require.LessOrEqual(t, len(text), 165)
	require.Equal(t, "new_kind, a b 1", EventText(recorder.Event{Kind: "new_kind", Attrs: map[string]any{"a_b": 1}}))
}
