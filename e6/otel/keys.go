package e6otel

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// system is the value of db.system.name.
const system = "e6data"

// The keys of attributes that are not in the semantic conventions.
const (
	keySide         attribute.Key = "e6.side"
	keyTag          attribute.Key = "e6.tag"
	keyQueryID      attribute.Key = "e6.query_id"
	keyRows         attribute.Key = "e6.rows"
	keyBatches      attribute.Key = "e6.batches"
	keyBytes        attribute.Key = "e6.bytes"
	keyRetries      attribute.Key = "e6.retries"
	keyReplays      attribute.Key = "e6.replays"
	keyAttempt      attribute.Key = "e6.attempt"
	keyReplay       attribute.Key = "e6.replay"
	keyKind         attribute.Key = "e6.kind"
	keyVerified     attribute.Key = "e6.rows_verified"
	keyFrom         attribute.Key = "e6.from"
	keyTo           attribute.Key = "e6.to"
	keyCause        attribute.Key = "e6.cause"
	keyOrder        attribute.Key = "e6.order"
	keyRounds       attribute.Key = "e6.rounds"
	keyPurpose      attribute.Key = "e6.purpose"
	keyResult       attribute.Key = "e6.result"
	keyEvent        attribute.Key = "e6.event"
	keyState        attribute.Key = "e6.state"
	keyPoint        attribute.Key = "e6.point"
	keyProblem      attribute.Key = "e6.problem"
	keyLink         attribute.Key = "e6.link"
	keyConnUse      attribute.Key = "e6.connection.use"
	keyConnState    attribute.Key = "e6.connection.state"
	cutoverID       attribute.Key = "e6.cutover.id"
	cutoverKind     attribute.Key = "e6.cutover.kind"
	cutoverEvent    attribute.Key = "e6.cutover.event"
	cutoverFrom     attribute.Key = "e6.cutover.from"
	cutoverTo       attribute.Key = "e6.cutover.to"
	cutoverCause    attribute.Key = "e6.cutover.cause"
	cutoverInFlight attribute.Key = "e6.cutover.in_flight"
	cutoverResult   attribute.Key = "e6.cutover.result"
	cutoverReason   attribute.Key = "e6.cutover.reason"
	cutoverDrain    attribute.Key = "e6.cutover.drained"
	cutoverRemain   attribute.Key = "e6.cutover.remaining"
	cutoverReplay   attribute.Key = "e6.cutover.replayed"
	cutoverRetry    attribute.Key = "e6.cutover.retried"
	cutoverLost     attribute.Key = "e6.cutover.lost"
)

// The keys of the semantic conventions. The Go package of version 1.43 has the keys of 1.44.
const (
	keySystem    = semconv.DBSystemNameKey
	keyNamespace = semconv.DBNamespaceKey
	keySummary   = semconv.DBQuerySummaryKey
	keyText      = semconv.DBQueryTextKey
	keyStatus    = semconv.DBResponseStatusCodeKey
	keyError     = semconv.ErrorTypeKey
	keyServer    = semconv.ServerAddressKey
	keyPort      = semconv.ServerPortKey
)

// other stands for a value of an attribute that is not in a bounded set.
const other = "_OTHER"
