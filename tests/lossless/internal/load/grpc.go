// gRPC calls on HTTP/2 streams.

package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"cluster/lossless/internal/wire"
)

func (s *streams) unary(ctx context.Context, r *Record) {
	s.call(ctx, r, wire.PathUnary, 1)
}

func (s *streams) bidi(ctx context.Context, r *Record) {
	s.call(ctx, r, wire.PathBidi, wire.BidiMessages)
}

// call sends messages one after the other, each after the echo of the one before
// and a pause, and reads the status.
func (s *streams) call(ctx context.Context, r *Record, path string, messages int) {
	text := func(i int) []byte { return fmt.Appendf(nil, "%s %d", r.ID, i) }
	c, err := s.open(ctx, r, path, text(0), messages == 1)
	if err != nil {
		return
	}
	defer c.Close()
	for i := range messages {
		if i > 0 {
			time.Sleep(wire.BidiPause)
			c.send(text(i))
		}
		if i == messages-1 {
			c.out.Close()
		}
		got, ended := c.hear(r)
		if ended {
			return
		}
		r.Bytes += len(got)
		if !bytes.Equal(got, text(i)) {
			r.Whole = true
			return
		}
	}
	if _, ended := c.hear(r); !ended {
		r.Err = "a message after the last one"
		return
	}
	r.Right = true
}

// Call is a gRPC call that goes on.
type Call struct {
	out  *io.PipeWriter
	resp *http.Response
}

// open begins a call with its first message, which may be the only one.
func (s *streams) open(ctx context.Context, r *Record, path string, first []byte, only bool) (*Call, error) {
	c := &Call{}
	var err error
	c.resp, err = s.send(ctx, r, http.MethodPost, path, func() io.ReadCloser {
		in, out := io.Pipe()
		c.out = out
		go func() {
			_, _ = out.Write(wire.Message(first))
			if only {
				out.Close()
			}
		}()
		return in
	})
	if err != nil {
		return nil, err
	}
	if c.resp.StatusCode != http.StatusOK {
		r.read(c.resp)
		c.Close()
		return nil, fmt.Errorf("status %d", r.Status)
	}
	return c, nil
}

// OpenCall begins a bidirectional call and hears the echo of its first message; a
// failure stands in the record.
func (c *Client) OpenCall(ctx context.Context, r *Record) (*Call, error) {
	call, err := c.rpc.open(ctx, r, wire.PathBidi, []byte(r.ID), false)
	if err != nil {
		return nil, err
	}
	if _, ended := call.hear(r); ended {
		call.Close()
		return nil, errors.New(r.Err)
	}
	return call, nil
}

// Say sends a message and hears its echo; false: the call ended, and the record
// says how.
func (c *Call) Say(r *Record, text string) bool {
	c.send([]byte(text))
	_, ended := c.hear(r)
	return !ended
}

// Close ends it from our side.
func (c *Call) Close() {
	c.out.Close()
	c.resp.Body.Close()
}

func (c *Call) send(text []byte) { _, _ = c.out.Write(wire.Message(text)) }

// hear gives the next message, or says that the call ended and notes how.
func (c *Call) hear(r *Record) (message []byte, ended bool) {
	message, err := wire.ReadMessage(c.resp.Body)
	switch {
	case err == nil:
		return message, false
	case err == io.EOF:
		r.status(c.resp)
	default:
		r.fail("message", err)
	}
	return nil, true
}

// status reads how the call ended, from the trailers or from a head without body.
func (r *Record) status(resp *http.Response) {
	status, message := resp.Trailer.Get("Grpc-Status"), resp.Trailer.Get("Grpc-Message")
	if status == "" {
		status, message = resp.Header.Get("Grpc-Status"), resp.Header.Get("Grpc-Message")
	}
	r.Whole = status == "0"
	if !r.Whole {
		r.Err = fmt.Sprintf("grpc-status %q %s", status, message)
	}
}
