package examples_test

import (
	"database/sql"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/emulator"
)

func TestDate_IsMidnightUTCInEveryYear(t *testing.T) {
	t.Parallel()
	var samples []sample
	for text, day := range map[string]time.Time{
		"1969-12-31":    time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC),
		"1970-01-01":    time.Unix(0, 0).UTC(),
		"2024-02-29":    time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC),
		"1582-10-10":    time.Date(1582, 10, 10, 0, 0, 0, 0, time.UTC),
		"0001-01-01":    {},
		"0000-12-31":    time.Date(0, 12, 31, 0, 0, 0, 0, time.UTC),
		"-0043-03-15":   time.Date(-43, 3, 15, 0, 0, 0, 0, time.UTC),
		"9999-12-31":    time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC),
		"+11756-12-31":  time.Date(11756, 12, 31, 0, 0, 0, 0, time.UTC),
		"+294246-12-31": time.Date(294246, 12, 31, 0, 0, 0, 0, time.UTC),
		"-290306-12-31": time.Date(-290306, 12, 31, 0, 0, 0, 0, time.UTC),
	} {
		date := vector.DateValue{Days: day.Unix() / 86_400}
		samples = append(samples, sample{name: text, sql: "DATE '" + strings.TrimPrefix(text, "+") + "'", arg: date, typ: vector.Date, value: date, driver: day, text: text,
			checks: []check{into(day), native(&day), into(date), into(sql.NullTime{Time: day, Valid: true}), refused[int]("does not convert to int")}})
	}
	requireSentInBothWays(t, both(t), samples)
	// The first and the last day of the protocol.
	w := serve(t, []vector.Field{{Name: "day", Type: vector.Date}}, e6test.Batch{Rows: 2, Columns: []e6test.Column{{
		Type: vector.Date, Nulls: []bool{false, false}, Ints: []int64{math.MinInt64, math.MaxInt64}}}})
	texts, err := e6.QueryAll[string](t.Context(), w.client, "SELECT * FROM t")
	require.NoError(t, err)
	require.Equal(t, []string{"-290308-12-21", "+294247-01-10"}, texts)
	days, err := e6.QueryAll[time.Time](t.Context(), w.client, "SELECT * FROM t")
	require.NoError(t, err)
	require.Equal(t, []int{-290308, 294247}, []int{days[0].Year(), days[1].Year()})
}

func TestTimestampsKeepTheirMicrosecondsOnBothSidesOf1970(t *testing.T) {
	t.Parallel()
	var samples []sample
	for text, at := range map[string]time.Time{
		"1969-12-31T23:59:59.999999Z": time.UnixMicro(-1).UTC(),
		"1969-12-31T12:00:00.000000Z": time.Date(1969, 12, 31, 12, 0, 0, 0, time.UTC),
		"1970-01-01T00:00:00.000001Z": time.UnixMicro(1).UTC(),
		"0001-01-01T00:00:00.000000Z": {},
		"1066-10-14T09:00:00.500000Z": time.Date(1066, 10, 14, 9, 0, 0, 500_000_000, time.UTC),
		"9999-12-31T23:59:59.999999Z": time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
	} {
		value := vector.TimestampValue{Micros: at.UnixMicro()}
		samples = append(samples, sample{name: text, sql: "TIMESTAMP '" + strings.Trim(strings.Replace(text, "T", " ", 1), "Z") + "'", arg: at, typ: vector.Datetime,
			value: value, driver: at, text: text, checks: []check{into(at), native(value), into(sql.Null[time.Time]{V: at, Valid: true})}})
	}
	early := time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.FixedZone("", 3600))
	requireSentInBothWays(t, both(t), append(samples, sample{name: "nanoseconds are cut, downwards", arg: early, typ: vector.Datetime,
		value:  vector.TimestampValue{Micros: early.Truncate(time.Microsecond).UnixMicro()},
		driver: early.UTC().Truncate(time.Microsecond), text: "1969-12-31T22:59:59.999999Z"}))
	far, old := time.Date(11756, 12, 31, 1, 2, 3, 4000, time.UTC), time.Date(-43, 3, 15, 1, 2, 3, 4000, time.UTC)
	requireAll(t, openWays(t, emulator.Options{}), []sample{
		{name: "a far year", sql: "TIMESTAMP '11756-12-31 01:02:03.000004'", typ: vector.Datetime, value: vector.TimestampValue{Micros: far.UnixMicro()}, driver: far,
			text: "+11756-12-31T01:02:03.000004Z", checks: []check{into(far)}},
		{name: "a year before 1", sql: "TIMESTAMP '-0043-03-15 01:02:03.000004'", typ: vector.Datetime, value: vector.TimestampValue{Micros: old.UnixMicro()}, driver: old,
			text: "-0043-03-15T01:02:03.000004Z", checks: []check{into(old)}},
	})
}

