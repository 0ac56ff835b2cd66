// gRPC calls on HTTP/2 streams.

package load

import (
	"bytes"
	"context"
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
	var out *io.PipeWriter
	first := true
	text := func(i int) []byte { return fmt.Appendf(nil, "%s %d", r.ID, i) }
	resp, err := s.send(ctx, r, http.MethodPost, path, func() io.ReadCloser {
		var in *io.PipeReader
		in, out = io.Pipe()
		go func(out *io.PipeWriter) {
			_, _ = out.Write(wire.Message(text(0)))
			if messages == 1 {
				out.Close()
			}
		}(out)
		return in
	})
	if err != nil {
		return
	}
	defer resp.Body.Close()
	defer out.Close()
	if resp.StatusCode != http.StatusOK {
		r.read(resp)
		return
	}
	for i := range messages {
		if !first {
			time.Sleep(wire.BidiPause)
			_, _ = out.Write(wire.Message(text(i)))
		}
		first = false
		got, err := wire.ReadMessage(resp.Body)
		if err == io.EOF {
			r.status(resp)
			return
		}
		if err != nil {
			r.fail("message", err)
			return
		}
		r.Bytes += len(got)
		if !bytes.Equal(got, text(i)) {
			r.Whole = true
			return
		}
	}
	out.Close()
	if _, err := wire.ReadMessage(resp.Body); err != io.EOF {
		r.Err = fmt.Sprintf("after the last message: %v", err)
		return
	}
	r.Right = true
	r.status(resp)
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
