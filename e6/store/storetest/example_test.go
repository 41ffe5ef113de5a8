package storetest_test

import (
	"testing"

	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/e6/store/storetest"
)

// The test of a store. Each subtest gets an empty state, and opens one or more handles on it.
func ExampleRun() {
	_ = func(t *testing.T) { // func TestMyStore_IsAConformingStore
		storetest.Run(t, func(*testing.T) storetest.Opener {
			shared := new(store.Memory) // the state of this subtest
			return func(*testing.T) store.Store { return shared }
		})
	}
}