func TestPointsInTimeKeepTheirZoneAcrossItsClockChanges(t *testing.T) {
	t.Parallel()
	for zone, clocks := range map[string]map[string]string{ // of points in time in UTC, what the clock of the zone shows
		"Europe/Berlin": {
			"2026-03-29T00:59:59.999999Z": "2026-03-29T01:59:59.999999+01:00", "2026-03-29T01:00:00Z": "2026-03-29T03:00:00+02:00",
			"2026-10-25T00:30:00Z": "2026-10-25T02:30:00+02:00", "2026-10-25T01:30:00Z": "2026-10-25T02:30:00+01:00",
		},
		"America/New_York": {
			"2026-03-08T06:59:59Z": "2026-03-08T01:59:59-05:00", "2026-03-08T07:00:00Z": "2026-03-08T03:00:00-04:00",
			"2026-11-01T05:30:00Z": "2026-11-01T01:30:00-04:00", "2026-11-01T06:30:00Z": "2026-11-01T01:30:00-05:00",
		},
		"Asia/Kolkata": {
			"2026-06-15T12:00:00.5Z": "2026-06-15T17:30:00.5+05:30", "1969-12-31T18:29:59.999999Z": "1969-12-31T23:59:59.999999+05:30",
		},
		"Australia/Lord_Howe": { // which moves its clocks by half an hour
			"2026-04-04T14:45:00Z": "2026-04-05T01:45:00+11:00", "2026-04-04T15:15:00Z": "2026-04-05T01:45:00+10:30",
			"2026-10-03T15:29:59Z": "2026-10-04T01:59:59+10:30", "2026-10-03T15:30:00Z": "2026-10-04T02:30:00+11:00",
		},
	} {
		t.Run(zone, func(t *testing.T) {
			at, err := time.LoadLocation(zone)
			require.NoError(t, err)
			em := start(t, emulator.Options{Zone: zone})
			var samples []sample
			for utc, clock := range clocks {
				point, err := time.Parse(time.RFC3339Nano, utc)
				require.NoError(t, err)
				local := point.In(at)
				require.Equal(t, clock, local.Format(time.RFC3339Nano))
				value := vector.TimestampValue{Micros: point.UnixMicro(), Zone: zone}
				samples = append(samples, sample{name: clock, sql: "TIMESTAMPTZ '" + utc + "'", arg: local, with: "CAST(? AS TIMESTAMP) AT TIME ZONE 'UTC'", typ: vector.TimestampTZ,
					value: value, driver: local, text: local.Format("2006-01-02T15:04:05.000000Z07:00"), checks: []check{into(local), native(&local), into(value)}})
			}
			w := map[string]ways{"literals": askAt(t, em.Addr()), "server parameters": askAt(t, em.Addr(), e6.WithServerParameters())}
			requireSentInBothWays(t, w, samples)
			// A time that the clock skips is a point in time for Go, and that is sent.
			skipped := time.Date(2026, 3, 29, 2, 30, 0, 0, at)
			onlyRow(t, w["server parameters"], "SELECT CAST(? AS TIMESTAMP) AT TIME ZONE 'UTC'", []any{skipped}, func(r *e6.Rows) {
				require.Equal(t, []any{vector.TimestampValue{Micros: skipped.UnixMicro(), Zone: zone}}, r.Values())
			})
		})
	}
}

