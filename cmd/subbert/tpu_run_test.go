package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/subbert/subbert/backend/pjrt"
	"github.com/subbert/subbert/tpu/launch"
	"github.com/subbert/subbert/tpu/launch/launchtest"
)

// where is the zone of the doubles.
var where = []string{"--project", "my-project", "--zone", "europe-west4-a"}

// TestPreflightRefuses: a run that does not fit, or exceeds its bounds at the list prices, leaves no trace; --force
// starts it.
func TestPreflightRefuses(t *testing.T) {
	c := openFakeCloud(t)
	config := c.nano()
	wheel := filepath.Join(c.dir, "libtpu-9.9.9-cp311-cp311-manylinux_2_31_x86_64.whl")
	if err := os.WriteFile(wheel, []byte("no wheel"), 0o644); err != nil {
		t.Fatal(err)
	}
	run := append([]string{"tpu", "run", config, "--store", tpuStore, "--on", "tpu", "--libtpu", wheel, "--binary", config, "--spot"}, where...)
	untouched := func() {
		t.Helper()
		if objects, err := c.store.List(t.Context(), ""); err != nil || len(objects) > 0 || c.api.Told() != "" {
			t.Errorf("%d objects in the store (%v), the API was told %q; want nothing", len(objects), err, c.api.Told())
		}
	}
	if pjrt.Linked {
		// The step is compiled with the libtpu that goes to the machine, so one that is not a known release is refused
		// before.
		if out, code := c.subbert(t.Context(), run...); code != exitMisused || !strings.Contains(out, "--libtpu") {
			t.Errorf("exit code %d: %s", code, out)
		}
		untouched()
		return
	}
	// Without the compiler only formulas are available: this many steps take seconds even at the peak of the device.
	long := append(run, "--set", "schedule.steps=1000000000", "--set", "task.batch=8192", "--max-hours", "0.001")
	out, code := c.subbert(t.Context(), long...)
	if code != exitMisused || !strings.Contains(out, "the run takes at least") || !strings.Contains(out, "--force") {
		t.Errorf("exit code %d: %s", code, out)
	}
	untouched()
	if out, code := c.subbert(t.Context(), append(long, "--dry-run")...); code != exitMisused || !strings.Contains(out, "USD by the list prices of 20") {
		t.Errorf("exit code %d: %s", code, out)
	}
	untouched()
	c.must(append(long, "--force", "--detach")...)
	if n := c.api.Calls("POST queuedResources"); n != 1 {
		t.Errorf("--force asked for %d machines, want 1", n)
	}
}

// TestDryRunRefuses: a run that cannot work is refused before anything is requested, with --dry-run too.
func TestDryRunRefuses(t *testing.T) {
	c := openFakeCloud(t)
	config := c.nano()
	for _, test := range []struct {
		flags []string
		want  string
	}{
		{[]string{"--on=nonsense"}, `backend = "nonsense": want tpu or go`},
		{[]string{"--on=go", "--max-cost=NaN"}, "--max-cost NaN: want 0 to 1e9"},
		{[]string{"--on=go", "--max-hours=+Inf"}, "--max-hours +Inf: want 0 to 1e6"},
		{[]string{"--on=go", "--set", `data.shards="gs://b"`}, `shards: "gs://b": want gs://BUCKET/PREFIX`},
	} {
		out, code := c.subbert(t.Context(), slices.Concat([]string{"tpu", "run", config, "--store", tpuStore, "--binary", config, "--dry-run"}, where, test.flags)...)
		if code != exitMisused || !strings.Contains(out, test.want) {
			t.Errorf("%q: exit code %d, want %d, with %s:\n%s", test.flags, code, exitMisused, test.want, out)
		}
	}
}

