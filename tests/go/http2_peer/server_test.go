package main

import (
	"fmt"
	"hash/crc32"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/net/http2"
)

const (
	maxStreams     = 8
	window         = 65_535
	headerListSize = 16_384
)

// server answers with what a server sends after each step of bytes, and whether it has closed.
func server(t *testing.T, in reader) []byte {
	var out writer
	synctest.Test(t, func(*testing.T) {
		c := newConn()
		s := &http2.Server{
			MaxConcurrentStreams:         maxStreams,
			MaxUploadBufferPerConnection: window,
			MaxUploadBufferPerStream:     window,
			MaxReadFrameSize:             16_384,
		}
		base := &http.Server{
			// net/http adds 320 to it.
			MaxHeaderBytes: headerListSize - 320,
			ErrorLog:       log.New(io.Discard, "", 0),
		}
		if err := http2.ConfigureServer(base, s); err != nil {
			panic(err)
		}
		done := make(chan struct{})
		go func() {
			s.ServeConn(c, &http2.ServeConnOpts{BaseConfig: base, Handler: http.HandlerFunc(handle)})
			close(done)
		}()
		synctest.Wait()
		for len(in) > 0 {
			c.feed(in.bytes())
			synctest.Wait()
			sent, closed := c.take()
			out.bytes(sent)
			// What became of requests, which only a client says.
			out.bytes(nil)
			if closed {
				out.u8(1)
				break
			}
			out.u8(0)
		}
		c.Close()
		<-done
	})
	return out
}

// handle does what `handle` of tests/http2/fuzz/ours.ts does.
func handle(w http.ResponseWriter, r *http.Request) {
	switch r.RequestURI {
	case "/hold":
		<-r.Context().Done()
		return
	case "/early":
		io.WriteString(w, "early")
		return
	case "/abort":
		panic(http.ErrAbortHandler)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if r.RequestURI == "/big" {
		io.WriteString(w, strings.Repeat("x", 100_000))
		return
	}
	fmt.Fprintf(w, "%s %s %d %08x %s", r.Method, r.RequestURI, len(body), crc32.ChecksumIEEE(body),
		strings.Join(r.Header.Values("x-a"), ", "))
}
