package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/peterh/liner"
)

// editor reads statements from a terminal, line by line, and keeps those that were
// typed. The terminal is its own only while it reads.
type editor struct {
	line            *liner.State
	before, editing liner.ModeApplier // the terminal's modes
	history         string            // the file, if there is one
}

// newEditor returns an editor. It must be closed.
func newEditor(complete liner.WordCompleter) (*editor, error) {
	before, err := liner.TerminalMode()
	if err != nil {
		return nil, err
	}
	e := &editor{line: liner.NewLiner(), before: before}
	e.line.SetCtrlCAborts(true)
	e.line.SetMultiLineMode(true)
	e.line.SetTabCompletionStyle(liner.TabPrints)
	e.line.SetWordCompleter(complete)
	if e.editing, err = liner.TerminalMode(); err == nil {
		err = before.ApplyMode()
	}
	return e, err
}

// errInterrupted: Ctrl-C was pressed.
var errInterrupted = errors.New("interrupted")

// continued is the prompt of all lines but the first.
const continued = "... "

// read returns what is typed up to the end of a statement. The error is
// errInterrupted, or io.EOF.
func (e *editor) read(prompt string, accepted func(text string) bool) (string, error) {
	if err := e.editing.ApplyMode(); err != nil {
		return "", err
	}
	defer func() { _ = e.before.ApplyMode() }()
	var lines []string
	for {
		line, err := e.line.Prompt(prompt)
		if errors.Is(err, liner.ErrPromptAborted) {
			err = errInterrupted
		}
		if err != nil {
			return "", err
		}
		lines = append(lines, line)
		if text := strings.Join(lines, "\n"); accepted(text) {
			e.remember(lines)
			return text, nil
		}
		prompt = continued
	}
}

// remember keeps what was typed: as one line, if that has the same meaning.
func (e *editor) remember(lines []string) {
	one := strings.TrimSpace(strings.Join(lines, " "))
	if len(lines) > 1 && (strings.Contains(one, "--") || strings.Contains(one, "//") || strings.Contains(one, "'")) {
		for _, line := range lines {
			e.line.AppendHistory(line)
		}
		return
	}
	if one != "" {
		e.line.AppendHistory(one)
	}
}

// load reads the statements of earlier shells. They are in a file that only its owner
// can read, as they may hold secrets.
func (e *editor) load() error {
	path, err := historyFile()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return err
	}
	e.history = path
	_, err = e.line.ReadHistory(f)
	return errors.Join(err, f.Close())
}

// close gives the terminal back and writes the history.
func (e *editor) close() error {
	err := errors.Join(e.line.Close(), e.before.ApplyMode())
	if e.history == "" {
		return err
	}
	f, openErr := os.OpenFile(e.history, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if openErr != nil {
		return errors.Join(err, openErr)
	}
	_, writeErr := e.line.WriteHistory(f)
	return errors.Join(err, writeErr, f.Close())
}

// historyFile is where the history is kept; its folder exists.
func historyFile() (string, error) {
	dir := os.Getenv("XDG_STATE_HOME")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(home, ".local", "state")
		if runtime.GOOS == "windows" {
			if dir, err = os.UserCacheDir(); err != nil {
				return "", err
			}
		}
	}
	dir = filepath.Join(dir, "e6data")
	return filepath.Join(dir, "history"), os.MkdirAll(dir, 0o700)
}

// completionTimeout limits how long a completion takes.
const completionTimeout = time.Second

// complete completes commands, and the names of tables.
func (s *shell) complete(line string, pos int) (head string, candidates []string, tail string) {
	runes := []rune(line)
	begin := pos
	for begin > 0 && (unicode.IsLetter(runes[begin-1]) || unicode.IsDigit(runes[begin-1]) || strings.ContainsRune(`_\?`, runes[begin-1])) {
		begin--
	}
	head, word, tail := string(runes[:begin]), string(runes[begin:pos]), string(runes[pos:])
	var known []string
	if strings.HasPrefix(word, `\`) {
		for _, c := range commands() {
			known = append(known, `\`+c.name)
		}
	} else {
		ctx, cancel := context.WithTimeout(context.Background(), completionTimeout)
		defer cancel()
		known, _ = s.client.Tables(ctx, s.catalog, s.schema) // without an answer there is no completion
		slices.Sort(known)
	}
	for _, name := range known {
		if strings.HasPrefix(strings.ToLower(name), strings.ToLower(word)) {
			candidates = append(candidates, name)
		}
	}
	return head, candidates, tail
}
