// WebSocket frames (RFC 6455), unfragmented and short.

package wire

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
)

// Opcodes.
const (
	OpText  = 1
	OpClose = 8
	OpPing  = 9
)

// Frame is one frame, unmasked.
type Frame struct {
	Op   byte
	Data []byte
}

// Accept is the answer to a Sec-WebSocket-Key.
func Accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Bytes is the frame as it is sent; clients mask, with zeros.
func (f Frame) Bytes(mask bool) []byte {
	out := []byte{0x80 | f.Op, byte(len(f.Data))}
	if len(f.Data) > 125 {
		panic("a frame for tests is short")
	}
	if mask {
		out[1] |= 0x80
		out = append(out, 0, 0, 0, 0)
	}
	return append(out, f.Data...)
}

// Code is the status code of a close frame, or 0.
func (f Frame) Code() int {
	if f.Op != OpClose || len(f.Data) < 2 {
		return 0
	}
	return int(binary.BigEndian.Uint16(f.Data))
}

// ReadFrame reads a frame of either side.
func ReadFrame(r *bufio.Reader) (Frame, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Frame{}, err
	}
	n, masked := int(head[1]&0x7f), head[1]&0x80 != 0
	if head[0]&0x80 == 0 || n > 125 {
		return Frame{}, fmt.Errorf("a frame of %d bytes, first byte %#x", n, head[0])
	}
	var mask [4]byte
	if masked {
		if _, err := io.ReadFull(r, mask[:]); err != nil {
			return Frame{}, err
		}
	}
	f := Frame{Op: head[0] & 0x0f, Data: make([]byte, n)}
	if _, err := io.ReadFull(r, f.Data); err != nil {
		return Frame{}, err
	}
	for i := range f.Data {
		f.Data[i] ^= mask[i%4]
	}
	return f, nil
}
