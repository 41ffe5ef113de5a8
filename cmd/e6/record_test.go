package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/recorder"
	"github.com/e6data/e6data-go/internal/stress"
)

// recorded opens a client with a recorder.
func recorded(t *testing.T) (path string, cluster *e6test.Cluster, client *e6.Client) {
	t.Helper()
	cluster, _ = start(t)
	path = filepath.Join(t.TempDir(), "e6.rec")
	cfg := e6.Config{Address: cluster.Addr(), User: "me@example.com", Token: "planted", Catalog: "demo", Schema: "sales"}
	client, err := e6.Open(t.Context(), cfg, e6.WithRecorder(recorder.File(path)))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return path, cluster, client
}

func selectOne(t *testing.T, client *e6.Client) {
	t.Helper()
	_, err := e6.QueryOne[int](t.Context(), client, "SELECT 1")
	require.NoError(t, err)
}

func TestRecord_ShowsACutoverOfAClient(t *testing.T) {
	path, cluster, client := recorded(t)
	selectOne(t, client)
	// Otherwise the call that clears the first query may be the one that is refused.
	require.Eventually(t, func() bool { return len(cluster.OpenQueries()) == 0 }, stress.Patience, time.Millisecond)
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: fsm.Green, Kind: e6test.Abrupt}))
	selectOne(t, client)
	require.NoError(t, client.Close())

	got := command(t, "record", "show", path)
	require.Equal(t, result{got.out, "", 0}, got)
	require.Regexp(t, `(?m)^queries   2: 1 ok, 1 retried$`, got.out)
	require.Regexp(t, `(?m)^strategy  green, epoch 3, since `, got.out)
	require.Regexp(t, `(?s)start  .*settle: detecting => blue.*ok on blue .*settle: detecting => green.*retried on green .* retries=1 id=[0-9a-f]{16}\n.*event       closed  \(caller\)\n$`, got.out)
	require.NotContains(t, got.out, "SELECT")

	got = command(t, "record", "show", path, "--json", "--kind", "retried")
	require.Zero(t, got.code)
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	require.Len(t, lines, 2, "the header and the query")
	var query struct{ Kind, Outcome, Side, ID string }
	require.NoError(t, json.Unmarshal([]byte(lines[1]), &query))
	require.Equal(t, "query retried green", query.Kind+" "+query.Outcome+" "+query.Side)
	require.Contains(t, command(t, "record", "show", path, "--query", query.ID).out, "\nshown     1 of ")
	require.Contains(t, command(t, "record", "show", path, "--since", "2030-01-31").out, "\nshown     ")
}

func TestRecord_TailFollowsAClient(t *testing.T) {
	path, cluster, client := recorded(t)
	selectOne(t, client)
	tail := begin(t, "record", "tail", path, "--refresh", "50ms", "--kind", "transition,query")
	tail.waitFor(`settle: detecting => blue`)
	tail.waitFor(`query       ok on blue`)
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: fsm.Green, Kind: e6test.Abrupt}))
	selectOne(t, client)
	tail.waitFor(`settle: detecting => green`)
	tail.waitFor(`query       retried on green`)
	tail.signals <- os.Interrupt
	require.Equal(t, exitInterrupted, tail.end())

	got := command(t, "record", "tail", path, "--last", "1", "--kind", "query", "--timeout", "1ns")
	require.Zero(t, got.code)
	require.Regexp(t, `^\S+ \S+\n\S+  query       retried on green .*\n$`, got.out)
}

