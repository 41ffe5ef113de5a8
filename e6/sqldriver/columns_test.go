package sqldriver_test

import (
	"database/sql"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
)

// kind is a column type of the engine: a table of two rows, a value and a null,
// and how database/sql has them.
type kind struct {
	typ    vector.Type
	column e6test.Column

	scanType any   // of ColumnType.ScanType
	long     bool  // has a ColumnType.Length, which is any
	into     []any // what Scan must give, into a variable of that very type
	refused  []any // variables that cannot take the value
}

// instant is the moment of all columns of times.
var instant = time.Date(1969, 7, 20, 20, 17, 40, 123_456_000, time.UTC)

// at is a moment as the columns of times have it.
func at(when time.Time) []int64 { return []int64{when.UnixMicro(), 0} }

// moment is what every column of times gives for a moment.
func moment(when time.Time) []any {
	text := when.Format(time.RFC3339Nano)
	return []any{when, sql.NullTime{Time: when, Valid: true}, sql.Null[time.Time]{V: when, Valid: true}, text, []byte(text), sql.RawBytes(text), wrap{when}}
}

// characters is what every column of texts gives for a text that is no number.
func characters(text string) []any {
	return []any{text, []byte(text), sql.RawBytes(text), sql.NullString{String: text, Valid: true}, sql.Null[string]{V: text, Valid: true}, wrap{text}}
}

// wrap is a variable of type any with a value.
type wrap struct{ v any }

