package hookcall

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/hook"
)

// quick is a query hook whose calls return at once.
type quick struct {
	starts, ends, inlines int
	panics                bool
}

type quickKey struct{}

func (q *quick) QueryStart(ctx context.Context, _ hook.QueryStart) context.Context {
	q.starts++
	return context.WithValue(ctx, quickKey{}, q)
}

func (q *quick) QueryEnd(ctx context.Context, _ hook.QueryEnd) {
	if ctx.Value(quickKey{}) == q {
		q.ends++
	}
	if q.panics {
		panic("planted")
	}
}

func (q *quick) Inline(context.Context, string) bool {
	q.inlines++
	return true
}

// passive is a query hook that keeps the context.
type passive struct{ quick }

func (p *passive) QueryStart(context.Context, hook.QueryStart) context.Context {
	p.starts++
	return nil
}

func TestQuery_InlineHooksGetTheirContextAndAPanicIsReported(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		first, second := &quick{panics: true}, &quick{}
		set := NewSet(r.Env, Config{Budget: budget}, &Hooks{Queries: []hook.QueryHook{first, second}})
		ctx, end := set.Query(t.Context(), hook.QueryStart{SQL: "SELECT 1"})
		require.Equal(t, second, ctx.Value(quickKey{}), "the context of the last hook")
		end(hook.QueryEnd{})
		require.Equal(t, 1, first.starts)
		require.Equal(t, 2, first.inlines)
		require.Equal(t, 1, second.ends)
		failed := r.failures()
		require.Len(t, failed, 1)
		require.Equal(t, "panic", failed[0].Problem)
		require.Equal(t, hook.PointQueryEnd, failed[0].Point)
		require.NotContains(t, failed[0].Detail, "planted")
	})
}

func TestQuery_InlineHooksAllocateOneFunction(t *testing.T) {
	r := &rig{Env: &Env{}}
	set := NewSet(r.Env, Config{Budget: budget}, &Hooks{Queries: []hook.QueryHook{&passive{}, &passive{}}})
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		_, end := set.Query(t.Context(), hook.QueryStart{SQL: "SELECT 1"})
		end(hook.QueryEnd{})
	}), 1.0)
}
