package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"
	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/checkpoints/bucket"
	"github.com/subbert/subbert/checkpoints/bucket/gcs"
	"github.com/subbert/subbert/internal/gapi"
	"github.com/subbert/subbert/tpu/launch"
	"github.com/subbert/subbert/tpu/launch/launchtest"
)

const tpuStore = "gs://my-runs/nano/seed-1"

// machineToken is the token that the metadata server gives to every caller on a machine.
const machineToken = "ya29.token-of-the-machine"

// cloud is everything that a run needs from Google: a bucket, the TPU API, and machines with a metadata server.
// Machines are processes of this program.
type cloud struct {
	t        *testing.T
	dir      string
	store    *gcs.Store
	api      *launchtest.API
	instance atomic.Int64 // of the present machine
	leaving  atomic.Bool  // what the metadata server says about it
	random   *rand.Rand
	kills    int // still to come
	steps    int // of the run
	codes    map[int]int
}

// openFakeCloud starts the servers and sets the environment to use them.
func openFakeCloud(t *testing.T) *cloud {
	t.Helper()
	server, err := fakestorage.NewServerWithOptions(fakestorage.Options{Scheme: "http", Host: "127.0.0.1", Writer: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	server.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: "my-runs"})
	c := &cloud{t: t, dir: t.TempDir(), random: rand.New(rand.NewPCG(1, 2)), codes: make(map[int]int), steps: 60,
		api: &launchtest.API{Accept: 50 * time.Millisecond, Provision: 50 * time.Millisecond, Deleting: 50 * time.Millisecond}}
	metadata := httptest.NewServer(http.HandlerFunc(c.metadata))
	t.Cleanup(metadata.Close)
	tpuAPI := httptest.NewServer(c.api)
	t.Cleanup(tpuAPI.Close)
	t.Setenv("STORAGE_EMULATOR_HOST", strings.TrimPrefix(server.URL(), "http://"))
	t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(metadata.URL, "http://"))
	t.Setenv("SUBBERT_TPU_API", tpuAPI.URL)
	if c.store, err = gcs.Open(t.Context(), tpuStore, gapi.Options{Endpoint: server.URL(), Anonymous: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.store.Close() })
	return c
}

func (c *cloud) metadata(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Metadata-Flavor", "Google")
	switch strings.TrimPrefix(r.URL.Path, "/computeMetadata/v1/instance/") {
	case "id":
		fmt.Fprint(w, c.instance.Load())
	case "preempted":
		fmt.Fprint(w, strings.ToUpper(fmt.Sprint(c.leaving.Load())))
	case "maintenance-event":
		fmt.Fprint(w, "NONE")
	case "service-accounts/default/token":
		fmt.Fprintf(w, `{"access_token":%q,"expires_in":3599,"token_type":"Bearer"}`, machineToken)
	default:
		http.NotFound(w, r)
	}
}

// subbert runs a command of the program in this process and returns what it printed.
func (c *cloud) subbert(ctx context.Context, args ...string) (string, int) {
	var out, errOut bytes.Buffer
	code := complain(&errOut, invoke(ctx, args, strings.NewReader(""), &out, &errOut))
	return out.String() + errOut.String(), code
}

