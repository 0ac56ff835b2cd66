// WebSocket: a handful of echoes, then an orderly end.

package load

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"cluster/lossless/internal/wire"
)

func (c *Client) socket(ctx context.Context, r *Record) {
	conn, err := c.Open(ctx, r)
	if err != nil {
		return
	}
	defer conn.Close()
	for i := range wire.SocketEchoes {
		if i > 0 {
			time.Sleep(wire.SocketPause)
		}
		text := fmt.Sprint(r.ID, " ", i)
		f, err := conn.say(wire.Frame{Op: wire.OpText, Data: []byte(text)})
		if err != nil {
			r.fail("websocket", err)
			return
		}
		if f.Op != wire.OpText {
			r.Err = fmt.Sprintf("websocket: opcode %d, code %d", f.Op, f.Code())
			return
		}
		r.Bytes += len(f.Data)
		if string(f.Data) != text {
			r.Whole = true
			return
		}
	}
	f, err := conn.say(wire.Frame{Op: wire.OpClose, Data: []byte{0x03, 0xe8}})
	if err != nil {
		r.fail("websocket", err)
		return
	}
	r.Whole, r.Right = f.Op == wire.OpClose, true
}

// Open upgrades a new connection; a failure stands in the record.
func (c *Client) Open(ctx context.Context, r *Record) (*Upgraded, error) {
	raw, err := c.plain.take(ctx)
	if err != nil {
		r.fail("connect", err)
		return nil, err
	}
	r.Reused = raw.used
	if deadline, ok := ctx.Deadline(); ok {
		_ = raw.SetDeadline(deadline)
	}
	const key = "dGhlIHNhbXBsZSBub25jZQ=="
	_, err = fmt.Fprintf(raw, "GET %s HTTP/1.1\r\nHost: %s\r\n%s: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", wire.PathSocket, c.target.Host, wire.ID, r.ID, key)
	var resp *http.Response
	if err == nil {
		resp, err = http.ReadResponse(raw.in, &http.Request{Method: http.MethodGet})
	}
	if err != nil {
		raw.Close()
		r.fail("no response", err)
		return nil, err
	}
	r.Status, r.RetryAfter = resp.StatusCode, resp.Header.Get("Retry-After") != ""
	if r.Status != http.StatusSwitchingProtocols || resp.Header.Get("Sec-WebSocket-Accept") != wire.Accept(key) {
		raw.Close()
		err = fmt.Errorf("status %d", r.Status)
		r.fail("upgrade", err)
		return nil, err
	}
	return &Upgraded{raw}, nil
}

// Upgraded is a WebSocket.
type Upgraded struct{ *conn }

// Say sends text and returns the next frame.
func (u *Upgraded) Say(text string) (wire.Frame, error) {
	return u.say(wire.Frame{Op: wire.OpText, Data: []byte(text)})
}

// Hear returns the next frame.
func (u *Upgraded) Hear() (wire.Frame, error) { return wire.ReadFrame(u.in) }

func (u *Upgraded) say(f wire.Frame) (wire.Frame, error) {
	if _, err := u.Write(f.Bytes(true)); err != nil {
		return wire.Frame{}, err
	}
	return u.Hear()
}
