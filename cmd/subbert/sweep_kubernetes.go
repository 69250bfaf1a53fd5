package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/subbert/subbert/sweep"
	"github.com/subbert/subbert/sweep/kubernetes"
)

// manifests returns a writer of the manifests of the runs for a cluster.
func (f sweepFlags) manifests(c *console, s *sweep.Store, on sweep.OnPlaces) *kubernetes.Writer {
	return &kubernetes.Writer{
		Dir: s.Path("kubernetes"), Store: s, Flags: c.withFlags(nil),
		Options: func(t sweep.Task) (map[string]string, error) { return kubernetesOptions(t, on.Kubernetes) },
	}
}

// kubernetesOptions returns the options of the file, except that verbs which do not compute get no accelerator unless
// the file gives their group one.
func kubernetesOptions(t sweep.Task, o sweep.Options) (map[string]string, error) {
	texts, err := o.Of(t.Group)
	if err != nil {
		return nil, err
	}
	own, _ := o[t.Group].(map[string]any)
	if own["accelerator"] == nil && !slices.Contains([]string{"pretrain", "finetune", "probe", "eval", "predict", "attention"}, t.Args[0]) {
		texts = maps.Clone(texts)
		maps.DeleteFunc(texts, func(k, _ string) bool { return slices.Contains([]string{"accelerator", "topology", "gpus"}, k) })
	}
	return texts, nil
}

// printManifests prints what was written.
func printManifests(c *console, w *kubernetes.Writer) {
	if len(w.Files) == 0 {
		fmt.Fprintln(c.err, "nothing is left to do")
		return
	}
	fmt.Fprintf(c.err, "apply one after the other, each when the one before has ended: %s\n", strings.Join(w.Files, " "))
}
