// The connection to the server: it opens the stream of events, and reconnects
// when it breaks, returns an error status, or times out.

const idleTimeout = 6000; // a tick comes every second
const firstPause = 1000;
const longestPause = 15000;
const pauseWhenClosed = 10000; // the program may be restarted at this address

// connect calls on.state, on.tick and on.event with what comes, and on.link with
// "live", "lost" or "closed".
export function connect(on) {
  let source = null;
  let watchdog = 0;
  let retry = 0;
  let pause = firstPause;
  let closed = false;

  function open() {
    clearTimeout(retry);
    source = new EventSource("events");
    source.addEventListener("state", (m) => {
      const state = JSON.parse(m.data);
      closed = state.closed;
      pause = firstPause;
      alive();
      on.state(state);
    });
    source.addEventListener("tick", (m) => { alive(); on.tick(JSON.parse(m.data)); });
    source.addEventListener("event", (m) => { alive(); on.event(JSON.parse(m.data)); });
    source.addEventListener("closed", () => { closed = true; again(); });
    source.onerror = again;
    watch();
  }

  function alive() {
    on.link(closed ? "closed" : "live");
    watch();
  }

  function watch() {
    clearTimeout(watchdog);
    watchdog = setTimeout(again, idleTimeout);
  }

  // The browser's own way to reconnect gives up after an error status, and does
  // not detect a connection that is lost without a reset.
  function again() {
    clearTimeout(watchdog);
    clearTimeout(retry);
    source.close();
    const wait = closed ? pauseWhenClosed : pause * (0.75 + Math.random() / 2);
    pause = Math.min(pause * 2, longestPause);
    on.link(closed ? "closed" : "lost");
    retry = setTimeout(open, wait);
  }

  // Reconnect at once when the page becomes visible again.
  function now() {
    if (source.readyState === EventSource.CLOSED && !closed) open();
  }
  addEventListener("online", now);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) now(); });
  open();
}