func (c *cloud) must(args ...string) string {
	c.t.Helper()
	out, code := c.subbert(c.t.Context(), args...)
	if code != 0 {
		c.t.Fatalf("subbert %s: exit code %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// nano writes a config with a model, texts and shards that train in a second, and returns the config's path.
func (c *cloud) nano() string {
	c.t.Helper()
	words := strings.Fields("the of protein gene binds drug cell acts in with effect dose . ,")
	vocabulary := strings.Join(append(strings.Fields("[PAD] [UNK] [CLS] [SEP] [MASK]"), words...), "\n") + "\n"
	var texts strings.Builder
	for range 30 {
		for range 5 {
			fmt.Fprintf(&texts, "the %s %s the %s . ", words[c.random.IntN(11)], words[c.random.IntN(11)], words[c.random.IntN(11)])
		}
		texts.WriteString("\n\n")
	}
	at := func(name string) string { return filepath.Join(c.dir, name) }
	for name, text := range map[string]string{
		"init/vocab.txt": vocabulary,
		"init/config.json": `{"model_type":"bert","vocab_size":19,"hidden_size":16,"num_hidden_layers":1,"num_attention_heads":2,"intermediate_size":24,
			"hidden_act":"gelu","hidden_dropout_prob":0.1,"attention_probs_dropout_prob":0.1,"max_position_embeddings":64,"type_vocab_size":2,
			"initializer_range":0.2,"layer_norm_eps":1e-12,"pad_token_id":0}`,
		"docs.txt": texts.String(),
		"run.toml": fmt.Sprintf("[model]\ninit = %q\nfresh = \"all\"\n[data]\nshards = %q\n[task]\nname = \"pretraining\"\nbatch = 4\nsequence = 24\nmax_predictions = 4\n"+
			"[optimizer]\nlearning_rate = 1e-3\n[schedule]\nsteps = %d\nwarmup_steps = 2\n[checkpoint]\nevery_steps = 3\nkeep = 2\n[run]\ndir = %q\n",
			at("init"), at("shards"), c.steps, at("straight")),
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(at(name)), 0o755), os.WriteFile(at(name), []byte(text), 0o644)); err != nil {
			c.t.Fatal(err)
		}
	}
	c.must("-q", "data", "shard", "--vocab", at("init/vocab.txt"), "--uncased", "--out", at("shards"), at("docs.txt"))
	return at("run.toml")
}

// boot starts the machine's agent in dir, in a process group of its own.
func (c *cloud) boot(dir string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		c.t.Error(err)
	}
	cmd := exec.Command(self, "tpu", "machine", "--store", tpuStore, "--dir", dir, "--beat", "100ms", "--ttl", "2s")
	cmd.Args[0] = "subbert"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := os.Create(filepath.Join(c.dir, fmt.Sprintf("machine-%d.log", time.Now().UnixNano())))
	if err != nil {
		c.t.Error(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		c.t.Error(err)
	}
	return cmd
}

// machines is the zone: if a node is READY, a machine runs, is started again when it fails, and is taken away kills
// times.
func (c *cloud) machines(ctx context.Context) {
	for node := ""; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		n := c.api.Node()
		if n == nil || n.State != "READY" || n.CreateTime == node {
			continue
		}
		node = n.CreateTime
		c.instance.Add(1)
		c.leaving.Store(false)
		dir := filepath.Join(c.dir, fmt.Sprintf("machine-%d", c.instance.Load()))
		for ctx.Err() == nil && c.life(ctx, dir) {
		}
	}
}

// life runs a machine from boot to its end; again says that the same machine boots once more.
func (c *cloud) life(ctx context.Context, dir string) (again bool) {
	started, before := time.Now(), -1
	if h, err := launch.ReadHeartbeat(ctx, c.store); err == nil && h != nil {
		before = h.Step
	}
	cmd := c.boot(dir)
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	defer func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // the trainer ends with its machine
		<-ended
		c.codes[cmd.ProcessState.ExitCode()]++
	}()
	if c.kills == 0 {
		select {
		case <-ended:
			return cmd.ProcessState.ExitCode() != 0
		case <-ctx.Done():
			return false
		}
	}
	c.kills--
	c.await(ctx, ended, func(h launch.Heartbeat) bool { return h.Time.After(started) })
	if c.kills%2 == 0 { // once it has committed something
		c.await(ctx, ended, func(h launch.Heartbeat) bool { return h.Step > before })
	}
	select {
	case <-ended:
		return cmd.ProcessState.ExitCode() != 0
	case <-time.After(time.Duration(c.random.IntN(400)) * time.Millisecond):
	}
	switch c.random.IntN(3) {
	case 0: // the process ends, the machine stays
		return true
	case 1: // a preemption with notice
		c.leaving.Store(true)
		<-ended
	}
	c.api.Change("PREEMPTED", "ACTIVE")
	return false
}

