// Package stage is where the tests of a package play: it boots a cluster outside,
// runs the tests again inside its network, and takes all down again.
//
// It needs root (or user namespaces, see the README) and the binaries that
// "cluster build" makes: CLUSTER_DIR says where they are. Without them the tests
// are skipped, with a word about what is missing.
package stage

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"cluster/internal/layout"
)

// Options are what a package wants of its cluster.
type Options struct {
	Name     string            // of the package, for messages
	Nodes    int               // that the cluster has
	Images   map[string]string // name of an image to the folder of its program
	Parallel int               // tests that may run at once
	Missing  string            // what else the tests need and is not there; empty: nothing
}

// Stage is the cluster, seen from inside.
type Stage struct {
	Client  *kubernetes.Clientset // with the administrator's rights
	Config  *rest.Config          // of that client
	Dir     layout.Dir            // of the cluster
	Program string                // the cluster binary
}

// inside is the variable that tells the second run from the first.
const inside = "CLUSTER_STAGE"

// Main is a package's TestMain; begin is called inside, before the first test.
func Main(m *testing.M, o Options, begin func(*Stage) error) {
	if program := os.Getenv(inside); program != "" {
		s, err := enter(program)
		if err == nil {
			err = begin(s)
		}
		if err != nil {
			log.Fatal(err)
		}
		os.Exit(m.Run())
	}
	missing := o.Missing
	if os.Getenv("CLUSTER_DIR") == "" || !mayIsolate() {
		missing = "CLUSTER_DIR (where cluster build put its binaries), and root or user namespaces"
	}
	if missing != "" {
		fmt.Printf("SKIP: the %s tests did not run: they need %s\n", o.Name, missing)
		os.Exit(0)
	}
	code, err := outside(o)
	if err != nil {
		log.Fatal(err)
	}
	os.Exit(code)
}

func enter(program string) (*Stage, error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return nil, err
	}
	cfg.QPS, cfg.Burst = 500, 1000
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	return &Stage{client, cfg, layout.Dir(os.Getenv("CLUSTER_DIR")), program}, nil
}

// mayIsolate says whether this user may make namespaces.
func mayIsolate() bool {
	return os.Geteuid() == 0 || exec.Command("unshare", "-Urn", "true").Run() == nil
}

// outside builds, boots, tests inside, and takes all down again.
func outside(o Options) (int, error) {
	tmp, err := os.MkdirTemp("", "cluster-"+o.Name+"-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(tmp)
	args, err := prepare(o, tmp)
	if err != nil {
		return 1, err
	}
	cluster := filepath.Join(tmp, "cluster")
	run := func(args ...string) error {
		cmd := exec.Command(cluster, args...)
		cmd.Env = append(os.Environ(), "CLUSTER_DIR="+tmp, inside+"="+cluster)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		return cmd.Run()
	}
	if err := run(args...); err != nil {
		return 1, err
	}
	begin := time.Now()
	parallel := fmt.Sprintf("-test.parallel=%d", o.Parallel)
	err = run(append([]string{"exec", os.Args[0], parallel}, os.Args[1:]...)...)
	fmt.Printf("tests took %.1fs\n", time.Since(begin).Seconds())
	if keep := os.Getenv("CLUSTER_KEEP_LOGS"); keep != "" {
		_ = os.RemoveAll(keep)
		_ = os.CopyFS(keep, os.DirFS(filepath.Join(tmp, "run", "logs")))
	}
	if derr := run("down"); derr != nil {
		said, _ := os.ReadFile(filepath.Join(tmp, "run", "logs", "cluster.log"))
		fmt.Printf("the cluster ended before its tests did: %s", said)
		return 1, nil
	}
	if err != nil {
		return 1, nil
	}
	return 0, nil
}

// prepare makes the cluster's directory from what "cluster build" built and the
// programs of the images; it returns the arguments that boot it.
func prepare(o Options, tmp string) ([]string, error) {
	args := []string{"up", "-detach", "-nodes", fmt.Sprint(o.Nodes)}
	programs := map[string]string{"cluster": "cluster"} // the package at the root of this module
	for image, folder := range o.Images {
		programs[image] = folder
		args = append(args, "-image", image+"="+filepath.Join(tmp, image))
	}
	for name, folder := range programs {
		cmd := exec.Command("go", "build", "-o", filepath.Join(tmp, name), folder)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", cmd, err, out)
		}
	}
	built, err := filepath.Abs(os.Getenv("CLUSTER_DIR"))
	if err != nil {
		return nil, err
	}
	for _, d := range []string{"bin", "crds"} {
		if err := os.Symlink(filepath.Join(built, d), filepath.Join(tmp, d)); err != nil {
			return nil, err
		}
	}
	return args, nil
}
