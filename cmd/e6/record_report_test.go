package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/recorder"
)

// abruptly is the recording of a client whose cluster made a change without an announcement.
func abruptly(t *testing.T) string {
	t.Helper()
	path, cluster, client := recorded(t)
	selectOne(t, client)
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: fsm.Green, Kind: e6test.Abrupt}))
	selectOne(t, client)
	require.NoError(t, client.Close())
	return path
}

func TestRecordReport_DescribesACutoverOfAClient(t *testing.T) {
	path := abruptly(t)
	got := command(t, "record", "report", path)
	require.Equal(t, result{got.out, "", 0}, got)
	require.Regexp(t, `(?m)^changes   2\nqueries   2: 1 retried, 1 ok\n\nChange 1 `, got.out)
	require.Regexp(t, `(?m)^  summary   blue to green, without an announcement, in \S+\n  cause     refusal: blue refused a call$`, got.out)
	require.Regexp(t, `(?m)^  queries   1 retried; \d in flight on blue at the change\n  found     abrupt: refusal: `, got.out)
	require.Regexp(t, `(?m)^  \S+  2 +retried +green +\S+ +1 +retries=1  [0-9a-f]{16}$`, got.out)

	got = command(t, "record", "report", path, "--json")
	require.Zero(t, got.code)
	var doc struct {
		Kind    string
		Changes []struct{ Kind, From, To string }
	}
	require.NoError(t, json.Unmarshal([]byte(got.out), &doc))
	require.Equal(t, "report", doc.Kind)
	require.Equal(t, []struct{ Kind, From, To string }{{"detected", "none", "blue"}, {"abrupt", "blue", "green"}}, doc.Changes)

	require.Contains(t, command(t, "record", "report", path, "--until", "2030-01-31 14:00", "--since", "2030-01-31").out, "changes   0\nqueries   0\n")
}

func TestRecordReport_WritesAPage(t *testing.T) {
	path := abruptly(t)
	page := command(t, "record", "report", path, "--html")
	require.Equal(t, result{page.out, "", 0}, page)
	require.Contains(t, page.out, "<!doctype html>")
	require.Contains(t, page.out, "1 change of the active side, no query lost")

	out := filepath.Join(t.TempDir(), "report.html")
	require.Equal(t, result{}, command(t, "record", "report", path, "-o", out))
	file, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Equal(t, page.out, string(file), "the name of the file selects the form")
	require.Equal(t, result{}, command(t, "record", "report", path, "-o", out, "--json"))
	file, err = os.ReadFile(out)
	require.NoError(t, err)
	require.True(t, json.Valid(file), "a flag comes first")
}

func TestRecordReport_JoinsTheFilesOfClients(t *testing.T) {
	path := abruptly(t)
	other := filepath.Join(t.TempDir(), "other.rec")
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(other, image, 0o600))
	got := command(t, "record", "report", path, other)
	require.Zero(t, got.code)
	require.Contains(t, got.out, "\nchanges   2\nqueries   4: 2 retried, 2 ok\n")
	require.Equal(t, 2, strings.Count(got.out, "client    "+other+" at "))
}

// An id of a query is any text, if the program records plain ids.
func TestRecordReport_ShowsNoControlCharacters(t *testing.T) {
	clean(t)
	path := filepath.Join(t.TempDir(), "e6.rec")
	r := recorder.File(path, recorder.PlainQueryIDs())
	require.NoError(t, r.Open())
	r.QueryEnd(t.Context(), hook.QueryEnd{Side: fsm.Blue, QueryID: "\x1b[2Jgone", Lost: true})
	require.NoError(t, r.Close())
	got := command(t, "record", "report", path)
	require.Contains(t, got.out, `\x1b[2Jgone`)
	require.NotContains(t, got.out, "\x1b")
}

func TestRecordReport_WrongUsage(t *testing.T) {
	clean(t)
	path := filepath.Join(t.TempDir(), "e6.rec")
	r := recorder.File(path)
	require.NoError(t, r.Open())
	require.NoError(t, r.Close())
	for want, args := range map[string][]string{
		"e6: report takes the FILE of one or more recordings, and got none\nRun 'e6 record report --help' for usage.\n": {},
		"e6: both --html and --json: want one of them\nRun 'e6 record report --help' for usage.\n":                      {path, "--html", "--json"},
		`e6: --since: time "noon": want a time of day such as 14:02`:                                                    {path, "--since", "noon"},
		`e6: --until: time "noon": want a time of day such as 14:02`:                                                    {path, "--until", "noon"},
		"e6: --until 2030-01-30 is before --since 2030-01-31\n":                                                         {path, "--since", "2030-01-31", "--until", "2030-01-30"},
		"e6: read recording " + path + "x: no such file or directory: give the path":                                    {path, path + "x"},
	} {
		got := command(t, append([]string{"record", "report"}, args...)...)
		require.Equal(t, exitUsage, got.code)
		require.Contains(t, got.errOut, want)
		require.Empty(t, got.out)
	}
	require.Contains(t, command(t, "record", "report", path).out, "time      no entries\n")
	got := command(t, "record", "report", path, "-o", t.TempDir())
	require.NotZero(t, got.code)
	require.Contains(t, got.errOut, "it is a directory")
}
