// Command torture treats clients badly and looks whether they keep their promise:
// every query has the right answer or a typed error that fits what happened to it,
// never rows of two executions, never a row twice, never a result cut short, and no
// statement that writes runs twice.
//
//	go run ./internal/torture -time 10m -cutovers 1000
//	go run ./internal/torture -seed 7 -worlds direct,haproxy -cutovers 40
//	go run ./internal/torture -seed 7 -worlds nginx -cutovers 40 -list
//	go run ./internal/torture -worlds direct -record recordings
//
// A world is a cluster with clients under load, and a script of cutovers and faults
// that is drawn from the seed before it runs. The same seed draws the same scripts;
// which call a fault meets is up to the machine. At the end of a world nothing of it
// may be left: no goroutine, no pin, no query on the server. The flight recording of each
// client is replayed, and each decision of its router must be equal, byte for byte; -record
// keeps the recordings of the clients of this process in files, for e6 record.
package main
