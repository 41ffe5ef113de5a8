package e6arrow

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/internal/stress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open returns a cluster and a client of it.
func open(t testing.TB, opts ...e6test.Option) (*e6test.Cluster, *e6.Client) {
	t.Helper()
	cluster, err := e6test.Start(opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	client, err := e6.Open(t.Context(), e6.Config{Address: cluster.Addr(), User: "me", Token: "t"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return cluster, client
}

// text is a value of an array as vector.Column.Text writes it, and false for a null.
func text(a arrow.Array, row int) (string, bool) {
	if a.IsNull(row) || a.DataType().ID() == arrow.NULL {
		return "", false
	}
	switch a := a.(type) {
	case *array.Boolean:
		return strconv.FormatBool(a.Value(row)), true
	case *array.Int32:
		return strconv.Itoa(int(a.Value(row))), true
	case *array.Int64:
		return strconv.FormatInt(a.Value(row), 10), true
	case *array.Float64:
		return strconv.FormatFloat(a.Value(row), 'g', -1, 64), true
	case *array.Binary:
		return hex.EncodeToString(a.Value(row)), true
	case *array.Date32:
		return vector.DateValue{Days: int64(a.Value(row))}.String(), true
	case *array.Timestamp:
		return vector.TimestampValue{Micros: int64(a.Value(row))}.String(), true
	case *array.Decimal128:
		d, err := vector.NewDecimal(a.Value(row).BigInt(), a.DataType().(*arrow.Decimal128Type).Scale)
		if err != nil {
			return err.Error(), true
		}
		return d.String(), true
	case *array.String:
		return a.Value(row), true
	}
	return fmt.Sprintf("a %T", a), true
}

func TestEveryTypeIsRead(t *testing.T) {
	const n = 2500
	_, client := open(t, e6test.WithBatchRows(1000))
	rows, err := client.Query(t.Context(), fmt.Sprintf("SELECT * FROM everything(%d)", n))
	require.NoError(t, err)
	defer rows.Close()
	reader, err := NewReader(rows)
	require.NoError(t, err)
	defer reader.Release()

	types := map[string]string{}
	for _, f := range reader.Schema().Fields() {
		name, ok := f.Metadata.GetValue(TypeKey)
		require.True(t, ok)
		types[name] = f.Type.String()
	}
	require.Equal(t, map[string]string{
		"BOOLEAN": "bool", "INTEGER": "int32", "LONG": "int64", "DOUBLE": "float64", "FLOAT": "float64", "STRING": "utf8", "BINARY": "binary",
		"DATE": "date32", "DATETIME": "timestamp[us]", "TIMESTAMP": "timestamp[us]", "INT96": "timestamp[us]", "TIMESTAMP_TZ": "timestamp[us, tz=UTC]",
		"DECIMAL128": "decimal(38, 2)", "ARRAY": "utf8", "MAP": "utf8", "STRUCT": "utf8", "NULL": "null",
	}, types)

	row := 0
	for reader.Next() {
		record := reader.RecordBatch()
		require.Same(t, record, reader.Record())
		for i := range int(record.NumRows()) {
			for c, column := range record.Columns() {
				want, ok := e6test.EverythingText(c, row)
				if column.DataType().ID() == arrow.TIMESTAMP && ok {
					want = inUTC(t, want)
				}
				got, there := text(column, i)
				require.Equal(t, ok, there, "%s, row %d", reader.Schema().Field(c).Name, row)
				require.Equal(t, want, got, "%s, row %d", reader.Schema().Field(c).Name, row)
			}
			row++
		}
	}
	require.NoError(t, reader.Err())
	require.Equal(t, n, row)
	require.False(t, reader.Next())
}

// inUTC is an instant in UTC: Arrow keeps no zone for each row.
func inUTC(t *testing.T, s string) string {
	at, err := time.Parse(time.RFC3339Nano, s)
	require.NoError(t, err)
	return vector.TimestampValue{Micros: at.UnixMicro()}.String()
}

// decoded encodes columns and decodes them again.
func decoded(t require.TestingT, rows int, columns ...e6test.Column) (*vector.Batch, []vector.Field) {
	fields := make([]vector.Field, len(columns))
	for i, c := range columns {
		fields[i] = vector.Field{Name: fmt.Sprint("c", i), Type: c.Type, TypeName: c.Type.String()}
	}
	raw, err := e6test.EncodeBatch(e6test.Batch{Rows: rows, Columns: columns})
	require.NoError(t, err)
	batch, err := vector.Decode(raw, fields)
	require.NoError(t, err)
	return batch, fields
}

func TestReader_ColumnsOfTheSameLayoutAreNotCopied(t *testing.T) {
	ints := []int64{1, math.MinInt64, math.MaxInt64}
	batch, fields := decoded(t, 3,
		e6test.Column{Type: vector.Long, Ints: ints, Nulls: []bool{false, true, false}},
		e6test.Column{Type: vector.Integer, Ints: []int64{1, 2, 3}},
		e6test.Column{Type: vector.Double, Floats: []float64{1, math.NaN(), math.Inf(-1)}},
		e6test.Column{Type: vector.Datetime, Ints: ints},
		e6test.Column{Type: vector.TimestampTZ, Ints: ints, Zones: []string{"Z", "+05:30", "Europe/Berlin"}})
	record, err := Record(Schema(fields, batch), batch)
	require.NoError(t, err)
	defer record.Release()
	require.Same(t, &batch.Column(0).Int64s()[0], &record.Column(0).(*array.Int64).Int64Values()[0])
	require.Same(t, &batch.Column(1).Int32s()[0], &record.Column(1).(*array.Int32).Int32Values()[0])
	require.Same(t, &batch.Column(2).Float64s()[0], &record.Column(2).(*array.Float64).Float64Values()[0])
	for _, c := range []int{3, 4} {
		values := record.Column(c).(*array.Timestamp).TimestampValues()
		require.Same(t, &batch.Column(c).Int64s()[0], (*int64)(&values[0]))
	}
	require.Equal(t, 1, record.Column(0).NullN())
	require.True(t, record.Column(0).IsNull(1))
}

func TestReader_ColumnsOfAllShapesBecomeArrays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.IntRange(0, 40).Draw(t, "rows")
		values := rows
		c := e6test.Column{Type: rapid.SampledFrom([]vector.Type{
			vector.Boolean, vector.Integer, vector.Long, vector.Double, vector.Float, vector.String, vector.Binary, vector.Date, vector.Datetime,
		}).Draw(t, "type")}
		if rows > 0 && rapid.Bool().Draw(t, "constant") {
			c.Constant, values = true, 1
		}
		if rapid.Bool().Draw(t, "nulls") {
			c.Nulls = rapid.SliceOfN(rapid.Bool(), values, values).Draw(t, "null")
		}
		c.Bools = rapid.SliceOfN(rapid.Bool(), values, values).Draw(t, "bools")
		c.Floats = rapid.SliceOfN(rapid.Float64(), values, values).Draw(t, "floats")
		c.Strings = rapid.SliceOfN(rapid.String(), values, values).Draw(t, "strings")
		switch c.Type {
		case vector.Integer:
			c.Ints = rapid.SliceOfN(rapid.Int64Range(math.MinInt32, math.MaxInt32), values, values).Draw(t, "ints")
		case vector.Date:
			const day = int64(24 * time.Hour / time.Microsecond)
			for range values {
				c.Ints = append(c.Ints, day*rapid.Int64Range(-1000000, 1000000).Draw(t, "day"))
			}
		default:
			c.Ints = rapid.SliceOfN(rapid.Int64Range(-1<<60, 1<<60), values, values).Draw(t, "ints")
		}
		batch, fields := decoded(t, rows, c)
		record, err := Record(Schema(fields, batch), batch)
		require.NoError(t, err)
		defer record.Release()
		require.EqualValues(t, rows, record.NumRows())
		for row := range rows {
			got, ok := text(record.Column(0), row)
			require.Equal(t, !batch.Column(0).IsNull(row), ok)
			if ok {
				require.Equal(t, batch.Column(0).Text(row), got)
			}
		}
	})
}

