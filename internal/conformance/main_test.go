package conformance

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

var (
	write = flag.String("write", "", "write the results to this file")
	check = flag.String("check", "", "compare the verdicts with those of this file")
)

func TestMain(m *testing.M) {
	if os.Getenv(guardEnv) != "" {
		runGuard(os.Stdin)
		return
	}
	flag.Parse()
	code := m.Run()
	if *write != "" {
		if err := os.WriteFile(*write, []byte(document()), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if *check != "" {
		text, err := os.ReadFile(*check)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
		if differences := compare(string(text), document()); len(differences) > 0 {
			fmt.Fprintf(os.Stderr, "%s\nmake conformance writes the document\n", strings.Join(differences, "\n"))
			code = 1
		}
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
