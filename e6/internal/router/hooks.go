package router

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
)

// Hooks are callbacks that decide about cutovers or observe them. Each may be nil. None
// runs on the writer, so they may block.
type Hooks struct {
	// Guard decides about a transition whose target has accepted. ctx ends when the
	// decision no longer counts; Guard must return then.
	Guard func(ctx context.Context, p hook.Proposal) hook.Decision
	// WaitShared returns when no selector needs both sides any longer. If it is nil,
	// no transition has a shared phase.
	WaitShared func(ctx context.Context, shared fsm.Snapshot)
	// Order returns the order in which a detection tries the sides.
	Order func(ctx context.Context, s hook.DetectionStart) [2]fsm.Side

	// The other hooks are called when an operation begins; the function that they
	// return is called when it has ended. The operation uses the context that they
	// return.
	Detection func(ctx context.Context, s hook.DetectionStart) (context.Context, func(hook.DetectionEnd))
	Session   func(ctx context.Context, s hook.SessionStart) (context.Context, func(hook.SessionEnd))
	Cutover   func(ctx context.Context, s hook.CutoverStart) (context.Context, func(hook.CutoverEnd))
}

// background returns the context of an operation of the router itself, in the trace of
// its cause.
func background(ctx context.Context, cause fsm.Cause) context.Context {
	if !cause.Trace.IsValid() {
		return ctx
	}
	return trace.ContextWithSpanContext(ctx, cause.Trace)
}