// TestDetached: only the machine is running. It finishes or keeps to the bounds, and deletes itself, even if the first
// attempts are refused.
func TestDetached(t *testing.T) {
	if testing.Short() {
		t.Skip("trains; left out with -short")
	}
	c := openFakeCloud(t)
	c.steps = 240 // so that even an idle machine is still training when it first checks its bounds
	config := c.nano()
	run := append([]string{"tpu", "run", config, "--store", tpuStore, "--on", "go", "--binary", config, "--detach"}, where...)
	for _, bad := range [][]string{run, append(run, "--max-hours", "3", "--no-self-delete")} {
		if out, code := c.subbert(t.Context(), bad...); code != exitMisused || !strings.Contains(out, "--detach with") {
			t.Errorf("exit code %d: %s", code, out)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	ended := make(chan struct{})
	go func() { c.machines(ctx); close(ended) }()
	c.api.Script("DELETE queuedResources", launchtest.Fault{Code: 403, Message: "denied"})
	for _, test := range []struct{ bound, state string }{{"1e-9", launch.Stopped}, {"3", launch.Done}} {
		c.must(append(run, "--max-hours", test.bound)...)
		for ctx.Err() == nil && (c.api.Made == 0 || len(c.api.Left()) > 0) {
			time.Sleep(50 * time.Millisecond)
		}
		if o, err := launch.ReadOutcome(ctx, c.store); err != nil || o == nil || o.State != test.state {
			t.Errorf("with %s hours: %+v, %v; want %s\n%s", test.bound, o, err, test.state, c.logs())
		}
	}
	if left := c.api.Left(); len(left) > 0 {
		t.Errorf("left behind: %s", left)
	}
	cancel()
	<-ended
	c.compareTo(config)
}

// compareTo trains the run of a config here and compares the weights in the store.
func (c *cloud) compareTo(config string) {
	c.t.Helper()
	c.must("--backend", "go", "-q", "pretrain", config)
	c.compare()
}

// TestSSHVerb runs a command on the machine of a run. It connects only with the host key that the machine reported to
// the API.
func TestSSHVerb(t *testing.T) {
	c := openFakeCloud(t)
	config := c.nano()
	host, _ := launchtest.NewKey(t)
	other, _ := launchtest.NewKey(t)
	user, identity := launchtest.NewKey(t)
	at := func(name string, text []byte) string {
		file := filepath.Join(c.dir, name)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	key := at("id.pub", ssh.MarshalAuthorizedKey(user.PublicKey()))
	address := launchtest.EchoServer(t, host, launch.SSHUser, user.PublicKey())
	verb := []string{"tpu", "ssh", "--store", tpuStore, "--identity", at("id", identity), "--port", address[strings.LastIndex(address, ":")+1:]}
	c.must(append([]string{"tpu", "run", config, "--store", tpuStore, "--on", "go", "--binary", config, "--ssh-key", key, "--detach", "--max-hours", "1"}, where...)...)
	if out, code := c.subbert(t.Context(), append(verb, "hostname")...); code == 0 || !strings.Contains(out, "no machine now") && !strings.Contains(out, "not published its host key yet") {
		t.Errorf("before there is a machine: exit code %d: %s", code, out)
	}
	eventually(t, "node", func() bool { return c.api.Node() != nil })
	if keys := c.api.Node().Metadata["ssh-keys"]; !strings.HasPrefix(keys, launch.SSHUser+":ssh-ed25519 ") {
		t.Errorf("the machine lets %q in", keys)
	}
	told := func(key ssh.PublicKey) {
		kind, text, _ := strings.Cut(strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))), " ")
		c.api.SetHostKeys(map[string]string{kind: text})
	}
	told(host.PublicKey())
	if out := c.must(append(verb, "journalctl", "-u", "sub bert")...); out != `'journalctl' '-u' 'sub bert'` {
		t.Errorf("the machine was told %s", out)
	}
	if _, code := c.subbert(t.Context(), append(verb, "false")...); code != exitFailed {
		t.Errorf("a command that fails there: exit code %d", code)
	}
	told(other.PublicKey())
	if out, code := c.subbert(t.Context(), append(verb, "hostname")...); code != exitFailed || !strings.Contains(out, "not among the machine's keys") {
		t.Errorf("another host key: exit code %d: %s", code, out)
	}
}

// TestNoSecretLeaves looks for secrets of the laptop and of the machine in everything that the doubles received
// (requests, labels, metadata, objects) and in the output of commands and machines.
func TestNoSecretLeaves(t *testing.T) {
	if testing.Short() {
		t.Skip("trains; left out with -short")
	}
	c := openFakeCloud(t)
	config := c.nano()
	user, identity := launchtest.NewKey(t)
	at := func(name, text string) string {
		file := filepath.Join(c.dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	const planted = "planted-secret"
	for _, name := range []string{"HF_TOKEN", "GOOGLE_OAUTH_ACCESS_TOKEN", "AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK"} {
		t.Setenv(name, planted+"-"+name)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", at("credentials.json", `{"type":"authorized_user","client_id":"x","client_secret":"`+planted+`-client","refresh_token":"`+planted+`-refresh"}`))
	at("id", string(identity))
	public := at("id.pub", strings.TrimSpace(string(ssh.MarshalAuthorizedKey(user.PublicKey())))+" "+planted+"-comment@laptop\n")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	ended := make(chan struct{})
	go func() { c.machines(ctx); close(ended) }()
	out, code := c.subbert(ctx, append([]string{"tpu", "run", config, "--store", tpuStore, "--on", "go", "--binary", config, "--ssh-key", public, "--poll", "100ms"}, where...)...)
	cancel()
	<-ended
	if code != 0 {
		t.Fatalf("exit code %d: %s\n%s", code, out, c.logs())
	}
	seen := map[string]string{"the command's output": out, "what the API was told": c.api.Told(), "the machines' output": c.logs()}
	objects, err := c.store.List(t.Context(), "")
	if err != nil || len(objects) < 10 {
		t.Fatalf("%d objects, %v", len(objects), err)
	}
	for _, o := range objects {
		r, _, err := c.store.Read(t.Context(), o.Name)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
		seen[o.Name] = o.Name + string(text)
	}
	if !strings.Contains(seen["what the API was told"], "startup-script") {
		t.Error("the double did not listen")
	}
	private := strings.Split(string(identity), "\n")[1]
	for name, text := range seen {
		for _, secret := range []string{planted, private, machineToken} {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds %q", name, secret)
			}
		}
	}
}
