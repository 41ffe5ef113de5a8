package wire

import (
	"bytes"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/e6data/e6data-go/e6/fsm"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// frames is what a scripted server writes on a connection.
type frames struct {
	*http2.Framer
	conn net.Conn
	hbuf bytes.Buffer
	henc *hpack.Encoder
}

// headers writes a header block: names and values in turn.
func (f *frames) headers(stream uint32, end bool, fields ...string) {
	f.hbuf.Reset()
	for i := 0; i < len(fields); i += 2 {
		_ = f.henc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	block := f.hbuf.Bytes()
	const most = 16 << 10
	first := block[:min(len(block), most)]
	rest := block[len(first):]
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: first, EndHeaders: len(rest) == 0, EndStream: end})
	for len(rest) > 0 {
		part := rest[:min(len(rest), most)]
		rest = rest[len(part):]
		_ = f.WriteContinuation(stream, len(rest) == 0, part)
	}
}

// begin writes the response headers of a gRPC server.
func (f *frames) begin(stream uint32) {
	f.headers(stream, false, ":status", "200", "content-type", "application/grpc")
}

// message writes an empty message.
func (f *frames) message(stream uint32, end bool) { _ = f.WriteData(stream, end, make([]byte, 5)) }

// serveFrames runs a server that answers each request, once it is complete, by what
// reply writes. It closes the connection if reply returns false. It counts the requests.
func serveFrames(t testing.TB, reply func(f *frames, stream uint32, nth int) bool) (address string, requests func() int) {
	t.Helper()
	return serveStreams(t, nil, reply)
}

// serveStreams also calls begun for the headers of each request.
func serveStreams(t testing.TB, begun func(f *frames, stream uint32), reply func(f *frames, stream uint32, nth int) bool) (address string, requests func() int) {
	t.Helper()
	l := listen(t)
	var mu sync.Mutex
	var done sync.WaitGroup
	nth := 0
	serve := func(conn net.Conn) {
		defer func() { _ = conn.Close() }()
		preface := make([]byte, len(http2.ClientPreface))
		if _, err := conn.Read(preface); err != nil {
			return
		}
		f := &frames{Framer: http2.NewFramer(conn, conn), conn: conn}
		f.henc = hpack.NewEncoder(&f.hbuf)
		_ = f.WriteSettings()
		for {
			frame, err := f.ReadFrame()
			if err != nil {
				return
			}
			switch frame := frame.(type) {
			case *http2.SettingsFrame:
				if !frame.IsAck() {
					_ = f.WriteSettingsAck()
				}
			case *http2.PingFrame:
				if !frame.IsAck() {
					_ = f.WritePing(true, frame.Data)
				}
			case *http2.HeadersFrame:
				if begun != nil {
					begun(f, frame.StreamID)
				}
			case *http2.DataFrame:
				if !frame.StreamEnded() {
					continue
				}
				mu.Lock()
				nth++
				n := nth
				mu.Unlock()
				if !reply(f, frame.StreamID, n) {
					return
				}
			}
		}
	}
	done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			done.Go(func() { serve(conn) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); done.Wait() })
	return l.Addr().String(), func() int { mu.Lock(); defer mu.Unlock(); return nth }
}

