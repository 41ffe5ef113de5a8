package e6

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/e6data/e6data-go/e6/internal/wire"
	"github.com/e6data/e6data-go/e6/vector"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// WithServerParameters sends arguments beside the statement, as the params of
// executeStatementV2, instead of writing them into its text. Nulls, binary values
// and floats that are not finite are still written as literals, which hold nothing
// that could be taken for SQL: no form of theirs is known. The numbers of the
// parameters are those that the engine tells by getDynamicParams, or count from 1
// if it cannot tell. A value has the type that a column of such values has; a text
// has the one that the engine tells, so that it may stand for a date. By default
// arguments are literals, as the public connector writes them; no release of it
// uses parameters, so try them with your engine first.
func WithServerParameters() Option { return func(o *options) { o.serverParams = true } }

// serverParams keeps values for the server, in the order of their question marks.
type serverParams struct {
	literals literals
	values   []*e6xv1.ParameterValue
}

var _ writer = (*serverParams)(nil)

// escaped implements writer. A question mark that is left in the text would be
// one more parameter for the server.
func (*serverParams) escaped() (string, error) {
	return "", refuse("?? cannot be sent with WithServerParameters: the engine would read a placeholder")
}

func (p *serverParams) standard() bool { return p.literals.standard() }

// write implements writer.
func (p *serverParams) write(to *statement, v any) error {
	if text, ok := v.(string); ok {
		if err := to.pieces(text, func(piece string) error { return to.keep(len(piece)) }); err != nil {
			return err
		}
	}
	param, err := parameterText(v)
	if err != nil {
		return err
	}
	if param == nil {
		return p.literals.write(to, v)
	}
	if err := to.keep(parameterBytes); err != nil {
		return err
	}
	p.values = append(p.values, param)
	return to.write("?")
}

// parameterBytes is about what a parameter takes in a message, beside a text of its
// own.
const parameterBytes = 16

// parameterText is a plain value as a parameter, and nil for one that has no form.
func parameterText(v any) (*e6xv1.ParameterValue, error) {
	of := func(t vector.Type, text string) (*e6xv1.ParameterValue, error) {
		return &e6xv1.ParameterValue{Type: t.String(), Value: text}, nil
	}
	switch v := v.(type) {
	case bool:
		return of(vector.Boolean, strconv.FormatBool(v))
	case int64:
		return of(vector.Long, strconv.FormatInt(v, 10))
	case uint64:
		if int64(v) < 0 {
			return of(vector.Decimal128, strconv.FormatUint(v, 10))
		}
		return of(vector.Long, strconv.FormatUint(v, 10))
	case float32:
		if !finite(float64(v)) {
			return nil, nil
		}
		return of(vector.Float, strconv.FormatFloat(float64(v), 'g', -1, 32))
	case float64:
		if !finite(v) {
			return nil, nil
		}
		return of(vector.Double, strconv.FormatFloat(v, 'g', -1, 64))
	case string:
		return of(vector.String, v)
	case vector.Decimal:
		text, _, err := decimalText(v)
		if err != nil {
			return nil, err
		}
		return of(vector.Decimal128, text)
	case vector.DateValue:
		text, err := dateText(v)
		if err != nil {
			return nil, err
		}
		return of(vector.Date, text)
	case time.Time:
		text, err := timestampText(v)
		if err != nil {
			return nil, err
		}
		return of(vector.Timestamp, text)
	}
	return nil, nil
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// number asks the engine how it numbers the parameters of a statement that it has
// prepared, and what it takes a text for. Any other value keeps its own type: under
// the engine's it might lose something, such as its fraction.
func (x *execution) number(ctx context.Context, values []*e6xv1.ParameterValue) ([]*e6xv1.ParameterValue, error) {
	told, err := repeat(ctx, x, true, func(ctx context.Context, session string) (*e6xv1.GetDynamicParamsResponse, error) {
		return x.rpc().GetDynamicParams(ctx, &e6xv1.GetDynamicParamsRequest{EngineIP: x.engine, SessionId: session, QueryId: x.queryID})
	})
	if err != nil && wire.Classify(err) != wire.ClassUnimplemented {
		return nil, err
	}
	params := slices.SortedFunc(slices.Values(told.GetParams()), func(a, b *e6xv1.ParameterValue) int {
		return cmp.Compare(a.GetIndex(), b.GetIndex())
	})
	if len(params) > 0 && len(params) != len(values) {
		return nil, &ParamError{Param: "list", Problem: fmt.Sprintf("the engine counts %d parameters in the statement, and there are %d", len(params), len(values))}
	}
	numbered := make([]*e6xv1.ParameterValue, len(values))
	for i, v := range values {
		numbered[i] = &e6xv1.ParameterValue{Index: int32(i + 1), Type: v.GetType(), Value: v.GetValue()}
		if len(params) > 0 {
			numbered[i].Index = params[i].GetIndex()
			if t := params[i].GetType(); t != "" && v.GetType() == vector.String.String() {
				numbered[i].Type = t
			}
		}
	}
	return numbered, nil
}
