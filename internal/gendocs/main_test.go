package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/config"
	"github.com/e6data/e6data-go/e6/fsm"
)

func TestGendocs_ReplacesTheTextBetweenTheMarks(t *testing.T) {
	text, err := fill("a\n" + begin("machine") + "\nold\n" + end("machine") + "\nb\n")
	require.NoError(t, err)
	require.Equal(t, "a\n"+begin("machine")+"\n```mermaid\n"+fsm.Mermaid()+"```\n"+end("machine")+"\nb\n", text)
	again, err := fill(text)
	require.NoError(t, err)
	require.Equal(t, text, again)
}

func TestGendocs_DocumentWithoutMarksIsAnError(t *testing.T) {
	for _, text := range []string{"", begin("machine"), end("machine")} {
		_, err := fill(text)
		require.Error(t, err)
	}
}

func TestTheTableHasEveryFieldAndEverySetting(t *testing.T) {
	table, err := configTable("../../" + configSource)
	require.NoError(t, err)
	for _, s := range config.Settings() {
		require.Contains(t, table, "| `"+s.Field+"` |")
		if s.Env != "" {
			require.Contains(t, table, "`"+s.Env+"`")
		}
		if s.DSN != "" {
			require.Contains(t, table, "`"+s.DSN+"`")
		}
	}
	for line := range strings.Lines(table) {
		require.Equal(t, 8, strings.Count(line, "|"), line)
	}
}
