package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
)

// interrupts turns signals into the end of a context: that of the command, or, for
// Ctrl-C, that of what the command does at the moment.
type interrupts struct {
	mu   sync.Mutex
	take func() // takes Ctrl-C for itself
}

// watch cancels the command's context at the first signal that has no other receiver. The
// signal after that one kills the program at once. It returns with ctx.
func (i *interrupts) watch(ctx context.Context, signals chan os.Signal, cancel func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-signals:
			if s == os.Interrupt && i.taken() {
				continue
			}
			cancel()
			signal.Stop(signals)
		}
	}
}

func (i *interrupts) taken() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.take != nil {
		i.take()
	}
	return i.take != nil
}

// lend returns a context that Ctrl-C ends, in place of the command's, until it is
// given back.
func (i *interrupts) lend(ctx context.Context) (lent context.Context, giveBack func()) {
	lent, cancel := context.WithCancel(ctx)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.take = cancel
	return lent, func() {
		cancel()
		i.mu.Lock()
		defer i.mu.Unlock()
		i.take = nil
	}
}
