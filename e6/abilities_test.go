package e6

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAServerThatRenamesItselfWithEveryQueryFillsNoMemory(t *testing.T) {
	var a abilities
	for i := range 10 * maxEngines {
		engine := engineKey{Blue, strconv.Itoa(i)}
		a.remember(engine, i%2 == 0)
		has, known := a.of(engine)
		require.True(t, known)
		require.Equal(t, i%2 == 0, has)
	}
	kept := 0
	a.engines.Range(func(any, any) bool { kept++; return true })
	require.LessOrEqual(t, kept, maxEngines)
}
