// Package doctor checks whether a cluster can be used: from the
// configuration over the network to a query, one check after the other. Each reports what
// was seen and, if that is not well, what to do.
//
// It speaks the protocol with the generated stubs and without the client, so that it
// sees the real responses of the ingress. Probe tests behaviour that is not known about
// engines in general; Bundle writes an archive for support, without secrets.
package doctor
