package etcd

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/e6/store/storetest"
)

func TestEtcd_IsAConformingStore(t *testing.T) {
	etcd := startEtcd(t)
	var worlds atomic.Int64
	storetest.Run(t, func(*testing.T) storetest.Opener {
		world := fmt.Sprintf("world-%d/", worlds.Add(1))
		return func(t *testing.T) store.Store { return open(t, etcd.config(), WithNamespace(world)) }
	})
}
