// Package timeline draws what clients recorded as an SVG timeline: the phases of the strategy as
// bands, one lane for each side with its queries, refusals, probes and logins, and one for
// announcements, guards and hooks. It needs the standard library and e6/recorder only, so that a
// command, a page of a program and a program in a browser (GOOS=js) can use it.
//
// A window of one or several recordings, as an element of an HTML page:
//
//	t := timeline.New(timeline.Options{From: from, To: to}, timeline.Source{Entries: recording.Entries})
//	page.Timeline, err = t.SVG() // a template.HTML for html/template; its styles are timeline.CSS
//
// The last two minutes of a running client, as often as the page needs it:
//
//	recording, err := flightRecorder.Recording()
//	t := timeline.Live(timeline.Options{}, recording.Entries, 2*time.Minute, time.Now())
//
// The three forms of a Timeline:
//
//   - SVG returns an element for an HTML page. It has no styles, no scripts and no ids, so that a
//     page may hold any number of them. The page includes CSS once.
//   - WriteFile writes an SVG file with its styles, for an img element or a document.
//   - The Timeline itself is a plain value with JSON names, for a program that draws it.
//
// The SVG has the width Options.Width in CSS pixels and does not scale. Below NarrowWidth it has
// the labels above the lanes, which fits a phone. A page that serves both puts two into elements
// with the classes e6-wide and e6-narrow; CSS shows one of them.
//
// The cost is linear in the number of entries, and the size of the SVG depends on its width only:
// entries of one kind within a few pixels become one mark with their count. Functions do not
// change the entries and keep no state, so they may be called by any goroutine.
package timeline
