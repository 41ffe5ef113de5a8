package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6/internal/filemap"
)

// The file of a client has one line: the checksum of the text in 16 hexadecimal digits, a
// space, and the client as JSON. The rest is of a longer line before it. The name is that of
// the file of the cluster with a random text, and no other client gets the same.
const (
	memberSuffix = ".client"
	// maxMember is the maximum size of the line.
	maxMember = 16 << 10
)

// memberName is the end of the name of a new client's file.
func memberName() string { return "." + rand.Text() + memberSuffix }

// isMember reports whether a name is that of a client of the cluster with that file.
func isMember(name, cluster string) bool {
	return strings.HasPrefix(name, cluster+".") && strings.HasSuffix(name, memberSuffix)
}

// encodeMember returns the content of a client's file.
func encodeMember(c Client) ([]byte, error) {
	c.Since = c.Since.UTC()
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("store: encode a client: %w", err)
	}
	line := fmt.Appendf(nil, "%016x %s\n", crc64.Checksum(text, slotTable), text)
	if len(line) > maxMember {
		return nil, fmt.Errorf("store: encode a client: it takes %d bytes, the limit is %d: shorten its id, host and program", len(line), maxMember)
	}
	return line, nil
}

// parseMember returns the client in a file. ok is false for a line that is not whole.
func parseMember(content []byte) (c Client, ok bool) {
	line, _, ended := bytes.Cut(content, []byte{'\n'})
	sum, text, _ := bytes.Cut(line, []byte{' '})
	want, err := strconv.ParseUint(string(sum), 16, 64)
	if !ended || err != nil || want != crc64.Checksum(text, slotTable) {
		return Client{}, false
	}
	return c, json.Unmarshal(text, &c) == nil
}

// readAttempts limits how often a line is read that is being written.
const readAttempts = 20

// readMember reads the file of a client, and removes that of a process that has ended. A
// client whose line stays damaged is listed with the name of its file and without a status:
// it lives, and Drained waits for it.
func readMember(ctx context.Context, dir, name string) (c Client, listed bool, err error) {
	path := filepath.Join(dir, name)
	file, err := openOwn(path, false)
	if errors.Is(err, os.ErrNotExist) {
		return Client{}, false, nil
	}
	if err != nil {
		return Client{}, false, err
	}
	dead, err := filemap.TryLock(file)
	if err == nil && dead {
		removeMember(path, file)
		return Client{}, false, nil
	}
	defer file.Close()
	if err != nil {
		return Client{}, false, fmt.Errorf("store: %s: lock: %w", path, err)
	}
	content := make([]byte, maxMember)
	for range readAttempts {
		n, err := file.ReadAt(content, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return Client{}, false, fmt.Errorf("store: %w", err)
		}
		if c, ok := parseMember(content[:n]); ok {
			return c, true, nil
		}
		if err := ctx.Err(); err != nil {
			return Client{}, false, err
		}
		time.Sleep(firstLockPause)
	}
	return Client{ID: name}, true, nil
}
