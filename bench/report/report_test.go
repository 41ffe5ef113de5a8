package report_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/bench/report"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestGendocs_PutsATextBetweenTheMarks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(path, []byte("a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb\n"), 0o600))
	require.NoError(t, report.Replace(path, "x", "new\n"))
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "a\n<!-- x:begin -->\nnew\n<!-- x:end -->\nb\n", string(got))
	require.ErrorContains(t, report.Replace(path, "y", "new"), "want the lines")
}

func TestChart_DrawsACurve(t *testing.T) {
	folder := t.TempDir()
	c := report.Curve{File: "c.svg", Title: "Growth", X: "goroutines", Y: "queries", Lines: []report.Line{
		{"ours", []float64{1, 8, 64}, []float64{100, 300, 320}}, {"theirs", []float64{1, 8, 64}, []float64{90, 310, 320}}}}
	require.NoError(t, c.Draw(folder))
	svg, err := os.ReadFile(filepath.Join(folder, "c.svg"))
	require.NoError(t, err)
	for _, want := range []string{"<svg", "Growth", "goroutines", "ours", "theirs", ">64<", ">0<"} {
		require.Contains(t, string(svg), want)
	}
	c.Steep = true
	require.NoError(t, c.Draw(folder))
	svg, err = os.ReadFile(filepath.Join(folder, "c.svg"))
	require.NoError(t, err)
	for _, want := range []string{">1<", ">10<", ">100<", ">1000<"} {
		require.Contains(t, string(svg), want, "the other axis grows by factors too")
	}
}
