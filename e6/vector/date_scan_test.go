package vector

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestDate_TextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := DateValue{Days: rapid.Int64Range(-maxDays, maxDays).Draw(t, "days")}
		text, err := d.MarshalText()
		require.NoError(t, err)
		var got DateValue
		require.NoError(t, got.UnmarshalText(text))
		require.Equal(t, d, got)
		at, err := d.Time()
		require.NoError(t, err)
		require.NoError(t, got.Scan(at))
		require.Equal(t, d, got)
	})
}

func TestDate_ScanTakesTheDayInTheZoneOfTheTime(t *testing.T) {
	var d DateValue
	require.NoError(t, d.Scan(time.Date(2024, 2, 29, 23, 0, 0, 0, time.FixedZone("", -5*3600))))
	require.Equal(t, "2024-02-29", d.String())
}

func TestDate_ScanRefusesOtherValues(t *testing.T) {
	d := DateValue{Days: 5}
	for _, src := range []any{"", "2024-2-3", "2024-02-30", "2023-02-29", "2024-13-01", "2024-00-01", "noon", "2024-02-03T00:00:00Z", 5, nil, "999999-01-01"} {
		require.Error(t, d.Scan(src), "%v", src)
	}
	require.Equal(t, DateValue{Days: 5}, d)
	require.NoError(t, d.Scan("11756-12-31"), "the plus sign may be left out")
	require.Equal(t, "+11756-12-31", d.String())
}

func TestTimestamp_ScanTakesTheZoneOfTheTime(t *testing.T) {
	kolkata, err := time.LoadLocation("Asia/Kolkata")
	require.NoError(t, err)
	for zone, at := range map[string]time.Time{
		"Asia/Kolkata": time.Date(2024, 1, 2, 3, 4, 5, 6000, kolkata),
		"Z":            time.Date(2024, 1, 2, 3, 4, 5, 6000, time.UTC),
		"-09:30":       time.Date(1969, 12, 31, 3, 4, 5, 6000, time.FixedZone("", -(9*3600+1800))),
		"+05:30":       time.Date(1969, 12, 31, 3, 4, 5, 6000, time.FixedZone("a name of no zone", 5*3600+1800)),
	} {
		var v TimestampValue
		require.NoError(t, v.Scan(at))
		require.Equal(t, TimestampValue{at.UnixMicro(), zone}, v)
		back, err := v.Time()
		require.NoError(t, err)
		require.True(t, at.Equal(back))
	}
	var v TimestampValue
	require.Error(t, v.Scan("2024-01-01"))
	require.Error(t, v.Scan(time.Date(math.MaxInt32, 1, 1, 0, 0, 0, 0, time.UTC)))
}
