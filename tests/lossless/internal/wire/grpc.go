// gRPC's length-prefixed messages.

package wire

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Message frames an uncompressed message.
func Message(b []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(b))), b...)
}

// ReadMessage returns io.EOF at the end of a stream, between two messages.
func ReadMessage(r io.Reader) ([]byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if head[0] != 0 || n > PostBytes {
		return nil, fmt.Errorf("a message of %d bytes, flags %d", n, head[0])
	}
	b := make([]byte, n)
	_, err := io.ReadFull(r, b)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}
