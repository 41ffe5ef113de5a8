package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
)

func TestThePictureReplacesWhatStandsBetweenTheMarks(t *testing.T) {
	text, err := draw("a\n" + begin + "\nold\n" + end + "\nb\n")
	require.NoError(t, err)
	require.Equal(t, "a\n"+begin+"\n```mermaid\n"+fsm.Mermaid()+"```\n"+end+"\nb\n", text)
	again, err := draw(text)
	require.NoError(t, err)
	require.Equal(t, text, again)
}

func TestADocumentWithoutMarksIsAnError(t *testing.T) {
	for _, text := range []string{"", begin, end} {
		_, err := draw(text)
		require.Error(t, err)
	}
}
