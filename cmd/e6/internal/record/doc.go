// Package record prints the recordings of package e6/recorder: their entries, in the order
// of time, as text or JSON; those that a running program adds; and a replay.
package record
