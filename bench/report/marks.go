package report

import (
	"bytes"
	"fmt"
	"os"
)

// Replace puts a text between two lines of a file, <!-- name:begin --> and
// <!-- name:end -->.
func Replace(path, name, text string) error {
	begins, ends := fmt.Sprintf("<!-- %s:begin -->", name), fmt.Sprintf("<!-- %s:end -->", name)
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, hasBegin := bytes.Cut(old, []byte(begins+"\n"))
	_, after, hasEnd := bytes.Cut(rest, []byte(ends))
	if !hasBegin || !hasEnd {
		return fmt.Errorf("%s: want the lines %q and %q", path, begins, ends)
	}
	return os.WriteFile(path, []byte(string(before)+begins+"\n"+text+ends+string(after)), 0o644)
}
