package emulator

import (
	"context"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
)

var _ e6test.Parameterized = (*statement)(nil)

// Parameters implements e6test.Parameterized. A type that DuckDB leaves open is
// empty.
func (p *statement) Parameters() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn == nil {
		return nil
	}
	types := make([]string, mapping.NParams(p.stmt))
	for i := range types {
		lt := mapping.ParamLogicalType(p.stmt, mapping.IdxT(i+1))
		if t, err := newValueType(lt); err == nil && t.wire() != vector.Null {
			types[i] = t.wire().String()
		}
		mapping.DestroyLogicalType(&lt)
	}
	return types
}

// Bind implements e6test.Parameterized: it gives the values to DuckDB's own
// binding.
func (p *statement) Bind(ctx context.Context, values []e6test.Parameter) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.used || p.conn == nil {
		return errStatement
	}
	for i, v := range values {
		if err := p.bind(ctx, mapping.IdxT(i+1), v); err != nil {
			return fmt.Errorf("parameter %d: %w", i+1, err)
		}
	}
	return nil
}

// bind gives DuckDB one value, as the type that the client names.
func (p *statement) bind(ctx context.Context, at mapping.IdxT, v e6test.Parameter) error {
	state, err := mapping.StateError, error(nil)
	switch vector.ParseType(strings.ToUpper(v.Type)) {
	case vector.Boolean:
		var b bool
		if b, err = strconv.ParseBool(v.Text); err == nil {
			state = mapping.BindBoolean(p.stmt, at, b)
		}
	case vector.Byte, vector.Short, vector.Integer, vector.Long:
		var n int64
		if n, err = strconv.ParseInt(v.Text, 10, 64); err == nil {
			state = mapping.BindInt64(p.stmt, at, n)
		}
	case vector.Float:
		var f float64
		if f, err = strconv.ParseFloat(v.Text, 32); err == nil {
			state = mapping.BindFloat(p.stmt, at, float32(f))
		}
	case vector.Double:
		var f float64
		if f, err = strconv.ParseFloat(v.Text, 64); err == nil {
			state = mapping.BindDouble(p.stmt, at, f)
		}
	case vector.Decimal128:
		var d mapping.Decimal
		if d, err = decimalValue(v.Text); err == nil {
			state = mapping.BindDecimal(p.stmt, at, d)
		}
	case vector.Date:
		var days int64
		if days, err = p.number(ctx, "date_diff('day', DATE '1970-01-01', CAST(%s AS DATE))", v.Text); err == nil {
			state = mapping.BindDate(p.stmt, at, mapping.NewDate(int32(days)))
		}
	case vector.Datetime, vector.Timestamp, vector.TimestampTZ:
		var micros int64
		if micros, err = p.number(ctx, "epoch_us(CAST(%s AS TIMESTAMP))", v.Text); err == nil {
			state = mapping.BindTimestamp(p.stmt, at, mapping.NewTimestamp(micros))
		}
	case vector.String, vector.Char, vector.Other:
		state = mapping.BindVarchar(p.stmt, at, v.Text)
	default:
		err = fmt.Errorf("a value of type %s cannot be bound", v.Type)
	}
	if err == nil && state == mapping.StateError {
		err = fmt.Errorf("DuckDB does not take it: %s", mapping.PrepareError(p.stmt))
	}
	return err
}

// number makes DuckDB read a text as a date or a time, of any year.
func (p *statement) number(ctx context.Context, expression, text string) (int64, error) {
	rows, err := p.conn.texts(ctx, "SELECT CAST("+fmt.Sprintf(expression, quoteText(text))+" AS VARCHAR)")
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(rows[0][0], 10, 64)
}

// decimalValue is a decimal as wide as DuckDB has them.
func decimalValue(text string) (mapping.Decimal, error) {
	d, err := vector.ParseDecimal(text)
	if err != nil {
		return mapping.Decimal{}, err
	}
	n := d.Unscaled()
	if d.Scale() < 0 || d.Scale() > 38 || len(new(big.Int).Abs(n).String()) > 38 {
		return mapping.Decimal{}, fmt.Errorf("%s has more than 38 digits", text)
	}
	mask := new(big.Int).SetUint64(1<<64 - 1)
	lower := new(big.Int).And(n, mask) // of the two's complement, as And sees it
	upper := new(big.Int).Rsh(n, 64)
	return mapping.NewDecimal(38, uint8(d.Scale()), mapping.NewHugeInt(lower.Uint64(), upper.Int64())), nil
}
