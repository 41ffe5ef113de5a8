package e6

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/e6data/e6data-go/e6/internal/sqlvalue"
	"github.com/e6data/e6data-go/e6/internal/wire"
	"github.com/e6data/e6data-go/e6/vector"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// WithServerParameters sends arguments beside the statement, as the params of
// executeStatementV2, instead of writing them into its text as literals, which is the
// default. NULL, binary values and floats that are not finite have no known form as a
// parameter and stay literals. The parameters have the indexes that the engine reports by
// getDynamicParams, or count from 1 if it does not implement that call. A parameter has the
// type of a column of such values; a string has the type that the engine reports, so that it
// may be a date. No release of the public connector uses parameters: test them with your
// engine first.
func WithServerParameters() Option { return func(o *options) { o.serverParams = true } }

// number gives the parameters of a prepared statement the indexes that the engine reports,
// and strings also the types that it reports. Other values keep their own types, because
// they could lose digits in the engine's.
func (x *execution) number(ctx context.Context, values []sqlvalue.Parameter) ([]*e6xv1.ParameterValue, error) {
	reported, err := repeat(ctx, x, true, func(ctx context.Context, session string) (*e6xv1.GetDynamicParamsResponse, error) {
		return x.rpc().GetDynamicParams(ctx, &e6xv1.GetDynamicParamsRequest{EngineIP: x.engine, SessionId: session, QueryId: x.queryID})
	})
	if err != nil && wire.Classify(err) != wire.ClassUnimplemented {
		return nil, err
	}
	params := slices.SortedFunc(slices.Values(reported.GetParams()), func(a, b *e6xv1.ParameterValue) int {
		return cmp.Compare(a.GetIndex(), b.GetIndex())
	})
	if len(params) > 0 && len(params) != len(values) {
		return nil, &ParamError{Param: "list", Problem: fmt.Sprintf("the engine counts %d parameters in the statement, and there are %d", len(params), len(values))}
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
