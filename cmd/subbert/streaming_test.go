package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/subbert/subbert/checkpoints/bucket"
	"github.com/subbert/subbert/checkpoints/bucket/gcs"
	"github.com/subbert/subbert/data/shards"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/internal/gapi"
)

// bigShards writes shards that span several blocks of a store, with random ids of the nano vocabulary.
func (c *cloud) bigShards(dir string) {
	c.t.Helper()
	v, err := wordpiece.OpenVocabulary(filepath.Join(c.dir, "init", "vocab.txt"))
	if err != nil {
		c.t.Fatal(err)
	}
	w, err := shards.Create(dir, shards.Header{Vocabulary: shards.Vocabulary{Hash: v.Hash(), Size: v.Size()}, Tokenizer: shards.Tokenizer{Lower: true, MaxWordChars: 200}, Splitter: "test-1"})
	if err != nil {
		c.t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 4000 {
		d := &shards.Document{}
		for range 40 {
			n := 5 + r.IntN(12)
			for range n {
				d.IDs = append(d.IDs, int32(5+r.IntN(v.Size()-5)))
			}
			d.Lengths = append(d.Lengths, int32(n))
		}
		if err := w.Add(shards.Train, d); err != nil {
			c.t.Fatal(err)
		}
	}
	if _, err := w.Commit(nil); err != nil {
		c.t.Fatal(err)
	}
	if err := w.Discard(); err != nil {
		c.t.Fatal(err)
	}
}

// TestStreamedShards trains from a directory, and from a bucket through a cache of two blocks with a kill -9 in
// between: the weights are equal bit for bit, and the cache never holds more than it may.
func TestStreamedShards(t *testing.T) {
	if testing.Short() {
		t.Skip("trains; left out with -short")
	}
	c := openFakeCloud(t)
	c.steps = 24
	config := c.nano()
	at := func(name string) string { return filepath.Join(c.dir, name) }
	c.bigShards(at("big"))
	const address = "gs://my-runs/shared/shards"
	store, err := gcs.Open(t.Context(), address, gapi.Options{Endpoint: "http://" + os.Getenv("STORAGE_EMULATOR_HOST"), Anonymous: true})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := bucket.PutTree(t.Context(), store, "", at("big")); err != nil {
		t.Fatal(err)
	}
	c.must("--backend", "go", "-q", "pretrain", config, "--set", fmt.Sprintf("data.shards=%q", at("big")))

	const limit = 2*bucket.BlockSize + 1000
	args := []string{"--backend", "go", "pretrain", config, "--resume", "--set", fmt.Sprintf("data.shards=%q", address), "--set", fmt.Sprintf("run.dir=%q", at("streamed")),
		"--set", fmt.Sprintf("device.cache=%q", at("cache")), "--set", fmt.Sprintf("device.cache_gb=%g", limit/1e9)}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	killed := exec.Command(self, args...)
	killed.Args[0] = "subbert"
	run := begin(t, killed)
	run.until(t, "checkpoint", func() bool {
		if bound := sizeOf(t, at("cache")); bound > limit {
			t.Errorf("the cache holds %d bytes, at most %d are allowed", bound, limit)
		}
		saved, err := filepath.Glob(at("streamed/checkpoints/step-*/manifest.json"))
		return err == nil && len(saved) > 0
	})
	run.kill(t)
	out := c.must(args...)
	if !strings.Contains(out, "shards were read through the cache") || strings.Contains(out, "evicted=0 ") {
		t.Errorf("nothing was evicted:\n%s", out)
	}
	if bound := sizeOf(t, at("cache")); bound > limit || bound == 0 {
		t.Errorf("the cache holds %d bytes, at most %d are allowed", bound, limit)
	}
	want, err := os.ReadFile(at("straight/model/model.safetensors"))
	got, err2 := os.ReadFile(at("streamed/model/model.safetensors"))
	if err := errors.Join(err, err2); err != nil || !bytes.Equal(want, got) {
		t.Errorf("the weights differ from those trained from a directory (%v)", err)
	}
}

// sizeOf returns the number of bytes in a directory that may be changing.
func sizeOf(t *testing.T, dir string) (total int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			total += info.Size()
		}
	}
	return total
}

// TestMuteStore: a run whose store accepts connections and never answers ends at the first signal.
func TestMuteStore(t *testing.T) {
	asked := make(chan struct{}, 16)
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer store.Close()
	c := openFakeCloud(t)
	config := c.nano()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	run := exec.Command(self, "--backend", "go", "pretrain", config, "--set", `data.shards="gs://my-runs/shards"`, "--set", fmt.Sprintf("run.dir=%q", t.TempDir()))
	run.Args[0], run.Stdout, run.Stderr = "subbert", &out, &out
	run.Env = append(os.Environ(), "STORAGE_EMULATOR_HOST="+store.URL)
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	<-asked
	begin := time.Now()
	if err := run.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	run.Wait() // the exit code is in its ProcessState
	if code := run.ProcessState.ExitCode(); code != exitInterrupted || time.Since(begin) > 5*time.Second {
		t.Errorf("exit code %d after %s, want %d at once\n%s", code, time.Since(begin), exitInterrupted, &out)
	}
}
