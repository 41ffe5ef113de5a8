package browser

import (
	"bytes"
	"fmt"
	"image/png"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
)

const (
	// lit is the state that is highlighted in the diagram, and headline the text.
	lit      = `[...document.querySelectorAll("#machine .state.lit")].map(g => g.id).join()`
	phase    = `[...document.querySelectorAll("#machine .phase.lit")].map(g => g.id).join()`
	headline = `document.getElementById("headline").textContent`
	link     = `document.getElementById("connection").textContent`
	// steps are the events of the timeline, the newest first.
	steps = `[...document.querySelectorAll("#transitions .trigger")].map(td => td.textContent).join()`
	// kinds are those in the table of events, and rows how many lines it has.
	kinds = `[...new Set([...document.querySelectorAll("#events .kind span")].map(s => s.textContent))].join()`
	rows  = `document.querySelectorAll("#events tr").length`
	// tooWide names what reaches beyond the right edge of the screen.
	tooWide = `[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 0.5 &&
		!e.closest(".hidden, .skip, thead, defs")).map(e => e.outerHTML.slice(0, 120))`
)

// A page is opened, the cluster cuts over under load, and the page shows it
// without being loaded again.
func TestPage_ShowsACutoverLive(t *testing.T) {
	b := newTab(t)
	cluster, client, url := serve(t)
	load(t, client)

	b.show(screens[0])
	b.run(chromedp.Navigate(url))
	b.waitFor(lit + ` === "state-blue"`)
	b.waitFor(headline + ` === "Blue serves"`)
	b.waitFor(link + ` === "Live"`)
	b.waitFor(steps + ` === "settle,detect"`)
	b.waitFor(`parseFloat(document.getElementById("rate").textContent) > 0`)
	b.waitFor(`document.querySelectorAll("#chart-rate .line.blue").length === 1`)
	b.waitFor(`document.querySelectorAll("#chart-rate .line.green").length === 0`)
	b.run(chromedp.Evaluate(`window.opened = true`, nil))

	// A query that stays on blue keeps the transition open until it is closed.
	staying, err := client.Query(t.Context(), "SELECT * FROM numbers(100000)")
	require.NoError(t, err)
	require.True(t, staying.Next())
	cluster.OpenSide(e6.Green)
	cluster.Announce(e6.Green)
	b.waitFor(lit + ` === "state-transitioning"`)
	b.waitFor(phase + ` === "phase-draining"`)
	b.waitFor(headline + ` === "Moving from blue to green"`)
	b.waitFor(`document.getElementById("meaning").textContent === "New queries go to green. 1 query still runs on blue."`)
	b.picture("draining")
	require.NoError(t, staying.Close())

	b.waitFor(lit + ` === "state-green"`)
	b.waitFor(phase + ` === ""`)
	b.waitFor(headline + ` === "Green serves"`)
	b.waitFor(steps + ` === "commit,accept,announce,settle,detect"`)
	b.waitFor(`document.getElementById("last-change").textContent.startsWith("Last change: blue to green at ")`)
	b.waitFor(`document.querySelectorAll("#chart-rate .line.green").length === 1`)
	b.waitFor(`document.querySelectorAll("#chart-rate .mark").length === 5`)
	require.True(t, value[bool](b, `window.opened`), "it is still the same page")

	for _, s := range screens {
		t.Run(s.name, func(t *testing.T) {
			b.show(s)
			require.Empty(t, value[[]string](b, tooWide))
			require.LessOrEqual(t, value[int](b, `document.documentElement.scrollWidth`), int(s.width))
			picture, err := png.DecodeConfig(bytes.NewReader(b.picture(s.name)))
			require.NoError(t, err)
			require.Equal(t, int(2*s.width), picture.Width)
			dark := value[bool](b, `matchMedia("(prefers-color-scheme: dark)").matches`)
			require.Equal(t, s.scheme == "dark", dark)
			background := value[string](b, `getComputedStyle(document.body).backgroundColor`)
			require.Equal(t, map[bool]string{false: "rgb(244, 245, 247)", true: "rgb(14, 17, 22)"}[dark], background)
		})
	}
	require.Empty(t, b.complaints())
}

func TestPage_FiltersEventsByTextAndKind(t *testing.T) {
	b := newTab(t)
	cluster, client, url := serve(t)
	const tag = `<img src=x onerror="window.broken=1"><b>export</b>`
	ctx := e6.WithQueryOptions(t.Context(), e6.Tag(tag))
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
	_, err := client.QueryAll(ctx, "SELECT 1")
	require.NoError(t, err)
	b.show(screens[0])
	b.run(chromedp.Navigate(url))
	b.waitFor(lit + ` === "state-green"`)
	all := value[int](b, rows)
	require.Greater(t, all, 5)

	b.fill("filter-kind", "refused")
	b.waitFor(kinds + ` === "refused"`)
	require.Equal(t, 1, value[int](b, rows))
	b.fill("filter-kind", "")
	b.run(chromedp.SendKeys("#filter-text", "EXPORT from blue"))
	b.waitFor(kinds + ` === "query retried"`)
	require.Contains(t, value[string](b, `document.getElementById("events-count").textContent`), "1 of ")
	b.run(chromedp.SendKeys("#filter-text", " nothing like it"))
	b.waitFor(rows + ` === 0 && !document.getElementById("no-events").hidden`)
	b.fill("filter-text", "")
	b.waitFor(fmt.Sprintf("%s === %d", rows, all))

	b.run(chromedp.Click("#hold"))
	require.NoError(t, client.Reset(t.Context()))
	b.waitFor(lit + ` === "state-unknown"`)
	require.Equal(t, all, value[int](b, rows), "the table is held")
	b.run(chromedp.Click("#hold"))
	b.waitFor(fmt.Sprintf("%s === %d", rows, all+2)) // the transition, and the change of the active side

	// The tag is a text, and nothing else.
	require.Contains(t, value[string](b, `document.getElementById("events").textContent`), "onerror=")
	require.Zero(t, value[int](b, `document.querySelectorAll("main img, main b b, main script").length`))
	require.False(t, value[bool](b, `"broken" in window`))
	require.Empty(t, b.complaints())
}

func TestPage_ShowsThatTheClientIsClosed(t *testing.T) {
	b := newTab(t)
	_, client, url := serve(t)
	b.run(chromedp.Navigate(url))
	b.waitFor(link + ` === "Live"`)
	require.NoError(t, client.Close())
	b.waitFor(link + ` === "Client closed"`)
	b.waitFor(headline + ` === "The client is closed"`)
	require.Empty(t, b.complaints())
}

func TestPage_ShowsALostConnectionAndReconnects(t *testing.T) {
	b := newTab(t)
	_, client, url := serve(t)
	outage := breakable(t, url)
	b.run(chromedp.Navigate(outage.url))
	b.waitFor(link + ` === "Live"`)
	outage.begin()
	b.waitFor(link + `.startsWith("Connection lost")`)
	b.picture("lost")
	require.NoError(t, client.Reset(t.Context()))
	outage.end()
	b.waitFor(link + ` === "Live"`)
	b.waitFor(lit + ` === "state-unknown"`)
}
