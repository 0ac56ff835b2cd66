// Command pod is a backend of the lossless tests: HTTP/1.1, h2c, gRPC, WebSocket
// and slow downloads on one port.
//
// It writes down every request that it begins and ends, with one system call
// each, so that the journal survives any end of the process. SIGTERM: it serves
// on for -linger, then drains for at most -drain (connections are turned away in
// order: Connection: close, GOAWAY), then exits; with neither it exits at once.
// SIGUSR1: it falls silent without closing anything, until SIGUSR2.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"cluster/lossless/internal/wire"
)

func main() {
	listen := flag.String("listen", ":8080", "address")
	journal := flag.String("journal", "", "file to append to; in a directory: a file named as the host")
	linger := flag.Duration("linger", 0, "serve on for this long after SIGTERM")
	drain := flag.Duration("drain", 0, "then finish what runs, for at most this long")
	flag.Parse()

	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2)
	j, err := openJournal(*journal)
	if err != nil {
		log.Fatal(err)
	}
	l, err := listenSilently(*listen)
	if err != nil {
		log.Fatal(err)
	}
	s := newServer(j)
	go func() {
		if err := s.Serve(l); err != http.ErrServerClosed {
			log.Fatal(err)
		}
	}()
	for signal := range signals {
		switch signal {
		case syscall.SIGUSR1:
			err = l.silence()
		case syscall.SIGUSR2:
			err = l.speak()
		case syscall.SIGTERM:
			time.Sleep(*linger)
			j.write(wire.Leave, "-")
			ctx, cancel := context.WithTimeout(context.Background(), *drain)
			defer cancel()
			if *drain > 0 {
				s.finish(ctx)
			}
			return
		}
		if err != nil {
			log.Fatal(err)
		}
	}
}

// openJournal takes a file, or a directory that other pods share.
func openJournal(path string) (*journal, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		host, err := os.Hostname()
		if err != nil {
			return nil, err
		}
		path = filepath.Join(path, host)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	return &journal{f}, err
}
