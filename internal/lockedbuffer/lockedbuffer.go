// Package lockedbuffer is the buffer of tests for the log of a client and for what a
// program prints: many goroutines may write to it while another one reads.
package lockedbuffer

import (
	"bytes"
	"sync"
)

// A Buffer keeps what was written to it. The zero value is ready to use. Its methods may be
// called concurrently.
type Buffer struct {
	// Limit bounds the bytes that are kept: the Write after it is exceeded starts over. 0
	// is no limit. Set it before the first Write.
	Limit int

	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer. It returns no error.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.Limit > 0 && b.buf.Len() > b.Limit {
		b.buf.Reset()
	}
	return b.buf.Write(p)
}

// String returns what is kept.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
