//go:build !race || go1.27

package bubbles

const oneProcessor = false
