package e6_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
)

// serving opens a client of a cluster that has a table v of one column, a, and one row.
func serving(t *testing.T, col e6test.Column) *e6.Client {
	t.Helper()
	engine := e6test.NewCannedEngine()
	engine.AddTable("v", []vector.Field{{Name: "a", Type: col.Type}}, e6test.Batch{Rows: 1, Columns: []e6test.Column{col}})
	return open(t, start(t, e6test.WithEngine(engine), e6test.InMemory()))
}

// Destinations of a caller's own that are made of those of database/sql.
type (
	nullAmount sql.NullFloat64           // has no Scan method
	nullFloat  struct{ sql.NullFloat64 } // has the one that it embeds
	nullPoint  struct{ sql.Null[float64] }
	ownScan    struct{ sql.NullFloat64 } // decides by itself
)

func (s *ownScan) Scan(v any) error {
	s.Valid = true
	return s.NullFloat64.Scan(v)
}

// TestScan_ANullableFollowsTheRulesOfAPointer reads each value into a pointer and into
// every nullable of its type.
func TestScan_ANullableFollowsTheRulesOfAPointer(t *testing.T) {
	nines := strings.Repeat("9", 38)
	columns := map[string]e6test.Column{
		"a decimal of 38 nines": decimal(t, nines, 38), "a whole decimal": decimal(t, "500", 2), "a decimal with a fraction": decimal(t, "550", 2),
		"2^53+1": long(1<<53 + 1), "a long": long(5), "2^24+1": long(1<<24 + 1), "a negative long": long(-1), "300": long(300), "70000": long(70_000), "2^40": long(1 << 40),
		"an integer": integer(7), "0.1": double(0.1), "a half": double(0.5), "a float": float(float64(float32(0.1))), "a text": str("7"), "true": str("true"),
		"an empty text": str(""), "no long": null(vector.Long), "no text": null(vector.String), "no date": null(vector.Date),
		"a date": {Type: vector.Date, Ints: []int64{86_400_000_000}}, "a time": {Type: vector.TimestampTZ, Ints: []int64{1}, Zones: []string{"+05:30"}},
		"a bool": {Type: vector.Boolean, Bools: []bool{true}}, "bytes": {Type: vector.Binary, Strings: []string{"\x00\xff"}},
	}
	type number int16
	pairs := map[string]func() (pointer any, nullables []any){
		"float64": func() (any, []any) {
			return new(*float64), []any{new(sql.NullFloat64), new(sql.Null[float64]), new(nullAmount), new(nullFloat), new(nullPoint), new(*sql.NullFloat64), new(*sql.Null[float64])}
		},
		"float32": func() (any, []any) { return new(*float32), []any{new(sql.Null[float32])} },
		"int64": func() (any, []any) {
			return new(*int64), []any{new(sql.NullInt64), new(sql.Null[int64]), new(*sql.NullInt64)}
		},
		"int32":   func() (any, []any) { return new(*int32), []any{new(sql.NullInt32), new(sql.Null[int32])} },
		"int16":   func() (any, []any) { return new(*int16), []any{new(sql.NullInt16), new(sql.Null[int16])} },
		"number":  func() (any, []any) { return new(*number), []any{new(sql.Null[number])} },
		"byte":    func() (any, []any) { return new(*byte), []any{new(sql.NullByte), new(sql.Null[byte])} },
		"bool":    func() (any, []any) { return new(*bool), []any{new(sql.NullBool), new(sql.Null[bool])} },
		"string":  func() (any, []any) { return new(*string), []any{new(sql.NullString), new(sql.Null[string])} },
		"time":    func() (any, []any) { return new(*time.Time), []any{new(sql.NullTime), new(sql.Null[time.Time])} },
		"decimal": func() (any, []any) { return new(*vector.Decimal), []any{new(sql.Null[vector.Decimal])} },
	}
	for name, col := range columns {
		rows := read(t, col)
		for of, pair := range pairs {
			t.Run(name+"/"+of, func(t *testing.T) {
				pointer, nullables := pair()
				refused := rows.Scan(pointer)
				for _, dest := range nullables {
					err := rows.Scan(dest)
					if refused != nil {
						require.Error(t, err, "%T", dest)
						require.Equal(t, errors.Unwrap(refused).Error(), errors.Unwrap(err).Error(), "%T", dest)
						require.True(t, reflect.ValueOf(dest).Elem().IsZero(), "%T is left as it was", dest)
						continue
					}
					require.NoError(t, err, "%T", dest)
					v := reflect.ValueOf(dest).Elem()
					if v.Kind() == reflect.Pointer && v.IsNil() {
						require.Equal(t, reflect.ValueOf(pointer).Elem().IsNil(), true)
						continue
					}
					v = reflect.Indirect(v)
					if v.NumField() == 1 {
						v = v.Field(0)
					}
					want := reflect.ValueOf(pointer).Elem()
					require.Equal(t, !want.IsNil(), v.Field(1).Bool(), "%T", dest)
					if want.IsNil() {
						require.True(t, v.Field(0).IsZero())
					} else {
						require.Equal(t, want.Elem().Interface(), v.Field(0).Interface(), "%T", dest)
					}
				}
			})
		}
	}
	var own ownScan
	require.NoError(t, read(t, decimal(t, nines, 38)).Scan(&own), "a Scan method of the caller's decides by itself")
	require.Equal(t, 1.0, own.Float64)
	type totals struct{ A sql.NullFloat64 }
	_, err := e6.QueryAll[totals](t.Context(), serving(t, decimal(t, nines, 38)), "SELECT * FROM v")
	require.ErrorContains(t, err, "a float64 does not hold every decimal")
	all, err := e6.QueryAll[sql.Null[int64]](t.Context(), serving(t, decimal(t, "500", 2)), "SELECT * FROM v")
	require.NoError(t, err)
	require.Equal(t, []sql.Null[int64]{{V: 5, Valid: true}}, all)
}

