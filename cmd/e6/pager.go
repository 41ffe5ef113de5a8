package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"
)

// pager shows on a terminal what is written to it: directly, if it fits, and
// otherwise through a program that shows it page by page.
type pager struct {
	terminal *os.File
	held     bytes.Buffer // until it is clear that it does not fit
	program  *exec.Cmd
	into     io.WriteCloser
	signals  chan os.Signal
}

func newPager(terminal *os.File) *pager { return &pager{terminal: terminal} }

func (p *pager) Write(b []byte) (int, error) {
	if p.into == nil {
		p.held.Write(b)
		if p.fits() {
			return len(b), nil
		}
		p.start()
		if _, err := p.into.Write(p.held.Bytes()); err != nil {
			return 0, err
		}
		p.held.Reset()
		return len(b), nil
	}
	return p.into.Write(b)
}

// fits reports whether what is held fits on the terminal.
func (p *pager) fits() bool {
	width, height, err := term.GetSize(int(p.terminal.Fd()))
	if err != nil {
		return true
	}
	lines := 0
	for line := range bytes.Lines(p.held.Bytes()) {
		lines++
		if len(line) > width*4 { // more bytes than any line of that width has
			return false
		}
	}
	return lines < height
}

// start starts the program. Without one, the terminal takes its place.
func (p *pager) start() {
	name, given := os.LookupEnv("PAGER")
	if !given {
		name = "less"
	}
	words := strings.Fields(name)
	if len(words) == 0 || words[0] == "cat" {
		p.into = keepOpen{p.terminal}
		return
	}
	p.program = exec.Command(words[0], words[1:]...)
	p.program.Stdout, p.program.Stderr = p.terminal, os.Stderr
	if os.Getenv("LESS") == "" {
		p.program.Env = append(os.Environ(), "LESS=FRSX") // as git has it, with long lines cut
	}
	into, err := p.program.StdinPipe()
	if err == nil {
		err = p.program.Start()
	}
	if err != nil {
		p.program, p.into = nil, keepOpen{p.terminal}
		return
	}
	p.into = into
	// Ctrl-C reaches the pager too, which continues. It ends the query, once, and must
	// not end this program before the pager has put the terminal back.
	p.signals = make(chan os.Signal, 1)
	signal.Notify(p.signals, os.Interrupt)
}

// End shows what is held, or waits for the program to end.
func (p *pager) End(failed error) error { return errors.Join(failed, p.end()) }

func (p *pager) end() error {
	if p.into == nil {
		_, err := p.terminal.Write(p.held.Bytes())
		return err
	}
	err := p.into.Close()
	if p.program == nil {
		return err
	}
	waited := p.program.Wait()
	signal.Stop(p.signals)
	if errors.Is(err, os.ErrClosed) || errors.Is(err, syscall.EPIPE) {
		err = nil // the user has left the pager
	}
	return errors.Join(err, waited)
}
