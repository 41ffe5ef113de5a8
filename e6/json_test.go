package e6_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
)

func TestJSONReadsNestedValuesForDatabaseSQL(t *testing.T) {
	tags := []string{"old"}
	require.NoError(t, e6.JSON(&tags).Scan(`["a","b"]`))
	require.Equal(t, []string{"a", "b"}, tags)
	require.NoError(t, e6.JSON(&tags).Scan(nil))
	require.Nil(t, tags)
	var point struct{ X, Y int }
	require.NoError(t, e6.JSON(&point).Scan([]byte(`{"x":1,"y":2}`)))
	require.Equal(t, 2, point.Y)
	point.X = 7
	require.NoError(t, e6.JSON(&point).Scan(nil))
	require.Zero(t, point, "a null leaves nothing of an earlier row")
	require.ErrorContains(t, e6.JSON(&tags).Scan("{"), "scan into *string for the text")
	require.ErrorContains(t, e6.JSON(&tags).Scan(5), "a int is no ARRAY, MAP or STRUCT")
	require.Error(t, e6.JSON(nil).Scan("1"))
}
