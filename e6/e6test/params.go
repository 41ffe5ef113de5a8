package e6test

import (
	"cmp"
	"context"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// parameters returns the types of a query's placeholders.
func (q *serverQuery) parameters() []string {
	if p, ok := q.prepared.(Parameterized); ok {
		return p.Parameters()
	}
	return nil
}

// bind gives the placeholders of a query their values, which are numbered from 1.
func (q *serverQuery) bind(ctx context.Context, given []*e6xv1.ParameterValue) error {
	types := q.parameters()
	if len(given) != len(types) {
		return status.Errorf(codes.InvalidArgument, "query %s has %d parameters, and %d were given", q.id, len(types), len(given))
	}
	if len(types) == 0 {
		return nil
	}
	given = slices.SortedFunc(slices.Values(given), func(a, b *e6xv1.ParameterValue) int { return cmp.Compare(a.GetIndex(), b.GetIndex()) })
	values := make([]Parameter, len(given))
	for i, v := range given {
		if int(v.GetIndex()) != i+1 {
			return status.Errorf(codes.InvalidArgument, "query %s: the parameters must be numbered from 1 to %d, and one has the number %d", q.id, len(types), v.GetIndex())
		}
		values[i] = Parameter{v.GetType(), v.GetValue()}
	}
	return q.prepared.(Parameterized).Bind(ctx, values)
}

func (s *engineService) GetDynamicParams(_ context.Context, r *e6xv1.GetDynamicParamsRequest) (*e6xv1.GetDynamicParamsResponse, error) {
	q, err := s.query(r.GetQueryId(), r.GetEngineIP())
	if err != nil {
		return nil, err
	}
	answer := &e6xv1.GetDynamicParamsResponse{SessionId: r.GetSessionId()}
	for i, name := range q.parameters() {
		answer.Params = append(answer.Params, &e6xv1.ParameterValue{Index: int32(i + 1), Type: name})
	}
	return answer, nil
}
