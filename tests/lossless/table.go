// The table.

package main

import (
	"fmt"
	"slices"
	"strings"

	"cluster/lossless/internal/ledger"
)

// table prints the rows of files, each event with all its proxies, and says
// whether those of Headgate are as they should be.
func table(files []string) error {
	rows, err := ledger.ReadRows(files...)
	if err != nil {
		return err
	}
	slices.SortStableFunc(rows, func(a, b ledger.Row) int { return order(a) - order(b) })
	fmt.Println(ledger.Head)
	requests, held := 0, true
	for _, r := range rows {
		fmt.Println(r.Line())
		requests += r.Sent
		if strings.HasPrefix(r.Proxy, "headgate") {
			held = held && r.Held()
			for _, c := range r.Complaints() {
				fmt.Printf("     ! %s\n", c)
			}
		}
	}
	fmt.Printf("%d requests\n", requests)
	if !held {
		return errNotHeld
	}
	return nil
}

// order is by event.
func order(r ledger.Row) (n int) {
	_, _ = fmt.Sscanf(r.Event, "R%d", &n)
	return n
}
