// Package e6 is a client for the e6data SQL engine whose queries survive the cluster's
// blue/green deployments.
//
// A cluster has two sides, blue and green, and one of them is active. A deployment activates
// the other one. A Client detects the active side, and notices a change when a response
// announces it or when the ingress refuses a call. It opens a session on the new side before
// any query uses it, and running queries end on the side where they began. A query that is cut
// off is replayed if that is safe. Otherwise its error is a *CutoverError that states what was
// lost.
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
// The strategy, which is the side that serves the client, is a state machine (package fsm).
// Subscribe and Events deliver each of its transitions.
//
// # Configuration
//
// Config has the settings as fields. Package config reads it from a data source name, the
// environment, and other sources; package profile from a file. Config.Validate checks it.
//
// # Options of a client
//
// Open takes Options for what is not data:
//
//   - Hooks (package hook): [WithGuard], [WithSelector], [WithDetectionOrder], [WithQueryHook],
//     [WithStepHook], [WithSessionHook], [WithDetectionHook], [WithCutoverHook],
//     [WithClientHook].
//   - Cutovers: [WithStore], [WithFleet], [WithRollback], [WithReplay], [WithLazyOpen].
//   - Logs: [WithLogger], [WithLogLevel].
//   - Connections: [WithDialer], [WithLookup], [WithDialOptions].
//   - Statements: [WithEscape], [WithServerParameters], [WithTagComment], [WithTraceComment].
//
// # Options of a query
//
// [WithQueryOptions] puts QueryOptions into a context: [Tag], [Label], [InCatalog], [InSchema],
// [Replay], [NoCache], [MaxRows], [OnProgress].
//
// # Rows
//
// Query returns Rows, which are read in order while they arrive; Client.QueryAll a Result.
// [Collect], [CollectOne], [CollectExactlyOne], [Each] and [CollectResult] decode them into
// structs or single values; [QueryAll] and [QueryOne] run the query too.
//
// # Errors
//
// [IsRetryable] and [SafeToReplay] report what a program may do next. *CutoverError, *QueryError,
// *DetectionError, *ConfigError and others have the details.
package e6
