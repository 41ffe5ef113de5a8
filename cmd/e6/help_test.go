package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

func TestHelp_MatchesItsGoldenFiles(t *testing.T) {
	clean(t)
	for _, args := range [][]string{{}, {"query"}, {"shell"}, {"config"}, {"cluster"}, {"watch"}, {"record"}, {"record", "show"}, {"record", "tail"}, {"record", "replay"}, {"record", "report"}, {"fleet"}, {"fleet", "rollback"}, {"fleet", "wait"}, {"emulator"}} {
		name := strings.Join(append([]string{"help"}, args...), ".")
		got := command(t, append([]string{"help"}, args...)...)
		require.Equal(t, result{got.out, "", 0}, got)
		requireGolden(t, name, got.out)
	}
	require.Equal(t, command(t, "help"), command(t), "without a command there is nothing else to do")
}

func TestHelp_EveryCommandHasADescription(t *testing.T) {
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		require.NotEmpty(t, cmd.Short, cmd.CommandPath())
		require.NotEmpty(t, cmd.Long, cmd.CommandPath())
		for line := range strings.Lines(cmd.Long) {
			require.LessOrEqual(t, len(line), 90, "%s: %s", cmd.CommandPath(), line)
		}
		for _, sub := range cmd.Commands() {
			check(sub)
		}
	}
	check(newRootCommand(&app{}))
}

func TestUsage_AMistypedCommandIsAnError(t *testing.T) {
	clean(t)
	for want, args := range map[string][]string{
		`e6: unknown command "qurey" for "e6": want one of `: {"qurey"},
		"did you mean query?\nRun 'e6 --help' for usage.\n":  {"qurey"},
		`e6: unknown command "statu" for "e6 cluster": want one of resume, status, suspend; did you mean status?` + "\nRun 'e6 cluster --help'": {"cluster", "statu"},
		"e6: which of its commands: resume, status, suspend\n":                                              {"cluster"},
		"e6: which of its commands: check, show\n":                                                          {"config"},
		"e6: unknown flag: --frmat\nRun 'e6 query --help' for usage.\n":                                     {"query", "--frmat", "csv"},
		"e6: query takes one argument and got 2: put the SQL in quotes\nRun 'e6 query --help' for usage.\n": {"query", "SELECT", "1"},
	} {
		got := command(t, args...)
		require.Equal(t, exitUsage, got.code)
		require.Contains(t, got.errOut, want)
		require.Empty(t, got.out)
	}
}

func TestFlags_ValuesThatMeanNothingAreRefused(t *testing.T) {
	clean(t)
	for want, args := range map[string][]string{
		"e6: both --json and --probe: want one of them\nRun 'e6 doctor --help' for usage.\n":                      {"doctor", "--json", "--probe"},
		"e6: --max-rows -1: want a number of rows, or 0 for no limit\nRun 'e6 query --help' for usage.\n":         {"query", "SELECT 1", "--max-rows", "-1"},
		"e6: --timeout -1s: want a positive time, or 0 for no limit\nRun 'e6 cluster status --help' for usage.\n": {"cluster", "status", "--timeout", "-1s"},
	} {
		require.Equal(t, result{"", want, exitUsage}, command(t, args...))
	}
}

func TestCompletion_CompletesCommands(t *testing.T) {
	clean(t)
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		got := command(t, "completion", shell)
		require.Equal(t, 0, got.code)
		require.Contains(t, got.out, "e6")
	}
	require.Contains(t, command(t, "__complete", "query", "--format", "").out, "csv\n")
	require.Regexp(t, `^e6 \S+ \(go1\.\S+, gRPC \S+, \w+/\w+\)\n$`, command(t, "version").out)
}
