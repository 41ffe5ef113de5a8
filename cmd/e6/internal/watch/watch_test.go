package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/debug"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/internal/stress"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		http.DefaultClient.CloseIdleConnections()
		os.Exit(code)
	}))
}

// open returns a cluster and a client of it.
func open(t *testing.T) (*e6test.Cluster, *e6.Client) {
	t.Helper()
	cluster, err := e6test.Start()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	client, err := e6.Open(t.Context(), e6.Config{Address: cluster.Addr(), User: "me", Token: "planted"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return cluster, client
}

// lines is a writer that can be read while it is written to.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// plain runs Plain until the test ends and returns what it writes.
func plain(t *testing.T, asJSON bool, sources ...Source) *lines {
	t.Helper()
	var out lines
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- Plain(ctx, &out, Shown{Sources: sources}, time.Millisecond, asJSON) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return &out
}

func (l *lines) waitFor(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(l.String(), text) }, stress.Patience, time.Millisecond, "%s", text)
}

func TestPlain_EveryEventIsALine(t *testing.T) {
	cluster, client := open(t)
	out := plain(t, false, Local("here", client))
	out.waitFor(t, "  here  settle: detecting => blue  (accepted)\n")
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: fsm.Green, Kind: e6test.Graceful}))
	require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
	out.waitFor(t, "=> green  (")
	require.Equal(t, 1, strings.Count(out.String(), "settle: detecting => blue"), "no event is printed twice")
}

func TestAClientOfAnotherProcessIsWatchedByItsPage(t *testing.T) {
	_, client := open(t)
	mux := http.NewServeMux()
	mux.Handle("/debug/e6/", debug.Handler(client))
	server := httptest.NewServer(mux)
	defer server.Close()
	for _, url := range []string{server.URL + "/debug/e6/", server.URL + "/debug/e6"} {
		state, err := Remote(url).Look(t.Context())
		require.NoError(t, err)
		require.Equal(t, "blue", state.Strategy.Active)
	}
	out := plain(t, true, Remote(server.URL+"/debug/e6/"), Remote(server.URL+"/elsewhere/"))
	out.waitFor(t, `"text":"settle: detecting =\u003e blue"`)
	out.waitFor(t, `"error":"404 Not Found: want the page of package debug there"`)
	for line := range strings.Lines(out.String()) {
		var e map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &e), line)
		require.Contains(t, e["source"], "127.0.0.1:")
	}
}

func TestSource_SecretsOfItsURLAreHidden(t *testing.T) {
	requested := make(chan *http.Request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requested <- r
		_, _ = io.WriteString(w, "{}")
	}))
	host := strings.TrimPrefix(server.URL, "http://")
	source := Remote("http://joe:planted@" + host + "/debug/e6/?key=planted")
	_, err := source.Look(t.Context())
	require.NoError(t, err)
	r := <-requested
	require.Equal(t, "/debug/e6/state.json?key=planted", r.RequestURI)
	_, password, _ := r.BasicAuth()
	require.Equal(t, "planted", password)
	server.Close()
	_, err = source.Look(t.Context())
	require.ErrorContains(t, err, "refused")
	require.Equal(t, host+"/debug/e6", source.Name)
	broken := Remote("http://joe:planted@%zz/?key=planted")
	_, wrong := broken.Look(t.Context())
	require.Error(t, wrong)
	require.NotContains(t, source.Name+err.Error()+broken.Name+wrong.Error(), "planted")
}

func TestPlain_ControlCharactersAreEscaped(t *testing.T) {
	s := state("prod")
	const steer = "\x1b]52;c;AAAA\a"
	s.Strategy.State, s.Strategy.Active = steer, steer
	s.Events[0].Text, s.Events[1].Reason = steer, steer
	p := newPanels([]Source{{Name: "a" + steer}, {Name: "b"}})
	p.look(1, debug.State{}, errors.New(steer))
	text := p.screen(200, 40, time.Now(), nil)
	for _, e := range p.look(0, s, nil) {
		text += line(e, true)
	}
	text += p.screen(200, 40, time.Now(), nil)
	var out bytes.Buffer
	require.NoError(t, write(&out, false, Happening{Source: "a" + steer}, errors.New(steer)))
	text += out.String()
	require.NotContains(t, text, "\x1b]")
	require.NotContains(t, text, "\a")
}

// stuck answers no request until it is closed, even after its context has ended.
type stuck chan struct{}

func (s stuck) RoundTrip(*http.Request) (*http.Response, error) {
	<-s
	return nil, errors.New("it was stuck")
}

func TestPlain_ASourceThatHangsDelaysNoOther(t *testing.T) {
	over := make(chan struct{})
	defer close(over)
	hanging := Source{Name: "there", url: "http://there/", http: &http.Client{Transport: stuck(over)}}
	cluster, client := open(t)
	out := plain(t, false, hanging, Local("here", client))
	out.waitFor(t, "settle: detecting => blue")
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: fsm.Green, Kind: e6test.Graceful}))
	require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
	out.waitFor(t, "=> green  (")
}

func TestPanels_CountDroppedEvents(t *testing.T) {
	p := newPanels([]Source{{Name: "a"}})
	later := state("x")
	for i := range later.Events {
		later.Events[i].Seq += 1000
	}
	require.Len(t, p.look(0, state("x"), nil), 3)
	fresh := p.look(0, later, nil)
	require.Len(t, fresh, 4)
	require.Equal(t, "997 events came and went between two looks", fresh[0].Text)
	require.Equal(t, uint64(1000), fresh[0].Seq)
	require.Empty(t, p.look(0, later, nil))
}