// await returns once right accepts a heartbeat, or the machine has ended.
func (c *cloud) await(ctx context.Context, ended <-chan struct{}, right func(launch.Heartbeat) bool) {
	for ctx.Err() == nil {
		if h, err := launch.ReadHeartbeat(ctx, c.store); err == nil && h != nil && right(*h) {
			return
		}
		select {
		case <-ended:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// TestMachinesKilled: a run whose machines are taken away at random points ends with the weights of an undisturbed one,
// bit for bit, and leaves nothing in the cloud. SUBBERT_TPU_KILLS is the number of kills, by default 4.
func TestMachinesKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("trains; left out with -short")
	}
	c := openFakeCloud(t)
	c.kills = 4
	c.steps = 60 * c.kills // enough to be still running at the last kill, on an idle machine
	_, unset := fmt.Sscan(os.Getenv("SUBBERT_TPU_KILLS"), &c.kills)
	if unset != nil {
		t.Log("SUBBERT_TPU_KILLS is not set: 4")
	} else {
		c.steps = 250 * c.kills
	}
	kills := c.kills
	config := c.nano()
	c.must("--backend", "go", "-q", "pretrain", config)

	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute+time.Duration(kills)*30*time.Second)
	defer cancel()
	ended := make(chan struct{})
	go func() { c.machines(ctx); close(ended) }()
	out, code := c.subbert(ctx, "tpu", "run", config, "--store", tpuStore, "--project", "my-project", "--zone", "europe-west4-a",
		"--spot", "--on", "go", "--binary", filepath.Join(c.dir, "init", "vocab.txt"), "--poll", "100ms")
	cancel()
	<-ended
	if code != 0 {
		t.Fatalf("exit code %d\n%s\n%s", code, out, c.logs())
	}
	if left := c.api.Left(); len(left) > 0 || c.api.Most > 1 {
		t.Errorf("left behind: %s; at most %d machines at once", left, c.api.Most)
	}
	c.compare()
	if c.codes[1] > 0 {
		t.Errorf("the trainer crashed: exit codes %v\n%s", c.codes, c.logs())
	}
	t.Logf("%d kills, %d machines, exit codes %v", kills-c.kills, c.api.Made, c.codes)
	if unset == nil && c.kills > 0 {
		t.Errorf("the run was done before the last %d of %d kills", c.kills, kills)
	}
	if status := c.must("tpu", "status", "--store", tpuStore); !strings.Contains(status, fmt.Sprintf("done at step %d", c.steps)) {
		t.Error(status)
	}
	if logs := c.must("tpu", "logs", "--store", tpuStore); !strings.Contains(logs, fmt.Sprintf("%d steps in", c.steps)) {
		t.Error(logs)
	}
	c.must("tpu", "rm", "--store", tpuStore, "--data")
	if objects, err := c.store.List(t.Context(), ""); err != nil || len(objects) > 0 {
		t.Errorf("%d objects are left after rm --data (%v)", len(objects), err)
	}
}

// logs returns the output of the machines.
func (c *cloud) logs() string {
	files, _ := filepath.Glob(filepath.Join(c.dir, "machine-*.log"))
	var all strings.Builder
	for _, f := range files[max(0, len(files)-3):] {
		text, _ := os.ReadFile(f)
		fmt.Fprintf(&all, "== %s\n%s", f, text)
	}
	return all.String()
}