func TestScan_EmptyIsNotNullInAnyBytes(t *testing.T) {
	type blob []byte
	for _, typ := range []vector.Type{vector.String, vector.Binary} {
		empty := e6test.Column{Type: typ, Strings: []string{""}}
		var plain []byte
		var raw sql.RawBytes
		var own blob
		var message json.RawMessage
		var nullableBytes sql.Null[[]byte]
		var anything any
		for _, dest := range []any{&plain, &raw, &own, &message, &nullableBytes, &anything} {
			require.NoError(t, read(t, empty).Scan(dest), "%T", dest)
		}
		require.Equal(t, [][]byte{{}, {}, {}, {}, {}}, [][]byte{plain, raw, own, message, nullableBytes.V})
		require.True(t, nullableBytes.Valid)
		require.NotNil(t, anything)
		for _, dest := range []any{&plain, &raw, &own, &message, &nullableBytes, &anything} {
			require.NoError(t, read(t, null(typ)).Scan(dest), "%T", dest)
		}
		require.Equal(t, [][]byte{nil, nil, nil, nil, nil}, [][]byte{plain, raw, own, message, nullableBytes.V})
		require.False(t, nullableBytes.Valid)
		require.Nil(t, anything)
	}
}

func TestScan_AnErrorNamesTheRowOfTheResultAndTheQuery(t *testing.T) {
	engine := e6test.NewCannedEngine()
	engine.AddTable("v", []vector.Field{{Name: "amount", Type: vector.String, TypeName: "STRING"}},
		e6test.Batch{Rows: 4, Columns: []e6test.Column{{Type: vector.String, Strings: []string{"1", "2", "3", "x"}}}})
	client := open(t, start(t, e6test.WithEngine(engine), e6test.InMemory(), e6test.WithBatchRows(2)))
	rows, err := client.Query(t.Context(), "SELECT * FROM v")
	require.NoError(t, err)
	defer rows.Close()
	for n := 1; rows.Next(); n++ {
		var failed *e6.ScanError
		require.ErrorAs(t, rows.Scan(new(float64)), &failed)
		require.Equal(t, n-1, failed.Row)
		require.Equal(t, rows.Handle().QueryID, failed.QueryID)
		require.EqualError(t, failed, fmt.Sprintf(`e6: scan column "amount" (STRING) row %d of query %s into *float64: `+
			"STRING does not convert to float64: use string, or CAST to DOUBLE in the statement", n, failed.QueryID))
	}
	require.NoError(t, rows.Err())
}
