package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// commandLine is e6 and its arguments, indented or in backquotes.
var commandLine = regexp.MustCompile("(?m)^ {4,}(e6 [a-z].*)$|`(e6 [a-z][^`\n]*)`")

func TestDocuments_CommandsAreValid(t *testing.T) {
	clean(t)
	paths, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	checked := 0
	for _, path := range append(paths, "../../README.md") {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, m := range commandLine.FindAllStringSubmatch(string(text), -1) {
			line, _, _ := strings.Cut(m[1]+m[2], " #")
			args := words(strings.TrimSuffix(strings.TrimSpace(line), " &"))[1:]
			cmd, rest, err := newRootCommand(&app{}).Find(args)
			require.NoError(t, err, "%s: %s", path, line)
			if cmd.DisableFlagParsing {
				continue // another program's
			}
			require.NoError(t, cmd.ParseFlags(rest), "%s: %s", path, line)
			if cmd.HasParent() {
				require.NoError(t, cmd.ValidateArgs(cmd.Flags().Args()), "%s: %s", path, line)
			}
			checked++
		}
	}
	require.Greater(t, checked, 30)
}

// words splits a line as a shell does, up to a redirection.
func words(line string) (all []string) {
	line, _, _ = strings.Cut(line, " >")
	for _, m := range regexp.MustCompile(`"([^"]*)"|'([^']*)'|(\S+)`).FindAllStringSubmatch(line, -1) {
		all = append(all, m[1]+m[2]+m[3])
	}
	return all
}
