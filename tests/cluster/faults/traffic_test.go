// Requests to a Gateway: single ones, and load in the background that counts
// what fails.

package faults

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// get asks a Gateway for a host; code 0 is no answer.
func get(client *http.Client, url, host string) (code int, said string) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return 0, err.Error()
	}
	req.Host = host
	resp, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(b)
}

// once is for single requests, each on a connection of its own.
var once = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

func (w *world) untilCode(ip, host string, want int) time.Duration {
	w.Helper()
	var code int
	var said string
	defer func() {
		if w.Failed() {
			w.Logf("%s answers %d, not %d: %s", host, code, want, said)
		}
	}()
	return w.until(fmt.Sprintf("%s answers %d", host, want), func() bool {
		code, said = get(once, "http://"+ip+"/", host)
		return code == want
	})
}

// load is a steady stream of requests that should all be answered with 200.
type load struct {
	*world
	end      chan struct{}
	done     sync.WaitGroup
	mu       sync.Mutex
	answered int
	failures []string
}

// load begins one, after the first answer of 200.
func (w *world) load(ip, host string) *load {
	w.Helper()
	w.untilCode(ip, host, http.StatusOK)
	l := &load{world: w, end: make(chan struct{})}
	for range 4 {
		l.done.Go(func() { l.run("http://"+ip+"/", host) })
	}
	return l
}

func (l *load) run(url, host string) {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for {
		select {
		case <-l.end:
			return
		case <-time.After(5 * time.Millisecond):
		}
		code, said := get(client, url, host)
		l.mu.Lock()
		l.answered++
		if code != http.StatusOK {
			l.failures = append(l.failures, fmt.Sprintf("%s %d %s", time.Now().Format(time.TimeOnly), code, said))
		}
		l.mu.Unlock()
	}
}

// more waits until so many more requests were answered.
func (l *load) more(n int) {
	l.Helper()
	answered := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.answered
	}
	least := answered() + n
	l.until("requests go on", func() bool { return answered() >= least })
}

// stop ends it and checks that nothing failed.
func (l *load) stop() {
	l.Helper()
	close(l.end)
	l.done.Wait()
	if n := len(l.failures); n > 0 {
		l.Errorf("%d of %d requests failed: %q", n, l.answered, l.failures[:min(n, 5)])
	}
	l.Logf("%d requests, %d failed", l.answered, len(l.failures))
}
