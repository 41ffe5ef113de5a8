package debug

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/recorder"
	"github.com/e6data/e6data-go/internal/stress"
)

var historyNames = []string{"moment.json", "timeline.svg", "report.html", "report.json", "report.txt"}

// openRecorded opens a client with a flight recorder, which has followed a cutover to green.
func openRecorded(t *testing.T) *e6.Client {
	t.Helper()
	cluster, err := e6test.Start(e6test.InMemory())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	client, err := e6.Open(t.Context(), e6.Config{
		Address: cluster.Addr(), ClusterName: "orders", User: "user-of-the-test@example.com", Token: token, RetryPause: 5 * time.Millisecond,
	}, e6.WithDialer(cluster.Dialer()), e6.WithRecorder(recorder.Memory(recorder.Size(recorder.MinSize))))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
	_, err = client.QueryAll(t.Context(), "SELECT 1")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		r, err := client.Recorder().Recording()
		require.NoError(t, err)
		s := newSnapshot(r, time.Now())
		return len(s.changes) == 2 && s.phases[len(s.phases)-1].Label() == "green"
	}, stress.Patience, time.Millisecond)
	return client
}

func momentOf(t *testing.T, h http.Handler, query string) (m moment) {
	t.Helper()
	w := get(t, h, http.MethodGet, "/debug/e6/moment.json?"+query)
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &m))
	return m
}

func TestMoment_IsTheStateBeforeAndAfterAChange(t *testing.T) {
	h := Handler(openRecorded(t))
	require.True(t, stateOf(t, h).Recorded)
	now := momentOf(t, h, "")
	require.True(t, now.Live)
	require.Equal(t, "green", now.State.Label)
	require.Equal(t, now.First, now.From, "the recording is shorter than the window")
	require.Equal(t, now.Now, now.To)
	require.Nil(t, now.Next)

	at := now.Previous.At
	require.Zero(t, at.Nanosecond()%int(time.Millisecond), "scripts have no finer times")
	changed := momentOf(t, h, "span=1s&at="+url.QueryEscape(at.Format(time.RFC3339Nano)))
	require.False(t, changed.Live)
	require.Equal(t, "green", changed.State.Label, "the state after the change")
	require.Equal(t, at, changed.At)

	before := momentOf(t, h, "at="+url.QueryEscape(now.First.Add(-time.Hour).Format(time.RFC3339Nano)))
	require.Equal(t, now.First, before.At, "the begin of the recording")
	require.Equal(t, "unknown", before.State.Label)
	require.Nil(t, before.Previous)
	require.NotNil(t, before.Next)
}

