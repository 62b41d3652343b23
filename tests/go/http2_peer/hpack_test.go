package main

import (
	"bytes"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// What is done to an encoder or decoder.
const (
	resize = 1
	block  = 2
)

// decode answers with the fields of each block, or with none at the first error.
func decode(_ *testing.T, in reader) []byte {
	var out, fields writer
	var count uint32
	d := hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		count++
		fields.bytes([]byte(f.Name))
		fields.bytes([]byte(f.Value))
	})
	for len(in) > 0 {
		switch in.u8() {
		case resize:
			d.SetAllowedMaxDynamicTableSize(in.u32())
		case block:
			fields, count = nil, 0
			_, err := d.Write(in.bytes())
			if err == nil {
				err = d.Close()
			}
			if err != nil {
				out.u8(0)
				out.bytes([]byte(err.Error()))
				return out
			}
			out.u8(1)
			out.u32(count)
			out = append(out, fields...)
		}
	}
	return out
}

// encode answers with blocks.
func encode(_ *testing.T, in reader) []byte {
	var out writer
	var buffer bytes.Buffer
	e := hpack.NewEncoder(&buffer)
	for len(in) > 0 {
		switch in.u8() {
		case resize:
			e.SetMaxDynamicTableSize(in.u32())
		case block:
			buffer.Reset()
			for count := in.u32(); count > 0; count-- {
				f := hpack.HeaderField{Name: string(in.bytes()), Value: string(in.bytes())}
				f.Sensitive = in.u8() == 1
				e.WriteField(f)
			}
			out.bytes(buffer.Bytes())
		}
	}
	return out
}

// huffman answers with the code of each string, also where it is longer than the string.
func huffman(_ *testing.T, in reader) []byte {
	var out writer
	for len(in) > 0 {
		out.bytes(hpack.AppendHuffmanString(nil, string(in.bytes())))
	}
	return out
}
