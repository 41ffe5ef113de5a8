package recorder_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/recorder"
)

func TestFollow_ReturnsEachEntryOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e6.rec")
	_, err := recorder.Follow(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte("no recording"), 0o600))
	_, err = recorder.Follow(path)
	require.ErrorIs(t, err, recorder.ErrFormat)
	require.NoError(t, os.Remove(path))

	r := recorder.File(path, recorder.Size(recorder.MinSize))
	require.NoError(t, r.Open())
	f, err := recorder.Follow(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	var seqs []uint64
	for n := range 5 {
		for range n {
			r.QueryEnd(t.Context(), hook.QueryEnd{Rows: int64(n)})
		}
		added, err := f.Next()
		require.NoError(t, err)
		require.Len(t, added.Entries, n)
		for _, e := range added.Entries {
			seqs = append(seqs, e.Seq)
		}
	}
	require.Equal(t, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, seqs)
	require.False(t, f.Replaced())
	require.NoError(t, r.Close())
	require.NoError(t, os.Rename(path, path+".old"))
	require.True(t, f.Replaced())
}
