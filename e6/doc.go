// Package e6 is a client for the e6data SQL engine whose queries survive the
// cluster's blue/green deployments.
//
// A cluster has two sides, blue and green, of which one is active; a deployment
// makes the other one active. A Client finds the active side, notices a change
// when a response announces it or when the ingress refuses a call, opens a
// session on the new side before any query goes there, and lets running queries
// finish where they began. A query that is cut off is run again if that is
// safe; if it is not, its error is a *CutoverError that says what was lost.
//
//	client, err := e6.Open(ctx, e6.Config{
//		Address: "localhost:50052",
//		User:    "me@example.com",
//		Token:   token,
//		Catalog: "demo",
//		Schema:  "sales",
//	})
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//
//	rows, err := client.Query(ctx, "SELECT id, total FROM orders WHERE total > 100")
//	if err != nil {
//		return err
//	}
//	defer rows.Close()
//	for rows.Next() {
//		var id int64
//		var total vector.Decimal
//		if err := rows.Scan(&id, &total); err != nil {
//			return err
//		}
//	}
//	return rows.Err()
//
// The strategy, which is the side that serves the client, is a state machine
// (package fsm). Subscribe and Events tell about every step of it.
package e6