// compare compares the weights in the store with those of the undisturbed run.
func (c *cloud) compare() {
	c.t.Helper()
	want, err := os.ReadFile(filepath.Join(c.dir, "straight", "model", "model.safetensors"))
	if err != nil {
		c.t.Fatal(err)
	}
	if err := bucket.GetTree(c.t.Context(), c.store, launch.ModelPrefix, filepath.Join(c.dir, "got")); err != nil {
		c.t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(c.dir, "got", "model.safetensors"))
	if err != nil {
		c.t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		c.t.Error("the weights differ from those of a run that was left alone")
	}
}

// TestTPUVerbs runs the verbs that inspect and clean up against the doubles.
func TestTPUVerbs(t *testing.T) {
	c := openFakeCloud(t)
	if out := c.must(append([]string{"tpu", "doctor", "--store", tpuStore}, where...)...); strings.Count(out, "ok      ") != 3 {
		t.Error(out)
	}
	c.api.Script("GET queuedResources", launchtest.Fault{Code: 403, Message: "denied"})
	if out, code := c.subbert(t.Context(), append([]string{"tpu", "doctor", "--store", tpuStore}, where...)...); code != exitFailed || !strings.Contains(out, "roles/tpu.admin") {
		t.Errorf("exit code %d: %s", code, out)
	}
	config := c.nano()
	run := append([]string{"tpu", "run", config, "--store", tpuStore, "--on", "go", "--binary", config, "--max-hours", "3"}, where...)
	if out := c.must(append(run, "--dry-run")...); !strings.Contains(out, "at most 3 machine-hours") || !strings.Contains(out, "#!/bin/bash") {
		t.Error(out)
	}
	if n := c.api.Calls("POST queuedResources"); n != 0 {
		t.Errorf("--dry-run asked for %d machines", n)
	}
	c.must(append(run, "--detach")...)
	c.must("tpu", "stop", "--store", tpuStore)
	if out := c.must("tpu", "status", "--store", tpuStore); !strings.Contains(out, "my-project, stopped") {
		t.Error(out)
	}
	c.must(append(run, "--detach")...) // joins
	if out := c.must("tpu", "status", "--store", tpuStore, "--json"); !strings.Contains(out, `"desired": "running"`) || !strings.Contains(out, `"max_hours": 3`) {
		t.Error(out)
	}
	if out := c.must("tpu", "rm", "--store", tpuStore, "--data", "--dry-run"); !strings.Contains(out, "objects, ") {
		t.Error(out)
	}
	if out, code := c.subbert(t.Context(), append(run, "--detach", "--set", "schedule.steps=7")...); code != exitMisused || !strings.Contains(out, "another config") {
		t.Errorf("exit code %d: %s", code, out)
	}
	eventually(t, "node that is READY", func() bool {
		n := c.api.Node()
		return n != nil && n.State == "READY"
	})
	gc := append([]string{"tpu", "gc"}, where...)
	want := "queued resource subbert-" + launch.ID(tpuStore) + " of run " + launch.ID(tpuStore) + ": ACTIVE\nnode subbert-" + launch.ID(tpuStore) + " of run " + launch.ID(tpuStore) + ": READY\n"
	if diff := cmp.Diff(want, c.must(append(gc, "--dry-run")...)); diff != "" {
		t.Error(diff)
	}
	c.must(gc...)
	eventually(t, "empty zone", func() bool { return len(c.api.Left()) == 0 })
	if diff := cmp.Diff("no machine is left\n", c.must(gc...)); diff != "" {
		t.Error(diff)
	}
	for _, bad := range [][]string{
		{"tpu", "status", "--store", "gs://x"},
		append([]string{"tpu", "run", config, "--store", tpuStore, "--on", "go", "--max-cost", "5", "--accelerator", "v99-8"}, where...),
		append([]string{"tpu", "run", config, "--store", tpuStore}, where...),
	} {
		if out, code := c.subbert(t.Context(), bad...); code != exitMisused || strings.Count(strings.TrimSpace(out), "\n") > 1 {
			t.Errorf("%q: exit code %d: %s", bad, code, out)
		}
	}
}
