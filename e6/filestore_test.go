package e6_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/stress"
)

// openSharing opens a client that shares its records through the files of a directory. Each
// client opens the files itself, as clients of different processes do.
func openSharing(t testing.TB, cfg e6.Config, dir string) *e6.Client {
	t.Helper()
	files, err := store.OpenFile(store.FileOptions{Dir: dir})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, files.Close()) })
	client, err := e6.Open(t.Context(), cfg, e6.WithStore(files))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

// sideOf returns the side of the client's next query. It waits until the client has freed
// the query on the server, so that no call is in flight.
func sideOf(t testing.TB, client *e6.Client) e6.Side {
	t.Helper()
	result, err := client.QueryAll(within(t, 30*time.Second), "SELECT 42")
	require.NoError(t, err)
	side := result.Handle.Side
	require.Eventually(t, func() bool { return client.Stats().InFlight[side] == 0 }, stress.Patience, time.Millisecond)
	return side
}

// refusalsOf is how many calls of the client were refused.
func refusalsOf(client *e6.Client) (n int64) {
	for _, refused := range client.Stats().Refused {
		n += refused
	}
	return n
}

// awaitSide waits until a client that does nothing has changed sides.
func awaitSide(t testing.TB, client *e6.Client, side e6.Side) {
	t.Helper()
	require.Eventually(t, func() bool { return client.Strategy().Active == side }, stress.Patience, time.Millisecond)
}

// cuts are the ways in which one client discovers green before the others.
var cuts = map[string]func(t *testing.T, cluster *e6test.Cluster, client *e6.Client){
	"announced": func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.OpenSide(e6.Green)
		cluster.Announce(e6.Green)
		sideOf(t, client) // receives the announcement
		awaitSide(t, client, e6.Green)
	},
	"abrupt": func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
		require.Equal(t, e6.Green, sideOf(t, client))
	},
}

func TestSharedStore_SecondClientFollowsBeforeItsNextQuery(t *testing.T) {
	for name, cut := range cuts {
		t.Run(name, func(t *testing.T) { oneClientLearns(t, cut) })
	}
}

func oneClientLearns(t *testing.T, cut func(*testing.T, *e6test.Cluster, *e6.Client)) {
	cluster, dir := start(t), t.TempDir()
	a, b := openSharing(t, config(cluster), dir), openSharing(t, config(cluster), dir)
	require.Equal(t, e6.Blue, sideOf(t, a))
	require.Equal(t, e6.Blue, sideOf(t, b))

	cut(t, cluster, a)
	awaitSide(t, b, e6.Green)
	cluster.CloseSide(e6.Blue)
	require.Equal(t, e6.Green, sideOf(t, b))
	require.Zero(t, refusalsOf(b))

	// A client that comes later begins where the others are.
	late := openSharing(t, config(cluster), dir)
	require.Equal(t, e6.Green, sideOf(t, late))
	require.Zero(t, refusalsOf(late))
}

func TestFileStore_ClientWorksWithoutTheFile(t *testing.T) {
	cluster, dir := start(t), t.TempDir()
	a := openSharing(t, config(cluster), dir)
	require.Equal(t, e6.Blue, sideOf(t, a))
	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, os.WriteFile(dir, []byte("no directory any more"), 0o600))
	for _, side := range []e6.Side{e6.Green, e6.Blue} {
		require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: side, Kind: e6test.Abrupt}))
		require.Equal(t, side, sideOf(t, a))
	}
}

// sharingVariable makes a client of this program: it holds the cluster's address
// and the directory of the files.
const sharingVariable = "E6_TEST_SHARING_CLIENT"

// TestClientProcess is no test: it is the process that another one starts.
func TestClientProcess(t *testing.T) {
	address, dir, child := strings.Cut(os.Getenv(sharingVariable), "@")
	if !child {
		return
	}
	client := openSharing(t, e6.Config{Address: address, User: "user@example.com", Token: "secret-token"}, dir)
	fmt.Println("queried", sideOf(t, client))
	awaitSide(t, client, e6.Green)
	fmt.Println("knows", client.Strategy().Active)
	_, err := os.Stdin.Read(make([]byte, 1))
	require.NoError(t, err)
	fmt.Println("queried", sideOf(t, client), "with", refusalsOf(client), "refusals")
}

func TestFileStore_SecondProcessFollowsBeforeItsNextQuery(t *testing.T) {
	for name, cut := range cuts {
		t.Run(name, func(t *testing.T) { oneProcessLearns(t, cut) })
	}
}

func oneProcessLearns(t *testing.T, cut func(*testing.T, *e6test.Cluster, *e6.Client)) {
	cluster, dir := start(t), t.TempDir()
	other := exec.Command(os.Args[0], "-test.run=^TestClientProcess$")
	other.Env = append(os.Environ(), sharingVariable+"="+cluster.Addr()+"@"+dir)
	other.Stderr = os.Stderr
	stdin, err := other.StdinPipe()
	require.NoError(t, err)
	stdout, err := other.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, other.Start())
	t.Cleanup(func() {
		if other.ProcessState == nil {
			_ = other.Process.Kill()
			_ = other.Wait()
		}
	})
	output := bufio.NewScanner(stdout)
	requireLine := func(want string) {
		t.Helper()
		require.True(t, output.Scan(), "the other process has ended: %v", output.Err())
		require.Equal(t, want, output.Text())
	}
	requireLine("queried blue")
	client := openSharing(t, config(cluster), dir)
	require.Equal(t, e6.Blue, sideOf(t, client))

	cut(t, cluster, client)
	requireLine("knows green")
	cluster.CloseSide(e6.Blue)
	_, err = stdin.Write([]byte("q"))
	require.NoError(t, err)
	requireLine("queried green with 0 refusals")
	_, err = io.Copy(io.Discard, stdout)
	require.NoError(t, err)
	require.NoError(t, other.Wait())
}
