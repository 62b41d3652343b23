package main

import (
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"golang.org/x/net/http2"
)

// How much each request sends, in the order in which they begin; those after them nothing.
var requestBytes = []int{0, 5, 100_000}

// client answers with what a client sends after each step of bytes, what became of its requests in
// that step, and whether it has closed. A step without bytes begins another request.
func client(t *testing.T, in reader) []byte {
	var out writer
	synctest.Test(t, func(*testing.T) {
		c := newConn()
		transport := &http2.Transport{
			AllowHTTP:                  true,
			DisableCompression:         true,
			MaxHeaderListSize:          headerListSize,
			StrictMaxConcurrentStreams: true,
		}
		cc, err := transport.NewClientConn(c)
		if err != nil {
			panic(err)
		}
		var mu sync.Mutex
		var ended []string
		var all sync.WaitGroup
		requests := 0
		begin := func() {
			number := requests
			requests++
			all.Go(func() {
				outcome := call(cc, number)
				mu.Lock()
				defer mu.Unlock()
				ended = append(ended, outcome)
			})
			synctest.Wait()
		}
		for range requestBytes {
			begin()
		}
		for len(in) > 0 {
			if step := in.bytes(); len(step) > 0 {
				c.feed(step)
				synctest.Wait()
			} else {
				begin()
			}
			sent, closed := c.take()
			out.bytes(sent)
			mu.Lock()
			out.bytes([]byte(strings.Join(ended, "\n")))
			ended = nil
			mu.Unlock()
			if closed {
				out.u8(1)
				break
			}
			out.u8(0)
		}
		c.Close()
		all.Wait()
	})
	return out
}

// call makes a request and says what became of it, as tests/http2/fuzz/ours.ts does.
func call(cc *http2.ClientConn, number int) string {
	method, body := "GET", io.Reader(nil)
	if number < len(requestBytes) && requestBytes[number] > 0 {
		method, body = "POST", strings.NewReader(strings.Repeat("b", requestBytes[number]))
	}
	request, err := http.NewRequest(method, fmt.Sprintf("http://x/%d", number), body)
	if err != nil {
		panic(err)
	}
	response, err := cc.RoundTrip(request)
	if err != nil {
		return fmt.Sprintf("failed %d", number)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Sprintf("failed %d", number)
	}
	return fmt.Sprintf("answer %d: %d, %d bytes %08x, %s", number, response.StatusCode, len(content),
		crc32.ChecksumIEEE(content), strings.Join(response.Trailer.Values("x-trailer"), ", "))
}
