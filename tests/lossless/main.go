// Command lossless plays the events of the table of zeros against a proxy and says
// what became of every request. README.md says what each line and column means.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"cluster/lossless/internal/event"
	"cluster/lossless/internal/ledger"
	"cluster/lossless/internal/proxy"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := 0
	switch err := run(ctx, os.Args[1:]); {
	case err == errNotHeld:
		code = 1
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		code = 2
	}
	stop()
	os.Exit(code)
}

var errNotHeld = fmt.Errorf("not everything is zero that should be")

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "table" {
		return table(args[1:])
	}
	flags := flag.NewFlagSet("lossless", flag.ExitOnError)
	headgate := flags.String("headgate", "", "the headgate binary")
	pod := flags.String("pod", "", "the pods' program, built from ./pod")
	kind := flags.String("proxy", "headgate", "headgate, nginx, haproxy or haproxy-socket")
	only := flags.String("events", "", "some events, for example R1,R3; none for all")
	sizeName := flags.String("size", "whole", "whole, peers or short")
	rate := flags.Int("rate", 400, "requests a second")
	dir := flags.String("dir", "", "journals, logs and configurations; none for a temporary one that goes at the end")
	out := flags.String("out", "", "file to append rows to, as JSON")
	_ = flags.Parse(args)

	sizes := map[string]event.Size{"whole": event.Whole(), "peers": event.Peers(), "short": event.Short()}
	starter, err := proxy.Named(*kind, *headgate)
	if err != nil {
		return err
	}
	size, known := sizes[*sizeName]
	if !known {
		return fmt.Errorf("-size %s: there is whole, peers and short", *sizeName)
	}
	if *dir == "" {
		if *dir, err = os.MkdirTemp("", "lossless-"); err != nil {
			return err
		}
		defer os.RemoveAll(*dir)
	}
	if *dir, err = filepath.Abs(*dir); err != nil {
		return err
	}
	stage := event.Stage{Pod: *pod, Proxy: starter, Dir: *dir, Rate: *rate}
	var chosen []event.Event
	for _, e := range event.All(size) {
		named := *only == "" || slices.Contains(strings.Split(*only, ","), e.Name)
		if named && (e.Via == nil || *kind == "headgate") {
			chosen = append(chosen, e)
		}
	}
	return playAll(ctx, stage, chosen, size, *out)
}

// playAll plays events one after the other; one that cannot be played ends none of
// the others.
func playAll(ctx context.Context, stage event.Stage, events []event.Event, size event.Size, out string) error {
	held := true
	for _, e := range events {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		row, err := stage.Play(ctx, e, size)
		if err != nil {
			row = ledger.Row{Event: e.Name, Variant: e.Variant, Title: e.Title, Proxy: stage.Proxy.Name, Missed: []string{err.Error()}}
		}
		held = held && row.Held()
		row.Print(os.Stdout)
		if err := row.Append(out); err != nil {
			return err
		}
	}
	if !held {
		return errNotHeld
	}
	return nil
}
