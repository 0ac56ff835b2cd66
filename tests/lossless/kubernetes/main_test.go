// Package kubernetes plays events of pods in the test cluster: real Deployments,
// rolled, deleted and scaled through the API server, whose controllers write the
// slices. The node agent's event log says when each process ended.
//
// HEADGATE is the path of the binary. SIZE=whole plays them as often as the table
// does, and ROWS is a file that rows are added to.
package kubernetes

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
	o := stage.Options{Name: "lossless", Nodes: 2, Images: map[string]string{"pod": "../pod"}, Parallel: 1}
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
