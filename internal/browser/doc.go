// Package browser looks at the debug page in a real browser. It is a module of
// its own, so that no user of the client gets a browser's protocol with it.
package browser
