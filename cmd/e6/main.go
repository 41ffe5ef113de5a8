// The command e6 is a client of the e6data SQL engine for the terminal: it runs
// statements, watches cutovers and diagnoses a cluster that cannot be reached.
//
//	e6 query "SELECT 1"
//
// e6 help lists the commands.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 1)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) { // as SIGHUP is with nohup
			signal.Notify(signals, s)
		}
	}
	// A reader that goes away must not keep a query from being cancelled: with this,
	// writing to it is an error and not the end.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	os.Exit(run(os.Args[1:], signals, os.Stdin, os.Stdout, os.Stderr))
}
