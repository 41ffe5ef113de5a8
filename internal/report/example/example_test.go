package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/internal/bubbles"
	"github.com/e6data/e6data-go/internal/report"
)

func TestWriteDocuments_AreThoseOfTheRepository(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, writeDocuments("../testdata/incident.rec.gz", folder))
	for name := range documents {
		want, err := os.ReadFile(filepath.Join("../../../docs", name))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got), "docs/%s: run make gen", name)
	}
	require.Error(t, writeDocuments("none", folder))
}

// The recording has every kind of change that the document describes, and can be replayed.
func TestRecordTo_RecordsTheChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "incident.rec.gz")
	bubbles.Test(t, func(t *testing.T) { require.NoError(t, run([]string{"record", path})) })
	recorded, err := read(path)
	require.NoError(t, err)
	for step, err := range recorded.Replay() {
		require.NoError(t, err)
		require.Empty(t, step.Difference)
	}
	var kinds []events.ChangeKind
	for _, c := range report.New(report.Options{}, report.Source{Recording: recorded}).Changes {
		kinds = append(kinds, c.Kind)
	}
	require.Equal(t, []events.ChangeKind{
		events.ChangeDetected, events.ChangeAnnounced, events.ChangeAbrupt, events.ChangeAnnounced, events.ChangeRolledBack,
	}, kinds)
}

func TestRun_WrongArguments(t *testing.T) {
	require.EqualError(t, run([]string{"record"}), "want write and a folder, or record and a file")
	require.ErrorIs(t, run([]string{"write", "none"}), os.ErrNotExist)
	require.ErrorIs(t, run([]string{"record", filepath.Join(t.TempDir(), "none", "file")}), os.ErrNotExist)
}
