// Package doctor finds out why a cluster cannot be used, or whether it can: from the
// configuration over the network to a query, one check after the other. Each says what
// was seen and, if that is not well, what to do.
//
// It speaks the protocol with the generated stubs and without the client, so that it
// sees what the ingress really answers. Probe asks a cluster what is not known about
// engines in general; Bundle writes what somebody who is to help needs, and no secret.
package doctor