// TestClassify_UnreadableResponses shows that every error of this client's gRPC about a
// response leaves the effect unknown, even if the response began well.
func TestClassify_UnreadableResponses(t *testing.T) {
	grpcHeaders := []string{":status", "200", "content-type", "application/grpc"}
	long := strings.Repeat("x", 600<<10)
	for name, write := range map[string]func(f *frames, stream uint32){
		"a 200 without trailers":          func(f *frames, s uint32) { f.begin(s); _ = f.WriteData(s, true, nil) },
		"a message without trailers":      func(f *frames, s uint32) { f.begin(s); f.message(s, true) },
		"trailers without a status":       func(f *frames, s uint32) { f.begin(s); f.headers(s, true, "x", "y") },
		"headers alone, without a status": func(f *frames, s uint32) { f.headers(s, true, grpcHeaders...) },
		"a status that is no number":      func(f *frames, s uint32) { f.begin(s); f.headers(s, true, "grpc-status", "none") },
		"only a status that is no number": func(f *frames, s uint32) { f.headers(s, true, append(grpcHeaders, "grpc-status", "13x")...) },
		"metadata that is no base64": func(f *frames, s uint32) {
			f.headers(s, true, append(grpcHeaders, "x-bin", "%", "grpc-status", "0")...)
		},
		"details that are no base64":      func(f *frames, s uint32) { f.begin(s); f.headers(s, true, "grpc-status", "0", "x-bin", "%") },
		"success without a message":       func(f *frames, s uint32) { f.begin(s); f.headers(s, true, "grpc-status", "0") },
		"only success, without a message": func(f *frames, s uint32) { f.headers(s, true, append(grpcHeaders, "grpc-status", "0")...) },
		"headers twice":                   func(f *frames, s uint32) { f.begin(s); f.headers(s, false, "x", "y") },
		"headers over the limit": func(f *frames, s uint32) {
			f.headers(s, true, append(grpcHeaders, "a", long, "b", long, "grpc-status", "13")...)
		},
		"trailers over the limit": func(f *frames, s uint32) { f.begin(s); f.headers(s, true, "a", long, "b", long, "grpc-status", "13") },
		"a message that ends early": func(f *frames, s uint32) {
			f.begin(s)
			_ = f.WriteData(s, false, []byte{0, 0, 0, 0, 9, 1})
			f.headers(s, true, "grpc-status", "0")
		},
		"a message that is none": func(f *frames, s uint32) {
			f.begin(s)
			_ = f.WriteData(s, false, []byte{0, 0, 0, 0, 1, 255})
			f.headers(s, true, "grpc-status", "0")
		},
		"a message that is compressed": func(f *frames, s uint32) {
			f.begin(s)
			_ = f.WriteData(s, false, []byte{1, 0, 0, 0, 1, 255})
			f.headers(s, true, "grpc-status", "0")
		},
		"a message of an unknown compression": func(f *frames, s uint32) {
			f.headers(s, false, append(grpcHeaders, "grpc-encoding", "none-such")...)
			_ = f.WriteData(s, false, []byte{1, 0, 0, 0, 1, 255})
			f.headers(s, true, "grpc-status", "0")
		},
		"a message of an unknown format": func(f *frames, s uint32) {
			f.begin(s)
			_ = f.WriteData(s, false, []byte{7, 0, 0, 0, 1, 255})
			f.headers(s, true, "grpc-status", "0")
		},
		"two messages": func(f *frames, s uint32) {
			f.begin(s)
			f.message(s, false)
			f.message(s, false)
			f.headers(s, true, "grpc-status", "0")
		},
		"a header with an invalid name": func(f *frames, s uint32) {
			f.headers(s, true, append(grpcHeaders, "B A D", "x", "grpc-status", "13")...)
		},
		"a trailer with an invalid name": func(f *frames, s uint32) { f.begin(s); f.headers(s, true, "B A D", "x", "grpc-status", "13") },
		"a trailer with a pseudo-header": func(f *frames, s uint32) { f.begin(s); f.headers(s, true, "grpc-status", "13", ":status", "200") },
		"a reset after the headers":      func(f *frames, s uint32) { f.begin(s); _ = f.WriteRSTStream(s, http2.ErrCodeInternal) },
		"a refusal after the headers":    func(f *frames, s uint32) { f.begin(s); _ = f.WriteRSTStream(s, http2.ErrCodeRefusedStream) },
		// HAProxy sends it for a call that the engine has executed, when the engine's
		// connection ends without a response.
		"a refusal":                             func(f *frames, s uint32) { _ = f.WriteRSTStream(s, http2.ErrCodeRefusedStream) },
		"a cancel after the headers":            func(f *frames, s uint32) { f.begin(s); _ = f.WriteRSTStream(s, http2.ErrCodeCancel) },
		"a cancel":                              func(f *frames, s uint32) { _ = f.WriteRSTStream(s, http2.ErrCodeCancel) },
		"a reset":                               func(f *frames, s uint32) { _ = f.WriteRSTStream(s, http2.ErrCodeInternal) },
		"a reset without an error":              func(f *frames, s uint32) { _ = f.WriteRSTStream(s, http2.ErrCodeNo) },
		"an informational end":                  func(f *frames, s uint32) { f.headers(s, true, ":status", "103") },
		"no HTTP status":                        func(f *frames, s uint32) { f.headers(s, true, "server", "x") },
		"an HTTP status that is none":           func(f *frames, s uint32) { f.headers(s, true, ":status", "2x0") },
		"the connection ends":                   func(f *frames, s uint32) { _ = f.conn.Close() },
		"the connection ends after the headers": func(f *frames, s uint32) { f.begin(s); _ = f.conn.Close() },
		"GOAWAY above the stream, and the end":  func(f *frames, s uint32) { _ = f.WriteGoAway(s, http2.ErrCodeNo, nil); _ = f.conn.Close() },
		"a frame too large":                     func(f *frames, s uint32) { _, _ = f.conn.Write([]byte{255, 255, 255, 1, 4, 0, 0, 0, byte(s)}) },
	} {
		t.Run(name, func(t *testing.T) {
			address, requests := serveFrames(t, func(f *frames, stream uint32, _ int) bool { write(f, stream); return true })
			e := requireFailure(t, ask(t, dial(t, address, Config{})), ClassNoResponse, EffectUnknown)
			require.Equal(t, 1, requests(), "%v", e)
			o := e.Outcome()
			require.True(t, o.Replay && o.Probe && o.RetryCall, "%+v", o)
		})
	}
}

