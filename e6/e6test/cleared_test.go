package e6test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// A fetch may have found its query just before another call clears it.
func TestFetch_OfAClosedResultReturnsNoRows(t *testing.T) {
	cluster, err := Start(InMemory())
	require.NoError(t, err)
	defer cluster.Close()
	blue := cluster.sides[fsm.Blue]
	engine := &engineService{side: blue}
	ctx := context.Background()
	prepared, err := engine.PrepareStatement(ctx, &e6xv1.PrepareStatementRequest{SessionId: blue.newSession(), QueryString: "SELECT 1"})
	require.NoError(t, err)
	q, err := blue.query(prepared.GetQueryId(), prepared.GetEngineIP())
	require.NoError(t, err)
	require.NoError(t, q.execute(blue))
	require.NoError(t, q.wait(ctx))

	require.NoError(t, blue.remove(q.id, blue.ip))
	_, _, err = engine.fetch(ctx, q, 1, cluster.set.empty)
	require.ErrorContains(t, err, "is not known to engine")
	require.ErrorContains(t, q.execute(blue), "is not known to engine")
}
