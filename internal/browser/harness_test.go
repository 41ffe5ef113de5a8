package browser

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/debug"
	"github.com/e6data/e6data-go/e6/e6test"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what a test waits for. A browser on a busy machine is slow.
const patience = 60 * time.Second

// chromium finds the browser. Without one the test is skipped, unless
// E6_REQUIRE_CHROMIUM requires one.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("E6_REQUIRE_CHROMIUM") == "1" {
		t.Fatal("look up chromium in PATH: not found, and E6_REQUIRE_CHROMIUM requires it: install it")
	}
	t.Skip("there is no chromium in the path")
	return ""
}

// tab is a page in the browser, with what went wrong in it.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string
}

// newTab starts a browser for one test.
func newTab(t *testing.T) *tab {
	t.Helper()
	home := t.TempDir()
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(chromium(t)), chromedp.UserDataDir(filepath.Join(home, "profile")),
		chromedp.Env("HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("headless", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.WSURLReadTimeout(patience))...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx}
	chromedp.ListenTarget(ctx, b.listen)
	require.NoError(t, chromedp.Run(ctx, cdplog.Enable(), runtime.Enable()))
	t.Cleanup(func() { require.NoError(t, chromedp.Cancel(ctx), "the browser ends") })
	return b
}

// listen notes what the page complains about: errors of scripts, failed loads,
// and what the content security policy has stopped.
func (b *tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.LevelError || e.Entry.Level == cdplog.LevelWarning {
			b.problems = append(b.problems, string(e.Entry.Source)+": "+e.Entry.Text+" "+e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, "exception: "+e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning {
			for _, arg := range e.Args {
				b.problems = append(b.problems, "console: "+string(arg.Value)+arg.Description)
			}
		}
	}
}

// complaints are the problems so far.
func (b *tab) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.problems)
}

func (b *tab) run(actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	require.NoError(b.t, chromedp.Run(ctx, actions...))
}

// waitFor waits until an expression of the page is true.
func (b *tab) waitFor(expression string) {
	b.t.Helper()
	b.run(chromedp.Poll(expression, nil, chromedp.WithPollingTimeout(patience)))
}

// value is what an expression of the page gives.
func value[T any](b *tab, expression string) (out T) {
	b.t.Helper()
	b.run(chromedp.Evaluate(expression, &out))
	return out
}

// fill sets a field of the page as a person does who has finished typing.
func (b *tab) fill(id, text string) {
	b.t.Helper()
	b.run(chromedp.Evaluate(fmt.Sprintf(`{
		const field = document.getElementById(%q);
		field.value = %q;
		field.dispatchEvent(new Event("input"));
		field.dispatchEvent(new Event("change"));
	}`, id, text), nil))
}

// screen is a size of the window and a scheme of colours.
type screen struct {
	name          string
	width, height int64
	phone         bool
	scheme        string
}

var screens = []screen{
	{"desktop-light", 1280, 900, false, "light"},
	{"desktop-dark", 1280, 900, false, "dark"},
	{"phone-light", 360, 740, true, "light"},
	{"phone-dark", 360, 740, true, "dark"},
}

// show makes the page appear on a screen.
func (b *tab) show(s screen) {
	b.t.Helper()
	b.run(
		emulation.SetDeviceMetricsOverride(s.width, s.height, 2, s.phone),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: s.scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}),
	)
}

// picture writes a screenshot of the whole page to E6_SCREENSHOTS, if that names
// a folder, and returns it.
func (b *tab) picture(name string) []byte {
	b.t.Helper()
	var png []byte
	b.run(chromedp.FullScreenshot(&png, 100))
	if dir := os.Getenv("E6_SCREENSHOTS"); dir != "" {
		require.NoError(b.t, os.MkdirAll(dir, 0o755))
		require.NoError(b.t, os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644))
	}
	return png
}

// serve starts a cluster, a client with queries that run on and on, and the page.
func serve(t *testing.T, opts ...e6.Option) (cluster *e6test.Cluster, client *e6.Client, url string) {
	t.Helper()
	cluster, err := e6test.Start(e6test.InMemory())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	client, err = e6.Open(t.Context(), e6.Config{
		Address: cluster.Addr(), ClusterName: "orders", User: "user@example.com", Token: "secret-token", RetryPause: 5 * time.Millisecond,
	}, append(opts, e6.WithDialer(cluster.Dialer()))...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })

	mux := http.NewServeMux()
	mux.Handle("/debug/e6/", debug.Handler(client))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Cleanup(func() { require.NoError(t, client.Close()) }) // before the server, which waits for open streams
	return cluster, client, server.URL + "/debug/e6/"
}

// load runs queries until the test ends.
func load(t *testing.T, client *e6.Client) {
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for ctx.Err() == nil {
				if _, err := client.QueryAll(ctx, "SELECT sleep(20)"); err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		all.Wait()
	})
}
