package fsm

import (
	"reflect"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMachine_MachinesAreIndependent(t *testing.T) {
	const machines = 8
	var all sync.WaitGroup
	for i := range machines {
		all.Go(func() {
			m, err := New()
			if err != nil {
				t.Error(err)
				return
			}
			for n := range 50*len(cutover) + i%len(cutover) { // they are in different states
				before := m.Snapshot()
				step, err := m.Fire(cutover[n%len(cutover)])
				if err != nil || !reflect.DeepEqual(step.Before, before) || !reflect.DeepEqual(step.After, m.Snapshot()) {
					t.Errorf("machine %d, step %d: %+v, %v", i, n, step, err)
					return
				}
			}
		})
	}
	all.Wait()
}

func TestMachine_ConcurrentStepsPublishTheLastSnapshot(t *testing.T) {
	m, err := New()
	require.NoError(t, err)
	for range 200 {
		var firing sync.WaitGroup
		for _, trigger := range []Trigger{{Event: EventDetect}, {Event: EventSettle, Side: Blue}, {Event: EventReset}} {
			firing.Go(func() { _, _ = m.Fire(trigger) }) // illegal in some orders
		}
		firing.Wait()
		require.Equal(t, m.engine.current(), m.Snapshot().node(), "the engine's state and the snapshot agree")
	}
}

// maxBytes is what a machine may cost a client: 4 KiB.
const maxBytes = 4 << 10

func TestMachine_CostsAtMostFourKiB(t *testing.T) {
	const machines = 1000
	_, err := New() // the definition is shared
	require.NoError(t, err)
	kept := make([]*Machine, machines)
	before := heap()
	for i := range kept {
		kept[i], err = New()
		require.NoError(t, err)
		_, err = kept[i].Fire(Trigger{Event: EventDetect})
		require.NoError(t, err)
	}
	each := (heap() - before) / machines
	runtime.KeepAlive(kept)
	t.Logf("%d bytes for each machine", each)
	require.LessOrEqual(t, each, int64(maxBytes))
}

// heap is the number of bytes on the heap that are in use.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
