package sqlvalue

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/e6data/e6data-go/e6/internal/ctxerr"
	"github.com/e6data/e6data-go/e6/internal/errtext"
)

// buffer collects the text of a statement up to its limit.
type buffer struct {
	ctx   context.Context
	limit int
	text  strings.Builder
	// beside counts the bytes of the values that are sent beside the text.
	beside int
}

// chunk is how many bytes of a value are written between two checks of the context.
const chunk = 64 << 10

// write writes text.
func (b *buffer) write(text string) error {
	if err := b.reserve(len(text)); err != nil {
		return err
	}
	b.text.WriteString(text)
	return nil
}

// reserve fails if the context has ended, or if more bytes would exceed the limit.
func (b *buffer) reserve(more int) error { return b.check(b.text.Len() + more) }

// keep counts bytes that are sent beside the text.
func (b *buffer) keep(more int) error {
	b.beside += more
	return b.check(b.beside)
}

// check reads the context for large statements only. A small one is bound at once, and its
// query, with its hooks and its span, ends with the context.
func (b *buffer) check(size int) error {
	if size > chunk && b.ctx.Err() != nil {
		return errtext.Errorf("bind the arguments: %w", ctxerr.Cause(b.ctx))
	}
	if size > b.limit {
		return &BindError{Param: "list", Problem: fmt.Sprintf("the statement has %d bytes or more, and Config.MaxSendBytes allows %d: "+
			"raise it, or put the values into a table and join with that", size, b.limit)}
	}
	return nil
}

// pieces calls f with consecutive pieces of a text, each of at most chunk bytes and valid
// UTF-8.
func (b *buffer) pieces(text string, f func(piece string) error) error {
	for len(text) > 0 {
		n := min(len(text), chunk)
		for back := 0; n < len(text) && back < utf8.UTFMax && !utf8.RuneStart(text[n]); back++ {
			n--
		}
		if !utf8.ValidString(text[:n]) {
			return refuse("the string is not valid UTF-8: give []byte for binary data")
		}
		if err := f(text[:n]); err != nil {
			return err
		}
		text = text[n:]
	}
	return nil
}
