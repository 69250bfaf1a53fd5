package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/subbert/subbert/sweep"
)

// hosts is the zone of a sweep: if a node is READY, a machine works on the run that its start-up script names.
func (c *cloud) hosts(ctx context.Context, self string) {
	store := regexp.MustCompile(`gs://my-runs/sweep/[0-9a-f]+`)
	for node := ""; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		n := c.api.Node()
		if n == nil || n.State != "READY" || n.Name+n.CreateTime == node {
			continue
		}
		node = n.Name + n.CreateTime
		c.instance.Add(1)
		cmd := exec.CommandContext(ctx, self, "tpu", "machine", "--store", store.FindString(n.Metadata["startup-script"]), "--dir", filepath.Join(c.dir, fmt.Sprintf("machine-%d", c.instance.Load())), "--beat", "100ms", "--ttl", "2s")
		cmd.Args[0] = "subbert"
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if out, err := cmd.CombinedOutput(); err != nil && ctx.Err() == nil {
			c.t.Logf("machine: %v\n%s", err, out)
		}
	}
}

// TestSweepOnTPU: shards are made on this machine, and a pre-training and a fine-tuning of its model are runs in the
// cloud. In the end the results are on this machine, nothing is left in the cloud, and the money is divided.
func TestSweepOnTPU(t *testing.T) {
	if testing.Short() {
		t.Skip("trains; left out with -short")
	}
	self, err := exec.LookPath("subbert")
	if err != nil {
		t.Fatal(err)
	}
	c := openFakeCloud(t)
	c.steps = 12
	config := c.nano()
	t.Chdir(c.dir)
	for name, text := range map[string]string{
		"pairs.tsv":   "index\tsentence\tlabel\n1\tthe @DRUG$ acts in the @DRUG$ .\teffect\n2\tthe @DRUG$ binds the @DRUG$ .\tfalse\n3\tthe dose of @DRUG$ acts in @DRUG$ .\teffect\n4\tthe gene of @DRUG$ binds with @DRUG$ .\tfalse\n",
		"tune.toml":   "[model]\ninit = \"{in:pretrain/model}\"\nfresh = [\"classifier\"]\n[data]\ntrain = \"pairs.tsv\"\ntest = \"pairs.tsv\"\n[task]\nname = \"relation\"\nbatch = 4\nsequence = 24\n[schedule]\nepochs = 1\n",
		"prices.toml": "[[price]]\naccelerator = \"v3-8\"\nspot = true\nhour = 4\n",
		"sweep.toml": fmt.Sprintf(`[[run]]
name = "shards"
verb = "data shard"
args = ["--vocab", "init/vocab.txt", "--uncased", "--out", "{out}/set", "docs.txt"]
[[run]]
name = "pretrain"
verb = "pretrain"
config = %q
set = ['data.shards = "{in:shards/set}"']
[[run]]
name = "finetune"
verb = "finetune"
config = "tune.toml"
args = ["--json"]
[on.tpu]
store = "gs://my-runs/sweep"
project = "my-project"
zone = "europe-west4-a"
on = "go"
binary = "init/vocab.txt"
poll = "100ms"
prices = "prices.toml"
spot = true
`, config),
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	ended := make(chan struct{})
	go func() { c.hosts(ctx, self); close(ended) }()
	cmd := exec.CommandContext(ctx, self, "sweep", "sweep.toml", "--on", "tpu", "--out", "out", "--max-cost", "100", "--json")
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	cancel()
	<-ended
	var report sweep.Report
	if err != nil || json.Unmarshal(out, &report) != nil || report.Count(sweep.Done) != 3 {
		logs, _ := filepath.Glob("out/*/log.txt")
		for _, l := range logs {
			text, _ := os.ReadFile(l)
			t.Logf("%s\n%s", l, text)
		}
		t.Fatalf("%v\n%s\n%s", err, &complaint, out)
	}
	for _, file := range []string{"pretrain/model/model.safetensors", "pretrain/metrics.jsonl", "finetune/result.json", "finetune/model/config.json", "shards/set"} {
		if _, err := os.Stat(filepath.Join("out", "by-name", file)); err != nil {
			t.Error(err)
		}
	}
	if left := c.api.Left(); len(left) > 0 || c.api.Made != 2 {
		t.Errorf("left behind: %s; %d machines, want one for each run", left, c.api.Made)
	}
	for run, most := range map[string][2]float64{"pretrain": {50, 50}, "finetune": {90, 100}} { // half of all, then what is left
		text, err := os.ReadFile(filepath.Join(report.Run(run).Dir, sweep.LogFile))
		var got float64
		found := regexp.MustCompile(`--max-cost=([0-9.]+)`).FindStringSubmatch(string(text))
		if err == nil && found != nil {
			_, err = fmt.Sscan(found[1], &got)
		}
		if err != nil || got < most[0] || got > most[1] {
			t.Errorf("%s may cost %g, want %v (%v)", run, got, most, err)
		}
	}
}
