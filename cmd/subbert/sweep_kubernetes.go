package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/subbert/subbert/sweep"
	"github.com/subbert/subbert/sweep/kubernetes"
)

// manifests writes the runs for a cluster to apply.
func (f sweepFlags) manifests(c *console, s *sweep.Store, on sweep.OnPlaces) *kubernetes.Writer {
	return &kubernetes.Writer{
		Dir: s.Path("kubernetes"), Store: s, Flags: c.withFlags(nil),
		Options: func(t sweep.Task) (map[string]string, error) { return kubernetesOptions(t, on.Kubernetes) },
	}
}

// kubernetesOptions returns those of the file, but that only verbs that compute get an accelerator unless the file gives their
// group one.
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

// printManifests says what was written.
func printManifests(c *console, w *kubernetes.Writer) {
	if len(w.Files) == 0 {
		fmt.Fprintln(c.err, "nothing is left to do")
		return
	}
	fmt.Fprintf(c.err, "apply one after the other, each when the one before has ended: %s\n", strings.Join(w.Files, " "))
}
