// Package storetest holds the tests that every store.Store must pass, and those of a
// store.Presence. The author of a store runs them against it:
//
//	func TestMyStore_IsAConformingStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) storetest.Opener {
//			where := startEmpty(t)
//			return func(t *testing.T) store.Store { return connect(t, where) }
//		})
//	}
//
// Run them with the race detector, and with goleak in TestMain: the tests do not
// detect goroutines that a store leaves running.
package storetest