// kinds are all types that the wire has a vector for.
func kinds() map[string]kind {
	zoned := instant.In(time.FixedZone("+05:30", 19_800))
	scale := int32(2)
	digits := "1234567890123456789012345678901234567.89"
	huge, _ := vector.ParseDecimal(digits)
	one, _ := vector.ParseDecimal("1.00")
	return map[string]kind{
		"BOOLEAN": {typ: vector.Boolean, column: e6test.Column{Bools: []bool{true, false}}, scanType: sql.NullBool{},
			into:    []any{true, "true", []byte("true"), sql.NullBool{Bool: true, Valid: true}, sql.Null[bool]{V: true, Valid: true}, wrap{true}},
			refused: []any{0, 0.0, time.Time{}}},
		"INTEGER": {typ: vector.Integer, column: e6test.Column{Ints: []int64{-128, 0}}, scanType: sql.NullInt64{},
			into: []any{-128, int8(-128), int16(-128), int32(-128), int64(-128), float32(-128), -128.0, "-128", []byte("-128"), sql.RawBytes("-128"),
				sql.NullInt16{Int16: -128, Valid: true}, sql.NullInt32{Int32: -128, Valid: true}, sql.NullInt64{Int64: -128, Valid: true},
				sql.Null[int8]{V: -128, Valid: true}, wrap{int64(-128)}},
			refused: []any{uint8(0), uint(0), uint64(0), sql.NullByte{}, false, time.Time{}}},
		"LONG": {typ: vector.Long, column: e6test.Column{Ints: []int64{math.MaxInt64, 0}}, scanType: sql.NullInt64{},
			into: []any{math.MaxInt64, int64(math.MaxInt64), uint(math.MaxInt64), uint64(math.MaxInt64), "9223372036854775807", []byte("9223372036854775807"),
				sql.NullInt64{Int64: math.MaxInt64, Valid: true}, sql.NullString{String: "9223372036854775807", Valid: true}, wrap{int64(math.MaxInt64)}},
			refused: []any{int8(0), int16(0), int32(0), uint8(0), uint16(0), uint32(0), sql.NullInt32{}, false, time.Time{}}},
		"FLOAT": {typ: vector.Float, column: e6test.Column{Floats: []float64{-0.125, 0}}, scanType: sql.NullFloat64{},
			into: []any{float32(-0.125), -0.125, "-0.125", []byte("-0.125"), sql.RawBytes("-0.125"), sql.NullFloat64{Float64: -0.125, Valid: true},
				sql.Null[float32]{V: -0.125, Valid: true}, wrap{-0.125}},
			refused: []any{0, int64(0), false, time.Time{}}},
		"DOUBLE": {typ: vector.Double, column: e6test.Column{Floats: []float64{1e300, 0}}, scanType: sql.NullFloat64{},
			into:    []any{1e300, "1e+300", sql.NullFloat64{Float64: 1e300, Valid: true}, sql.Null[float64]{V: 1e300, Valid: true}, wrap{1e300}},
			refused: []any{float32(0), 0, false, time.Time{}}},
		"STRING": {typ: vector.String, column: e6test.Column{Strings: []string{"Grüße 🚀", ""}}, scanType: sql.NullString{}, long: true,
			into: characters("Grüße 🚀"), refused: []any{0, 0.0, false, time.Time{}, sql.NullInt64{}, sql.NullTime{}}},
		"BINARY": {typ: vector.Binary, column: e6test.Column{Strings: []string{"\x00\xff'", ""}}, scanType: []byte{}, long: true,
			into: []any{"\x00\xff'", []byte("\x00\xff'"), sql.RawBytes("\x00\xff'"), sql.NullString{String: "\x00\xff'", Valid: true},
				sql.Null[[]byte]{V: []byte("\x00\xff'"), Valid: true}, wrap{[]byte("\x00\xff'")}},
			refused: []any{0, false, time.Time{}}},
		"DATE": {typ: vector.Date, column: e6test.Column{Ints: []int64{-86_400_000_000, 0}}, scanType: sql.Null[time.Time]{},
			into: moment(time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC)), refused: []any{0, false, 0.0}},
		"DATETIME":  {typ: vector.Datetime, column: e6test.Column{Ints: at(instant)}, scanType: sql.Null[time.Time]{}, into: moment(instant), refused: []any{0}},
		"TIMESTAMP": {typ: vector.Timestamp, column: e6test.Column{Ints: at(instant)}, scanType: sql.Null[time.Time]{}, into: moment(instant), refused: []any{0}},
		"INT96":     {typ: vector.Int96, column: e6test.Column{Ints: at(instant)}, scanType: sql.Null[time.Time]{}, into: moment(instant), refused: []any{0}},
		"TIMESTAMP_TZ": {typ: vector.TimestampTZ, column: e6test.Column{Ints: at(instant), Zones: []string{"+05:30", ""}}, scanType: sql.Null[time.Time]{},
			into: moment(zoned), refused: []any{0}},
		"DECIMAL128": {typ: vector.Decimal128, scanType: sql.Null[vector.Decimal]{},
			column:  e6test.Column{Scale: &scale, Decimals: [][]byte{e6test.TwosComplement(huge.Unscaled()), {0}}},
			into:    append(characters(digits), huge, sql.Null[vector.Decimal]{V: huge, Valid: true}),
			refused: []any{0, int64(0), false, time.Time{}, sql.NullInt64{}}},
		"DECIMAL128 of a few digits": {typ: vector.Decimal128, scanType: sql.Null[vector.Decimal]{},
			column:  e6test.Column{Scale: &scale, Decimals: [][]byte{{100}, {0}}},
			into:    append(characters("1.00"), one, 1.0, float32(1)),
			refused: []any{0, int64(0)}},
		"ARRAY":  {typ: vector.Array, column: e6test.Column{Strings: []string{"[1,null]", ""}}, scanType: sql.NullString{}, long: true, into: characters("[1,null]"), refused: []any{0}},
		"MAP":    {typ: vector.Map, column: e6test.Column{Strings: []string{`{"k":1}`, ""}}, scanType: sql.NullString{}, long: true, into: characters(`{"k":1}`), refused: []any{0}},
		"STRUCT": {typ: vector.Struct, column: e6test.Column{Strings: []string{`{"x":[true]}`, ""}}, scanType: sql.NullString{}, long: true, into: characters(`{"x":[true]}`), refused: []any{0}},
	}
}

// table opens a pool with a table v of two rows: a value, and a null.
func (k kind) table(t *testing.T) *sql.DB {
	t.Helper()
	engine := e6test.NewCannedEngine()
	k.column.Type, k.column.Nulls = k.typ, []bool{false, true}
	engine.AddTable("v", []vector.Field{{Name: "v", Type: k.typ}}, e6test.Batch{Rows: 2, Columns: []e6test.Column{k.column}})
	db, _ := pool(t, start(t, e6test.WithEngine(engine)))
	return db
}

// read scans one column of one row, 0 or 1, of the table.
func read(t *testing.T, db *sql.DB, row int, into any) error {
	t.Helper()
	r, err := db.QueryContext(t.Context(), "SELECT * FROM v")
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	for range row + 1 {
		require.True(t, r.Next(), "%v", r.Err())
	}
	err = r.Scan(into)
	require.NoError(t, r.Err())
	if raw, ok := into.(*sql.RawBytes); ok && *raw != nil {
		*raw = append(sql.RawBytes{}, *raw...) // it is not valid for longer
	}
	return err
}

