package browser

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/recorder"
)

const (
	// drawn are the flags of the timeline, and cursor is true if the line of a time is in it.
	drawn  = `[...document.querySelectorAll("#drawing .chip-text")].map(t => t.textContent).join()`
	cursor = `document.querySelectorAll("#drawing .cursor").length === 1`
	// shown is the state at the time shown.
	shown    = `document.getElementById("moment-state").textContent`
	spoken   = `document.getElementById("scrubber").getAttribute("aria-valuetext")`
	isLive   = `document.getElementById("follow").getAttribute("aria-pressed") === "true"`
	recorded = `document.getElementById("recording").checkVisibility()`
)

// A page is open while the cluster cuts over. The timeline shows it, and the scrubber leads back
// to the time before.
func TestTimeline_ShowsACutoverAndTheTimeBefore(t *testing.T) {
	b := newTab(t)
	cluster, client, url := serve(t, e6.WithRecorder(recorder.Memory()))
	load(t, client)
	b.show(screens[0])
	b.run(chromedp.Navigate(url))
	b.waitFor(recorded)
	b.waitFor(shown + `.startsWith("blue for ")`)
	b.waitFor(drawn + ` === "blue"`)

	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
	b.waitFor(drawn + `.endsWith("green")`)
	b.waitFor(shown + `.startsWith("green for ")`)
	b.waitFor(spoken + ` === "now, green"`)
	require.True(t, value[bool](b, isLive))
	require.True(t, value[bool](b, `document.getElementById("next-change").disabled`))
	require.Equal(t, "rgb(36, 86, 211)", value[string](b, `getComputedStyle(document.querySelector("#drawing .band.blue")).fill`), "the styles of the timeline apply")

	b.run(chromedp.Click("#previous-change"))
	b.waitFor(cursor)
	b.waitFor(shown + `.startsWith("green for ") && !(` + isLive + `)`) // the state after the change
	b.run(chromedp.Click("#previous-change"))
	b.waitFor(shown + `.startsWith("blue for ")`)
	b.waitFor(`document.getElementById("previous-change").disabled`)
	b.run(chromedp.Click("#next-change"))
	b.waitFor(shown + `.startsWith("green for ")`)

	// The keys of a slider work.
	b.run(chromedp.Focus("#scrubber"), chromedp.KeyEvent(kb.Home))
	b.waitFor(spoken + `.endsWith(", unknown")`)
	b.run(chromedp.KeyEvent(kb.ArrowRight))
	b.waitFor(`document.getElementById("scrubber").value > document.getElementById("scrubber").min`)
	b.run(chromedp.KeyEvent(kb.End))
	b.waitFor(isLive + ` && ` + spoken + ` === "now, green"`)
	require.Empty(t, b.complaints())
}

func TestTimeline_FitsEveryScreen(t *testing.T) {
	b := newTab(t)
	cluster, client, url := serve(t, e6.WithRecorder(recorder.Memory()))
	load(t, client)
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Graceful}))
	b.run(chromedp.Navigate(url))
	b.waitFor(drawn + `.endsWith("green")`)
	b.run(chromedp.Evaluate(`document.getElementById("previous-change").click()`, nil))
	b.waitFor(cursor)
	for _, s := range screens {
		t.Run(s.name, func(t *testing.T) {
			b.show(s)
			b.waitFor(`Math.abs(document.querySelector("#drawing svg").getBoundingClientRect().width - document.getElementById("drawing").clientWidth) < 4`)
			require.Empty(t, value[[]string](b, tooWide))
			require.Empty(t, value[[]string](b, clipped))
			require.Empty(t, value[[]string](b, overlapping))
			b.picture("timeline-" + s.name)
		})
	}
	require.Empty(t, b.complaints())
}

func TestTimeline_DownloadsTheReport(t *testing.T) {
	b := newTab(t)
	cluster, client, url := serve(t, e6.WithRecorder(recorder.Memory()))
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
	_, err := client.QueryAll(t.Context(), "SELECT 1")
	require.NoError(t, err)
	dir := t.TempDir()
	saved := make(chan *browser.EventDownloadProgress, 16)
	chromedp.ListenTarget(b.ctx, func(e any) {
		if p, ok := e.(*browser.EventDownloadProgress); ok && p.State == browser.DownloadProgressStateCompleted {
			saved <- p
		}
	})
	b.run(browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(dir).WithEventsEnabled(true), chromedp.Navigate(url))
	b.waitFor(drawn + `.endsWith("green")`)
	for id, want := range map[string]string{"report-html": "<!doctype html>", "report-json": `"kind": "report"`, "report-txt": "blue to green, without an announcement"} {
		b.run(chromedp.Click("#" + id))
		<-saved
		files, err := filepath.Glob(filepath.Join(dir, "e6-report-*Z."+id[len("report-"):]))
		require.NoError(t, err)
		require.Len(t, files, 1)
		text, err := os.ReadFile(files[0])
		require.NoError(t, err)
		require.Contains(t, string(text), want)
	}
	require.Empty(t, b.complaints())
}

func TestTimeline_DescribesHowToTurnTheRecorderOn(t *testing.T) {
	b := newTab(t)
	_, _, url := serve(t)
	b.show(screens[2])
	b.run(chromedp.Navigate(url))
	b.waitFor(`document.getElementById("no-recording").checkVisibility()`)
	require.False(t, value[bool](b, recorded))
	require.Empty(t, value[[]string](b, tooWide))
	b.picture("no-recorder")
	require.Empty(t, b.complaints())
}