func TestClassify_StatusOfAnEngineInEveryForm(t *testing.T) {
	for name, write := range map[string]func(f *frames, stream uint32){
		"trailers only": func(f *frames, s uint32) {
			f.headers(s, true, ":status", "200", "content-type", "application/grpc", "grpc-status", "3", "grpc-message", "syntax error")
		},
		"trailers without metadata": func(f *frames, s uint32) {
			f.begin(s)
			f.headers(s, true, "grpc-status", "3", "grpc-message", "syntax error")
		},
		"trailers with metadata": func(f *frames, s uint32) {
			f.begin(s)
			f.headers(s, true, "grpc-status", "3", "grpc-message", "syntax error", "x", "y")
		},
		"trailers after a message": func(f *frames, s uint32) {
			f.begin(s)
			f.message(s, false)
			f.headers(s, true, "grpc-status", "3", "grpc-message", "syntax error")
		},
	} {
		t.Run(name, func(t *testing.T) {
			address, _ := serveFrames(t, func(f *frames, stream uint32, _ int) bool { write(f, stream); return true })
			requireFailure(t, ask(t, dial(t, address, Config{})), ClassEngine, EffectDone)
		})
	}
}

// TestClassify_TextOfEnvoyFromAnEngineProvesNothing shows that a response with the header of
// a forwarded response is that of the engine, with any text.
func TestClassify_TextOfEnvoyFromAnEngineProvesNothing(t *testing.T) {
	for header, effect := range map[string]Effect{"x-envoy-upstream-service-time": EffectUnknown, "x-envoy-other": EffectNone} {
		address, _ := serveFrames(t, func(f *frames, s uint32, _ int) bool {
			f.headers(s, true, ":status", "200", "content-type", "application/grpc", "grpc-status", "14", "grpc-message", "no healthy upstream", header, "7")
			return true
		})
		e, ok := AsError(ask(t, dial(t, address, Config{})))
		require.True(t, ok)
		require.Equal(t, effect, e.Effect, header)
	}
}