func TestScan_EveryTypeIntoEveryCompatibleDestination(t *testing.T) {
	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			db := k.table(t)
			for _, want := range k.into {
				if any, ok := want.(wrap); ok {
					requireAny(t, db, any.v)
					continue
				}
				typ := reflect.TypeOf(want)
				v := reflect.New(typ)
				require.NoError(t, read(t, db, 0, v.Interface()), "%s", typ)
				requireEqual(t, want, v.Elem().Interface())

				// A pointer takes the value and the null.
				p := reflect.New(reflect.PointerTo(typ))
				if typ == reflect.TypeFor[sql.RawBytes]() || reflect.PointerTo(typ).Implements(reflect.TypeFor[sql.Scanner]()) {
					continue
				}
				require.NoError(t, read(t, db, 0, p.Interface()), "%s", p.Type())
				requireEqual(t, want, p.Elem().Elem().Interface())
				require.NoError(t, read(t, db, 1, p.Interface()), "%s", p.Type())
				require.True(t, p.Elem().IsNil(), "%s", p.Type())
			}
		})
	}
}

// requireAny reads into an empty interface.
func requireAny(t *testing.T, db *sql.DB, want any) {
	t.Helper()
	var v any
	require.NoError(t, read(t, db, 0, &v))
	requireEqual(t, want, v)
	require.NoError(t, read(t, db, 1, &v))
	require.Nil(t, v)
}

// requireEqual compares values, and times by what they show.
func requireEqual(t *testing.T, want, got any) {
	t.Helper()
	shown := func(v any) any {
		switch v := v.(type) {
		case time.Time:
			return v.Format(time.RFC3339Nano)
		case sql.NullTime:
			return [2]any{v.Time.Format(time.RFC3339Nano), v.Valid}
		case sql.Null[time.Time]:
			return [2]any{v.V.Format(time.RFC3339Nano), v.Valid}
		}
		return v
	}
	require.IsType(t, want, got)
	require.Equal(t, shown(want), shown(got))
}

func TestScan_NullNeedsANullableDestination(t *testing.T) {
	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			db := k.table(t)
			for _, want := range k.into {
				if _, ok := want.(wrap); ok {
					continue
				}
				typ := reflect.TypeOf(want)
				v := reflect.New(typ)
				v.Elem().Set(reflect.ValueOf(want)) // which a null replaces
				err := read(t, db, 1, v.Interface())
				switch {
				case typ.Kind() == reflect.Slice:
					require.NoError(t, err)
					require.True(t, v.Elem().IsNil(), "%s", typ)
				case typ.Kind() == reflect.Struct && v.Elem().FieldByName("Valid").IsValid():
					require.NoError(t, err)
					require.False(t, v.Elem().FieldByName("Valid").Bool(), "%s", typ)
				default:
					require.Error(t, err, "%s", typ)
					require.ErrorContains(t, err, `column index 0, name "v"`)
					requireEqual(t, want, v.Elem().Interface())
				}
			}
		})
	}
}

func TestScan_RefusesAValueThatDoesNotFit(t *testing.T) {
	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			db := k.table(t)
			for _, zero := range k.refused {
				v := reflect.New(reflect.TypeOf(zero))
				err := read(t, db, 0, v.Interface())
				require.ErrorContains(t, err, `column index 0, name "v"`, "%T", zero)
			}
			require.Error(t, read(t, db, 0, 7), "which is no pointer")
			require.Error(t, read(t, db, 0, new(struct{})))
		})
	}
}

func TestColumnTypes_HaveWhatTheProtocolHas(t *testing.T) {
	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			r, err := k.table(t).QueryContext(t.Context(), "SELECT * FROM v")
			require.NoError(t, err)
			defer func() { require.NoError(t, r.Close()) }()
			names, err := r.Columns()
			require.NoError(t, err)
			require.Equal(t, []string{"v"}, names)
			types, err := r.ColumnTypes()
			require.NoError(t, err)
			require.Len(t, types, 1)
			typ := types[0]
			require.Equal(t, "v", typ.Name())
			require.Equal(t, k.typ.String(), typ.DatabaseTypeName())
			require.Equal(t, reflect.TypeOf(k.scanType), typ.ScanType())
			_, known := typ.Nullable()
			require.False(t, known)
			_, _, known = typ.DecimalSize()
			require.False(t, known)
			length, known := typ.Length()
			require.Equal(t, k.long, known)
			if known {
				require.EqualValues(t, math.MaxInt64, length)
			}
			// A variable of the scan type takes any value of the column.
			for r.Next() {
				require.NoError(t, r.Scan(reflect.New(typ.ScanType()).Interface()))
			}
			require.NoError(t, r.Err())
		})
	}
}

