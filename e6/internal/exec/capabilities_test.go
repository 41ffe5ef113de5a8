package exec

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
)

func TestCapabilities_AreBounded(t *testing.T) {
	var a capabilities
	for i := range 10 * maxEngines {
		engine := engineKey{fsm.Blue, strconv.Itoa(i)}
		a.remember(engine, i%2 == 0)
		has, known := a.of(engine)
		require.True(t, known)
		require.Equal(t, i%2 == 0, has)
	}
	kept := 0
	a.engines.Range(func(any, any) bool { kept++; return true })
	require.LessOrEqual(t, kept, maxEngines)
}