// decimals is a column of decimals with a scale.
func decimals(scale int32, unscaled ...int64) e6test.Column {
	c := e6test.Column{Type: vector.Decimal128, Scale: &scale}
	for _, n := range unscaled {
		c.Decimals = append(c.Decimals, e6test.TwosComplement(big.NewInt(n)))
	}
	return c
}

func TestReader_DecimalsHaveTheScaleOfTheFirstAndLoseNoDigit(t *testing.T) {
	first, fields := decoded(t, 2, decimals(2, 150, -7))
	schema := Schema(fields, first)
	for name, c := range map[string]struct {
		column e6test.Column
		want   []string
	}{
		"the same scale":         {decimals(2, 100, 0), []string{"1.00", "0.00"}},
		"a smaller scale":        {decimals(0, 5, -5), []string{"5.00", "-5.00"}},
		"more zeros":             {decimals(4, 15000, -700), []string{"1.50", "-0.07"}},
		"a digit that gets lost": {decimals(3, 1500, 1501), nil},
	} {
		t.Run(name, func(t *testing.T) {
			batch, _ := decoded(t, 2, c.column)
			record, err := Record(schema, batch)
			if c.want == nil {
				wrong, ok := errors.AsType[*ValueError](err)
				require.True(t, ok, "%v", err)
				require.Equal(t, 1, wrong.Row)
				require.EqualError(t, err, `e6arrow: column "c0", row 1: 1.501 does not fit decimal(38, 2): the scale is that of the first value: use DecimalsAsText, or a cast in the statement`)
				return
			}
			require.NoError(t, err)
			defer record.Release()
			for row, want := range c.want {
				got, _ := text(record.Column(0), row)
				require.Equal(t, want, got)
			}
		})
	}
	batch, _ := decoded(t, 2, decimals(3, 1500, 1501))
	record, err := Record(Schema(fields, first, DecimalsAsText()), batch)
	require.NoError(t, err)
	defer record.Release()
	require.Equal(t, "1.501", record.Column(0).(*array.String).Value(1))
}

