package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"
)

// emulatorProgram is the program behind e6 emulator. It is one of its own, as its
// engine is written in C++, which this program does without.
const emulatorProgram = "e6emu"

func newEmulatorCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "emulator [flags of " + emulatorProgram + "]",
		Short: "Run a local blue/green cluster with a sample data set",
		Long: `Emulator starts ` + emulatorProgram + `, a local e6data cluster over DuckDB: two sides behind an
ingress, with a sample data set or a database file of yours. All flags are its own;
"e6 emulator --help" lists them. It runs until Ctrl-C.

The program is looked for beside this one and in the PATH. To install it:
    go install github.com/e6data/e6data-go/emulator/cmd/` + emulatorProgram + `@latest`,
		Example: `  e6 emulator
  e6 emulator --database sales.duckdb --latency 5ms
  e6 query "SELECT count(*) FROM orders" --dsn e6://me:token@127.0.0.1:50052/demo/sales`,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := findEmulator()
			if err != nil {
				return err
			}
			program := exec.CommandContext(cmd.Context(), path, args...)
			program.Stdin, program.Stdout, program.Stderr = a.in, a.out, a.errOut
			// It handles the signal itself, and shuts down in order.
			program.Cancel = func() error { return program.Process.Signal(os.Interrupt) }
			err = program.Run()
			if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() > 0 {
				return statusError(exit.ExitCode())
			}
			if cmd.Context().Err() != nil {
				return statusError(exitOK) // ended by a signal: a success
			}
			return err
		},
	}
}

func findEmulator() (string, error) {
	name := emulatorProgram
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if self, err := os.Executable(); err == nil {
		if path, err := exec.LookPath(filepath.Join(filepath.Dir(self), name)); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s is neither beside e6 nor in the PATH: install it with\n"+
			"    go install github.com/e6data/e6data-go/emulator/cmd/%s@latest", emulatorProgram, emulatorProgram)
	}
	return path, nil
}
