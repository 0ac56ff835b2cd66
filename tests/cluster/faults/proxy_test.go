// The proxy between Headgate and the API server: plain HTTP on loopback, with
// faults that a test switches.

package faults

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"cluster/internal/layout"
)

// proxy is one such proxy. Its fields are guarded by mu.
type proxy struct {
	url string

	mu sync.Mutex
	// fault answers in the API server's stead; when it returns false, the request
	// goes on to the API server.
	fault func(w http.ResponseWriter, r *http.Request) bool
	// change alters an object of a watch event on its way.
	change func(object map[string]any)
	// life is how long a watch may last; 0: as long as it likes.
	life    time.Duration
	watches map[*http.Request]context.CancelFunc
	begun   int            // watches so far
	writes  map[string]int // statuses written, by path
}

func (w *world) proxy() *proxy {
	w.Helper()
	ca, err := os.ReadFile(cluster.Dir.PKI("ca.crt"))
	w.must(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	to, err := url.Parse(layout.APIServer("127.0.0.1"))
	w.must(err)
	p := &proxy{watches: map[*http.Request]context.CancelFunc{}, writes: map[string]int{}}
	pass := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Header.Del("Accept-Encoding")
		},
		Transport:      &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: 64, DisableCompression: true},
		FlushInterval:  -1,
		ModifyResponse: p.look,
		ErrorLog:       log.New(io.Discard, "", 0),
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(pass, w, r) }))
	w.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	p.url = server.URL
	return p
}

func isWatch(r *http.Request) bool { return r.URL.Query().Get("watch") != "" }

// isList says whether a request asks for a collection; Headgate pages through those.
func isList(r *http.Request) bool { return !isWatch(r) && r.URL.Query().Has("limit") }

// collection is the last part of a path: what a list or watch is of.
func collection(r *http.Request) string { return r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:] }

func (p *proxy) serve(pass http.Handler, w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	fault := p.fault
	if isWatch(r) {
		ctx, cancel := context.WithCancel(r.Context())
		p.begun++
		if p.life > 0 && p.begun%2 == 0 {
			q := r.URL.Query() // ended in order, by the API server
			q.Set("timeoutSeconds", "1")
			r.URL.RawQuery = q.Encode()
		} else if p.life > 0 {
			ctx, cancel = context.WithTimeout(ctx, p.life) // cut
		}
		r = r.WithContext(ctx)
		p.watches[r] = cancel
		defer func() {
			p.mu.Lock()
			delete(p.watches, r)
			p.mu.Unlock()
			cancel()
		}()
	}
	p.mu.Unlock()
	if fault != nil && fault(w, r) {
		return
	}
	pass.ServeHTTP(w, r)
}

// look counts what was written, and puts changed events into watches.
func (p *proxy) look(resp *http.Response) error {
	r := resp.Request
	if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/status") && resp.StatusCode == http.StatusOK {
		p.mu.Lock()
		p.writes[r.URL.Path]++
		p.mu.Unlock()
	}
	if isWatch(r) && resp.StatusCode == http.StatusOK {
		resp.Body = &events{p, resp.Body, bufio.NewReader(resp.Body), nil}
		resp.Header.Del("Content-Length")
	}
	return nil
}

// events is the body of a watch, with objects changed line by line.
type events struct {
	proxy *proxy
	io.Closer
	from *bufio.Reader
	rest []byte
}

func (e *events) Read(to []byte) (int, error) {
	if len(e.rest) == 0 {
		line, err := e.from.ReadBytes('\n')
		if len(line) == 0 {
			return 0, err
		}
		e.rest = e.proxy.changed(line)
	}
	n := copy(to, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func (p *proxy) changed(line []byte) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.change == nil {
		return line
	}
	var event struct {
		Type   string         `json:"type"`
		Object map[string]any `json:"object"`
	}
	if json.Unmarshal(line, &event) != nil {
		return line
	}
	p.change(event.Object)
	b, err := json.Marshal(event)
	if err != nil {
		return line
	}
	return append(bytes.TrimSpace(b), '\n')
}

// set switches faults while no request asks for them.
func (p *proxy) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// cut ends every watch under way without a word.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, cancel := range p.watches {
		cancel()
	}
}

// written is how many statuses were written through it, below a path or in all.
func (p *proxy) written(below string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for path, count := range p.writes {
		if strings.Contains(path, below) {
			n += count
		}
	}
	return n
}

// gone answers a watch with 410, as an event or as the response's own code.
func gone(w http.ResponseWriter, asEvent bool) {
	const status = `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"too old resource version","reason":"Expired","code":410}`
	w.Header().Set("Content-Type", "application/json")
	if asEvent {
		_, _ = io.WriteString(w, `{"type":"ERROR","object":`+status+"}\n")
		return
	}
	w.WriteHeader(http.StatusGone)
	_, _ = io.WriteString(w, status)
}
