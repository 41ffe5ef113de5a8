package examples_test

import (
	"database/sql"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/sqldriver"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/emulator"
	"github.com/e6data/e6data-go/internal/stress"
)

// ways are the ways to query an emulator: the native client, and database/sql over
// the same client.
type ways struct {
	client *e6.Client
	db     *sql.DB
}

// start starts an emulator.
func start(t testing.TB, opts emulator.Options) *emulator.Emulator {
	t.Helper()
	opts.NoSample = true
	em, err := emulator.Start(opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, em.Close()) })
	return em
}

// openWays starts an emulator and opens a client.
func openWays(t testing.TB, opts emulator.Options, more ...e6.Option) ways {
	t.Helper()
	return askAt(t, start(t, opts).Addr(), more...)
}

// askAt opens a client.
func askAt(t testing.TB, address string, more ...e6.Option) ways {
	t.Helper()
	connector, err := sqldriver.NewConnector(
		e6.Config{Address: address, User: "me@example.com", Token: "token", MaxReceiveBytes: 64 << 20},
		sqldriver.WithClientOptions(more...))
	require.NoError(t, err)
	client, err := connector.Client(t.Context())
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return ways{client, db}
}

// a check reads the only value of a statement in one way.
type check func(t *testing.T, w ways, query string, args ...any)

// native wants a value from Scan and from QueryAll.
func native[T any](want T) check {
	return func(t *testing.T, w ways, query string, args ...any) {
		t.Helper()
		var got T
		onlyRow(t, w, query, args, func(r *e6.Rows) { require.NoError(t, r.Scan(&got)) })
		requireSame(t, want, got)
		all, err := e6.QueryAll[T](t.Context(), w.client, query, args...)
		require.NoError(t, err)
		require.Len(t, all, 1)
		requireSame(t, want, all[0])
	}
}

// overSQL wants a value from database/sql.
func overSQL[T any](want T) check {
	return func(t *testing.T, w ways, query string, args ...any) {
		t.Helper()
		var got T
		require.NoError(t, w.db.QueryRowContext(t.Context(), query, args...).Scan(&got))
		requireSame(t, want, got)
	}
}

// into wants a value in every way.
func into[T any](want T) check {
	return func(t *testing.T, w ways, query string, args ...any) {
		t.Helper()
		native(want)(t, w, query, args...)
		overSQL(want)(t, w, query, args...)
	}
}

// refused wants a typed error from Scan, and no value.
func refused[T any](want string) check {
	return func(t *testing.T, w ways, query string, args ...any) {
		t.Helper()
		var got, none T
		onlyRow(t, w, query, args, func(r *e6.Rows) {
			err := r.Scan(&got)
			require.ErrorAs(t, err, new(*e6.ScanError))
			require.ErrorContains(t, err, want)
		})
		require.Equal(t, none, got)
		_, err := e6.QueryAll[T](t.Context(), w.client, query, args...)
		require.ErrorAs(t, err, new(*e6.ScanError))
	}
}

// onlyRow reads the one row of a statement.
func onlyRow(t *testing.T, w ways, query string, args []any, read func(*e6.Rows)) {
	t.Helper()
	rows, err := w.client.Query(t.Context(), query, args...)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	require.True(t, rows.Next(), "%v", rows.Err())
	read(rows)
	require.False(t, rows.Next())
	require.NoError(t, rows.Err())
}

// requireSame knows that NaN is NaN, that -0 is not 0, and when two times show
// the same.
func requireSame(t *testing.T, want, got any) {
	t.Helper()
	switch want := want.(type) {
	case float64:
		require.IsType(t, want, got)
		if got := got.(float64); !math.IsNaN(want) || !math.IsNaN(got) {
			require.Equal(t, math.Float64bits(want), math.Float64bits(got), "%v, %v", want, got)
		}
	case float32:
		require.IsType(t, want, got)
		requireSame(t, float64(want), float64(got.(float32)))
	case time.Time:
		require.IsType(t, want, got)
		require.Equal(t, want.Format(time.RFC3339Nano), got.(time.Time).Format(time.RFC3339Nano))
		require.Equal(t, want.Location().String(), got.(time.Time).Location().String())
	case *float64:
		requireSame(t, *want, *got.(*float64))
	default:
		require.Equal(t, want, got)
	}
}

// sample is a value of the engine, and what each way to read it must give.
type sample struct {
	name string
	// sql is the value as SQL. arg, if there is one, is what stands for the ? of
	// with; "?" if with is empty.
	sql  string
	arg  any
	with string

	typ    vector.Type
	value  any // of Rows.Values; nil is null
	driver any // of database/sql; the same if nil
	text   string
	checks []check
}

// A statement is a query with its arguments.
type statement struct {
	query string
	args  []any
}

// as returns the statements whose only value the sample is.
func (s sample) as(withName bool) (all []statement) {
	if s.sql != "" {
		all = append(all, statement{query: "SELECT " + s.sql + " AS v"})
	}
	if with := s.with; s.arg != nil {
		if with == "" {
			with = "?"
		}
		all = append(all, statement{"SELECT " + with + " AS v", []any{s.arg}})
		if withName {
			all = append(all, statement{"SELECT " + strings.Replace(with, "?", ":v", 1) + " AS v", []any{sql.Named("v", s.arg)}})
		}
	}
	return all
}

