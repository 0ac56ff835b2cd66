// The server: what each path does, and how it finishes.

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"cluster/lossless/internal/wire"
)

type server struct {
	http.Server
	upgraded sync.WaitGroup // connections that http.Server no longer knows
}

func newServer(j *journal) *server {
	s := &server{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+wire.PathGet, j.handle(get))
	mux.HandleFunc("POST "+wire.PathPost, j.handle(post))
	mux.HandleFunc("GET "+wire.PathDownload, j.handle(download))
	mux.HandleFunc("GET "+wire.PathSocket, j.handle(s.socket))
	mux.HandleFunc("POST "+wire.PathUnary, j.handle(echo))
	mux.HandleFunc("POST "+wire.PathBidi, j.handle(echo))
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	s.Handler = mux
	s.Protocols = new(http.Protocols)
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	return s
}

// finish turns connections away and waits for what runs.
func (s *server) finish(ctx context.Context) {
	closed := make(chan struct{})
	go func() {
		_ = s.Shutdown(ctx)
		s.upgraded.Wait()
		close(closed)
	}()
	select {
	case <-closed:
	case <-ctx.Done():
	}
}

func get(w http.ResponseWriter, r *http.Request) {
	body := wire.Body(r.Header.Get(wire.ID), wire.GetBytes)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// post answers with the hash of what it got.
func post(w http.ResponseWriter, r *http.Request) {
	h := sha256.New()
	if _, err := io.Copy(h, r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, _ = io.WriteString(w, hex.EncodeToString(h.Sum(nil)))
}

func download(w http.ResponseWriter, r *http.Request) {
	body := wire.Body(r.Header.Get(wire.ID), wire.DownloadBytes)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	for part := wire.DownloadBytes / wire.DownloadParts; len(body) > 0; body = body[part:] {
		if _, err := w.Write(body[:part]); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		time.Sleep(wire.DownloadPause)
	}
}

// echo is both gRPC calls: each message comes back as it is.
func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	flush := http.NewResponseController(w)
	for {
		message, err := wire.ReadMessage(r.Body)
		if err == io.EOF {
			w.Header().Set("Grpc-Status", "0")
			return
		}
		if err == nil {
			_, err = w.Write(wire.Message(message))
		}
		if err != nil {
			w.Header().Set("Grpc-Status", "13")
			return
		}
		_ = flush.Flush()
	}
}
