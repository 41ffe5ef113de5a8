package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/tools/benchmark/parse"
)

// suite is the compiled tests of a package, whose benchmarks are run one at a time:
// what they measure can be called from there only.
type suite struct{ dir, binary string }

// compile compiles the tests of a package. The folder is one of the root module.
func compile(dir string) (*suite, error) {
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/e6data/e6data-go").Output()
	if err != nil {
		return nil, err
	}
	temp, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	s := &suite{dir: filepath.Join(string(bytes.TrimSpace(module)), dir), binary: filepath.Join(temp, "suite")}
	args := []string{"test", "-c", "-ldflags=-w", "-o", s.binary} // without debug information the link is faster
	if underRace() {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, ".")...)
	build.Dir, build.Stderr = s.dir, os.Stderr
	if err := build.Run(); err != nil {
		return nil, errors.Join(fmt.Errorf("compile %s: %w", dir, err), os.RemoveAll(temp))
	}
	return s, nil
}

// underRace reports whether this program was built with the race detector. Its own tests
// are: the packages of the suites are then compiled already.
func underRace() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

func (s *suite) end() { must(os.RemoveAll(filepath.Dir(s.binary))) }

// run runs one benchmark for so long.
func (s *suite) run(name string, lasts time.Duration) (*parse.Benchmark, error) {
	run := exec.Command(s.binary, "-test.run", "^$", "-test.bench", name, "-test.benchtime", lasts.String(), "-test.benchmem")
	run.Dir, run.Stderr = s.dir, os.Stderr
	out, err := run.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	set, err := parse.ParseSet(bytes.NewReader(out))
	if err != nil {
		return nil, err
	}
	for _, found := range set {
		return found[0], nil
	}
	return nil, fmt.Errorf("%s: no benchmark of %s has that name", name, s.dir)
}

// micro is a comparison that is made of benchmarks of a package.
func micro(dir string, c comparison, figure func(run func(string) (*parse.Benchmark, error)) (float64, error)) comparison {
	c.begin = func(size size) (trial, func(), error) {
		s, err := compile(dir)
		if err != nil {
			return nil, nil, err
		}
		return func() (float64, error) {
			return figure(func(name string) (*parse.Benchmark, error) { return s.run(name, size.lasting(200*time.Millisecond)) })
		}, s.end, nil
	}
	return c
}

const (
	pinAlone    = "^BenchmarkPin_Settled$"
	pinParallel = "^BenchmarkPin_EightGoroutines$"
)

var (
	pin = micro("e6/internal/router", comparison{name: "pin and unpin a query while the side is settled; without an allocation", against: "nothing", goal: 30, unit: "ns"},
		func(run func(string) (*parse.Benchmark, error)) (float64, error) {
			b, err := run(pinAlone)
			if err != nil {
				return 0, err
			}
			if b.AllocsPerOp != 0 {
				return 0, fmt.Errorf("a pin allocates %d times", b.AllocsPerOp)
			}
			return b.NsPerOp, nil
		})
	pinOnEight = micro("e6/internal/router", comparison{name: "the same on 8 goroutines, processor time of each", against: "on one", goal: 2, unit: ofTime},
		func(run func(string) (*parse.Benchmark, error)) (float64, error) {
			many, err := run(pinParallel)
			if err != nil {
				return 0, err
			}
			one, err := run(pinAlone)
			if err != nil {
				return 0, err
			}
			return many.NsPerOp * float64(min(8, runtime.GOMAXPROCS(0))) / one.NsPerOp, nil
		})
	recorded = micro("e6/internal/exec", comparison{
		name:    "record " + fourColumns + " when it reaches the caller, for a continuation within `Config.ContinueWindow`",
		against: "decoding it into a batch that was read before", goal: 0.1, unit: ofTime,
	},
		func(run func(string) (*parse.Benchmark, error)) (float64, error) {
			ours, err := run("^BenchmarkRecord$/^within")
			if err != nil {
				return 0, err
			}
			theirs, err := run("^BenchmarkRecord$/^decode$")
			if err != nil {
				return 0, err
			}
			return ours.NsPerOp / theirs.NsPerOp, nil
		})
	unaryCall = micro("e6/internal/wire", comparison{
		name: "one call through the transport", against: "the generated stub with the same header and limits", goal: 1.03, unit: ofTime,
		reason: "of the 36 µs of a call on loopback, one goes into the settings of the connection (windows, keepalive, no retries), and one into the stamp, the counters, the headers, and the copy that gRPC makes of the metadata of an answer, which distinguishes an ingress from an engine; the same call differs by as much from run to run",
	},
		func(run func(string) (*parse.Benchmark, error)) (float64, error) {
			ours, err := run("^BenchmarkInvoke$/^through")
			if err != nil {
				return 0, err
			}
			theirs, err := run("^BenchmarkInvoke$/^bare")
			if err != nil {
				return 0, err
			}
			return ours.NsPerOp / theirs.NsPerOp, nil
		})
)
