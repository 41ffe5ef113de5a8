package debug

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
)

func TestThePageAndItsFilesAreServedBelowAnyPrefix(t *testing.T) {
	_, client := open(t)
	h := Handler(client)
	plain, stripped, root := http.NewServeMux(), http.NewServeMux(), http.NewServeMux()
	plain.Handle("/debug/e6/", h)
	stripped.Handle("/a/b/", http.StripPrefix("/a/b", h))
	root.Handle("/", h)
	for prefix, mux := range map[string]*http.ServeMux{"/debug/e6/": plain, "/a/b/": stripped, "/": root} {
		for name, contentType := range map[string]string{
			"": "text/html", "page.css": "text/css", "page.js": "text/javascript", "chart.js": "text/javascript",
			"icon.svg": "image/svg+xml", "state.json": "application/json",
		} {
			w := get(t, mux, http.MethodGet, prefix+name)
			require.Equal(t, http.StatusOK, w.Code, prefix+name)
			require.True(t, strings.HasPrefix(w.Header().Get("Content-Type"), contentType), w.Header().Get("Content-Type"))
			require.NotEmpty(t, w.Body.String())
		}
		require.Equal(t, http.StatusNotFound, get(t, mux, http.MethodGet, prefix+"assets.go").Code)
	}
	require.Equal(t, http.StatusOK, get(t, http.StripPrefix("/debug/e6/", h), http.MethodGet, "/debug/e6/").Code)
	require.Equal(t, "/debug/e6/", get(t, plain, http.MethodGet, "/debug/e6").Header().Get("Location"), "the mux adds the slash")
}

func TestEveryFileThatThePageNamesIsServedAndNothingElse(t *testing.T) {
	named := map[string]bool{"page.html": true}
	refs := regexp.MustCompile(`(?:href|src)="([^"#]+)"|from "\./([^"]+)"|new EventSource\("([^"]+)"\)`)
	require.NoError(t, fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := files.ReadFile(name)
		require.NoError(t, err)
		for _, m := range refs.FindAllStringSubmatch(string(body), -1) {
			named[m[1]+m[2]+m[3]] = true
		}
		return nil
	}))
	for _, made := range []string{"state.json", "events", "report.html", "report.json", "report.txt"} {
		require.True(t, named[made], made)
		delete(named, made)
	}
	for name := range named {
		if name != "page.html" {
			require.Contains(t, assets, name)
		}
	}
	entries, err := files.ReadDir("assets")
	require.NoError(t, err)
	for _, e := range entries {
		require.True(t, named[path.Base(e.Name())], "nothing names %s", e.Name())
	}
	require.Len(t, assets, len(entries)+1, "timeline.css is not one of the files")
}

func TestNoScriptWritesMarkup(t *testing.T) {
	markup := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|eval\(|new Function`)
	inline := regexp.MustCompile(`(?i)<script[^>]*>[^<]|\son\w+=|\sstyle=|javascript:|https?://`)
	for name, a := range assets {
		require.NotRegexp(t, markup, string(a.body), name)
		if name == "" {
			require.NotRegexp(t, inline, string(a.body), name)
		}
	}
}

func TestPage_DiagramHasEveryStatePhaseAndEventOfTheMachine(t *testing.T) {
	page := string(assets[""].body)
	for _, s := range []fsm.State{fsm.StateUnknown, fsm.StateDetecting, fsm.StateBlue, fsm.StateGreen, fsm.StateTransitioning} {
		require.Contains(t, page, `id="state-`+s.String()+`"`)
	}
	for _, p := range []fsm.Phase{fsm.PhasePreparing, fsm.PhaseShared, fsm.PhaseDraining} {
		require.Contains(t, page, `id="phase-`+p.String()+`"`)
	}
	picture := page[strings.Index(page, `id="machine"`):strings.Index(page, "</svg>")]
	for e := fsm.EventDetect; e <= fsm.EventReset; e++ {
		require.Regexp(t, `[ >"]`+e.String()+`[ <"]`, picture)
	}
}

func TestHandler_HeadIsGetWithoutABody(t *testing.T) {
	_, client := open(t)
	server := httptest.NewServer(Handler(client))
	defer server.Close()
	defer http.DefaultClient.CloseIdleConnections()
	for name, contentType := range map[string]string{"": "text/html", "page.js": "text/javascript", "state.json": "application/json", "events": "text/event-stream"} {
		resp, err := http.Head(server.URL + "/" + name)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.True(t, strings.HasPrefix(resp.Header.Get("Content-Type"), contentType), name)
		require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
	}
}
