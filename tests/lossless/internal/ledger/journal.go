// What the pods wrote down.

package ledger

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"cluster/lossless/internal/wire"
)

// attempt is a request that a pod began.
type attempt struct {
	pod string
	at  time.Time
}

// Journals are the attempts of each request, of all pods.
type Journals map[string][]attempt

// ReadJournals reads all files of a directory; their names are those of the pods.
func ReadJournals(dir string) (Journals, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	all := Journals{}
	for _, f := range files {
		if err := all.read(filepath.Join(dir, f.Name()), f.Name()); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (j Journals) read(path, pod string) error {
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
		if strings.HasPrefix(what, wire.Began) {
			j[id] = append(j[id], attempt{pod, time.Unix(0, at)})
		}
	}
	return lines.Err()
}
