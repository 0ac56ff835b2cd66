// Rows as text, and in files.

package ledger

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// Head stands above lines.
const Head = "event                                                        proxy           requests failed  lost unread dupl. trunc. refused back   p99 before → during, ms"

// Line is the row as a line of the table.
func (r *Row) Line() string {
	name := strings.TrimSpace(r.Event + " " + r.Title)
	if r.Variant != "" {
		name += ", " + r.Variant
	}
	return fmt.Sprintf("%-60s %-15s %8d %6d %5d %6d %5d %6d %7d %4d %10.1f → %.1f  %s", name, r.Proxy, r.Sent, r.Failed, r.Lost,
		r.Unread, r.Duplicated, r.Truncated, r.Refused, r.HandedBack, r.Before, r.During, strings.Join(r.Notes, "; "))
}

// fewExamples are printed; the file of rows has more.
const fewExamples = 8

// Print prints the row with all that is wrong with it.
func (r *Row) Print(w io.Writer) {
	fmt.Fprintln(w, r.Line())
	for _, c := range r.Complaints() {
		fmt.Fprintf(w, "     ! %s\n", c)
	}
	for _, why := range slices.Sorted(maps.Keys(r.Reasons)) {
		fmt.Fprintf(w, "     %5d × %s\n", r.Reasons[why], why)
	}
	for _, e := range r.Examples[:min(len(r.Examples), fewExamples)] {
		fmt.Fprintf(w, "       %s\n", e)
	}
}

// Append adds the row to a file of rows; an empty name is no file.
func (r *Row) Append(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	return json.NewEncoder(f).Encode(r)
}

// ReadRows reads files of rows.
func ReadRows(files ...string) (rows []Row, err error) {
	for _, path := range files {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		for d := json.NewDecoder(f); d.More(); {
			var r Row
			if err := d.Decode(&r); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			rows = append(rows, r)
		}
	}
	return rows, nil
}
