// Package kubernetes writes the runs of a sweep as JobSets, for a cluster with JobSet and, if a queue is named, Kueue.
//
// No process of ours watches the cluster. There is a file for each level of the graph, with one JobSet for each run:
// the runs of a level need only those of earlier levels, and are applied when these have ended. Each run has its own
// JobSet, instead of one JobSet with dependencies, because a failure ends a whole JobSet. Pods execute sweep.Step on a
// volume that they share with the sweeping machine: manifests written again leave out complete runs.
//
// A pod that is evicted, or that saved and ended at SIGTERM, is created again and resumes from its newest checkpoint; a
// run that fails by itself is not retried.
package kubernetes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/sweep"
)

// Writer is the sweep.Executor that writes manifests. It executes no run: all runs stay waiting.
type Writer struct {
	Dir     string                                                    // of the manifests
	Store   *sweep.Store                                              // on the volume that the pods share
	Flags   []string                                                  // of subbert, for every verb
	Options func(t sweep.Task) (options map[string]string, err error) // by name, see Options
	Files   []string                                                  // written manifests
}

// Execute implements sweep.Executor. It removes the manifests of earlier calls.
func (w *Writer) Execute(_ context.Context, tasks []sweep.Task, _ func(sweep.Change)) error {
	if err := w.clear(); err != nil {
		return err
	}
	var levels [][]sweep.Task
	level := make(map[string]int)
	for _, t := range tasks {
		at := 0
		for _, n := range t.Needs {
			if l, ok := level[n]; ok {
				at = max(at, l+1)
			}
		}
		level[t.Key] = at
		if at == len(levels) {
			levels = append(levels, nil)
		}
		levels[at] = append(levels[at], t)
	}
	for i, of := range levels {
		text, err := w.manifest(i, of)
		if err != nil {
			return err
		}
		file := filepath.Join(w.Dir, fmt.Sprintf("level-%d.yaml", i))
		if err := atomicfile.WriteBytes(file, text); err != nil {
			return err
		}
		w.Files = append(w.Files, file)
	}
	return nil
}

func (w *Writer) clear() error {
	old, err := filepath.Glob(filepath.Join(w.Dir, "level-*.yaml"))
	errs := []error{err, os.MkdirAll(w.Dir, 0o755)}
	for _, f := range old {
		errs = append(errs, os.Remove(f))
	}
	return errors.Join(errs...)
}

// manifest is the file of a level.
func (w *Writer) manifest(level int, tasks []sweep.Task) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `# Written by subbert sweep, for %d runs that need only those of the levels before.
#
#   kubectl apply -f level-%d.yaml
#   kubectl wait --for=condition=Completed --timeout=-1s -f level-%d.yaml
#
# Then the next level. The same sweep again writes what is left to do.
`, len(tasks), level, level)
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	var errs []error
	for _, t := range tasks {
		texts, err := w.Options(t)
		if err != nil {
			return nil, err
		}
		o, err := parse(texts)
		if err == nil {
			err = o.check(w.Store.Path("."), t.Work)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("run %s: %w", t.Name, err))
			continue
		}
		errs = append(errs, e.Encode(w.jobSet(t, o)))
	}
	errs = append(errs, e.Close())
	return b.Bytes(), errors.Join(errs...)
}

// object is a part of a manifest.
type object = map[string]any

// jobSet is the run of t: one job of one pod.
func (w *Writer) jobSet(t sweep.Task, o Options) object {
	labels := object{"app.kubernetes.io/name": "subbert", "subbert-run": t.Key}
	meta := object{"name": name(t), "labels": labels, "annotations": object{"subbert-run-name": t.Name}}
	if o.Namespace != "" {
		meta["namespace"] = o.Namespace
	}
	spec := object{"replicatedJobs": []any{object{"name": "run", "replicas": 1, "template": object{"spec": w.job(t, o)}}}}
	if o.Queue != "" {
		labels["kueue.x-k8s.io/queue-name"] = o.Queue
		spec["suspend"] = true // until Kueue admits it
	}
	return object{"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "metadata": meta, "spec": spec}
}

const container = "subbert"

// job runs the pod until the run is done or has failed. An end after saving (130) and an eviction do not count as
// failures; the program's own exit codes 1 and 2 do.
func (w *Writer) job(t sweep.Task, o Options) object {
	exits := func(codes ...any) object {
		return object{"containerName": container, "operator": "In", "values": codes}
	}
	return object{
		"parallelism": 1, "completions": 1, "backoffLimit": 3,
		"podFailurePolicy": object{"rules": []any{
			object{"action": "Ignore", "onPodConditions": []any{object{"type": "DisruptionTarget", "status": "True"}}},
			object{"action": "Ignore", "onExitCodes": exits(sweep.Interrupted)},
			object{"action": "FailJob", "onExitCodes": exits(1, 2)},
		}},
		"template": object{
			"metadata": object{"labels": object{"app.kubernetes.io/name": "subbert", "subbert-run": t.Key}},
			"spec":     w.pod(t, o),
		},
	}
}

func (w *Writer) pod(t sweep.Task, o Options) object {
	resources := object{}
	pod := object{
		"restartPolicy": "Never", "terminationGracePeriodSeconds": 120,
		"containers": []any{object{
			"name": container, "image": o.Image, "command": verbatim(slices.Concat([]string{"subbert"}, w.Flags, []string{"sweep-step", t.Dir})),
			"workingDir": t.Work, "resources": resources,
			"volumeMounts": []any{object{"name": "shared", "mountPath": o.Mount}},
		}},
		"volumes": []any{object{"name": "shared", "persistentVolumeClaim": object{"claimName": o.Claim}}},
	}
	if o.ServiceAccount != "" {
		pod["serviceAccountName"] = o.ServiceAccount
	}
	requests := object{}
	if o.CPU != "" {
		requests["cpu"] = o.CPU
	}
	if o.Memory != "" {
		requests["memory"] = o.Memory
	}
	if len(requests) > 0 {
		resources["requests"] = requests
	}
	switch o.Accelerator {
	case none:
	case gpu:
		resources["limits"] = object{"nvidia.com/gpu": o.Count}
	default:
		resources["limits"] = object{"google.com/tpu": o.Count}
		pod["nodeSelector"] = object{"cloud.google.com/gke-tpu-accelerator": o.Accelerator, "cloud.google.com/gke-tpu-topology": o.Topology}
	}
	return pod
}

// verbatim is command so that Kubernetes, which replaces $(NAME) by a variable and $$ by $, changes nothing in it.
func verbatim(command []string) []string {
	escaped := make([]string, len(command))
	for i, word := range command {
		escaped[i] = strings.ReplaceAll(word, "$", "$$")
	}
	return escaped
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// name is the name of a run's JobSet. The names of its jobs and pods are derived from it, which leaves some
// 40 characters.
func name(t sweep.Task) string {
	slug := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(t.Name), "-"), "-")
	return "s-" + strings.Trim(slug[:min(len(slug), 25)], "-") + "-" + t.Key[:8]
}
