package kubernetes

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/subbert/subbert/sweep"
)

// Options are the options of [on.kubernetes].
type Options struct {
	Image          string // with the program as subbert
	Claim          string // PersistentVolumeClaim of the shared volume
	Mount          string // its mount point, here and in the pods
	Queue          string // of Kueue; none if empty
	Namespace      string
	ServiceAccount string
	Accelerator    string // "none", "gpu", or a type of TPU slice, such as "tpu-v3-slice"
	Topology       string // of the slice, such as "2x2"
	Count          int    // GPUs, or chips: those of the topology
	CPU, Memory    string // requests, as Kubernetes writes quantities
}

// Accelerators other than TPUs.
const (
	none = "none"
	gpu  = "gpu"
)

// mostChips is the maximum number of chips of one host: a pod is one process, and it drives one host.
const mostChips = 8

var (
	nameForm     = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`)
	sliceForm    = regexp.MustCompile(`^tpu[a-z0-9-]*$`)
	topologyForm = regexp.MustCompile(`^[1-9][0-9]*(x[1-9][0-9]*)+$`)
	quantityForm = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$`)
)

// OptionsOf returns the options of a task from those of a sweep's file, as Writer wants them. A task whose verb does not
// compute gets no accelerator, unless the file gives one to its group.
func OptionsOf(o sweep.Options) func(sweep.Task) (map[string]string, error) {
	return func(t sweep.Task) (map[string]string, error) {
		texts, err := o.Of(t.Group)
		if err != nil {
			return nil, err
		}
		own, _ := o[t.Group].(map[string]any)
		if own["accelerator"] != nil || slices.Contains([]string{"pretrain", "finetune", "probe", "eval", "predict", "attention"}, t.Args[0]) {
			return texts, nil
		}
		for _, name := range []string{"accelerator", "topology", "gpus"} {
			delete(texts, name)
		}
		return texts, nil
	}
}

// parse reads options by name and reports every fault.
func parse(texts map[string]string) (Options, error) {
	o := Options{Accelerator: none, Count: 1}
	var errs []error
	fault := func(name, form string) {
		errs = append(errs, fmt.Errorf("on.kubernetes.%s = %q: want %s", name, texts[name], form))
	}
	fields := map[string]*string{
		"image": &o.Image, "claim": &o.Claim, "mount": &o.Mount, "queue": &o.Queue, "namespace": &o.Namespace, "service-account": &o.ServiceAccount,
		"accelerator": &o.Accelerator, "topology": &o.Topology, "cpu": &o.CPU, "memory": &o.Memory,
	}
	for _, k := range slices.Sorted(maps.Keys(texts)) {
		if field := fields[k]; field != nil {
			*field = texts[k]
		} else if k == "gpus" {
			n, err := strconv.Atoi(texts[k])
			if err != nil || n < 1 {
				fault(k, "a positive number")
			}
			o.Count = n
		} else {
			errs = append(errs, fmt.Errorf("on.kubernetes.%s: unknown option, want gpus, %s", k, strings.Join(slices.Sorted(maps.Keys(fields)), ", ")))
		}
	}
	for k, field := range map[string]*string{"claim": &o.Claim, "queue": &o.Queue, "namespace": &o.Namespace, "service-account": &o.ServiceAccount} {
		if !nameForm.MatchString(*field) && (*field != "" || k == "claim") {
			fault(k, "a name of lower-case letters, digits and -")
		}
	}
	for k, field := range map[string]*string{"cpu": &o.CPU, "memory": &o.Memory} {
		if *field != "" && !quantityForm.MatchString(*field) {
			fault(k, "a quantity such as 4 or 16Gi")
		}
	}
	if o.Image == "" || strings.ContainsAny(o.Image, " \t\n") {
		fault("image", "an image")
	}
	if !filepath.IsAbs(o.Mount) {
		fault("mount", "an absolute directory")
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return o, errors.Join(errors.Join(errs...), o.slice())
}

// slice counts the chips of a slice.
func (o *Options) slice() error {
	if o.Accelerator == none || o.Accelerator == gpu {
		if o.Topology != "" {
			return fmt.Errorf("on.kubernetes.topology = %q, but the accelerator is %q", o.Topology, o.Accelerator)
		}
		return nil
	}
	if !sliceForm.MatchString(o.Accelerator) {
		return fmt.Errorf("on.kubernetes.accelerator = %q: want none, gpu, or a type of TPU slice such as tpu-v3-slice", o.Accelerator)
	}
	if o.Topology == "" {
		o.Topology = "2x2"
	}
	if !topologyForm.MatchString(o.Topology) {
		return fmt.Errorf("on.kubernetes.topology = %q: want one such as 2x2", o.Topology)
	}
	o.Count = 1
	for side := range strings.SplitSeq(o.Topology, "x") {
		n, err := strconv.Atoi(side)
		if err != nil {
			return fmt.Errorf("on.kubernetes.topology: %w", err)
		}
		o.Count *= n
	}
	if o.Count > mostChips {
		return fmt.Errorf("on.kubernetes.topology = %q: %d chips are more than one host has; a run is one process on one host, with at most %d", o.Topology, o.Count, mostChips)
	}
	return nil
}

// check requires that the directories in which a pod works are on the shared volume.
func (o Options) check(dirs ...string) error {
	var errs []error
	for _, d := range dirs {
		rel, err := filepath.Rel(o.Mount, d)
		if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
			errs = append(errs, fmt.Errorf("%s is not below on.kubernetes.mount = %q: run the sweep on the shared volume, with its results there", d, o.Mount))
		}
	}
	return errors.Join(errs...)
}
