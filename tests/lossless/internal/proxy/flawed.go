// A proxy with a flaw on purpose. It shows that the harness sees what it should.

package proxy

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"cluster/lossless/internal/site"
)

// Flaw is what is wrong with it.
type Flaw string

// Flaws.
const (
	NeverRetries Flaw = "never-retries" // a dead pod is the client's problem
	SendsTwice   Flaw = "sends-twice"   // a POST goes out twice
	CutsBodies   Flaw = "cuts-bodies"   // answers end early, in good form
)

// Flawed is a proxy with this flaw.
func Flawed(flaw Flaw) Starter {
	return Starter{Name: string(flaw), Start: func(at Place, s *site.Site) (Proxy, error) { return startFlawed(flaw, at, s) }}
}

type flawed struct {
	flaw    Flaw
	ips     atomic.Pointer[[]string]
	port    string
	servers []*http.Server
	plain   http.RoundTripper
	rpc     http.RoundTripper
}

func startFlawed(flaw Flaw, at Place, s *site.Site) (Proxy, error) {
	f := &flawed{flaw: flaw, port: strconv.Itoa(s.Port)}
	// A transport that keeps no connection never tries a request again.
	f.plain = &http.Transport{DisableKeepAlives: true}
	h2c := &http.Transport{Protocols: new(http.Protocols)}
	h2c.Protocols.SetUnencryptedHTTP2(true)
	f.rpc = h2c
	if err := f.Apply(s, site.Change{}); err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(s.Pair.Certificate, s.Pair.Key)
	if err != nil {
		return nil, err
	}
	t := at.Target(&site.Authority{})
	for _, address := range []string{t.Plain, t.TLS} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return nil, errors.Join(err, f.Stop())
		}
		server := &http.Server{Handler: f.handler()}
		f.servers = append(f.servers, server)
		if address == t.TLS {
			server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}}
			go func() { _ = server.ServeTLS(l, "", "") }()
			continue
		}
		go func() { _ = server.Serve(l) }()
	}
	return f, nil
}

// handler sends each request to any endpoint, once; POSTs twice if that is the flaw.
func (f *flawed) handler() http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			ips := *f.ips.Load()
			if len(ips) > 0 {
				r.SetURL(&url.URL{Scheme: "http", Host: net.JoinHostPort(ips[rand.IntN(len(ips))], f.port)})
			}
		},
		FlushInterval:  -1,
		Transport:      f,
		ModifyResponse: f.cut,
		ErrorLog:       log.New(io.Discard, "", 0),
		ErrorHandler:   func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
}

// RoundTrip is the way to a pod.
func (f *flawed) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		return f.rpc.RoundTrip(r)
	}
	if f.flaw != SendsTwice || r.Method != http.MethodPost {
		return f.plain.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	first := r.Clone(r.Context())
	first.Body = io.NopCloser(bytes.NewReader(body))
	if resp, err := f.plain.RoundTrip(first); err == nil {
		resp.Body.Close()
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return f.plain.RoundTrip(r)
}

// cut takes the last byte of an answer of known length, and says so.
func (f *flawed) cut(r *http.Response) error {
	if f.flaw == CutsBodies && r.ContentLength > 0 {
		r.ContentLength--
		r.Header.Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(r.Body, r.ContentLength), r.Body}
	}
	return nil
}

// Apply takes the endpoints; nothing else ever changes here.
func (f *flawed) Apply(s *site.Site, _ site.Change) error {
	ips := s.Available(site.Main)
	f.ips.Store(&ips)
	return nil
}

// Processes is the harness itself.
func (f *flawed) Processes() []int { return []int{os.Getpid()} }

// Stop closes everything.
func (f *flawed) Stop() error {
	for _, s := range f.servers {
		_ = s.Close()
	}
	f.rpc.(*http.Transport).CloseIdleConnections()
	return nil
}