func TestReader_AColumnThatChangesItsTypeIsAnError(t *testing.T) {
	_, declared := decoded(t, 0, e6test.Column{Type: vector.Long}, e6test.Column{Type: vector.Date})
	schema := Schema(declared, nil)
	batch, _ := decoded(t, 1, e6test.Column{Type: vector.String, Strings: []string{"x"}}, e6test.Column{Type: vector.Date, Ints: []int64{0}})
	_, err := Record(schema, batch)
	require.ErrorContains(t, err, "declared another type")
	batch, _ = decoded(t, 1, e6test.Column{Type: vector.Integer, Ints: []int64{7}}, e6test.Column{Type: vector.Null})
	record, err := Record(schema, batch)
	require.NoError(t, err, "a smaller number fits, and so does nothing")
	defer record.Release()
	require.Equal(t, int64(7), record.Column(0).(*array.Int64).Value(0))
	require.True(t, record.Column(1).IsNull(0))
	narrow, _ := decoded(t, 0)
	_, err = Record(schema, narrow)
	require.ErrorContains(t, err, "the schema has 2 columns and the batch 0")
}

func TestReader_RecordsSurviveArrowIPC(t *testing.T) {
	_, client := open(t)
	rows, err := client.Query(t.Context(), "SELECT * FROM everything(20)")
	require.NoError(t, err)
	defer rows.Close()
	reader, err := NewReader(rows)
	require.NoError(t, err)
	defer reader.Release()
	var file bytes.Buffer
	w := ipc.NewWriter(&file, ipc.WithSchema(reader.Schema()))
	var sent []arrow.RecordBatch
	for reader.Next() {
		require.NoError(t, w.Write(reader.RecordBatch()))
		reader.RecordBatch().Retain()
		sent = append(sent, reader.RecordBatch())
	}
	require.NoError(t, errors.Join(reader.Err(), w.Close()))
	back, err := ipc.NewReader(&file)
	require.NoError(t, err)
	defer back.Release()
	for _, record := range sent {
		require.True(t, back.Next())
		require.True(t, array.RecordEqual(record, back.RecordBatch()))
		record.Release()
	}
	require.False(t, back.Next())
}

