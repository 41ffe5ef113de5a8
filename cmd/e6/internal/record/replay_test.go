package record

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
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
)

// live is the file of a client that has made an abrupt cutover.
func live(t *testing.T) string {
	t.Helper()
	cluster, err := e6test.Start()
	require.NoError(t, err)
	defer func() { require.NoError(t, cluster.Close()) }()
	path := filepath.Join(t.TempDir(), "e6.rec")
	client, err := e6.Open(t.Context(), e6.Config{Address: cluster.Addr(), User: "me@example.com", Token: "t", Catalog: "demo", Schema: "sales"},
		e6.WithRecorder(recorder.File(path, recorder.Size(recorder.MinSize))))
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	for _, side := range []fsm.Side{fsm.Blue, fsm.Green} {
		require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: side, Kind: e6test.Abrupt}))
		_, err := e6.QueryOne[int](t.Context(), client, "SELECT 1")
		require.NoError(t, err)
	}
	return path
}

// rewrite changes records of a file, and their checksums: see e6/internal/ring.
func rewrite(t *testing.T, path string, change func(content []byte) []byte) {
	t.Helper()
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	const size = 32 << 10
	changes := 0
	for at := size; at < len(image); at += size {
		block := image[at : at+size]
		number := uint32(binary.LittleEndian.Uint64(block))
		for at := 16; at+16 <= size; {
			n := int(binary.LittleEndian.Uint32(block[at:]))
			if n == 0 {
				break
			}
			numbered := block[at+8 : at+16+n]
			content := numbered[8:]
			if changed := change(bytes.Clone(content)); !bytes.Equal(changed, content) {
				require.Len(t, changed, n)
				copy(content, changed)
				binary.LittleEndian.PutUint32(block[at+4:], crc32.Update(number, crc32.MakeTable(crc32.Castagnoli), numbered)^uint32(len(numbered)))
				changes++
			}
			at += (16 + n + 7) &^ 7
		}
	}
	require.Positive(t, changes)
	require.NoError(t, os.WriteFile(path, image, 0o600))
}

func TestReadReplay_ReportsADifference(t *testing.T) {
	path := live(t)
	_, play, err := ReadReplay(path)
	require.NoError(t, err)
	require.NoError(t, play.Check())
	require.Zero(t, play.Skipped)
	good := len(play.Steps)
	require.Greater(t, good, 3)

	rewrite(t, path, func(content []byte) []byte {
		return bytes.Replace(content, []byte("routing green held=false"), []byte("routing green held=truee"), 1)
	})
	_, play, err = ReadReplay(path)
	require.NoError(t, err)
	require.Len(t, play.Steps, good)
	var difference *DifferenceError
	require.ErrorAs(t, play.Check(), &difference)
	require.Equal(t, "detected", difference.Message)
	require.Equal(t, good, difference.Steps)
	require.Regexp(t, `^replay: \d of \d+ steps differ from the recording, first step \d+ \(detected\): decision \d is "routing green held=false closed=.*", and was "routing green held=truee closed=.*": use the version of e6 that the program was built with, or the file was changed$`, difference.Error())

	// It is printed once, with any selection.
	for _, selection := range []Selection{{}, {Step: 1}} {
		selected, err := play.Select(selection)
		require.NoError(t, err)
		var out bytes.Buffer
		require.NoError(t, NewPrinter(&out, false, time.UTC).Steps(play, selected))
		require.Contains(t, out.String(), fmt.Sprintf("step %d: detected", difference.Step))
		require.Contains(t, out.String(), "DIFFERS  decision")
		require.True(t, strings.HasSuffix(out.String(), fmt.Sprintf("\n%d steps replayed\n", good)), out.String())
	}
}

func TestAdd_ACheckpointThatDiffersIsNoStepOfItsOwn(t *testing.T) {
	first, second := steps().Steps[0], steps().Steps[1]
	differs := second
	differs.Difference = "the state differs"
	require.Equal(t, []recorder.ReplayedStep{first, differs}, add([]recorder.ReplayedStep{first, second}, differs))
	require.Equal(t, []recorder.ReplayedStep{first, differs}, add([]recorder.ReplayedStep{first}, differs))
	require.Equal(t, []recorder.ReplayedStep{second, second}, add([]recorder.ReplayedStep{second}, second))
}