// serve starts a cluster with one table, for what DuckDB never sends.
func serve(t *testing.T, fields []vector.Field, b e6test.Batch) ways {
	t.Helper()
	engine := e6test.NewCannedEngine()
	engine.AddTable("t", fields, b)
	cluster, err := e6test.Start(e6test.WithEngine(engine))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	return askAt(t, cluster.Addr())
}

func TestEveryRowHasAZoneOfItsOwn(t *testing.T) {
	t.Parallel()
	zones := []string{"Z", "+05:30", "Europe/Berlin", "", "-03:30"}
	noon := time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC).UnixMicro()
	w := serve(t, []vector.Field{{Name: "at", Type: vector.TimestampTZ}}, e6test.Batch{Rows: 5, Columns: []e6test.Column{{
		Type: vector.TimestampTZ, Nulls: make([]bool, 5), Ints: []int64{noon, noon, noon, noon, noon}, Zones: zones}}})
	times, err := e6.QueryAll[time.Time](t.Context(), w.client, "SELECT * FROM t")
	require.NoError(t, err)
	shown := make([]string, 5)
	for i, at := range times {
		require.Equal(t, noon, at.UnixMicro())
		shown[i] = at.Format("15:04:05 -07:00")
	}
	require.Equal(t, []string{"12:00:00 +00:00", "17:30:00 +05:30", "14:00:00 +02:00", "12:00:00 +00:00", "08:30:00 -03:30"}, shown)
}

func TestAZoneThatIsNotKnownIsAnErrorAndTheTextIsThere(t *testing.T) {
	t.Parallel()
	w := serve(t, []vector.Field{{Name: "at", Type: vector.TimestampTZ}}, e6test.Batch{Rows: 1, Columns: []e6test.Column{{
		Type: vector.TimestampTZ, Nulls: []bool{false}, Ints: []int64{0}, Zones: []string{"Mars/Base"}}}})
	refused[time.Time](`zone "Mars/Base" is not known`)(t, w, "SELECT * FROM t")
	native("1970-01-01T00:00:00.000000Z[Mars/Base]")(t, w, "SELECT * FROM t")
	native(vector.TimestampValue{Zone: "Mars/Base"})(t, w, "SELECT * FROM t")
	var at time.Time
	err := w.db.QueryRowContext(t.Context(), "SELECT * FROM t").Scan(&at)
	require.ErrorAs(t, err, new(*e6.ScanError))
	require.ErrorContains(t, err, `zone "Mars/Base" is not known`)
	require.NotContains(t, err.Error(), "outside the years")
}

func TestTypes_DatabaseSQLConvertsTheDriversValues(t *testing.T) {
	t.Parallel()
	w := openWays(t, emulator.Options{})
	overSQL("2026-02-12T00:00:00Z")(t, w, "SELECT DATE '2026-02-12'")
	overSQL("2026-02-12")(t, w, "SELECT CAST(DATE '2026-02-12' AS VARCHAR)")
	overSQL(12345678901234567890.123)(t, w, "SELECT 12345678901234567890.123456789")
	overSQL(float64(1<<53))(t, w, "SELECT 9007199254740993")
}

func TestATimeIsComparedWithAPointInTimeInUTC(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, zone := range []string{"UTC", "Asia/Kolkata"} {
		em := start(t, emulator.Options{Zone: zone})
		for _, w := range []ways{askAt(t, em.Addr()), askAt(t, em.Addr(), e6.WithServerParameters())} {
			into(true)(t, w, "SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00' = CAST(? AS TIMESTAMP) AT TIME ZONE 'UTC'", at)
			into(zone == "UTC")(t, w, "SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00' = CAST(? AS TIMESTAMP)", at)
		}
	}
}
