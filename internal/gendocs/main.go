// Command gendocs writes into documents what is derived from the code, between
// the lines that mark where it belongs: the picture of the strategy machine, the
// table of the configuration, and the rules of a report of cutovers.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/report"
)

// parts are what documents may hold, by the name in their marks.
var parts = map[string]func() (string, error){
	"machine": func() (string, error) { return "```mermaid\n" + fsm.Mermaid() + "```\n", nil },
	"config":  func() (string, error) { return configTable(configSource) },
	"advice":  func() (string, error) { return report.AdviceTable(), nil },
}

func begin(part string) string { return "<!-- " + part + ":begin -->" }
func end(part string) string   { return "<!-- " + part + ":end -->" }

func main() {
	for _, file := range os.Args[1:] {
		if err := rewrite(file); err != nil {
			fmt.Fprintf(os.Stderr, "gendocs: %s: %v\n", file, err)
			os.Exit(1)
		}
	}
}

func rewrite(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	filled, err := fill(string(text))
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(filled), 0o644)
}

// fill replaces what stands between the marks of every part. A document has
// marks for one part at least.
func fill(text string) (string, error) {
	found := false
	for part, derive := range parts {
		before, rest, ok := strings.Cut(text, begin(part))
		if !ok {
			continue
		}
		_, after, ok := strings.Cut(rest, end(part))
		if !ok {
			return "", fmt.Errorf("there is no line %s", end(part))
		}
		derived, err := derive()
		if err != nil {
			return "", err
		}
		text, found = before+begin(part)+"\n"+derived+end(part)+after, true
	}
	if !found {
		return "", fmt.Errorf("there is no line such as %s", begin("machine"))
	}
	return text, nil
}