func TestReadReplay_WhatCannotBeReplayed(t *testing.T) {
	path := live(t)
	rewrite(t, path, func(content []byte) []byte {
		if content[0] == 4 { // the start of a client
			content[1] = 99
		}
		return content
	})
	_, _, err := ReadReplay(path)
	var file *FileError
	require.ErrorAs(t, err, &file)
	require.EqualError(t, err, "read recording "+path+": replay: the record has version 99, and this program replays version 1: use the program of the version that wrote it")

	path, _ = recording(t)
	_, _, err = ReadReplay(path)
	require.ErrorAs(t, err, &file)
	require.EqualError(t, err, "read recording "+path+": it has nothing to replay: the client has not used a side yet")
	_, _, err = ReadReplay(path + "x")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// steps is a replay whose third step differs.
func steps() Replay {
	blue := fsm.Snapshot{State: fsm.StateBlue, Active: fsm.Blue, Epoch: 1, Cause: fsm.Cause{Reason: fsm.ReasonAccepted}}
	sharing := fsm.Snapshot{State: fsm.StateTransitioning, Phase: fsm.PhaseShared, Active: fsm.Green, Target: fsm.Green, Epoch: 2}
	step := func(at time.Duration, message string, s fsm.Snapshot, decisions ...string) recorder.ReplayedStep {
		return recorder.ReplayedStep{Time: after(at), Step: recorder.Step{Message: message, Fields: "side=blue", Decisions: decisions}, Replayed: decisions, Snapshot: s}
	}
	all := []recorder.ReplayedStep{
		step(0, "side_needed", fsm.Snapshot{}, "task detection", "timer detection pause=30s"),
		step(time.Second, "detected", blue, "machine settle blue"),
		step(2*time.Second, "announced", sharing, "machine announce green"),
		step(3*time.Second, "suspected", blue),
		step(24*time.Hour, "close_requested", blue),
	}
	all[2].Replayed, all[2].Difference = []string{"machine \x1b[1m"}, `decision 1 is "machine", and was "machine announce green"`
	all[3].Held, all[4].Closed = true, true
	return Replay{Steps: all, Skipped: 7}
}

func TestReplay_Select(t *testing.T) {
	for _, test := range []struct {
		name      string
		selection Selection
		want      string
	}{
		{"all", Selection{}, "12345"},
		{"step", Selection{Step: 5}, "5"},
		{"step and context", Selection{Step: 1, Context: 1}, "12"},
		{"at the time of a step", Selection{At: after(time.Second)}, "2"},
		{"between steps", Selection{At: after(4 * time.Second)}, "4"},
		{"after the end", Selection{At: after(48 * time.Hour), Context: 1}, "45"},
		{"message", Selection{Find: "detected side"}, "2"},
		{"decision", Selection{Find: "announce"}, "3"},
		{"several", Selection{Find: "detect"}, "12"},
	} {
		selected, err := steps().Select(test.selection)
		require.NoError(t, err, test.name)
		got := ""
		for i, chosen := range selected {
			if chosen {
				got += fmt.Sprint(i + 1)
			}
		}
		require.Equal(t, test.want, got, test.name)
	}
	for want, selection := range map[string]Selection{
		"step 6: the replay has the steps 1 to 5":                   {Step: 6},
		"the replay begins later, at 2030-01-31 14:01:59":           {At: after(-1)},
		`no step has the text "rollback": omit --find to print all`: {Find: "rollback"},
	} {
		_, err := steps().Select(selection)
		require.EqualError(t, err, want)
		require.IsType(t, &SelectionError{}, err)
	}
}

func TestPrinter_StepsMatchTheirGoldenFiles(t *testing.T) {
	for name, asJSON := range map[string]bool{"replay.txt": false, "replay.jsonl": true} {
		play := steps()
		selected, err := play.Select(Selection{})
		require.NoError(t, err)
		var out bytes.Buffer
		require.NoError(t, NewPrinter(&out, asJSON, time.UTC).Steps(play, selected))
		want, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		require.Equal(t, string(want), out.String(), name)
		if asJSON {
			var last struct{ Step int }
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			require.NoError(t, json.Unmarshal([]byte(lines[4]), &last))
			require.Equal(t, 5, last.Step)
		}
	}
}
