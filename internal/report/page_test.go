package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/recorder"
)

// pageOf is the page, which must be well-formed.
func pageOf(t *testing.T, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, r.Page(&b))
	d := xml.NewDecoder(strings.NewReader(b.String()))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		if _, err := d.Token(); err == io.EOF {
			return b.String()
		} else {
			require.NoError(t, err)
		}
	}
}

func TestPage_HasNoScriptsAndNoExternalResources(t *testing.T) {
	page := pageOf(t, incident(t).report())
	require.Contains(t, page, `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`)
	require.NotRegexp(t, `<script|<link|<img|@import|url\(|\ssrc=|\shref=|\son\w+=`, page)
	for _, address := range regexp.MustCompile(`https?://[^"'\s<]+`).FindAllString(page, -1) {
		require.Equal(t, "http://www.w3.org/2000/svg", address, "the name of the format, which is not loaded")
	}
}

func TestPage_ShowsChangesAdviceAndQueries(t *testing.T) {
	page := pageOf(t, incident(t).report())
	for _, want := range []string{
		"2 changes of the active side, 2 queries lost",
		`<b>Announce a side later, or raise ReadyTimeout above the time that it needs.</b> <code>Config.ReadyTimeout</code>`,
		`ready-timeout, change 4: green was not ready within 10m0s`,
		`blue → green <span class="pill" data-tone="bad">announced, not made</span>`,
		`<dt>phases</dt><dd>preparing 1.6s, draining 2.01s</dd>`,
		`<span class="outcome" data-outcome="lost">lost</span></td><td>green</td>`,
		`<title>14:03:00.015 preparing green for 1.6s: new queries use blue until green accepts (announcement: blue named green)</title>`,
	} {
		require.Contains(t, page, want)
	}
	require.Equal(t, 8, strings.Count(page, "<svg "), "the recording and three changes, for a desktop and a phone: nothing is to be seen in the first use")
}

// The texts of a recording are not trusted.
func TestPage_EscapesTheTextsOfARecording(t *testing.T) {
	const attack = `</title></svg><script>alert(1)</script>`
	s := newScript(t).fire(fsm.EventAnnounce, fsm.Green, fsm.ReasonAnnouncement, attack).after(time.Second)
	s.event(events.KindGuardDecided, attrs{"guard": attack, "decision": "veto", "guard_reason": attack}).fire(fsm.EventAbort, fsm.Blue, fsm.ReasonVeto, attack)
	s.query(recorder.Query{ID: attack, Side: fsm.Blue, Retries: 1})
	page := pageOf(t, New(Options{}, Source{attack, &s.r}, Source{"b", &s.r}))
	require.NotContains(t, page, "<script")
	require.Contains(t, page, "&lt;script&gt;alert(1)&lt;/script&gt;")
}

func TestPage_ToneOfTheHeadline(t *testing.T) {
	for want, play := range map[string]func(*script){
		"bad":  func(s *script) { s.abrupt(0).lose(fsm.Blue, "a", "policy", 0) },
		"warn": func(s *script) { s.abrupt(0) },
		"good": func(s *script) { change(s, fsm.ReasonDrained, "drained", 0) },
	} {
		s := newScript(t)
		play(s)
		_, tone := s.report().headline()
		require.Equal(t, want, tone)
	}
}

// busy is a recording as large as the default size can hold: many changes and queries.
func busy(t *testing.T) *recorder.Recording {
	s := newScript(t)
	for range 250 {
		s.abrupt(3 * time.Millisecond)
		for i := range 100 {
			s.after(10 * time.Millisecond).query(recorder.Query{ID: fmt.Sprint(i), Side: s.machine.Snapshot().Active, Retries: i % 2, Lost: i == 19})
		}
	}
	return &s.r
}

func TestPage_SizeIsBounded(t *testing.T) {
	r := busy(t)
	var sources []Source
	for i := range 8 {
		sources = append(sources, Source{fmt.Sprint("pod-", i, ".rec"), r})
	}
	page := pageOf(t, New(Options{}, sources...))
	require.Contains(t, page, "151 more changes are in the JSON form.")
	require.Less(t, len(page), 2<<20)
	require.Contains(t, page, "2 more clients are not drawn")
	require.Contains(t, page, fmt.Sprintf("the most severe %d; ", pageQueries))
}

// A drain of 15 minutes after a change of a second would hide the change.
func TestChange_WindowShowsTheChange(t *testing.T) {
	s := newScript(t).announce().after(time.Second).accept(time.Second).after(15 * time.Minute).commit(fsm.ReasonDrained)
	from, to := s.report().Changes[1].window()
	require.Less(t, to.Sub(from), 20*time.Second)
}

func TestChange_WindowShowsTheEndsOfItsQueries(t *testing.T) {
	s := newScript(t).abrupt(time.Millisecond).after(500 * time.Millisecond).query(recorder.Query{Side: fsm.Green, Replays: 1, Took: time.Second})
	ended := s.now
	s.after(time.Hour).query(recorder.Query{Side: fsm.Green, Replays: 1, Took: 2 * time.Hour})
	_, to := s.report().Changes[1].window()
	require.True(t, to.After(ended))
	require.Less(t, to.Sub(ended), 2*time.Second)
}

func TestTimeline_IsAnSVGFile(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, incident(t).report().Timeline(&b))
	require.NoError(t, xml.Unmarshal(b.Bytes(), new(any)))
	require.Contains(t, b.String(), "change 3: green to blue, without an announcement, in 3ms")
}
