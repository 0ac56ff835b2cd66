// The load: so many requests a second in the order of the mix, whatever becomes
// of them.

package load

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Mix is the order of kinds: 40 % GET, 15 % POST, 20 % HTTP/2 GET, 10 % unary,
// 5 % each of bidirectional calls, WebSockets and downloads.
var Mix = [20]Kind{
	Get, Post, H2Get, Get, Unary, Get, H2Get, Bidi, Get, Post,
	Get, H2Get, Socket, Get, Unary, Get, H2Get, Post, Get, Download,
}

// mostInFlight bounds what runs at once: patience times the usual rate, and some.
const mostInFlight = 10000

// mostBehind is how much is made up for: a second of the load at once is bearable.
const mostBehind = time.Second

// Load runs until it is stopped.
type Load struct {
	client  *Client
	cancel  context.CancelFunc
	ended   sync.WaitGroup
	slots   chan struct{}
	mu      sync.Mutex
	records []Record
}

// Start begins a load of rate requests a second.
func Start(t Target, rate int) *Load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &Load{client: NewClient(t), cancel: cancel, slots: make(chan struct{}, mostInFlight)}
	l.ended.Go(func() { l.run(ctx, rate) })
	return l
}

func (l *Load) run(ctx context.Context, rate int) {
	begin := time.Now()
	for i := 0; ; i++ {
		due := begin.Add(time.Duration(i) * time.Second / time.Duration(rate))
		// Where the whole machine stood still, nobody sends all at once what he missed.
		if behind := time.Since(due); behind > mostBehind {
			begin = begin.Add(behind)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(due)):
		}
		l.Add(Mix[i%len(Mix)], fmt.Sprintf("m%07d", i))
	}
}

// Add sends one more request now.
func (l *Load) Add(k Kind, id string) {
	l.slots <- struct{}{}
	l.ended.Go(func() {
		defer func() { <-l.slots }()
		// What has begun is finished: stopping the load loses nothing.
		r := l.client.Do(context.Background(), k, id)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.records = append(l.records, r)
	})
}

// Stop sends nothing more, waits for what runs, and returns all that was sent.
func (l *Load) Stop() []Record {
	l.cancel()
	l.ended.Wait()
	l.client.Close()
	return l.records
}
