// Package wire is what the load's client and the pods agree on: paths, sizes,
// bodies, and the frames of gRPC and WebSocket. It opens no connection.
package wire

import (
	"bytes"
	"crypto/sha256"
	"time"
)

// ID is the header that names a request; no two have the same.
const ID = "X-Lossless-Id"

// Lines of a pod's journal begin with one of these.
const (
	Began = "b"
	Ended = "e"
	Leave = "l" // closes its idle connections, the id says nothing
)

// Paths, one for each kind of request.
const (
	PathGet      = "/get"
	PathPost     = "/post"
	PathDownload = "/download"
	PathSocket   = "/socket"
	PathUnary    = "/lossless.Echo/Unary"
	PathBidi     = "/lossless.Echo/Bidi"
)

// The shape of the load. A download takes 1.6 s, a bidirectional call 2 s, a
// WebSocket 1 s: with 20 of each a second, a pod of four holds about 25 of them.
const (
	GetBytes      = 1 << 10
	PostBytes     = 32 << 10
	PostChunk     = 4 << 10
	DownloadBytes = 1 << 20
	DownloadParts = 32
	DownloadPause = 50 * time.Millisecond
	BidiMessages  = 3
	BidiPause     = time.Second
	SocketEchoes  = 6
	SocketPause   = 200 * time.Millisecond
)

// Body is n bytes that follow from an id, so that both sides know them.
func Body(id string, n int) []byte {
	sum := sha256.Sum256([]byte(id))
	return bytes.Repeat(sum[:], (n+len(sum)-1)/len(sum))[:n]
}
