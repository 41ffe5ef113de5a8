// Package report describes what changed in one or several flight recordings, why, how long each
// phase took, which queries were affected, and which setting would have helped. New makes a
// Report; Text, JSON and Page write it.
//
// The rules of the advice are one table: see Rules.
package report
