// Command gendocs writes the picture of the strategy machine into documents,
// between the lines that mark where it belongs.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/e6data/e6data-go/e6/fsm"
)

const (
	begin = "<!-- machine:begin -->"
	end   = "<!-- machine:end -->"
)

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
	drawn, err := draw(string(text))
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(drawn), 0o644)
}

// draw replaces what stands between the marks.
func draw(text string) (string, error) {
	before, rest, ok := strings.Cut(text, begin)
	if !ok {
		return "", fmt.Errorf("there is no line %s", begin)
	}
	_, after, ok := strings.Cut(rest, end)
	if !ok {
		return "", fmt.Errorf("there is no line %s", end)
	}
	return before + begin + "\n```mermaid\n" + fsm.Mermaid() + "```\n" + end + after, nil
}
