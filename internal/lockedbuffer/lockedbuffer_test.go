package lockedbuffer

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBuffer_KeepsWhatManyGoroutinesWrite(t *testing.T) {
	var b Buffer
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for range 100 {
				_, _ = fmt.Fprint(&b, "x")
				_ = b.String()
			}
		})
	}
	writers.Wait()
	require.Len(t, b.String(), 800)
}

func TestBuffer_StartsOverAfterItsLimit(t *testing.T) {
	b := Buffer{Limit: 3}
	for _, text := range []string{"ab", "cd", "ef"} {
		_, _ = fmt.Fprint(&b, text)
	}
	require.Equal(t, "ef", b.String())
}
