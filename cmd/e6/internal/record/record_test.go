package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/recorder"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// morning is when the recording of the tests begins.
var morning = time.Date(2030, 1, 31, 14, 1, 59, 0, time.UTC)

func after(d time.Duration) time.Time { return morning.Add(d) }

// cutover is a recording of an abrupt cutover, on two days.
func cutover() *recorder.Recording {
	unknown := fsm.Snapshot{}
	blue := fsm.Snapshot{State: fsm.StateBlue, Active: fsm.Blue, Epoch: 1, Since: after(time.Millisecond), Cause: fsm.Cause{Reason: fsm.ReasonAccepted}}
	green := fsm.Snapshot{State: fsm.StateGreen, Active: fsm.Green, Epoch: 2, Since: after(3 * time.Second), Cause: fsm.Cause{Reason: fsm.ReasonRefusal, Detail: "blue refused a call"}}
	return &recorder.Recording{Damaged: 1, Entries: []recorder.Entry{
		{Time: morning, Data: recorder.Start{}},
		{Time: after(time.Millisecond), Data: fsm.Transition{Event: fsm.EventSettle, Before: unknown, After: blue, Cause: blue.Cause, At: after(time.Millisecond)}},
		{Time: after(time.Millisecond), Data: recorder.Step{Message: "detected", Fields: "side=blue", Decisions: []string{"machine settle blue", "routing blue held=false"}}},
		{Time: after(2 * time.Millisecond), Data: recorder.Event{Kind: events.KindTransition, Attrs: map[string]any{"seq": 1.0, "from": "unknown", "to": "blue"}}},
		{Time: after(time.Second), Data: recorder.Query{ID: recorder.HashQueryID("q-1"), Side: fsm.Blue, Took: 1500 * time.Microsecond, Rows: 2}},
		{Time: after(3 * time.Second), Data: fsm.Transition{Event: fsm.EventSettle, Before: blue, After: green, Cause: green.Cause, At: after(3 * time.Second)}},
		{Time: after(3 * time.Second), Data: recorder.Event{Kind: events.KindQueryRetried, Attrs: map[string]any{
			"seq": 2.0, "reason": "refusal", "detail": "blue: 456", "error": "blue: 456", "query_id": recorder.HashQueryID("q-2"), "to": "green", "from": "blue", "tag": "the \x1b[31mreport", "attempt": 2.0,
		}}},
		{Time: after(4 * time.Second), Data: recorder.Checkpoint{}},
		{Time: after(5 * time.Second), Data: recorder.Query{ID: recorder.HashQueryID("q-2"), Side: fsm.Green, Took: 2 * time.Second, Rows: 1, Retries: 1}},
		{Time: after(24 * time.Hour), Data: recorder.Query{Code: codes.Unavailable, Lost: true, Rows: 40, Side: fsm.Green}},
		{Time: after(24 * time.Hour), Data: recorder.Query{Code: codes.Unauthenticated}},
	}}
}

func TestPrinter_MatchesItsGoldenFiles(t *testing.T) {
	for name, test := range map[string]struct {
		filter Filter
		json   bool
	}{
		"show.txt":     {},
		"all.txt":      {filter: Filter{All: true}},
		"all.jsonl":    {filter: Filter{All: true}, json: true},
		"messages.txt": {filter: Filter{Kinds: []string{"message", "lost"}}},
	} {
		var out bytes.Buffer
		r := cutover()
		p := NewPrinter(&out, test.json, time.UTC)
		entries := test.filter.Apply(r)
		require.NoError(t, p.Header(NewHeader("e6.rec", r), len(entries), test.filter))
		require.NoError(t, p.Entries(entries))
		want, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		require.Equal(t, string(want), out.String(), name)
	}
}

func TestPrinter_EmptyRecording(t *testing.T) {
	var out bytes.Buffer
	r := new(recorder.Recording)
	require.NoError(t, NewPrinter(&out, false, time.UTC).Header(NewHeader("e6.rec", r), 0, Filter{}))
	require.Equal(t, "file      e6.rec\nentries   none: the program has not opened its client yet\n", out.String())
	out.Reset()
	require.NoError(t, NewPrinter(&out, true, time.UTC).Header(NewHeader("e6.rec", r), 0, Filter{}))
	require.True(t, json.Valid(out.Bytes()))
}

func TestFilter_Selects(t *testing.T) {
	for _, test := range []struct {
		name   string
		filter Filter
		want   string
	}{
		{"default", Filter{}, "start transition query transition event query query query"},
		{"all", Filter{All: true}, "start transition message event query transition event checkpoint query query query"},
		{"kinds", Filter{Kinds: []string{"start", "checkpoint"}}, "start checkpoint"},
		{"kind of event", Filter{Kinds: []string{"query_retried"}}, "event"},
		{"outcomes", Filter{Kinds: []string{"lost", "retried"}}, "query query"},
		{"transitions, without the events that repeat them", Filter{Kinds: []string{"transition"}}, "transition transition"},
		{"events", Filter{Kinds: []string{"event"}}, "event event"},
		{"query by its id", Filter{Query: "q-2"}, "event query"},
		{"query by its hash", Filter{Query: recorder.HashQueryID("q-1")}, "query"},
		{"since", Filter{Since: after(5 * time.Second)}, "query query query"},
		{"until", Filter{Until: after(time.Second)}, "start transition query"},
	} {
		var got []string
		for _, e := range test.filter.Apply(cutover()) {
			got = append(got, kindOf(e))
		}
		require.Equal(t, test.want, strings.Join(got, " "), test.name)
	}
	// The router's part has overwritten its transitions: the event is all that is left.
	r := cutover()
	r.Entries = r.Entries[3:4]
	require.Len(t, Filter{}.Apply(r), 1)
}