func TestAWindowsSizeAndTheKeysThatEndTheScreen(t *testing.T) {
	m := model{panels: newPanels(nil), fleets: newFleets(nil), width: 80, height: 24}
	resized, _ := m.Update(tea.WindowSizeMsg{Width: 40, Height: 15})
	require.Equal(t, 40, resized.(model).width)
	require.Equal(t, 15, resized.(model).height)
	for _, key := range []tea.Key{{Code: 'q', Text: "q"}, {Code: tea.KeyEscape}, {Code: 'c', Mod: tea.ModCtrl}} {
		_, cmd := m.Update(tea.KeyPressMsg(key))
		require.NotNil(t, cmd, "%v", key)
		require.Equal(t, tea.QuitMsg{}, cmd(), "%v", key)
	}
	_, cmd := m.Update(tea.KeyPressMsg{Code: 'x', Text: "x"})
	require.Nil(t, cmd)
}

func TestSource_APageOfAnotherKindIsAnError(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	_, err := Remote(server.URL).Look(t.Context())
	require.ErrorContains(t, err, "no state of a client")
	server.Close()
	_, err = Remote(server.URL).Look(t.Context())
	require.Error(t, err)
	_, err = Remote("http://\x00").Look(t.Context())
	require.Error(t, err)
}

func TestAProbeRunsItsStatementUntilItsEnd(t *testing.T) {
	cluster, client := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		NewClient("here", client).Probe(ctx, "SELECT 7", time.Millisecond, error.Error)
	}()
	require.Eventually(t, func() bool { return cluster.Stats().Executions["SELECT 7"] > 2 }, stress.Patience, time.Millisecond)
	cancel()
	<-done
}

func TestProbe_ReportsAStatementThatFails(t *testing.T) {
	cluster, client := open(t)
	c := NewClient("here", client)
	out := plain(t, false, c.Source())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	cluster.Inject(e6test.Fault{Method: "prepareStatement", Times: 3, Action: e6test.Fail, Message: "out of memory\x1b[31m"})
	go func() {
		defer close(done)
		c.Probe(ctx, "SELECT 7", time.Millisecond, error.Error)
	}()
	out.waitFor(t, "  here  the statement succeeds again\n")
	cancel()
	<-done
	require.Equal(t, 1, strings.Count(out.String(), "  here  the statement fails: "), "once for the same reason")
	require.Contains(t, out.String(), "out of memory\\x1b[31m\n")
}

// state is a client in a cutover.
func state(name string) debug.State {
	at := time.Date(2026, 2, 12, 9, 30, 0, 0, time.UTC)
	s := debug.State{Strategy: fsm.Report{State: "transitioning", Phase: "draining", Active: "blue", Target: "green", Epoch: 7, Since: at}}
	s.Health.Sides = []e6.SideReport{
		{SideHealth: hook.SideHealth{Side: fsm.Blue, InFlight: 12, Requests: 200, Failures: 3, P50: 1400 * time.Microsecond, P99: 2100 * time.Millisecond}},
		{SideHealth: hook.SideHealth{Side: fsm.Green, Requests: 40, P50: 800 * time.Microsecond, P99: 5 * time.Millisecond}},
	}
	s.Stats = e6.Stats{Lost: 1, Retried: 2, Replayed: 3}
	for i, text := range []string{"announce: blue => transitioning blue->green (preparing)", "session 1 on green opened in 460µs", name + ": lost query \x1b[31mq1 on blue"} {
		s.Events = append(s.Events, debug.Event{Seq: uint64(i + 1), Time: at.Add(time.Duration(i) * time.Second), Level: []string{"INFO", "DEBUG", "ERROR"}[i], Text: text})
	}
	return s
}

func TestScreen_ShowsWhatFits(t *testing.T) {
	p := newPanels([]Source{{Name: "prod.example.com:443"}, {Name: "dev"}, {Name: "gone"}})
	require.Len(t, p.look(0, state("prod"), nil), 3)
	require.Len(t, p.look(1, state("dev"), nil), 3)
	require.Empty(t, p.look(0, state("prod"), nil), "nothing is new")
	p.look(2, debug.State{}, errors.New("connection refused"))
	now := time.Date(2026, 2, 12, 9, 31, 5, 0, time.UTC)
	for name, size := range map[string][2]int{"wide": {160, 12}, "usual": {80, 24}, "small": {40, 15}, "tiny": {12, 4}} {
		got := p.screen(size[0], size[1], now, nil)
		plain := ansi.Strip(got)
		want, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
		require.NoError(t, err)
		require.Equal(t, string(want), plain+"\n", name)
		require.LessOrEqual(t, strings.Count(got, "\n"), size[1]-1)
		for line := range strings.Lines(plain) {
			require.LessOrEqual(t, ansi.StringWidth(strings.TrimSuffix(line, "\n")), size[0])
		}
	}
}

func TestSource_EventsOfARestartedProcessAreReported(t *testing.T) {
	p := newPanels([]Source{{Name: "a"}})
	old := state("old")
	for i := range old.Events {
		old.Events[i].Seq += 100
	}
	require.Len(t, p.look(0, old, nil), 3)
	require.Len(t, p.look(0, state("new"), nil), 3)
	for range kept {
		p.look(0, old, nil)
		p.look(0, state("new"), nil)
	}
	require.Len(t, p.events, kept)
}
