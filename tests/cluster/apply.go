// The apply command: objects from YAML files, applied on the server's side.

package main

import (
	"context"
	"errors"

	"cluster/internal/layout"
	"cluster/internal/plane"
)

// cmdApply applies files; it knows the kinds that a gateway is deployed with.
func cmdApply(args []string) error {
	var dir layout.Dir
	fs := flags("apply", &dir)
	if err := parse(fs, &dir, args); err != nil {
		return err
	}
	if fs.NArg() == 0 {
		return errors.New("say which files to apply")
	}
	if err := inside(dir); err != nil {
		return err
	}
	return plane.ApplyFiles(context.Background(), dir, fs.Args())
}
