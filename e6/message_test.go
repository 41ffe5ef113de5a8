package e6_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/internal/stress"
)

// wide serves a table v of one row, whose only cell has so many bytes.
func wide(t *testing.T, size int) *e6test.Cluster {
	t.Helper()
	engine := e6test.NewCannedEngine()
	engine.AddTable("v", []vector.Field{{Name: "a", Type: vector.String}}, e6test.Batch{
		Rows: 1, Columns: []e6test.Column{{Type: vector.String, Strings: []string{strings.Repeat("x", size)}}}})
	return start(t, e6test.WithEngine(engine), e6test.InMemory())
}

// The long form has a cell of nearly Config.MaxReceiveBytes; gRPC's own limit is 4 MB.
func TestQuery_ReadsACellThatIsLargerThanGRPCAllowsByDefault(t *testing.T) {
	size := stress.Count(12_000_000, 120_000_000)
	client := open(t, wide(t, size))
	rows, err := client.Query(within(t, 2*time.Minute), "SELECT * FROM v")
	require.NoError(t, err)
	defer rows.Close()
	require.True(t, rows.Next(), "%v", rows.Err())
	var got string
	require.NoError(t, rows.Scan(&got))
	require.Len(t, got, size)
	require.False(t, rows.Next())
	require.NoError(t, rows.Err())
}

func TestQuery_AMessageOverALimitNamesItsField(t *testing.T) {
	cluster := wide(t, 2<<20)
	limited := func(change func(*e6.Config)) *e6.Client {
		cfg := config(cluster)
		change(&cfg)
		client, err := e6.Open(t.Context(), cfg, e6.WithDialer(cluster.Dialer()))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, client.Close()) })
		return client
	}
	_, err := limited(func(c *e6.Config) { c.MaxReceiveBytes = 1 << 20 }).QueryAll(t.Context(), "SELECT * FROM v")
	var failed *e6.QueryError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, codes.ResourceExhausted, failed.Code)
	require.Regexp(t, `larger than max \(\d+ vs\. 1048576\): Config\.MaxReceiveBytes limits a response: raise it`, err.Error())

	sending := limited(func(c *e6.Config) { c.MaxSendBytes = 1 << 20 })
	text := "SELECT 1 -- " + strings.Repeat("x", 1<<20-20) // the text fits, and the request does not
	_, err = sending.QueryAll(t.Context(), text)
	require.ErrorAs(t, err, &failed)
	require.Regexp(t, `larger than max \(\d+ vs\. 1048576\): Config\.MaxSendBytes limits a request: raise it`, err.Error())

	var problem *e6.ParamError
	_, err = sending.QueryAll(t.Context(), "SELECT ?", strings.Repeat("x", 2<<20))
	require.ErrorAs(t, err, &problem)
	require.ErrorContains(t, err, "e6: parameter 1: the statement has 2097161 bytes or more, and Config.MaxSendBytes allows 1048576")

	cluster.Inject(e6test.Fault{Method: "prepareStatementV2", Times: -1, Action: e6test.Fail, Code: codes.ResourceExhausted,
		Message: fmt.Sprintf("grpc: received message larger than max (%d vs. %d)", math.MaxInt32, 4<<20)})
	cluster.Inject(e6test.Fault{Method: "prepareStatement", Times: -1, Action: e6test.Fail, Code: codes.ResourceExhausted,
		Message: fmt.Sprintf("grpc: received message larger than max (%d vs. %d)", math.MaxInt32, 4<<20)})
	_, err = sending.QueryAll(t.Context(), "SELECT 1")
	require.ErrorContains(t, err, "vs. 4194304): the server has a limit for requests: raise it there, or shorten the statement")
}

func TestQueryError_NamesTheCodeOfAnAnswerWithoutAMessage(t *testing.T) {
	for _, method := range []string{"authenticate", "prepareStatement", "executeStatement", "getResultMetadata"} {
		cluster := start(t)
		client := open(t, cluster)
		cluster.ExpireSessions(e6.Blue)
		cluster.Inject(e6test.Fault{Method: method, Times: -1, Action: e6test.Answer, Code: codes.InvalidArgument})
		_, err := client.QueryAll(within(t, 10*time.Second), "SELECT 1")
		require.ErrorContains(t, err, "InvalidArgument without a message", method)
	}
}
