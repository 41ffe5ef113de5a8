// Package examples holds one folder for each example, each a program that is
// started with go run. Its own tests keep the documents of the repository true:
// they compile the Go in them and run its tests, follow their links, and send
// their requests.
package examples
