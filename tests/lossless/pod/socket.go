// WebSocket: each message comes back as it is.

package main

import (
	"fmt"
	"net/http"

	"cluster/lossless/internal/wire"
)

func (s *server) socket(w http.ResponseWriter, r *http.Request) {
	s.upgraded.Add(1)
	defer s.upgraded.Done()
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	defer conn.Close()
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: %s\r\n\r\n", wire.Accept(r.Header.Get("Sec-WebSocket-Key")))
	for {
		f, err := wire.ReadFrame(rw.Reader)
		if err != nil {
			return
		}
		if _, err := conn.Write(f.Bytes(false)); err != nil || f.Op == wire.OpClose {
			return
		}
	}
}
