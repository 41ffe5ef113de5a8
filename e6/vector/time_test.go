package vector

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestDate_FloorsAndHasYearsAbove9999(t *testing.T) {
	for _, tt := range []struct {
		name   string
		micros int64
		want   string
	}{
		{"the epoch", 0, "1970-01-01"},
		{"the last microsecond before it", -1, "1969-12-31"},
		{"exactly a day before it", -microsPerDay, "1969-12-31"},
		{"a microsecond more", -microsPerDay - 1, "1969-12-30"},
		{"the year 9999", 253402214400 * microsPerSecond, "9999-12-31"},
		{"the year 10000", 253402300800 * microsPerSecond, "+10000-01-01"},
		{"the first day of year 1", -62135596800 * microsPerSecond, "0001-01-01"},
		{"the day before, in year 0", -62135596800*microsPerSecond - 1, "0000-12-31"},
		{"the year before that", -62167219200*microsPerSecond - 1, "-0001-12-31"},
		{"the first that the wire can hold", math.MinInt64, "-290308-12-21"},
		{"the last that the wire can hold", math.MaxInt64, "+294247-01-10"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := dateOf(tt.micros)
			require.Equal(t, tt.want, d.String())
			at, err := d.Time()
			require.NoError(t, err)
			require.Equal(t, time.UTC, at.Location())
			require.Zero(t, at.Unix()%secondsPerDay)
		})
	}
}

func TestDate_OutOfRangeIsAnError(t *testing.T) {
	for _, days := range []int64{math.MinInt64, math.MaxInt64, maxDays + 1} {
		_, err := DateValue{Days: days}.Time()
		require.ErrorContains(t, err, "out of range")
		require.Equal(t, fmt.Sprintf("days %d", days), DateValue{Days: days}.String())
	}
}

func TestTimestamp_TextIsInItsZone(t *testing.T) {
	for _, tt := range []struct {
		name   string
		micros int64
		zone   string
		want   string
	}{
		{"no zone is UTC", 1, "", "1970-01-01T00:00:00.000001Z"},
		{"Z", 1, "Z", "1970-01-01T00:00:00.000001Z"},
		{"UTC", 1, "UTC", "1970-01-01T00:00:00.000001Z"},
		{"UTC in another case", 1, "utc", "1970-01-01T00:00:00.000001Z"},
		{"GMT in another case", 1, "gMt", "1970-01-01T00:00:00.000001Z"},
		{"z", 1, "z", "1970-01-01T00:00:00.000001Z"},
		{"UT", 1, "ut", "1970-01-01T00:00:00.000001Z"},
		{"an offset behind UTC", 0, "UTC+05:30", "1970-01-01T05:30:00.000000+05:30"},
		{"an offset behind GMT", 0, "gmt-0800", "1969-12-31T16:00:00.000000-08:00"},
		{"a zone of the database that looks like one", 1, "GMT+0", "1970-01-01T00:00:00.000001Z"},
		{"a zone with the other sign", 0, "Etc/GMT+5", "1969-12-31T19:00:00.000000-05:00"},
		{"an offset of zero", 1, "-00:00", "1970-01-01T00:00:00.000001Z"},
		{"east", 0, "+05:30", "1970-01-01T05:30:00.000000+05:30"},
		{"west, into the day before", 0, "-08", "1969-12-31T16:00:00.000000-08:00"},
		{"without a colon", 0, "+0545", "1970-01-01T05:45:00.000000+05:45"},
		{"with seconds", 0, "-00:00:30", "1969-12-31T23:59:30.000000-00:00:30"},
		{"a name in winter", 0, "Europe/Berlin", "1970-01-01T01:00:00.000000+01:00"},
		{"a name before standard time", -3e15, "Europe/Berlin", "1874-12-07T19:33:28.000000+00:53:28"},
		{"the first instant", math.MinInt64, "-18:00", "-290308-12-21T01:59:05.224192-18:00"},
		{"the last instant", math.MaxInt64, "+18:00", "+294247-01-10T22:00:54.775807+18:00"},
		{"a zone that is not known", 0, "Mars/Base", "1970-01-01T00:00:00.000000Z[Mars/Base]"},
		{"an offset beyond any", 0, "+18:01", "1970-01-01T00:00:00.000000Z[+18:01]"},
		{"the zone of this machine by its file", 0, "localtime", "1970-01-01T00:00:00.000000Z[localtime]"},
		{"the zone of this machine", 0, "Local", "1970-01-01T00:00:00.000000Z[Local]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, TimestampValue{Micros: tt.micros, Zone: tt.zone}.String())
		})
	}
}

func TestTimestamp_UnknownZoneIsAnError(t *testing.T) {
	for _, zone := range []string{
		"Mars/Base", "Local", "LOCAL", "local", "localtime", "Localtime", "posix/localtime", "posixrules", "Factory", "right/UTC", "Right/Europe/Berlin",
		"Europe/../localtime", "Europe//Berlin", "./UTC", `Europe\Berlin`, " UTC", "UTC ", "Europe/Berlin\n", "zone.tab", "UTC+25:00", "UTC+", "Z+1", "../../etc/passwd", "/etc/localtime", "+", "-1", "+1:00", "+01:0", "+01:60", "+01:00:60",
		"+19:00", "+aa:bb", "+01-30", "+010000", "+0:100", "+01:0000", "+1:1:1:1:", "\x00",
	} {
		t.Run(zone, func(t *testing.T) {
			_, err := TimestampValue{Zone: zone}.Time()
			require.ErrorContains(t, err, "zone")
		})
	}
}

func TestTimestamp_TextAgreesWithPackageTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minutes := rapid.IntRange(-18*60, 18*60).Draw(t, "offset")
		sign, m := '+', minutes
		if m < 0 {
			sign, m = '-', -m
		}
		v := TimestampValue{
			Micros: rapid.Int64Range(-62e15, 253e15).Draw(t, "micros"),
			Zone:   fmt.Sprintf("%c%02d:%02d", sign, m/60, m%60),
		}
		want := time.UnixMicro(v.Micros).In(time.FixedZone("", minutes*60))
		require.Equal(t, want.Format("2006-01-02T15:04:05.000000Z07:00"), v.String())
		got, err := v.Time()
		require.NoError(t, err)
		require.True(t, want.Equal(got))
		require.Equal(t, time.UnixMicro(v.Micros).UTC().Format(time.DateOnly), dateOf(v.Micros).String())
	})
}
