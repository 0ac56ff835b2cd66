// What the pods wrote down.

package ledger

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"cluster/lossless/internal/wire"
)

// attempt is a request that a pod began.
type attempt struct {
	pod string
	at  time.Time
}

// Journals are what all pods wrote.
type Journals struct {
	tries  map[string][]attempt // of each request
	leaves []time.Time          // when pods closed their idle connections
}

// ReadJournals reads all files of a directory; their names are those of the pods.
func ReadJournals(dir string) (Journals, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return Journals{}, err
	}
	all := Journals{tries: map[string][]attempt{}}
	for _, f := range files {
		if err := all.read(filepath.Join(dir, f.Name()), f.Name()); err != nil {
			return Journals{}, err
		}
	}
	return all, nil
}

// Pod is who began a request last; empty: nobody.
func (j Journals) Pod(id string) string {
	if tries := j.tries[id]; len(tries) > 0 {
		return tries[len(tries)-1].pod
	}
	return ""
}

func (j *Journals) read(path, pod string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var what, id string
		var at int64
		if _, err := fmt.Sscan(lines.Text(), &what, &id, &at); err != nil {
			return fmt.Errorf("%s: %q: %w", path, lines.Text(), err)
		}
		switch when := time.Unix(0, at); what {
		case wire.Began:
			j.tries[id] = append(j.tries[id], attempt{pod, when})
		case wire.Leave:
			j.leaves = append(j.leaves, when)
		}
	}
	return lines.Err()
}
