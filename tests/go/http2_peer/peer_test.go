// Go's HTTP/2, asked by the fuzz tests over stdin and answering over stdout.
//
// It is built as a test, since only a test has the bubbles of testing/synctest: in them it is known
// when all goroutines have nothing left to do, so that each frame is handled wholly before the next.
package main

import (
	"bufio"
	"encoding/binary"
	"io"
	"log"
	"os"
	"testing"
)

var questions = map[byte]func(*testing.T, reader) []byte{
	'S': server,
	'C': client,
	'D': decode,
	'E': encode,
	'H': huffman,
}

// TestPeer answers each question: a byte that says which, and its length and content.
func TestPeer(t *testing.T) {
	log.SetOutput(io.Discard)
	in, out := bufio.NewReaderSize(os.Stdin, 1<<20), bufio.NewWriterSize(os.Stdout, 1<<20)
	for {
		var head [5]byte
		if _, err := io.ReadFull(in, head[:]); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		question := make([]byte, binary.BigEndian.Uint32(head[1:]))
		if _, err := io.ReadFull(in, question); err != nil {
			t.Fatal(err)
		}
		var answer writer
		answer.bytes(questions[head[0]](t, question))
		out.Write(answer)
		if in.Buffered() == 0 {
			out.Flush()
		}
	}
	out.Flush()
}
