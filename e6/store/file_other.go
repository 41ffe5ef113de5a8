//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !windows

package store

import (
	"errors"
	"io/fs"
)

// Here OpenFile refuses: there is no memory that processes share, or it does not
// show what they write, or no lock that ends with its process.
const (
	fileSupported = false
	openFlags     = 0
)

func ownerProblem(string, fs.FileInfo) string { return "" }

func (m *mapping) write([]byte, int64) error { return errors.ErrUnsupported }

func (m *mapping) gone() bool { return true }

func (m *mapping) has(string) bool { return false }
