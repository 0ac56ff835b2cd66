// Package faults holds what Headgate promises about a Kubernetes API that
// misbehaves, against a real API server and, where that can't misbehave so,
// through a proxy in front of it.
//
// HEADGATE is the path of the binary. Each test runs processes of its own, with
// the rights of deploy/kubernetes and no others, one test at a time: every
// Headgate serves every Gateway of its cluster.
package faults

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/client-go/dynamic"

	"cluster/internal/plane"
	"cluster/internal/stage"
)

var (
	cluster *stage.Stage
	objects *dynamic.DynamicClient
	binary  = os.Getenv("HEADGATE")
)

const deploy = "../../../deploy/kubernetes/"

func TestMain(m *testing.M) {
	o := stage.Options{Name: "faults", Nodes: 2, Images: map[string]string{"pod": "../lifecycle/pod"}, Parallel: 1}
	if _, err := os.Stat(binary); err != nil {
		o.Missing = "HEADGATE (the path of the headgate binary: " + err.Error() + ")"
	} else if binary, err = filepath.Abs(binary); err != nil {
		o.Missing = err.Error()
	}
	stage.Main(m, o, func(s *stage.Stage) (err error) {
		cluster = s
		if objects, err = dynamic.NewForConfig(s.Config); err != nil {
			return err
		}
		files := []string{deploy + "namespace.yaml", deploy + "rbac.yaml", deploy + "gatewayclass.yaml"}
		return plane.ApplyFiles(context.Background(), s.Dir, files)
	})
}
