// The command e6emu is a local e6data cluster: two sides behind an ingress, over
// DuckDB, with a sample data set or a database file of yours.
//
//	e6emu --listen 127.0.0.1:50052 --admin 127.0.0.1:50053
//
// It prints one line that begins with "ready" when it serves, and ends on
// SIGINT or SIGTERM. The admin interface is plain HTTP, for instance
//
//	curl -X POST '127.0.0.1:50053/cutover?to=green&grace=5s'
//	curl '127.0.0.1:50053/status'
//
// With TLS and OAuth in place of logins:
//
//	e6emu --tls-self-signed ca.pem --bearer TOKEN
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/emulator"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// After the first signal the next one kills at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run serves until ctx ends and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "e6emu: %v\n", err)
		return exitUsage
	}
	for name, addr := range map[string]string{"--listen": opts.Listen, "--admin": opts.Admin} {
		if addr != "" && !loopback(addr) {
			_, _ = fmt.Fprintf(stderr, "e6emu: warning: %s %s can be reached from other machines, and nothing protects it\n", name, addr)
		}
	}
	em, err := emulator.Start(opts)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "e6emu: %s\n", hint(err))
		return exitFailed
	}
	line := readyLine(em)
	if opts.SelfSigned != "" {
		line += " ca=" + opts.SelfSigned
	}
	_, _ = fmt.Fprintln(stdout, line)
	<-ctx.Done()
	if err := em.Close(); err != nil {
		_, _ = fmt.Fprintf(stderr, "e6emu: shut down: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// readyLine lists the addresses.
func readyLine(em *emulator.Emulator) string {
	line := "ready listen=" + em.Addr()
	if addr := em.AdminAddr(); addr != "" {
		line += " admin=" + addr
	}
	for _, side := range fsm.Sides {
		if addr := em.Cluster().EngineAddr(side); addr != "" {
			line += " engine-" + side.String() + "=" + addr
		}
	}
	return line
}

// hint adds what to do to the errors that are met most often.
func hint(err error) string {
	text := strings.TrimPrefix(err.Error(), "emulator: ")
	if errors.Is(err, syscall.EADDRINUSE) {
		text += "; another e6emu may be running: end it or choose other ports"
	}
	return text
}

// loopback reports whether an address is reached from this machine only.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return true // net.Listen returns the error
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