// requireAll reads the samples in every way. In the short form the arguments of every
// fourth sample are sent by name, too, and prepared statements, texts and checks run for the
// first statement of a sample: the others return the same value, and these depend on nothing
// else.
func requireAll(t *testing.T, w ways, samples []sample) {
	for i, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			for n, st := range s.as(i%stress.Count(4, 1) == 0) {
				query, args := st.query, st.args
				t.Logf("%.99s %.99s", query, fmt.Sprint(args...))
				onlyRow(t, w, query, args, func(r *e6.Rows) {
					require.Equal(t, s.typ, r.Fields()[0].Type)
					require.Len(t, r.Values(), 1)
					requireSame(t, s.value, r.Values()[0])
				})
				want := s.driver
				if want == nil {
					want = s.value
				}
				overSQL(want)(t, w, query, args...)
				if n > 0 && !stress.Long() {
					continue
				}
				got, err := prepared(t.Context(), w.db, query, args...)
				require.NoError(t, err)
				require.Len(t, got, 1)
				requireSame(t, want, got[0])
				if s.value != nil {
					native(s.text)(t, w, query, args...)
				}
				for _, c := range s.checks {
					c(t, w, query, args...)
				}
			}
		})
	}
}

// both returns the ways to send an argument: as a literal, and as a parameter of
// the server.
func both(t testing.TB) map[string]ways {
	t.Helper()
	em := start(t, emulator.Options{})
	return map[string]ways{"literals": askAt(t, em.Addr()), "server parameters": askAt(t, em.Addr(), e6.WithServerParameters())}
}

// requireSentInBothWays reads the samples with both.
func requireSentInBothWays(t *testing.T, w map[string]ways, samples []sample) {
	t.Helper()
	t.Run("literals", func(t *testing.T) { requireAll(t, w["literals"], samples) })
	sent := slices.Clone(samples)
	for i := range sent {
		sent[i].sql = "" // a statement without an argument is the same
		if !stress.Long() {
			sent[i].checks = nil // they depend on the value alone, and literals return the same
		}
	}
	t.Run("server parameters", func(t *testing.T) { requireAll(t, w["server parameters"], sent) })
}

// some returns every nth value, from the value that index selects. Samples with other indexes have the
// others.
func some[T any](all []T, index, nth int) (kept []T) {
	for i := index % nth; i < len(all); i += nth {
		kept = append(kept, all[i])
	}
	return kept
}

func TestTypes_NullIsNullThroughEveryAPI(t *testing.T) {
	t.Parallel()
	w := openWays(t, emulator.Options{})
	var samples []sample
	types := map[string]vector.Type{
		"BOOLEAN": vector.Boolean, "INTEGER": vector.Integer, "BIGINT": vector.Long, "FLOAT": vector.Float, "DOUBLE": vector.Double,
		"DECIMAL(38,10)": vector.Decimal128, "VARCHAR": vector.String, "BLOB": vector.Binary, "DATE": vector.Date, "TIMESTAMP": vector.Datetime,
		"TIMESTAMPTZ": vector.TimestampTZ, "INTEGER[]": vector.Array, "MAP(VARCHAR, INTEGER)": vector.Map, "STRUCT(a INTEGER)": vector.Struct,
	}
	for i, typ := range slices.Sorted(maps.Keys(types)) {
		samples = append(samples, sample{name: typ, sql: "CAST(NULL AS " + typ + ")", arg: (*int)(nil), with: "CAST(? AS " + typ + ")", typ: types[typ],
			checks: some([]check{into((*string)(nil)), into((*int64)(nil)), into((*time.Time)(nil)), into((*vector.Decimal)(nil)), into([]byte(nil)), into(sql.NullString{}),
				into(sql.Null[float64]{}), native[*[]int](nil), refused[string]("null"), refused[int]("null"), refused[time.Time]("null"), refused[[]int]("null"), refused[vector.Decimal]("null")}, i, stress.Count(3, 1))})
	}
	requireAll(t, w, samples)
}

func TestAnEmptyResultHasItsColumns(t *testing.T) {
	t.Parallel()
	w := openWays(t, emulator.Options{})
	const query = "SELECT 1::BIGINT AS l, 'x' AS s, 1.50 AS d, DATE '2026-01-01' AS day, [1] AS a WHERE false"
	rows, err := w.db.QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	types, err := rows.ColumnTypes()
	require.NoError(t, err)
	require.False(t, rows.Next())
	require.NoError(t, rows.Err())
	result, err := w.client.QueryAll(t.Context(), query)
	require.NoError(t, err)
	require.Zero(t, result.Len())
	for i, want := range []vector.Type{vector.Long, vector.String, vector.Decimal128, vector.Date, vector.Array} {
		require.Equal(t, want, result.Fields[i].Type)
		require.Equal(t, want.String(), types[i].DatabaseTypeName())
	}
	none, err := e6.QueryAll[struct {
		L   int64
		S   string
		D   vector.Decimal
		Day time.Time
		A   []int
	}](t.Context(), w.client, query)
	require.NoError(t, err)
	require.Empty(t, none)
	require.Equal(t, reflect.TypeFor[sql.NullInt64](), types[0].ScanType())
}