func TestScan_AColumnOfNullsIntoAnyNullableDestination(t *testing.T) {
	db, _ := pool(t, start(t))
	r, err := db.QueryContext(t.Context(), "SELECT * FROM everything(1)")
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	types, err := r.ColumnTypes()
	require.NoError(t, err)
	require.Equal(t, "NULL", types[e6test.EverythingColumns()-1].DatabaseTypeName())
	require.Equal(t, reflect.TypeFor[any](), types[e6test.EverythingColumns()-1].ScanType())
}

func TestRawBytesAreTheValuesOfTheRowThatIsRead(t *testing.T) {
	db, _ := pool(t, start(t, e6test.WithBatchRows(10)))
	r, err := db.QueryContext(t.Context(), "SELECT * FROM everything(100)")
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	raw := make([]sql.RawBytes, e6test.EverythingColumns())
	into := make([]any, len(raw))
	for i := range raw {
		into[i] = &raw[i]
	}
	const text, null = 5, 17
	for row := 0; r.Next(); row++ {
		require.NoError(t, r.Scan(into...))
		want, ok := e6test.EverythingText(text, row)
		require.Equal(t, ok, raw[text] != nil)
		require.Equal(t, want, string(raw[text]))
		require.Nil(t, raw[null])
	}
	require.NoError(t, r.Err())
	require.ErrorContains(t, db.QueryRowContext(t.Context(), "SELECT 1").Scan(new(sql.RawBytes)), "RawBytes")
}

func TestARowHasAsManyDestinationsAsColumns(t *testing.T) {
	db, _ := pool(t, start(t))
	require.ErrorContains(t, db.QueryRowContext(t.Context(), "SELECT * FROM numbers(1)").Scan(new(int)), "expected 2 destination arguments")
	require.ErrorIs(t, db.QueryRowContext(t.Context(), "SELECT * FROM numbers(0)").Scan(new(int), new(string)), sql.ErrNoRows)
	r, err := db.QueryContext(t.Context(), "SELECT * FROM numbers(1)")
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	require.Error(t, r.Scan(new(int), new(string)), "before Next")
	require.False(t, r.NextResultSet())
}

func TestRows_AnUndecodableResultIsAnErrorWithoutValues(t *testing.T) {
	cluster := start(t)
	db, client := pool(t, cluster)
	for _, method := range []string{"getResultMetadata", "getNextResultBatchV2"} {
		cluster.Inject(e6test.Fault{Method: method, Action: e6test.Garbage})
		err := ways["QueryContext"](t.Context(), db, manyRows)
		require.Error(t, err, method)
		require.NotErrorIs(t, err, e6.ErrQueryLost)
		requireUsable(t, cluster, db, client)
	}
}

func TestScan_AnEmptyTextIsNotNull(t *testing.T) {
	type text string
	for _, typ := range []vector.Type{vector.String, vector.Binary, vector.Array} {
		db := kind{typ: typ, column: e6test.Column{Strings: []string{"", ""}}}.table(t)
		for _, want := range []any{
			"", []byte{}, sql.RawBytes{}, text(""), sql.NullString{Valid: true}, sql.Null[string]{Valid: true}, sql.Null[[]byte]{V: []byte{}, Valid: true},
		} {
			for _, pointer := range []bool{false, true} {
				dest := reflect.New(reflect.TypeOf(want))
				if pointer {
					dest = reflect.New(dest.Type())
				}
				if _, raw := want.(sql.RawBytes); raw && pointer {
					continue // database/sql has no such thing
				}
				require.NoError(t, read(t, db, 0, dest.Interface()), "%s into %s", typ, dest.Type())
				got := reflect.Indirect(dest.Elem()).Interface()
				require.Equal(t, want, got, "%s into %s", typ, dest.Type())
			}
		}
		var anything any
		require.NoError(t, read(t, db, 0, &anything))
		require.NotNil(t, anything)
		require.Empty(t, anything)
		for _, none := range []any{new([]byte), new(sql.RawBytes), new(*string), new(sql.NullString), new(any)} {
			require.NoError(t, read(t, db, 1, none))
			require.True(t, reflect.ValueOf(none).Elem().IsZero(), "a null in %T", none)
		}
	}
}
