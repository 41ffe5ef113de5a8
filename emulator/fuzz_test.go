package emulator_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/emulator"
)

// The admin interface receives any request. A refused one has no effect.
func FuzzTheAdminInterfaceTakesOrRefuses(f *testing.F) {
	cluster, err := e6test.Start(e6test.InMemory())
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, cluster.Close()) })
	h := emulator.AdminHandler(cluster)
	for _, path := range []string{"/announce", "/open", "/close", "/cutover", "/suspend", "/resume", "/expire-sessions", "/stats", "/status", "/none", "/cutover/"} {
		for _, query := range []string{"to=green&side=green", "to=BLUE&kind=abrupt&grace=0s", "to=none", "to=green&kind=announce-first&grace=-1s", "grace=99h&to=blue", "to=green&to=blue&side=blue", "%zz=1;"} {
			f.Add("POST", path, query)
		}
		f.Add("GET", path, "")
	}
	f.Fuzz(func(t *testing.T, method, path, query string) {
		u, err := url.ParseRequestURI(path)
		if err != nil || u.Path == "" || u.IsAbs() {
			return
		}
		q, _ := url.ParseQuery(query)
		if grace, err := time.ParseDuration(q.Get("grace")); u.Path == "/cutover" && (!q.Has("grace") || err == nil && grace > time.Microsecond) {
			q.Set("grace", "1us") // a cutover that would take its time
			query = q.Encode()
		}
		u.RawQuery = query
		before := state(cluster)
		w := httptest.NewRecorder()
		r := &http.Request{Method: method, URL: u, Header: http.Header{}, Host: "localhost", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
		h.ServeHTTP(w, r.WithContext(t.Context()))

		if w.Code == http.StatusAccepted {
			waitForCutover(t, h)
		}
		require.Contains(t, []int{200, 202, 301, 307, 308, 400, 404, 405, 409}, w.Code)
		if w.Code >= 300 && w.Code != http.StatusConflict {
			require.Equal(t, before, state(cluster), "%s %s?%s was refused with %d and has changed something", method, path, query, w.Code)
		}
		if w.Code == http.StatusBadRequest {
			require.Contains(t, w.Body.String(), "parameter ", "it names the invalid parameter")
			require.NotContains(t, strings.TrimSuffix(w.Body.String(), "\n"), "\n")
		}
		if w.Code > http.StatusAccepted || method != http.MethodPost {
			return
		}
		to, err := fsm.ParseSide(q.Get("to"))
		switch u.Path {
		case "/cutover":
			require.NoError(t, err)
			require.Equal(t, to, cluster.Active(), "the cutover is done")
		case "/open":
			side, err := fsm.ParseSide(q.Get("side"))
			require.NoError(t, err)
			require.Contains(t, []fsm.Side{side, side.Other()}, cluster.Active())
		}
	})
}

// waitForCutover waits until the cutover that runs is done.
func waitForCutover(t *testing.T, h http.Handler) {
	t.Helper()
	require.Eventually(t, func() bool {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/status", nil))
		return w.Code == http.StatusOK && !strings.Contains(w.Body.String(), `"running"`)
	}, time.Minute, time.Millisecond)
}

// state is what the admin interface can change, as far as it shows.
func state(c *e6test.Cluster) string { return c.Active().String() }