func TestFilter_CheckReportsAnUnknownKind(t *testing.T) {
	require.NoError(t, Filter{Kinds: []string{"message", "lost", "hook_failed"}}.Check())
	require.EqualError(t, Filter{Kinds: []string{"messages"}}.Check(),
		`kind "messages": want one of start, transition, event, query, message, checkpoint, an outcome of a query (ok, retried, replayed, continued, failed, lost), or a kind of event such as query_retried`)
}

func TestWhen_ParsesATimeOfTheRecording(t *testing.T) {
	r := cutover()
	r.Entries = r.Entries[:9] // to 14:02:04
	east := time.FixedZone("EAST", 2*3600)
	for _, test := range []struct {
		text        string
		zone        *time.Location
		first, last time.Time
	}{
		{"14:02", time.UTC, after(time.Second), after(time.Second)},
		{"14:02:01", time.UTC, after(2 * time.Second), after(3*time.Second - 1)},
		{"14:02:01.25", time.UTC, after(2250 * time.Millisecond), after(2260*time.Millisecond - 1)},
		{"14:03", time.UTC, after(61*time.Second - 24*time.Hour), after(61*time.Second - 24*time.Hour)}, // the day before
		{"16:02", east, after(time.Second), after(time.Second)},
		{"2030-01-31 14:02", time.UTC, after(time.Second), after(time.Second)},
		{"2030-01-31T14:02:00", time.UTC, after(time.Second), after(2*time.Second - 1)},
		{"2030-01-31T16:02:00.000000001+02:00", time.UTC, after(time.Second + 1), after(time.Second + 1)},
		{"4s", time.UTC, after(time.Second), after(time.Second)},
	} {
		first, last, err := When(test.text, r, test.zone)
		require.NoError(t, err, test.text)
		require.True(t, test.first.Equal(first), "%s: %s", test.text, first)
		require.True(t, test.last.Equal(last), "%s: %s", test.text, last)
	}
	for _, wrong := range []string{"", "noon", "25:00", "-4s"} {
		_, _, err := When(wrong, r, time.UTC)
		require.ErrorContains(t, err, "want a time of day such as 14:02", wrong)
	}
	_, _, err := When("14:02", new(recorder.Recording), time.UTC)
	require.NoError(t, err)
}

// recording returns a recorder with a file in a new folder.
func recording(t *testing.T) (string, *recorder.Recorder) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "e6.rec")
	r := recorder.File(path, recorder.Size(recorder.MinSize))
	require.NoError(t, r.Open())
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return path, r
}

func TestRead_ReportsWhatIsWrongWithAFile(t *testing.T) {
	path, r := recording(t)
	r.QueryEnd(t.Context(), hook.QueryEnd{})
	good, err := Read(path)
	require.NoError(t, err)
	require.Len(t, good.Entries, 1)
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	newer := bytes.Clone(image)
	newer[8]++
	damaged := bytes.Clone(image)
	damaged[20]++
	for _, test := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"empty", nil, `not a recording of this version: it does not begin with "e6record": give a file of recorder.File`},
		{"other", []byte(strings.Repeat("text", 100)), `not a recording of this version: it does not begin with "e6record": give a file of recorder.File`},
		{"truncated", image[:len(image)/2], fmt.Sprintf("not a recording of this version: it is cut off after %d bytes: copy the whole file again", len(image)/2)},
		{"newer", newer, "not a recording of this version: it has version 3, and this program reads version 2: use the version of e6data-go that wrote it"},
		{"damaged", damaged, "not a recording of this version: its header is damaged: copy the file again"},
	} {
		path := filepath.Join(t.TempDir(), "e6.rec")
		require.NoError(t, os.WriteFile(path, test.content, 0o600))
		_, err := Read(path)
		require.EqualError(t, err, "read recording "+path+": "+test.want, test.name)
		require.ErrorIs(t, err, recorder.ErrFormat)
		var file *FileError
		require.ErrorAs(t, err, &file)
		require.Equal(t, path, file.Path)
	}
	dir := t.TempDir()
	_, err = Read(dir)
	require.EqualError(t, err, "read recording "+dir+": it is not a regular file: give the path that the program passes to recorder.File")
	_, err = Read(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "none: no such file or directory: give the path that the program passes to recorder.File")
	if os.Getuid() != 0 {
		require.NoError(t, os.Chmod(path, 0))
		_, err = Read(path)
		require.ErrorContains(t, err, "permission denied: a recording has mode 0600")
	}
}
