package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/cmd/e6/internal/doctor"
	"github.com/e6data/e6data-go/cmd/e6/internal/record"
	"github.com/e6data/e6data-go/cmd/e6/internal/stores"
	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/visible"
)

// The exit codes, as the help lists them.
const (
	exitOK          = 0
	exitStatement   = 1
	exitUsage       = 2
	exitCluster     = 3
	exitLost        = 4
	exitTimeout     = 124
	exitInterrupted = 130
)

// usageError is a command line that cannot be understood.
type usageError struct {
	err     error
	command string
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// statusError ends the command with a code and without a message of its own.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// errTimeout is the cause of a context that --timeout has ended.
var errTimeout = errors.New("--timeout has passed")

// report prints the error and returns the exit code.
func (a *app) report(ctx context.Context, err error) int {
	code := exitCode(ctx, err)
	if status, phrase := errors.AsType[statusError](err); phrase {
		return int(status)
	}
	if text := describe(err, code); text != "" {
		_, _ = fmt.Fprintln(a.errOut, "e6: "+printable(text))
	}
	return code
}

// printable is a text of several lines that does nothing to a terminal: it may hold
// words of a server.
func printable(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = visible.Line(line)
	}
	return strings.Join(lines, "\n")
}

func exitCode(ctx context.Context, err error) int {
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE):
		return exitOK // the reader has closed the pipe
	case ctx.Err() != nil, errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.Is(err, errTimeout):
		return exitTimeout
	case is[*usageError](err), is[*e6.ConfigError](err), is[*e6.ParamError](err), is[*stores.Error](err), is[*store.DirectiveError](err), is[*record.FileError](err):
		return exitUsage
	case errors.Is(err, e6.ErrQueryLost):
		return exitLost
	case errors.Is(err, e6.ErrCredentials), errors.Is(err, e6.ErrSuspended), errors.Is(err, e6.ErrRateLimited),
		errors.Is(err, doctor.ErrNoSide), is[*e6.DetectionError](err):
		return exitCluster
	case is[*e6.QueryError](err):
		return exitStatement
	case is[*e6.CallError](err):
		return exitCluster
	}
	return exitStatement
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// describe is the message for an error: one line, or one for each problem of a
// configuration.
func describe(err error, code int) string {
	if code == exitOK {
		return ""
	}
	if code == exitInterrupted {
		return "interrupted"
	}
	if timeout, ok := errors.AsType[*timeoutError](err); ok {
		return strings.TrimSuffix(errTimeout.Error()+": "+timeout.detail(), ": ")
	}
	if usage, ok := errors.AsType[*usageError](err); ok {
		return fmt.Sprintf("%v\nRun '%s --help' for usage.", usage.err, usage.command)
	}
	if config, ok := errors.AsType[*e6.ConfigError](err); ok {
		return problems(config)
	}
	if query, ok := errors.AsType[*e6.QueryError](err); ok && query.Code != codes.OK {
		// The author of a statement needs the engine's message, not the failed call.
		return strings.TrimSpace(query.Message)
	}
	if detection, ok := errors.AsType[*e6.DetectionError](err); ok {
		return unreachable(detection)
	}
	if param, ok := errors.AsType[*e6.ParamError](err); ok {
		return fmt.Sprintf("placeholder %s: %s\n--arg gives the value of a ?, --param NAME=VALUE that of :NAME.", param.Param, param.Problem)
	}
	return strings.TrimPrefix(err.Error(), "e6: ")
}

// seeDoctor is what to do if a cluster cannot be used.
const seeDoctor = "'e6 doctor' shows the details."

// detail describes what was in progress when the time was over, without repeating that
// the time is over.
func (e *timeoutError) detail() string {
	text := describe(e.err, exitStatement)
	for _, phrase := range []string{"context deadline exceeded: " + errTimeout.Error(), errTimeout.Error(), "context deadline exceeded"} {
		text = strings.TrimSuffix(strings.ReplaceAll(strings.ReplaceAll(text, ": "+phrase, ""), phrase, ""), ": ")
	}
	return strings.ReplaceAll(text, ": e6: ", ": ")
}

// unreachable describes the causes for which no side of a cluster accepts. A cause that both sides share
// is printed once.
func unreachable(err *e6.DetectionError) string {
	type answer struct{ side, text string }
	cause := callText(err.Err)
	answers := []answer{{"blue", callText(err.Blue)}, {"green", callText(err.Green)}}
	if both := withoutSide(answers[0].text); both == withoutSide(answers[1].text) {
		answers = []answer{{"both", both}}
		if withoutSide(cause) == both {
			cause = both
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "no side of the cluster accepts: %s", cause)
	for _, answer := range answers {
		if !strings.Contains(cause, answer.text) { // every text contains the empty text of a side that was not probed
			fmt.Fprintf(&b, "\n  %-5s  %s", answer.side, answer.text)
		}
	}
	b.WriteString("\n" + seeDoctor)
	return b.String()
}

// callText is the text of the call that failed, without what the client did around it.
// It is empty if there is no error.
func callText(err error) string {
	if err == nil {
		return ""
	}
	if call, ok := errors.AsType[*e6.CallError](err); ok {
		err = call
	}
	return strings.TrimPrefix(err.Error(), "e6: ")
}

// withoutSide is a text of a call without the side that was called.
func withoutSide(text string) string {
	return strings.NewReplacer(" on blue", "", " on green", "").Replace(text)
}

// problems lists the invalid values of a configuration.
func problems(err *e6.ConfigError) string {
	var b strings.Builder
	b.WriteString("the configuration is incomplete or invalid:")
	for _, p := range err.Problems {
		fmt.Fprintf(&b, "\n  %s is %s\n      want %s", p.Name(), p.Value, p.Want)
	}
	b.WriteString("\n'e6 config show' shows the source of each value.")
	return b.String()
}
