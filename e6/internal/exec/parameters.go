package exec

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/sqlvalue"
	"github.com/e6data/e6data-go/e6/internal/wire"
	"github.com/e6data/e6data-go/e6/vector"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// number gives the parameters of a prepared statement the indexes that the engine reports,
// and strings also the types that it reports. Other values keep their own types, because a
// conversion to the engine's type could lose digits.
func (r *remote) number(ctx context.Context, values []sqlvalue.Parameter) ([]*e6xv1.ParameterValue, error) {
	reported, err := repeat(ctx, r.calls, r.prepared, true, func(ctx context.Context, s router.Session) (*e6xv1.GetDynamicParamsResponse, error) {
		return r.rpc().GetDynamicParams(ctx, &e6xv1.GetDynamicParamsRequest{EngineIP: r.Engine, SessionId: s.ID, QueryId: r.QueryID})
	})
	if err != nil && wire.Classify(err) != wire.ClassUnimplemented {
		return nil, err
	}
	params := slices.SortedFunc(slices.Values(reported.GetParams()), func(a, b *e6xv1.ParameterValue) int {
		return cmp.Compare(a.GetIndex(), b.GetIndex())
	})
	if len(params) > 0 && len(params) != len(values) {
		return nil, r.x.failures.Argument(&sqlvalue.BindError{Param: "list", Problem: fmt.Sprintf("the engine counts %d parameters in the statement, and there are %d", len(params), len(values))})
	}
	numbered := make([]*e6xv1.ParameterValue, len(values))
	for i, v := range values {
		numbered[i] = &e6xv1.ParameterValue{Index: int32(i + 1), Type: v.Type, Value: v.Value}
		if len(params) > 0 {
			numbered[i].Index = params[i].GetIndex()
			if t := params[i].GetType(); t != "" && v.Type == vector.String.String() {
				numbered[i].Type = t
			}
		}
	}
	return numbered, nil
}
