package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"syscall"
	"time"
)

// notices are the inotify events of the files of a directory. A thread that
// waits for a word of the memory (a futex) would be quicker by microseconds, but
// it takes a thread for each cluster, and no context ends its waiting; a read of
// notices waits as that of a socket does. They come since records are written with
// a system call: inotify does not report changes through mapped memory.
type notices struct{ *os.File }

const (
	noticed = syscall.IN_MODIFY | syscall.IN_CREATE | syscall.IN_DELETE | syscall.IN_MOVED_TO | syscall.IN_MOVED_FROM |
		syscall.IN_DELETE_SELF | syscall.IN_MOVE_SELF
	// lost are the notices after which there are no others.
	lost = syscall.IN_DELETE_SELF | syscall.IN_MOVE_SELF | syscall.IN_IGNORED | syscall.IN_UNMOUNT
)

func newNotices(dir string) (notices, error) {
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		return notices{}, err
	}
	n := notices{os.NewFile(uintptr(fd), "inotify")}
	if _, err := syscall.InotifyAddWatch(fd, dir, noticed|syscall.IN_ONLYDIR); err != nil {
		_ = n.Close()
		return notices{}, err
	}
	return n, nil
}

// run rings for every notice, and for all files now and then. It returns when
// the context ends or when no more notices will come.
func (n notices) run(ctx context.Context, ring func(name string)) {
	var closing = make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closing)
		_ = n.Close()
	})
	defer func() {
		if stop() {
			_ = n.Close()
		} else {
			<-closing
		}
	}()
	buffer := make([]byte, 16<<10)
	for ring(""); ; {
		if n.SetReadDeadline(time.Now().Add(checkPause)) != nil {
			return
		}
		size, err := n.Read(buffer)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			ring("")
		case err != nil || !ringNoticed(buffer[:size], ring):
			return
		}
	}
}

// ringNoticed rings for each of the notices, and reports whether more may come.
func ringNoticed(all []byte, ring func(name string)) (more bool) {
	for len(all) >= syscall.SizeofInotifyEvent {
		mask := binary.NativeEndian.Uint32(all[4:])
		size := binary.NativeEndian.Uint32(all[12:])
		name := all[syscall.SizeofInotifyEvent:][:size]
		all = all[syscall.SizeofInotifyEvent+size:]
		if mask&lost != 0 {
			return false
		}
		// Without a name, and so for all, if notices were dropped.
		name, _, _ = bytes.Cut(name, []byte{0})
		ring(string(name))
	}
	return true
}
