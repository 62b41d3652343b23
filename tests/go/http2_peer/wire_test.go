package main

import "encoding/binary"

// reader takes apart what a test asks, writer puts together what it is told.
type reader []byte

func (r *reader) u8() byte {
	v := (*r)[0]
	*r = (*r)[1:]
	return v
}

func (r *reader) u32() uint32 {
	v := binary.BigEndian.Uint32(*r)
	*r = (*r)[4:]
	return v
}

func (r *reader) bytes() []byte {
	n := r.u32()
	v := (*r)[:n]
	*r = (*r)[n:]
	return v
}

type writer []byte

func (w *writer) u8(v byte)    { *w = append(*w, v) }
func (w *writer) u32(v uint32) { *w = binary.BigEndian.AppendUint32(*w, v) }
func (w *writer) bytes(v []byte) {
	w.u32(uint32(len(v)))
	*w = append(*w, v...)
}