func TestRecord_ReplaysTheRecordingOfAClient(t *testing.T) {
	path, cluster, client := recorded(t)
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: fsm.Green, Kind: e6test.Abrupt}))
	selectOne(t, client)
	require.NoError(t, client.Close())

	got := command(t, "record", "replay", path)
	require.Equal(t, result{got.out, "", 0}, got)
	require.Regexp(t, `(?s)step 1: side_needed .*routing  new queries wait for a side\n.*: refused side=blue .*state    green, epoch 3 .*routing  new queries use green\n.*routing  the client takes no new queries\n.*\n\d+ steps replayed: every decision is equal to the recorded one\n$`, got.out)
	got = command(t, "record", "replay", path, "--step", "2", "--json")
	require.Zero(t, got.code)
	require.Regexp(t, `^{"step":2,.*"message":"detected".*}\n$`, got.out)
	require.Contains(t, command(t, "record", "replay", path, "--at", "0s").out, "the client takes no new queries")

	// A file that was changed, with the checksum of the record.
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	from, to := []byte("routing green held=false"), []byte("routing green held=truee")
	for at := 32 << 10; at < len(image); at += 32 << 10 {
		i := bytes.Index(image[at:at+32<<10], from)
		if i < 0 {
			continue
		}
		for start := at + 16; ; {
			n := int(binary.LittleEndian.Uint32(image[start:]))
			numbered := image[start+8 : start+16+n]
			if start+16+n > at+i {
				copy(image[at+i:], to)
				sum := crc32.Update(uint32(binary.LittleEndian.Uint64(image[at:])), crc32.MakeTable(crc32.Castagnoli), numbered)
				binary.LittleEndian.PutUint32(image[start+4:], sum^uint32(len(numbered)))
				break
			}
			start += (16 + n + 7) &^ 7
		}
		break
	}
	changed := filepath.Join(t.TempDir(), "changed.rec")
	require.NoError(t, os.WriteFile(changed, image, 0o600))
	got = command(t, "record", "replay", changed, "--step", "1")
	require.Equal(t, exitStatement, got.code)
	require.Regexp(t, `^e6: replay: \d of \d+ steps differ from the recording, first step \d+ \(detected\): decision \d is "routing green held=false .*", and was "routing green held=truee`, got.errOut)
	require.Contains(t, got.out, "DIFFERS  decision")
}

func TestRecord_WrongUsage(t *testing.T) {
	clean(t)
	path := filepath.Join(t.TempDir(), "e6.rec")
	r := recorder.File(path)
	require.NoError(t, r.Open())
	require.NoError(t, r.Close())
	text := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(text, []byte("no recording"), 0o600))
	for want, args := range map[string][]string{
		"e6: which of its commands: replay, report, show, tail\n":                                                                                  {"record"},
		`unknown command "shwo" for "e6 record"`:                                                                                                   {"record", "shwo"},
		"e6: show takes one argument, the FILE of a recording, and got 0\nRun 'e6 record show --help' for usage.\n":                                {"record", "show"},
		"e6: tail takes one argument, the FILE of a recording, and got 2\n":                                                                        {"record", "tail", path, path},
		"e6: unknown flag: --form\n":                                                                                                               {"record", "show", path, "--form"},
		"e6: both --all and --kind: want one of them\nRun 'e6 record show --help' for usage.\n":                                                    {"record", "show", path, "--all", "--kind", "event"},
		`e6: kind "step": want one of start, transition, event, query, message, checkpoint, an outcome`:                                            {"record", "tail", path, "--kind", "step"},
		`e6: --since: time "noon": want a time of day such as 14:02`:                                                                               {"record", "show", path, "--since", "noon"},
		`e6: --until: time "noon": want a time of day such as 14:02`:                                                                               {"record", "show", path, "--until", "noon"},
		"e6: --last -1: want a number of entries, or 0 for none\n":                                                                                 {"record", "tail", path, "--last", "-1"},
		"e6: --refresh 1ms: want 50ms or more\n":                                                                                                   {"record", "tail", path, "--refresh", "1ms"},
		"e6: read recording " + path + "x: no such file or directory: give the path that the program passes to recorder.File\n":                    {"record", "show", path + "x"},
		"e6: read recording " + text + `: not a recording of this version: it does not begin with "e6record": give a file of recorder.File` + "\n": {"record", "tail", text},
		"e6: --step and --find: want one of them\nRun 'e6 record replay --help' for usage.\n":                                                      {"record", "replay", path, "--step", "1", "--find", "x"},
		"e6: --step 0: want the number of a step, from 1\n":                                                                                        {"record", "replay", path, "--step", "0"},
		"e6: --context -1: want a number of steps\n":                                                                                               {"record", "replay", path, "-C", "-1"},
		"e6: read recording " + path + ": it has nothing to replay: the client has not used a side yet\n":                                          {"record", "replay", path},
	} {
		got := command(t, args...)
		require.Equal(t, exitUsage, got.code, args)
		require.Contains(t, got.errOut, want)
		require.Empty(t, got.out)
	}
	got := command(t, "record", "show", path)
	require.Equal(t, result{"file      " + path + "\nentries   none: the program has not opened its client yet\n", "", 0}, got)
}
