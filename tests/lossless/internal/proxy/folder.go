// The folder that Headgate follows.

package proxy

import (
	"os"
	"path/filepath"
	"slices"

	"cluster/lossless/internal/site"
)

// folder is one that is written as GitOps does: file by file, each in one step.
type folder struct{ path string }

func newFolder(at Place) folder { return folder{filepath.Join(at.Dir, "manifests")} }

// fill makes it, with the whole site.
func (f folder) fill(s *site.Site) error {
	if err := os.MkdirAll(f.path, 0o755); err != nil {
		return err
	}
	if err := f.write("gateway", gatewayObjects()); err != nil {
		return err
	}
	for _, c := range everything(s) {
		if err := f.apply(s, c); err != nil {
			return err
		}
	}
	return nil
}

// apply writes the file that holds what changed.
func (f folder) apply(s *site.Site, c site.Change) error {
	switch c.Thing {
	case site.Endpoints:
		return f.write("endpoints-"+c.Name, sliceObject(c.Name, s))
	case site.Certificate:
		return f.write("certificate", secretObject(s.Pair))
	}
	if r, there := s.Routes[c.Name]; there {
		return f.write("route-"+c.Name, routeObject(r))
	}
	return os.Remove(filepath.Join(f.path, "route-"+c.Name+".yaml"))
}

// write replaces a file; the new one is written beside the folder.
func (f folder) write(name, text string) error {
	fresh := f.path + "-" + name
	if err := os.WriteFile(fresh, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, filepath.Join(f.path, name+".yaml"))
}

// everything is the changes that make the site out of nothing.
func everything(s *site.Site) []site.Change {
	all := []site.Change{{Thing: site.Certificate}}
	for name := range s.Services {
		all = append(all, site.Change{Thing: site.Endpoints, Name: name})
	}
	for name := range s.Routes {
		all = append(all, site.Change{Thing: site.Routing, Name: name})
	}
	slices.SortFunc(all, func(a, b site.Change) int { return int(a.Thing) - int(b.Thing) })
	return all
}
