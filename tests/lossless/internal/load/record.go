// Package load is the client: a steady mix of requests, each with an id of its
// own, and what came of each.
//
// It does what a correct client does and nothing more. A connection that the
// other side turned away (Connection: close, GOAWAY) takes no new request; a
// stream that GOAWAY or REFUSED_STREAM hands back unprocessed is sent again and
// counted; nothing else is ever sent twice.
package load

import (
	"fmt"
	"strings"
	"time"
)

// Kind is a kind of request.
type Kind int

// The kinds of the mix, and one for a connection that serves a single request.
const (
	Get       Kind = iota // HTTP/1.1, kept alive
	Post                  // HTTP/1.1, 32 KiB, chunked
	H2Get                 // HTTP/2 over TLS
	Unary                 // gRPC
	Bidi                  // gRPC, a message a second
	Socket                // WebSocket
	Download              // HTTP/1.1, 1 MiB, slowly
	Handshake             // HTTP/2 on a new TLS connection
	Kinds
)

func (k Kind) String() string {
	return [...]string{"GET", "POST", "h2 GET", "unary", "bidi", "websocket", "download", "handshake"}[k]
}

// Idempotent says whether the retry law allows to repeat it once it was sent.
func (k Kind) Idempotent() bool {
	return k == Get || k == H2Get || k == Download || k == Handshake
}

// Short kinds are answered at once; their times make the percentiles.
func (k Kind) Short() bool { return k == Get || k == Post || k == H2Get || k == Unary }

// Record is what came of one request.
type Record struct {
	ID         string
	Kind       Kind
	Begin, End time.Time
	Status     int  // of the response's head; 0: none came
	RetryAfter bool // the head says so
	Bytes      int  // of the body
	Whole      bool // it ended as a complete response does
	Right      bool // it held what it should
	HandedBack int  // times that it was handed back unprocessed, and sent again
	Reused     bool // the connection had served before
	Err        string
}

// Answered says whether all is well with it.
func (r *Record) Answered() bool {
	return (r.Status == 200 || r.Status == 101) && r.Whole && r.Right && r.Err == ""
}

// Took is the time from the first byte sent to the last received.
func (r *Record) Took() time.Duration { return r.End.Sub(r.Begin) }

func (r *Record) fail(what string, err error) {
	r.Err = what + ": " + err.Error()
}

// HasCode says whether a gRPC call ended with this status.
func (r *Record) HasCode(code string) bool {
	return strings.HasPrefix(r.Err, fmt.Sprintf("grpc-status %q", code))
}