func TestReader_AFailedOrAbandonedResultLeaksNothing(t *testing.T) {
	cluster, client := open(t, e6test.WithBatchRows(10))
	rows, err := client.Query(t.Context(), "SELECT * FROM numbers(1000)")
	require.NoError(t, err)
	reader, err := NewReader(rows)
	require.NoError(t, err)
	reader.Retain()
	require.True(t, reader.Next())
	reader.Release()
	require.True(t, reader.Next())
	reader.Release()
	require.NoError(t, rows.Close())
	require.Eventually(t, func() bool { return len(cluster.OpenQueries()) == 0 }, stress.Patience, time.Millisecond)

	rows, err = client.Query(t.Context(), "SELECT * FROM numbers(0)")
	require.NoError(t, err)
	reader, err = NewReader(rows)
	require.NoError(t, err)
	require.Equal(t, 2, reader.Schema().NumFields())
	require.False(t, reader.Next())
	require.NoError(t, reader.Err())
	reader.Release()
	require.NoError(t, rows.Close())

	cluster.Inject(e6test.Fault{Method: "getNextResultBatchV2", Times: -1, Action: e6test.Garbage})
	rows, err = client.Query(t.Context(), "SELECT * FROM numbers(10)")
	require.NoError(t, err)
	_, err = NewReader(rows)
	require.Error(t, err)
	require.NoError(t, rows.Close())
}

func BenchmarkRecordOfNumbers(b *testing.B) {
	ints := make([]int64, 50_000)
	batch, fields := decoded(b, len(ints), e6test.Column{Type: vector.Long, Ints: ints})
	schema := Schema(fields, batch)
	b.Run("shared", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			record, err := Record(schema, batch)
			if err != nil {
				b.Fatal(err)
			}
			record.Release()
		}
	})
	b.Run("row by row", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			a, err := copied(schema.Field(0), batch.Column(0))
			if err != nil {
				b.Fatal(err)
			}
			a.Release()
		}
	})
}

func TestReader_ARetainedRecordKeepsItsValues(t *testing.T) {
	const n, batch = 20_000, 500
	_, client := open(t, e6test.WithBatchRows(batch))
	rows, err := client.Query(t.Context(), fmt.Sprintf("SELECT * FROM everything(%d)", n))
	require.NoError(t, err)
	defer rows.Close()
	reader, err := NewReader(rows)
	require.NoError(t, err)
	defer reader.Release()
	var kept []arrow.RecordBatch
	for reader.Next() {
		record := reader.RecordBatch()
		record.Retain()
		kept = append(kept, record)
	}
	require.NoError(t, reader.Err())
	row := 0
	for _, record := range kept {
		for i := range int(record.NumRows()) {
			for c, column := range record.Columns() {
				want, ok := e6test.EverythingText(c, row)
				if column.DataType().ID() == arrow.TIMESTAMP && ok {
					want = inUTC(t, want)
				}
				if got, there := text(column, i); ok != there || want != got {
					t.Fatalf("%s, row %d: want %q (%t), got %q (%t)", reader.Schema().Field(c).Name, row, want, ok, got, there)
				}
			}
			row++
		}
		record.Release()
	}
	require.Equal(t, n, row)
}

// amounts serves a table of one column of decimals, in batches of two rows.
func amounts(t *testing.T, f vector.Field, c e6test.Column) *e6.Rows {
	t.Helper()
	engine := e6test.NewCannedEngine()
	n := max(len(c.Decimals), len(c.Ints))
	engine.AddTable("v", []vector.Field{f}, e6test.Batch{Rows: n, Columns: []e6test.Column{c}})
	_, client := open(t, e6test.WithEngine(engine), e6test.WithBatchRows(2))
	rows, err := client.Query(t.Context(), "SELECT * FROM v")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rows.Close()) })
	return rows
}