// TestClassify_UnprocessedStream shows the proof that HTTP/2 gives. Such a call is sent
// once more at once, so each server gives it twice.
func TestClassify_UnprocessedStream(t *testing.T) {
	for name, write := range map[string]func(f *frames, stream uint32){
		"GOAWAY below the stream": func(f *frames, s uint32) { _ = f.WriteGoAway(max(s, 2)-2, http2.ErrCodeNo, nil) },
		"GOAWAY of all, and then below": func(f *frames, s uint32) {
			_ = f.WriteGoAway(1<<31-1, http2.ErrCodeNo, nil)
			_ = f.WriteGoAway(max(s, 2)-2, http2.ErrCodeNo, nil)
		},
		"GOAWAY below the stream, with a text": func(f *frames, s uint32) {
			_ = f.WriteGoAway(max(s, 2)-2, http2.ErrCodeEnhanceYourCalm, []byte("calm"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			// The first stream of each connection is answered, so that the second is above
			// the last one that GOAWAY names.
			address, _ := serveFrames(t, func(f *frames, stream uint32, _ int) bool {
				if stream == 1 {
					f.begin(stream)
					f.message(stream, false)
					f.headers(stream, true, "grpc-status", "0")
					return true
				}
				write(f, stream)
				return true
			})
			c := dial(t, address, Config{})
			require.NoError(t, ask(t, c))
			err := ask(t, c) // the second attempt is the first stream of a connection
			if err != nil {
				requireFailure(t, err, ClassNotProcessed, EffectNone)
			}
		})
		t.Run(name+", twice", func(t *testing.T) {
			address, requests := serveFrames(t, func(f *frames, stream uint32, _ int) bool {
				return f.WriteGoAway(0, http2.ErrCodeNo, nil) == nil // no stream was processed at all
			})
			o := requireFailure(t, ask(t, dial(t, address, Config{})), ClassNotProcessed, EffectNone).Outcome()
			require.Equal(t, 2, requests())
			require.True(t, o.StartOver && o.RetryCall && o.Free, "%+v", o)
			require.Equal(t, HealthIgnored, o.Health)
		})
	}
}

func TestClassify_UnprocessedStreamWithoutAnotherConnection(t *testing.T) {
	l := listen(t)
	address := l.Addr().String()
	var done sync.WaitGroup
	done.Go(func() {
		conn, err := l.Accept()
		_ = l.Close()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = conn.Read(make([]byte, len(http2.ClientPreface)))
		f := http2.NewFramer(conn, conn)
		_ = f.WriteSettings()
		for {
			frame, err := f.ReadFrame()
			if err != nil {
				return
			}
			if s, ok := frame.(*http2.SettingsFrame); ok && !s.IsAck() {
				_ = f.WriteSettingsAck()
			}
			if d, ok := frame.(*http2.DataFrame); ok && d.StreamEnded() {
				_ = f.WriteGoAway(0, http2.ErrCodeNo, nil)
			}
		}
	})
	t.Cleanup(done.Wait)
	e := requireFailure(t, ask(t, dial(t, address, Config{})), ClassUnreachable, EffectNone)
	require.ErrorContains(t, e, "connection refused")
}

// TestClassify_ResponseThatBreaksTheConnection shows that the outcome of a statement's step
// has Poison set.
func TestClassify_ResponseThatBreaksTheConnection(t *testing.T) {
	prepare := func(address string) Outcome {
		c := dial(t, address, Config{})
		l := c.Acquire(fsm.Blue, 1)
		defer l.Release()
		_, err := l.Engine(Call{Side: fsm.Blue}).PrepareStatement(t.Context(), &e6xv1.PrepareStatementRequest{})
		o := OutcomeOf(err)
		require.Equal(t, ClassNoResponse, o.Class, "%v", err)
		require.Equal(t, EffectUnknown, o.Effect, "%v", err)
		return o
	}
	address, _ := serveFrames(t, func(f *frames, stream uint32, _ int) bool {
		f.headers(stream, true, ":status", "200", "content-type", "application/grpc", "grpc-status", "13", "grpc-message", strings.Repeat("x", 3<<20))
		return true
	})
	require.True(t, prepare(address).Poison)

	address, _ = serveFrames(t, func(*frames, uint32, int) bool { return false })
	require.False(t, prepare(address).Poison, "the end of a connection is no sign of a malformed response")
}
