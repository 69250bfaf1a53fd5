package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/checkpoints/hub"
)

type modelPullCmd struct {
	Name     string `arg:"" placeholder:"NAME" help:"OWNER/NAME on the hub, or one of the short names that --help lists."`
	Revision string `placeholder:"R" help:"Branch, tag or commit. Default: the commit pinned for a short name, else main."`
	Out      string `placeholder:"DIR" type:"path" help:"Also copy the files to this directory."`
	Offline  bool   `help:"Use only the cache, without asking a server, as with HF_HUB_OFFLINE=1."`
	JSON     bool   `name:"json" help:"Print JSON."`
	outputFlag
}

func (*modelPullCmd) Help() string {
	return `Fetches the files that make a model (settings, vocabulary, weights in one container) into the cache that Python's huggingface_hub uses, checks each file against the hub's hash, and prints the path. An interrupted download continues where it stopped. Short names: ` +
		strings.Join(hub.ShortNames(), ", ") + `.

HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE, HF_HUB_DISABLE_IMPLICIT_TOKEN, HF_TOKEN and the file that "hf auth login" writes have the same meaning as in Python. A config names a model on the hub with model.init = "hub:NAME" or "hub:NAME@REVISION".`
}

func (v *modelPullCmd) Run(c *console) error {
	if v.Out == "" {
		return v.pull(c)
	}
	return v.replacing(c, v.Out, "config.json", func() error { return v.pull(c) })
}

func (v *modelPullCmd) pull(c *console) error {
	ref, err := hub.Parse(strings.TrimPrefix(v.Name, hub.Prefix), v.Revision)
	if err != nil {
		return misused(err)
	}
	s, err := pullModel(c, ref, v.Offline)
	if err != nil {
		return err
	}
	if err := warnFaults(c, s.Dir); err != nil {
		return err
	}
	if v.Out != "" {
		if err := checkpoints.WriteDirectory(v.Out, func(w checkpoints.FileWriter) error { return s.Write(c.ctx, w) }); err != nil {
			return err
		}
		s.Dir = v.Out
	}
	if v.JSON {
		return c.printJSON(s)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "repository\t%s\nrevision\t%s\ncommit\t%s\n", s.Repository, s.Revision, s.Commit)
	for _, f := range s.Files {
		came := map[bool]string{true: "fetched", false: "was in the cache"}[f.Fetched]
		fmt.Fprintf(w, "file\t%s, %d bytes, %s\n", f.Name, f.Bytes, came)
	}
	fmt.Fprintf(w, "directory\t%s\n", s.Dir)
	return w.Flush()
}

// warnFaults logs the faults that would keep the model in dir from being used.
func warnFaults(c *console, dir string) error {
	m, faults, err := checkpoints.Peek(c.ctx, dir)
	if err != nil {
		return err
	}
	for _, fault := range faults {
		c.log.Warn("the model cannot be used as it is", "why", fault)
	}
	return m.Close()
}