func TestReader_DecimalsWhoseFirstBatchIsNullHaveTheirScale(t *testing.T) {
	scale := int32(2)
	binary := func(n int64) []byte { return e6test.TwosComplement(big.NewInt(n)) }
	nulls := []bool{true, true, true, true, false, true}
	for name, test := range map[string]struct {
		field  vector.Field
		column e6test.Column
		typ    string
		want   string
	}{
		"the scale of the vector": {vector.Field{Name: "d", Type: vector.Decimal128}, e6test.Column{Type: vector.Decimal128, Scale: &scale, Nulls: nulls,
			Decimals: [][]byte{nil, nil, nil, nil, binary(150), nil}}, "decimal(38, 2)", "1.50"},
		"the scale of a later value": {vector.Field{Name: "d", Type: vector.Decimal128}, e6test.Column{Type: vector.Decimal128, Nulls: nulls,
			Decimals: [][]byte{nil, nil, nil, nil, []byte("1.500"), nil}}, "decimal(38, 3)", "1.500"},
		"the scale that is declared": {vector.Field{Name: "d", Type: vector.ParseType("DECIMAL(10,4)"), TypeName: "DECIMAL(10,4)"}, e6test.Column{Type: vector.Decimal128, Nulls: nulls,
			Decimals: [][]byte{nil, nil, nil, nil, []byte("1.5"), nil}}, "decimal(38, 4)", "1.5000"},
		"nulls alone, with the scale of the vector": {vector.Field{Name: "d", Type: vector.Decimal128}, e6test.Column{Type: vector.Decimal128, Scale: &scale, Nulls: []bool{true, true, true},
			Decimals: [][]byte{nil, nil, nil}}, "decimal(38, 2)", ""},
		"no value at all": {vector.Field{Name: "d", Type: vector.Decimal128}, e6test.Column{Type: vector.Decimal128, Nulls: []bool{true, true, true},
			Decimals: [][]byte{nil, nil, nil}}, "decimal(38, 0)", ""},
		"a type that is not known": {vector.Field{Name: "d", Type: vector.Other, TypeName: "MONEY"}, e6test.Column{Type: vector.Decimal128, Scale: &scale, Nulls: nulls,
			Decimals: [][]byte{nil, nil, nil, nil, binary(-1), nil}}, "decimal(38, 2)", "-0.01"},
	} {
		t.Run(name, func(t *testing.T) {
			reader, err := NewReader(amounts(t, test.field, test.column))
			require.NoError(t, err)
			defer reader.Release()
			require.Equal(t, test.typ, reader.Schema().Field(0).Type.String())
			n, got := 0, ""
			for reader.Next() {
				for row := range int(reader.RecordBatch().NumRows()) {
					if s, ok := text(reader.RecordBatch().Column(0), row); ok {
						got += s
					}
					n++
				}
			}
			require.NoError(t, reader.Err())
			require.Equal(t, len(test.column.Decimals), n)
			require.Equal(t, test.want, got)
		})
	}
}

func TestReader_ValuesBehindNullsAreNeverLost(t *testing.T) {
	empty := func(c e6test.Column) *vector.Batch {
		raw, err := e6test.EncodeBatch(e6test.Batch{Rows: 1, Columns: []e6test.Column{c}})
		require.NoError(t, err)
		b, err := vector.Decode(raw, nil)
		require.NoError(t, err)
		return b
	}
	none, five := empty(e6test.Column{Type: vector.Null, Constant: true}), empty(e6test.Column{Type: vector.Long, Ints: []int64{5}})
	// A type that is not known, and a first vector of nothing but nulls.
	schema := Schema([]vector.Field{{Name: "v", Type: vector.Other}}, none)
	for b, want := range map[*vector.Batch]string{none: "", five: "5"} {
		record, err := Record(schema, b)
		require.NoError(t, err)
		got, _ := text(record.Column(0), 0)
		require.Equal(t, want, got)
		record.Release()
	}
	// A column that is declared to be null, and is not.
	schema = Schema([]vector.Field{{Name: "v", Type: vector.Null}}, none)
	_, err := Record(schema, five)
	require.EqualError(t, err, `e6arrow: column "v", row 0: 5 does not fit null: the engine declared a column of nulls: cast it in the statement`)
}

func TestRecord_InvalidUTF8IsRefusedAndEscapedInTheError(t *testing.T) {
	raw, err := e6test.EncodeBatch(e6test.Batch{Rows: 2, Columns: []e6test.Column{{Type: vector.String, Strings: []string{"ok", "\x9b2J"}}}})
	require.NoError(t, err)
	b, err := vector.Decode(raw, nil)
	require.NoError(t, err)
	_, err = Record(Schema([]vector.Field{{Name: "v", Type: vector.String}}, b), b)
	require.EqualError(t, err, `e6arrow: column "v", row 1: "\x9b2J" does not fit utf8: utf8 wants valid UTF-8: CAST it to BINARY in the statement`)
	record, err := Record(Schema([]vector.Field{{Name: "v", Type: vector.Binary}}, b), b)
	require.NoError(t, err)
	record.Release()
}
