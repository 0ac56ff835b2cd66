// What this process began and ended.

package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"cluster/lossless/internal/wire"
)

// journal is a file of lines: what happened, to which request, when.
type journal struct{ f *os.File }

// write appends a line at once: what the kernel has, no signal takes away.
func (j *journal) write(what, id string) {
	if _, err := fmt.Fprintf(j.f, "%s %s %d\n", what, id, time.Now().UnixNano()); err != nil {
		log.Fatal(err)
	}
}

// handle frames a handler with its lines; what has no id is not written down.
func (j *journal) handle(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(wire.ID)
		if id == "" {
			http.Error(w, "no "+wire.ID, http.StatusBadRequest)
			return
		}
		j.write(wire.Began, id)
		h(w, r)
		j.write(wire.Ended, id)
	}
}
