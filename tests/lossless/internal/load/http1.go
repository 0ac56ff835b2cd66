// HTTP/1.1 exchanges, with framing of our own: nothing is sent twice.

package load

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"

	"cluster/lossless/internal/wire"
)

func (c *Client) exchange(ctx context.Context, r *Record) {
	conn, err := c.plain.take(ctx)
	if err != nil {
		r.fail("connect", err)
		return
	}
	r.Reused = conn.used
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	message, want := c.message(r)
	_, wrong := conn.Write(message)
	method := http.MethodGet
	if r.Kind == Post {
		method = http.MethodPost
	}
	// An answer may have come although the request could not be sent whole.
	resp, err := http.ReadResponse(conn.in, &http.Request{Method: method})
	if err != nil {
		conn.Close()
		if wrong != nil {
			err = wrong
		}
		r.fail("no response", err)
		return
	}
	got := r.read(resp)
	r.Right = bytes.Equal(got, want)
	if !r.Whole || resp.Close || wrong != nil {
		conn.Close()
		return
	}
	c.plain.give(conn)
}

// message is the request as it is sent, and the body that should come back.
func (c *Client) message(r *Record) (request, answer []byte) {
	head := func(method, path string) []byte {
		return fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\n%s: %s\r\n", method, path, c.target.Host, wire.ID, r.ID)
	}
	switch r.Kind {
	case Post:
		body := wire.Body(r.ID, wire.PostBytes)
		out := append(head("POST", wire.PathPost), "Transfer-Encoding: chunked\r\n\r\n"...)
		for rest := body; len(rest) > 0; rest = rest[wire.PostChunk:] {
			out = fmt.Appendf(out, "%x\r\n%s\r\n", wire.PostChunk, rest[:wire.PostChunk])
		}
		sum := sha256.Sum256(body)
		return append(out, "0\r\n\r\n"...), []byte(hex.EncodeToString(sum[:]))
	case Download:
		return append(head("GET", wire.PathDownload), "\r\n"...), wire.Body(r.ID, wire.DownloadBytes)
	default:
		return append(head("GET", wire.PathGet), "\r\n"...), wire.Body(r.ID, wire.GetBytes)
	}
}

// read takes the response to its end.
func (r *Record) read(resp *http.Response) []byte {
	defer resp.Body.Close()
	r.Status, r.RetryAfter = resp.StatusCode, resp.Header.Get("Retry-After") != ""
	body, err := io.ReadAll(resp.Body)
	r.Bytes, r.Whole = len(body), err == nil
	if err != nil {
		r.fail("body", err)
	}
	return body
}
