// Package storetest holds the tests that every store.Store must pass, and those of a
// store.Presence. Whoever
// writes a store runs them against it:
//
//	func TestMyStoreBehavesAsAStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) storetest.Opener {
//			where := startEmpty(t)
//			return func(t *testing.T) store.Store { return connect(t, where) }
//		})
//	}
//
// Run them with the race detector, and with something like goleak in TestMain:
// what a store leaves running after a test is not for this package to see.
package storetest
