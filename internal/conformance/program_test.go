package conformance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// emulatorProgram builds the emulator, once.
func emulatorProgram(t *testing.T) string {
	return program(t, "e6emu", "../../emulator", "./cmd/e6emu")
}

// buildTime bounds the build of a program: DuckDB and the collector are large.
const buildTime = 10 * time.Minute

var built sync.Map // of program, by name

// program builds a program of this repository, once.
func program(t *testing.T, name, module, pkg string, env ...string) string {
	build, _ := built.LoadOrStore(name, sync.OnceValues(func() (string, error) {
		path, err := filepath.Abs(filepath.Join(filepath.Dir(installed), "bin", name))
		if err != nil {
			return "", err
		}
		ctx, cancel := context.WithTimeout(context.Background(), buildTime)
		defer cancel()
		build := command(ctx, "go", "build", "-o", path, pkg)
		build.Dir, build.Env = module, append(os.Environ(), env...)
		text, err := build.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("build %s: %w\n%s", name, err, text)
		}
		return path, err
	}))
	path, err := build.(func() (string, error))()
	require.NoError(t, err)
	return path
}
