package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/e6data/e6data-go/cmd/e6/internal/stores"
	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/config"
	"github.com/e6data/e6data-go/e6/profile"
)

// step limits one check that waits for an answer. Only tests change it.
var step = 10 * time.Second

// The names of the checks, in the order of the report.
const (
	checkVersion     = "version"
	checkEnvironment = "environment"
	checkConfig      = "configuration"
	checkProxy       = "proxy" // if one is used
	checkName        = "address"
	checkTCP         = "connection"
	checkTLS         = "TLS"
	checkProtocol    = "protocol"
	checkCredentials = "credentials"
	checkBlue        = "blue"
	checkGreen       = "green"
	checkSides       = "sides"
	checkStatus      = "status"
	checkLatency     = "latency"
	checkClock       = "clock"
	checkQuery       = "query"
	checkStore       = "store" // if one is named
)

// Run makes all checks and adds them to the report. The configuration is that of a
// client; wrong is what is wrong with it, if anything is; store is the URL of the one
// that the cluster's clients share, or empty. The events of a client that runs a
// query is returned, for Bundle.
func (r *Report) Run(ctx context.Context, cfg e6.Config, wrong error, store string) (known *Client) {
	r.version()
	r.environment(os.Environ())
	if !r.configuration(cfg, wrong) {
		const reason = "there is no configuration to make it with"
		r.skip(reason, checkName, checkTCP, checkTLS, checkProtocol, checkCredentials, checkBlue, checkGreen,
			checkSides, checkStatus, checkLatency, checkClock, checkQuery)
		if store != "" {
			r.skip(reason, checkStore)
		}
		return nil
	}
	if r.network(ctx, cfg) {
		known = r.cluster(ctx, cfg)
	} else {
		r.skip("the server is not reached", checkCredentials, checkBlue, checkGreen, checkSides, checkStatus, checkLatency, checkClock, checkQuery)
	}
	if store != "" {
		r.store(ctx, store, cfg)
	}
	return known
}

func (r *Report) version() {
	version := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	r.ok(checkVersion, "e6 %s, %s, gRPC %s, %s/%s", version, runtime.Version(), grpc.Version, runtime.GOOS, runtime.GOARCH)
}

// environment looks for variables that no part of the SDK reads.
func (r *Report) environment(environ []string) {
	known := []string{config.EnvPrefix + "HOST", config.EnvPrefix + "PORT", profile.EnvFile, profile.EnvName, stores.Env}
	for _, s := range config.Settings() {
		known = append(known, s.Env, s.EnvAlias)
	}
	known = slices.DeleteFunc(known, func(name string) bool { return name == "" })
	var set, odd []string
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		switch {
		case !strings.HasPrefix(name, config.EnvPrefix) || value == "":
		case slices.Contains(known, name):
			set = append(set, name)
		default:
			odd = append(odd, fmt.Sprintf("%s is not read; did you mean %s?", name, nearest(name, known)))
		}
	}
	slices.Sort(set)
	slices.Sort(odd)
	switch {
	case len(odd) > 0:
		r.add(checkEnvironment, Warn, strings.Join(odd, "\n"), "rename or remove what is not read: 'e6 config show' lists the variables")
	case len(set) > 0:
		r.ok(checkEnvironment, "%s", strings.Join(set, ", "))
	default:
		r.ok(checkEnvironment, "no variable of %s is set", config.EnvPrefix+"*")
	}
}

// nearest is the name that has the most letters in common with a wrong one.
func nearest(wrong string, names []string) string {
	return slices.MinFunc(names, func(a, b string) int { return distance(wrong, a) - distance(wrong, b) })
}

// distance is how many letters must be added, removed or replaced.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func (r *Report) configuration(cfg e6.Config, wrong error) bool {
	if config, ok := errors.AsType[*e6.ConfigError](wrong); ok {
		var problems []string
		for _, p := range config.Problems {
			problems = append(problems, p.String())
		}
		r.add(checkConfig, Fail, strings.Join(problems, "\n"), "'e6 config show' shows the source of each value")
		return false
	}
	if wrong != nil {
		r.add(checkConfig, Fail, wrong.Error(), "'e6 config show' shows the source of each value")
		return false
	}
	r.ok(checkConfig, "%s", cfg)
	return true
}

// round leaves the significant digits of a time.
func round(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}
