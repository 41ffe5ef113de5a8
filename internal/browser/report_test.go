package browser

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/recorder"
	"github.com/e6data/e6data-go/internal/report"
)

// reportPage is the page of two clients, as a file.
func reportPage(t *testing.T) (address string) {
	t.Helper()
	f, err := os.Open("../report/testdata/incident.rec.gz")
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	image, err := io.ReadAll(z)
	require.NoError(t, err)
	r, err := recorder.Parse(image)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "report.html")
	page, err := os.Create(path)
	require.NoError(t, err)
	long := "/var/lib/a-program-with-a-long-name/a-pod-with-a-long-name-7f9c6d5b4-x2x9z/e6.rec"
	require.NoError(t, report.New(report.Options{}, report.Source{Name: long, Recording: r}, report.Source{Name: "web-1.rec", Recording: r}).Page(page))
	require.NoError(t, page.Close())
	return "file://" + path
}

// clipped names the texts of a timeline that reach beyond its edges.
const clipped = `[...document.querySelectorAll("svg.e6-timeline text")].filter(e => {
	const outer = e.ownerSVGElement.getBoundingClientRect(), inner = e.getBoundingClientRect();
	return inner.width > 0 && (inner.right > outer.right + 0.5 || inner.left < outer.left - 0.5);
}).map(e => e.textContent)`

// overlapping names the texts of a timeline that cover others.
const overlapping = `[...document.querySelectorAll("svg.e6-timeline")].flatMap(svg => {
	const texts = [...svg.querySelectorAll("text")].map(e => [e.textContent, e.getBoundingClientRect()]).filter(([, r]) => r.width > 0);
	return texts.flatMap(([a, r], i) => texts.slice(i + 1).filter(([, s]) =>
		r.left < s.right - 1 && s.left < r.right - 1 && r.top < s.bottom - 3 && s.top < r.bottom - 3).map(([b]) => a + " and " + b));
})`

func TestReport_FitsEveryScreen(t *testing.T) {
	b := newTab(t)
	address := reportPage(t)
	for _, s := range screens {
		t.Run(s.name, func(t *testing.T) {
			b.show(s)
			b.run(chromedp.Navigate(address))
			b.waitFor(`document.querySelectorAll("article").length === 5`)
			require.LessOrEqual(t, value[int](b, `document.documentElement.scrollWidth`), int(s.width))
			require.Empty(t, value[[]string](b, clipped))
			require.Empty(t, value[[]string](b, overlapping))
			visible := `[...document.querySelectorAll("svg.e6-timeline")].filter(e => e.getBoundingClientRect().width > 0)`
			require.Equal(t, 5, value[int](b, visible+`.length`), "one form of the timeline, of the recording and of four changes")
			require.LessOrEqual(t, value[float64](b, visible+`[0].getBoundingClientRect().width`), float64(s.width))
			dark := value[string](b, `getComputedStyle(document.body).backgroundColor`) == "rgb(14, 17, 22)"
			require.Equal(t, s.scheme == "dark", dark)
			b.picture("report-" + s.name)
		})
	}
	require.Empty(t, b.complaints())
}
