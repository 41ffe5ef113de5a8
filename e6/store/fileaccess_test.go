//go:build darwin || dragonfly || freebsd || linux || netbsd

package store_test

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/store"
)

// refused requires the error of a path that could not be trusted.
func refused(t *testing.T, err error, path, problem string) {
	t.Helper()
	var unsafe *store.UnsafePathError
	require.ErrorAs(t, err, &unsafe)
	require.Equal(t, path, unsafe.Path)
	require.Contains(t, unsafe.Problem, problem)
	require.ErrorContains(t, err, path)
}

// somebodyElses is a directory that belongs to another user.
func ownedByOther(t *testing.T) string {
	if os.Geteuid() != 0 {
		return "/"
	}
	dir := t.TempDir()
	require.NoError(t, os.Chown(dir, 12345, -1))
	return dir
}

func TestFile_OnlyTheUserCanReadIt(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	base := t.TempDir()
	f := openFile(t, filepath.Join(base, "new", "files"))
	write(t, f, "w")
	for path, mode := range map[string]os.FileMode{filepath.Join(base, "new"): 0o700, f.Dir(): 0o700, f.Path("a"): 0o600} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm(), path)
	}
	info, err := os.Stat(f.Path("a"))
	require.NoError(t, err)
	require.LessOrEqual(t, info.Size(), int64(10<<10))
	all, err := os.ReadDir(f.Dir())
	require.NoError(t, err)
	require.Len(t, all, 1, "no other files are left")
}

func TestFile_DirectoryWritableByOthersIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		make    func(t *testing.T) string
		problem string
	}{
		"it belongs to another user": {ownedByOther, "does not belong to the user"},
		"everybody may write to it": {func(t *testing.T) string {
			dir := t.TempDir()
			require.NoError(t, os.Chmod(dir, 0o777))
			return dir
		}, "can be changed by other users (mode 0777)"},
		"its group may write to it": {func(t *testing.T) string {
			dir := t.TempDir()
			require.NoError(t, os.Chmod(dir, 0o770))
			return dir
		}, "can be changed by other users"},
		"it is a symbolic link": {func(t *testing.T) string {
			link := filepath.Join(t.TempDir(), "link")
			require.NoError(t, os.Symlink(t.TempDir(), link))
			return link
		}, "is a symbolic link"},
		"it is a file": {func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "file")
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			return path
		}, "is no directory"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := c.make(t)
			_, err := store.OpenFile(store.FileOptions{Dir: dir})
			refused(t, err, dir, c.problem)
		})
	}
}

func TestFile_WritableByOthersIsRefused(t *testing.T) {
	cases := map[string]struct {
		change  func(t *testing.T, path string)
		problem string
	}{
		"everybody may write to it": {func(t *testing.T, path string) { require.NoError(t, os.Chmod(path, 0o666)) }, "can be changed by other users"},
		"its group may write to it": {func(t *testing.T, path string) { require.NoError(t, os.Chmod(path, 0o620)) }, "can be changed by other users"},
		"it is a symbolic link": {func(t *testing.T, path string) {
			require.NoError(t, os.Rename(path, path+".real"))
			require.NoError(t, os.Symlink(path+".real", path))
		}, "is a symbolic link"},
		"it is a link to nothing": {func(t *testing.T, path string) {
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.Symlink(path+".none", path))
		}, "is a symbolic link"},
		"it is a directory": {func(t *testing.T, path string) {
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.Mkdir(path, 0o700))
		}, "is no regular file"},
		"it is a pipe": {func(t *testing.T, path string) {
			require.NoError(t, os.Remove(path))
			require.NoError(t, syscall.Mkfifo(path, 0o600))
		}, "is no regular file"},
	}
	if os.Geteuid() == 0 { // only root can give a file away
		cases["it belongs to another user"] = struct {
			change  func(t *testing.T, path string)
			problem string
		}{func(t *testing.T, path string) { require.NoError(t, os.Chown(path, 12345, -1)) }, "does not belong to the user"}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			first := openFile(t, dir)
			write(t, first, "w")
			require.NoError(t, first.Close())
			path := first.Path("a")
			c.change(t, path)
			f := openFile(t, dir)
			_, err := f.Load(t.Context(), "a")
			refused(t, err, path, c.problem)
			_, err = f.CompareAndSwap(t.Context(), "a", 0, store.Record{})
			refused(t, err, path, c.problem)
			refused(t, f.Watch(t.Context(), "a", func(store.Record) {}), path, c.problem)
			_, err = f.Load(t.Context(), "another")
			require.NoError(t, err, "the other clusters are not concerned")
		})
	}
}

func TestFileStore_RefusesADirectoryReplacedByALink(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "files")
	f := openFile(t, dir)
	write(t, f, "w")
	require.NoError(t, os.Rename(dir, dir+".real"))
	require.NoError(t, os.Symlink(dir+".real", dir))
	_, err := f.CompareAndSwap(t.Context(), "b", 0, store.Record{})
	refused(t, err, dir, "is a symbolic link")
}

func TestTheFilesAreInTheRuntimeDirectoryOrElseInTheCache(t *testing.T) {
	runtime, cache := t.TempDir(), t.TempDir()
	t.Setenv("HOME", cache)
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("XDG_RUNTIME_DIR", runtime)
	opened := func() string {
		f, err := store.OpenFile(store.FileOptions{})
		require.NoError(t, err)
		require.NoError(t, f.Close())
		return f.Dir()
	}
	require.Equal(t, filepath.Join(runtime, "e6data"), opened())

	fallback, err := os.UserCacheDir()
	require.NoError(t, err)
	fallback = filepath.Join(fallback, "e6data")
	for _, useless := range []string{"", "relative", filepath.Join(runtime, "missing"), ownedByOther(t)} {
		t.Setenv("XDG_RUNTIME_DIR", useless)
		require.Equal(t, fallback, opened(), "XDG_RUNTIME_DIR is %q", useless)
	}

	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	_, err = store.OpenFile(store.FileOptions{})
	require.ErrorContains(t, err, "set FileOptions.Dir")
}

func TestFile_ASuspendedWriterDelaysOthersNoLongerThanTheirContexts(t *testing.T) {
	dir := t.TempDir()
	a := openFile(t, dir)
	written := write(t, a, "w")
	held, err := os.Open(a.Path("a"))
	require.NoError(t, err)
	require.NoError(t, syscall.Flock(int(held.Fd()), syscall.LOCK_EX))

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err = a.CompareAndSwap(ctx, "a", 1, store.Record{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "another process is writing")
	fresh := openFile(t, dir)
	require.Equal(t, written, load(t, a), "readers need no lock")
	require.Equal(t, written, load(t, fresh))
	require.Equal(t, written, next(t, watch(t, fresh)))

	waiting := make(chan error, 1)
	go func() {
		_, err := fresh.CompareAndSwap(context.Background(), "a", 1, store.Record{})
		waiting <- err
	}()
	require.NoError(t, held.Close())
	require.NoError(t, <-waiting)
}
