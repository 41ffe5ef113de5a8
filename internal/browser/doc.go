// Package browser looks at the debug page in a real browser. It is a module of
// its own, so that nobody who uses the client gets a browser's protocol with it.
package browser