func TestHistory_IsServedInEveryForm(t *testing.T) {
	h := Handler(openRecorded(t))
	for _, c := range []struct{ name, contentType, file, has string }{
		{"moment.json", "application/json", "", `"label": "green"`},
		{"timeline.svg", "image/svg+xml", "", `<svg class="e6-timeline" xmlns="http://www.w3.org/2000/svg" width="400"`},
		{"report.html", "text/html; charset=utf-8", ".html", "<!doctype html>"},
		{"report.json", "application/json", ".json", `"kind": "report"`},
		{"report.txt", "text/plain; charset=utf-8", ".txt", "orders"},
	} {
		w := get(t, h, http.MethodGet, "/debug/e6/"+c.name+"?width=400&span=10m")
		require.Equal(t, http.StatusOK, w.Code, c.name)
		require.Equal(t, c.contentType, w.Header().Get("Content-Type"))
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		require.Contains(t, w.Body.String(), c.has)
		require.NotContains(t, w.Body.String(), token)
		if c.file == "" {
			require.Empty(t, w.Header().Get("Content-Disposition"))
			continue
		}
		require.Regexp(t, `^attachment; filename="e6-report-\d{8}T\d{6}Z\`+c.file+`"$`, w.Header().Get("Content-Disposition"))
	}
}

func TestHistory_ReportIsThatOfTheWindow(t *testing.T) {
	h := Handler(openRecorded(t))
	now := momentOf(t, h, "")
	require.Contains(t, get(t, h, http.MethodGet, "/report.txt").Body.String(), "blue to green, without an announcement")
	// Before the cutover there is nothing but the begin of the client.
	s, err := h.(*handler).history.snapshot()
	require.NoError(t, err)
	s.now = now.First.Add(time.Minute) // so that a window of 1 s does not reach the end
	text := get(t, h, http.MethodGet, "/report.txt?span=1s&at="+url.QueryEscape(s.now.Add(-10*time.Second).Format(time.RFC3339Nano))).Body.String()
	require.NotContains(t, text, "blue to green", "the window begins after the change")
}

func TestHistory_HasTheGuardOfThePage(t *testing.T) {
	h := Handler(openRecorded(t), WithHosts("ops.example"))
	for _, name := range historyNames {
		require.Equal(t, http.StatusOK, get(t, h, http.MethodGet, "/"+name, "Host", "ops.example").Code)
		require.Equal(t, http.StatusForbidden, get(t, h, http.MethodGet, "/"+name, "Host", "evil.example").Code)
		require.Equal(t, http.StatusForbidden, get(t, h, http.MethodGet, "/"+name, "Host", "ops.example", "Sec-Fetch-Site", "cross-site").Code)
		require.Equal(t, http.StatusMethodNotAllowed, get(t, h, http.MethodPost, "/"+name, "Host", "ops.example").Code)
	}
}

func TestHistory_DescribesHowToTurnTheRecorderOn(t *testing.T) {
	_, client := open(t)
	h := Handler(client)
	require.False(t, stateOf(t, h).Recorded)
	for _, name := range historyNames {
		w := get(t, h, http.MethodGet, "/"+name)
		require.Equal(t, http.StatusNotFound, w.Code)
		require.Contains(t, w.Body.String(), "e6.WithRecorder(recorder.File(")
	}
}

func TestHistory_RefusesParametersThatAreNotValid(t *testing.T) {
	h := Handler(openRecorded(t))
	for query, want := range map[string]string{
		"at=yesterday":                     `at is "yesterday": it must be a time in RFC 3339, such as 2030-01-31T14:02:00Z`,
		"span=5":                           `span is "5": it must be a duration of 1s or longer, such as 5m, or all`,
		"span=1ms":                         `span is "1ms"`,
		"span=-5m":                         `span is "-5m"`,
		"span=":                            `span is ""`,
		"width=10":                         `width is "10": it must be a number of CSS pixels from 280 to 4000`,
		"width=999999999":                  `width is "999999999"`,
		"offset=841":                       `offset is "841": it must be the minutes of the time zone east of UTC, from -840 to 840`,
		"form=html":                        `there is no parameter "form": the parameters are at, span, width and offset`,
		"span=5m&span=6m":                  "span is given 2 times: give it once",
		"at=%zz":                           "malformed",
		"at=" + strings.Repeat("é", 1<<10): "…",
	} {
		for _, name := range historyNames {
			w := get(t, h, http.MethodGet, "/"+name+"?"+query)
			require.Equal(t, http.StatusBadRequest, w.Code, query)
			require.Contains(t, w.Body.String(), want)
			require.Less(t, w.Body.Len(), 300)
		}
	}
}

func TestHistory_RemainsAfterTheClientIsClosed(t *testing.T) {
	client := openRecorded(t)
	h := Handler(client)
	require.NoError(t, client.Close())
	<-h.(*handler).sampler.over
	m := momentOf(t, h, "")
	s, err := h.(*handler).history.snapshot()
	require.NoError(t, err)
	require.WithinDuration(t, s.end, m.Now, 0, "the history ends with its last entry")
	require.Equal(t, http.StatusOK, get(t, h, http.MethodGet, "/report.html").Code)
}

// Two slow requests take all slots. The next one ends with its reader.
func TestHistory_DrawsFewRequestsAtATime(t *testing.T) {
	h := Handler(openRecorded(t)).(*handler)
	for range maxDraws {
		end, err := h.history.begin(t.Context())
		require.NoError(t, err)
		defer end()
	}
	r := httptest.NewRequestWithContext(cancelled(t), http.MethodGet, "/timeline.svg", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	require.Empty(t, w.Body.String())
}
