package emulator_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/emulator"
)

func TestAParameterIsBoundAsTheTypeThatTheClientNames(t *testing.T) {
	t.Parallel()
	e := newEngine(t, emulator.Options{NoSample: true})
	for _, tc := range []struct {
		p    e6test.Parameter
		wire vector.Type
		want string
	}{
		{e6test.Parameter{Type: "BOOLEAN", Text: "true"}, vector.Boolean, "true"},
		{e6test.Parameter{Type: "LONG", Text: "-9223372036854775808"}, vector.Long, "-9223372036854775808"},
		{e6test.Parameter{Type: "DOUBLE", Text: "0.1"}, vector.Double, "0.1"},
		{e6test.Parameter{Type: "FLOAT", Text: "0.5"}, vector.Float, "0.5"},
		{e6test.Parameter{Type: "DECIMAL128", Text: "-1.50"}, vector.Decimal128, "-1.50"},
		{e6test.Parameter{Type: "DECIMAL128", Text: strings.Repeat("9", 38)}, vector.Decimal128, strings.Repeat("9", 38)},
		{e6test.Parameter{Type: "DECIMAL128", Text: "-" + strings.Repeat("9", 38)}, vector.Decimal128, "-" + strings.Repeat("9", 38)},
		{e6test.Parameter{Type: "DATE", Text: "1969-12-31"}, vector.Date, "1969-12-31"},
		{e6test.Parameter{Type: "TIMESTAMP", Text: "1969-12-31 12:00:00.000001"}, vector.Datetime, "1969-12-31T12:00:00.000001Z"},
		{e6test.Parameter{Type: "STRING", Text: "it's \\ 'quoted' -- ?"}, vector.String, "it's \\ 'quoted' -- ?"},
		{e6test.Parameter{Text: "without a type"}, vector.String, "without a type"},
	} {
		t.Run(tc.p.Type+" "+tc.want, func(t *testing.T) {
			t.Parallel()
			p, err := e.Prepare(context.Background(), e6test.Statement{SQL: "SELECT ? AS v"})
			require.NoError(t, err)
			defer func() { require.NoError(t, p.Close()) }()
			require.Equal(t, []string{""}, p.(e6test.Parameterized).Parameters())
			require.NoError(t, p.(e6test.Parameterized).Bind(context.Background(), []e6test.Parameter{tc.p}))
			r, err := p.Execute(context.Background())
			require.NoError(t, err)
			defer func() { require.NoError(t, r.Close()) }()
			require.Equal(t, tc.wire, r.Fields()[0].Type)
			require.Equal(t, [][]string{{tc.want}}, read(t, r, 100))
		})
	}
}

func TestParameters_KnownTypesAreReturned(t *testing.T) {
	t.Parallel()
	e := newEngine(t, emulator.Options{NoSample: true})
	p, err := e.Prepare(context.Background(), e6test.Statement{SQL: "SELECT 1 WHERE DATE '2024-01-01' = ? AND 'a' = ?::VARCHAR"})
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	require.Equal(t, []string{"DATE", "STRING"}, p.(e6test.Parameterized).Parameters())
}

func TestParameters_AnInvalidValueOfItsTypeIsRefused(t *testing.T) {
	t.Parallel()
	e := newEngine(t, emulator.Options{NoSample: true})
	for _, p := range []e6test.Parameter{
		{Type: "LONG", Text: "1.5"}, {Type: "BOOLEAN", Text: "perhaps"}, {Type: "DOUBLE", Text: "x"}, {Type: "DATE", Text: "2024-02-30"},
		{Type: "TIMESTAMP", Text: "noon"}, {Type: "DECIMAL128", Text: strings.Repeat("9", 39)}, {Type: "ARRAY", Text: "[]"},
	} {
		s, err := e.Prepare(context.Background(), e6test.Statement{SQL: "SELECT ?"})
		require.NoError(t, err)
		require.ErrorContains(t, s.(e6test.Parameterized).Bind(context.Background(), []e6test.Parameter{p}), "parameter 1", "%v", p)
		require.NoError(t, s.Close())
	}
}
