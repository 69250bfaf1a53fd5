package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/subbert/subbert/checkpoints/bucket"
	"github.com/subbert/subbert/internal/gapi"
	"github.com/subbert/subbert/tpu/launch/launchtest"
)

func exampleRun() Run {
	const store = "gs://my-runs/ppi/seed-1"
	return Run{
		ID: ID(store), Store: store, Project: "my-project", Zone: "europe-west4-a", Accelerator: "v3-8", Runtime: "tpu-ubuntu2204-base",
		Spot: true, Verb: "pretrain", Backend: "tpu", Desired: Running, Format: recordFormat,
		Binary: Pinned{Object: "bin/subbert-abababababab", SHA256: strings.Repeat("ab", 32)},
		Config: Pinned{Object: "config/cdcdcdcdcdcd.toml", SHA256: strings.Repeat("cd", 32)},
	}
}

// world is a run with its store, a TPU API, and machines that train on whatever node is there.
type world struct {
	t     *testing.T
	store *bucket.Memory
	api   *launchtest.API
	goal  time.Duration // of training until done

	mu      sync.Mutex
	trained time.Duration
	mute    bool // machines say nothing
}

// begin makes the record of a run and lets machines live until the test's bubble ends. It runs within synctest.Test.
func begin(t *testing.T, change func(*Run)) *world {
	w := &world{t: t, store: &bucket.Memory{}, goal: 2 * time.Hour,
		api: &launchtest.API{Accept: time.Minute, Provision: 2 * time.Minute, Deleting: 90 * time.Second}}
	r := exampleRun()
	if change != nil {
		change(&r)
	}
	if _, _, err := Make(context.Background(), w.store, r); err != nil {
		t.Fatal(err)
	}
	go w.machines(t.Context())
	return w
}

// machines trains while a node is READY, half a minute at a time, as a machine's side would.
func (w *world) machines(ctx context.Context) {
	for pause(ctx, 30*time.Second) == nil {
		n := w.api.Node()
		w.mu.Lock()
		on := n != nil && n.State == "READY" && !w.mute
		w.mu.Unlock()
		if on && time.Since(parseTime(n.CreateTime)) > time.Minute {
			if err := w.train(ctx); err != nil {
				w.t.Error(err)
			}
		}
	}
}

func (w *world) train(ctx context.Context) error {
	r, err := ReadRun(ctx, w.store)
	if o, _ := ReadOutcome(ctx, w.store); o != nil || err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	step := int(w.trained.Minutes())
	if r.Desired == Stopped {
		return conclude(ctx, w.store, Outcome{State: Stopped, Step: step, Why: r.Reason})
	}
	if w.trained += 30 * time.Second; w.trained >= w.goal {
		return conclude(ctx, w.store, Outcome{State: Done, Step: step})
	}
	_, err = bucket.WriteJSON(ctx, w.store, HeartbeatObject, Heartbeat{Step: step, Time: time.Now().UTC(), Host: "t"}, bucket.Condition{})
	return err
}

func (w *world) silence(mute bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mute = mute
}

// controller of the world, whose API calls go through transport, or straight to the API if it is nil.
func (w *world) controller(holder string, transport http.RoundTripper) *Controller {
	w.t.Helper()
	if transport == nil {
		transport = w.api
	}
	cloud, err := OpenCloud(context.Background(), "my-project", "europe-west4-a", gapi.Options{Anonymous: true, Transport: transport})
	if err != nil {
		w.t.Fatal(err)
	}
	return &Controller{Store: w.store, Cloud: cloud, Holder: holder, Log: slog.New(slog.DiscardHandler), Patience: DefaultPatience(), Poll: time.Minute}
}

// finish runs a controller to the end and checks that it is the wanted one, with nothing left and never two machines.
func (w *world) finish(state string) (*Outcome, Status) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 72*time.Hour)
	defer cancel()
	o, err := w.controller("test", nil).Run(ctx)
	if err != nil {
		w.t.Fatalf("after %s: %v", w.status().Doing, err)
	}
	w.check(o, state)
	return o, w.status()
}

func (w *world) check(o *Outcome, state string) {
	w.t.Helper()
	if o == nil || o.State != state {
		w.t.Errorf("outcome %+v, want %s", o, state)
	}
	if left := w.api.Left(); len(left) > 0 {
		w.t.Errorf("left behind: %s", left)
	}
	if w.api.Most > 1 {
		w.t.Errorf("%d machines at once", w.api.Most)
	}
}

func (w *world) status() Status {
	w.t.Helper()
	s, err := ReadStatus(context.Background(), w.store)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func TestNothingGoesWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, nil)
		_, s := w.finish(Done)
		if w.api.Made != 1 || s.Attempts != 1 || s.Preemptions != 0 {
			t.Errorf("%d machines of %d attempts, %d preemptions; want one, undisturbed", w.api.Made, s.Attempts, s.Preemptions)
		}
		if s.Hours < 2 || s.Hours > 2.2 {
			t.Errorf("%.2f machine-hours, want the two of training and a little", s.Hours)
		}
	})
}

func TestMachinesThatGo(t *testing.T) {
	for _, test := range []struct{ name, node, queued string }{
		{"preempted", "PREEMPTED", "ACTIVE"},
		{"preempted and suspending", "PREEMPTED", "SUSPENDING"},
		{"terminated", "TERMINATED", "ACTIVE"},
		{"suspended in the middle", "", "SUSPENDED"},
		{"vanished", "", "ACTIVE"},
		{"failed", "", "FAILED"},
		{"stopped", "STOPPED", "ACTIVE"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := begin(t, nil)
				go func() {
					for range 3 {
						time.Sleep(40*time.Minute + 7*time.Second) // never while the controller looks, which asks for one thing after the other
						w.api.Change(test.node, test.queued)
						if test.queued == "SUSPENDING" {
							time.Sleep(5 * time.Minute)
							w.api.Change("", "SUSPENDED")
						}
					}
				}()
				_, s := w.finish(Done)
				if w.api.Made != 4 {
					t.Errorf("%d machines, want 4", w.api.Made)
				}
				if want := 3; s.Preemptions != want && test.name != "failed" {
					t.Errorf("%d preemptions, want %d", s.Preemptions, want)
				}
			})
		})
	}
}

func TestFaultsOfTheAPI(t *testing.T) {
	quota := launchtest.Fault{Code: 429, Message: "Quota limit 'TPUV3sPreemptiblePerProjectPerZone' has been exceeded"}
	for _, test := range []struct {
		name   string
		script map[string][]launchtest.Fault
	}{
		{"500", map[string][]launchtest.Fault{"POST queuedResources": {{Code: 500}, {Code: 503}}, "GET nodes": {{Code: 500}}}},
		{"429", map[string][]launchtest.Fault{"POST queuedResources": {{Code: 429, RetryAfter: "600"}}, "GET queuedResources": {{Code: 429, RetryAfter: "90"}}}},
		{"409 of one that was made", map[string][]launchtest.Fault{"POST queuedResources": {{Code: 409, Done: true}}}},
		{"500 of one that was made", map[string][]launchtest.Fault{"POST queuedResources": {{Code: 500, Done: true}}}},
		{"a delete that fails", map[string][]launchtest.Fault{"DELETE queuedResources": {{Code: 400, Message: "FAILED_PRECONDITION"}, {Code: 500}, {Code: 409}, {Code: 404}}}},
		{"quota", map[string][]launchtest.Fault{"POST queuedResources": {quota, quota, {Code: 403, Message: "Quota exceeded"}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := begin(t, nil)
				for kind, faults := range test.script {
					w.api.Script(kind, faults...)
				}
				w.finish(Done)
				if w.api.Made != 1 {
					t.Errorf("%d machines, want 1", w.api.Made)
				}
			})
		})
	}
}

// TestRetryAfterIsObeyed: the API is not asked before it wants to be, though that is longer than the controller's own
// pauses and than its lease, which it keeps: another controller does not ask either.
func TestRetryAfterIsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, nil)
		w.api.Script("GET queuedResources", launchtest.Fault{Code: 429, RetryAfter: "900"})
		var all sync.WaitGroup
		for _, holder := range []string{"a", "b"} {
			all.Go(func() {
				c := w.controller(holder, nil)
				c.Poll = 10 * time.Second
				o, err := c.Run(t.Context())
				if err != nil {
					t.Error(err)
				}
				w.check(o, Done)
			})
		}
		time.Sleep(899 * time.Second)
		if n := w.api.Calls("GET queuedResources"); n != 1 {
			t.Errorf("asked %d times in 899 seconds, want once", n)
		}
		time.Sleep(20 * time.Second)
		if n := w.api.Calls("GET queuedResources"); n < 2 {
			t.Errorf("asked %d times in 919 seconds, want again", n)
		}
		all.Wait()
	})
}

func TestRefusalEndsTheController(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, nil)
		w.api.Script("POST queuedResources", launchtest.Fault{Code: 403, Message: "Permission 'tpu.queuedResources.create' denied"})
		if _, err := w.controller("a", nil).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "tpu.queuedResources.create") {
			t.Fatalf("got %v, want the refusal", err)
		}
		w.finish(Done) // once the role is there, it goes on at once: the lease was given up
	})
}

// outage is a store that cannot be reached at times.
type outage struct {
	bucket.Store
	now atomic.Bool
}

func (o *outage) Read(ctx context.Context, name string) (io.ReadCloser, bucket.Object, error) {
	if o.now.Load() {
		return nil, bucket.Object{}, bucket.ErrUnreachable
	}
	return o.Store.Read(ctx, name)
}

func (o *outage) Write(ctx context.Context, name string, r io.Reader, when bucket.Condition) (bucket.Object, error) {
	if o.now.Load() {
		return bucket.Object{}, bucket.ErrUnreachable
	}
	return o.Store.Write(ctx, name, r, when)
}

// TestOutageOfTheStore: a controller that had reached its store waits for it, for longer than its lease lasts, and so does
// one that watches; one that never reached it says so at once.
func TestOutageOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, nil)
		store := &outage{Store: w.store}
		controller := func(holder string) *Controller {
			c := w.controller(holder, nil)
			c.Store = store
			return c
		}
		store.now.Store(true)
		if _, err := controller("early").Run(t.Context()); !errors.Is(err, bucket.ErrUnreachable) {
			t.Errorf("at first: %v, want ErrUnreachable", err)
		}
		store.now.Store(false)
		var all sync.WaitGroup
		for _, holder := range []string{"a", "b"} {
			all.Go(func() {
				o, err := controller(holder).Run(t.Context())
				if err != nil {
					t.Errorf("%s: %v", holder, err)
				}
				w.check(o, Done)
			})
		}
		for range 3 {
			time.Sleep(17*time.Minute + 3*time.Second)
			store.now.Store(true)
			time.Sleep(12 * time.Minute)
			store.now.Store(false)
		}
		all.Wait()
	})
}

func TestQuotaThatStaysEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, nil)
		for range 50 {
			w.api.Script("POST queuedResources", launchtest.Fault{Code: 429, Message: "Quota limit reached"})
		}
		o, _ := w.finish(Failed)
		if !strings.Contains(o.Why, "Quota limit reached") {
			t.Errorf("why: %s", o.Why)
		}
	})
}

func TestOperationThatNeverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, nil)
		go func() {
			time.Sleep(2 * time.Minute) // PROVISIONING by now
			w.api.Freeze(true)
			time.Sleep(3 * time.Hour)
			w.api.Freeze(false)
		}()
		w.finish(Done)
		if w.api.Calls("DELETE queuedResources") < 2 {
			t.Error("a queued resource that stood still was not given up")
		}
	})
}

func TestGhostReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, nil)
		go func() {
			time.Sleep(30 * time.Minute)
			w.silence(true) // the node still says READY
			time.Sleep(15 * time.Minute)
			w.silence(false)
		}()
		_, s := w.finish(Done)
		if w.api.Made != 2 || s.Preemptions != 1 {
			t.Errorf("%d machines, %d preemptions; want 2 and 1", w.api.Made, s.Preemptions)
		}
	})
}

func TestMachineThatNeverSpeaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, nil)
		w.silence(true)
		o, s := w.finish(Failed)
		if !strings.Contains(o.Why, "has sent no heartbeat in") || s.Failures != DefaultPatience().Failures {
			t.Errorf("%d failures: %s", s.Failures, o.Why)
		}
	})
}

func TestLeakedNodeIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, nil)
		go func() {
			time.Sleep(30 * time.Minute)
			w.api.Orphan()
		}()
		w.finish(Done)
	})
}

func TestBudget(t *testing.T) {
	for _, test := range []struct {
		name string
		set  func(*Run)
	}{
		{"hours", func(r *Run) { r.MaxHours = 1 }},
		{"cost", func(r *Run) { r.MaxCost, r.HourPrice = 3, 3 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := begin(t, test.set)
				o, s := w.finish(Stopped)
				if s.Hours < 1 || s.Hours > 1.1 || !strings.Contains(o.Why, "machine-hours") {
					t.Errorf("%.2f hours: %s", s.Hours, o.Why)
				}
				_, joined, err := Make(t.Context(), w.store, exampleRun()) // without a bound
				if err != nil || !joined {
					t.Fatalf("joined %t, %v", joined, err)
				}
				w.finish(Done)
			})
		})
	}
}

func TestHoursWhileNobodyLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		if _, err := w.controller("a", nil).Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Hour) // the machine is long done, and still there
		_, s := w.finish(Done)
		if s.Hours < 5 || s.Hours > 5.3 {
			t.Errorf("%.2f hours, want all that the machine was there", s.Hours)
		}
	})
}

func TestStopWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, nil)
		w.api.Accept = 100 * time.Hour
		go func() {
			time.Sleep(time.Hour)
			if err := Stop(context.Background(), w.store, "asked to"); err != nil {
				t.Error(err)
			}
		}()
		w.finish(Stopped)
	})
}

// TestTwoControllers: one acts, the other watches; when the first is killed the second goes on.
func TestTwoControllers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, nil)
		var all sync.WaitGroup
		for _, holder := range []string{"a", "b", "c"} {
			all.Go(func() {
				ctx := t.Context()
				if holder == "c" {
					limited, cancel := context.WithTimeout(ctx, 30*time.Minute)
					defer cancel()
					ctx = limited
				}
				o, err := w.controller(holder, nil).Run(ctx)
				if holder == "c" && errors.Is(err, context.DeadlineExceeded) {
					return
				}
				if err != nil {
					t.Error(err)
				}
				w.check(o, Done)
			})
		}
		all.Wait()
		if n := w.api.Calls("POST queuedResources"); n != 1 {
			t.Errorf("asked for %d machines, want 1", n)
		}
	})
}

// mortal counts the steps of a controller, which are its calls of the API and of the store: at one of them it is killed,
// before or after the call is made, and does nothing more.
type mortal struct {
	api    *launchtest.API
	after  bool
	kill   context.CancelFunc
	mu     sync.Mutex
	left   int
	killed bool
}

var errDead = errors.New("the controller is dead")

// step makes a call, unless the controller is dead or dies of it.
func (m *mortal) step(call func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.killed {
		return errDead
	}
	if m.left--; m.left >= 0 {
		return call()
	}
	m.killed = true
	defer m.kill()
	if m.after {
		return errors.Join(call(), errDead)
	}
	return errDead
}

func (m *mortal) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	err = m.step(func() error { answer, err = m.api.RoundTrip(r); return err })
	return answer, err
}

// mortalStore is the store of a mortal controller.
type mortalStore struct {
	*bucket.Memory
	m *mortal
}

func (s mortalStore) Read(ctx context.Context, name string) (r io.ReadCloser, o bucket.Object, err error) {
	err = s.m.step(func() error { r, o, err = s.Memory.Read(ctx, name); return err })
	return r, o, err
}

func (s mortalStore) Write(ctx context.Context, name string, r io.Reader, when bucket.Condition) (o bucket.Object, err error) {
	err = s.m.step(func() error { o, err = s.Memory.Write(ctx, name, r, when); return err })
	return o, err
}

// TestControllerKilledAnywhere kills a controller at its nth step, the next at the nth of its own, and so on; a last one
// finishes. The run is preempted on the way, so that there are looks and deeds of every kind; it takes about 240 steps.
func TestControllerKilledAnywhere(t *testing.T) {
	var steps []int
	for n := 0; n < 240; n++ {
		if n < 50 || n%17 == 0 {
			steps = append(steps, n)
		}
	}
	if testing.Short() {
		steps = steps[:24]
	}
	for _, after := range []bool{false, true} {
		for _, n := range steps {
			t.Run(fmt.Sprintf("%d after=%t", n, after), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := begin(t, nil)
					w.goal = 20 * time.Minute
					go func() {
						time.Sleep(15 * time.Minute)
						w.api.Change("PREEMPTED", "ACTIVE")
					}()
					for i := range 6 {
						ctx, kill := context.WithCancel(t.Context())
						m := &mortal{api: w.api, left: n, after: after, kill: kill}
						c := w.controller(fmt.Sprint("mortal ", i), m)
						c.Store = mortalStore{w.store, m}
						o, err := c.Run(ctx)
						kill()
						if err == nil {
							w.check(o, Done)
							return
						}
					}
					w.finish(Done)
				})
			})
		}
	}
}

// TestLeave: a machine deletes its own queued resource or node, and no later machine's.
func TestLeave(t *testing.T) {
	r := exampleRun()
	for _, test := range []struct {
		name   string
		orphan bool
		since  time.Duration // of the machine's start, after now
		script []launchtest.Fault
		left   int
		fails  bool
	}{
		{name: "its own", since: time.Minute},
		{name: "without queued resource", orphan: true, since: time.Minute},
		{name: "a later one", since: -time.Minute, left: 2},
		{name: "no role", since: time.Minute, script: []launchtest.Fault{{Code: 403, Message: "denied"}}, left: 2, fails: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &world{t: t, api: &launchtest.API{}}
			c := w.controller("x", nil).Cloud
			if err := c.Create(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			if w.api.Node() == nil {
				t.Fatal("no node")
			}
			if test.orphan {
				w.api.Orphan()
			}
			w.api.Script("DELETE queuedResources", test.script...)
			if err := c.Leave(t.Context(), r, time.Now().Add(test.since)); (err != nil) != test.fails {
				t.Error(err)
			}
			if left := w.api.Left(); len(left) != test.left {
				t.Errorf("left: %q, want %d", left, test.left)
			}
			if err := c.Leave(t.Context(), r, time.Now().Add(test.since)); err != nil {
				t.Errorf("once more: %v", err)
			}
		})
	}
}

// TestScopes: a machine gets the scope that its duties need and no other.
func TestScopes(t *testing.T) {
	r := exampleRun()
	for self, want := range map[bool]string{false: "https://www.googleapis.com/auth/devstorage.read_write", true: "https://www.googleapis.com/auth/cloud-platform"} {
		r.SelfDelete = self
		if got := Request(r).Tpu.NodeSpec[0].Node.ServiceAccount.Scope; !slices.Equal(got, []string{want}) {
			t.Errorf("a machine that deletes itself (%t) gets %q, want %s", self, got, want)
		}
	}
}

func TestDiagnoseOfTheNetwork(t *testing.T) {
	if meaning, _ := diagnose(errors.New("connection reset")); meaning != passing {
		t.Errorf("got %d, want passing", meaning)
	}
}

func TestInventoryIsOurs(t *testing.T) {
	w := &world{t: t, api: &launchtest.API{}}
	c := w.controller("x", nil).Cloud
	mine, other := exampleRun(), exampleRun()
	other.ID = "other-00000000"
	for _, r := range []Run{mine, other} {
		if err := c.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	queued, nodes, err := c.Inventory(t.Context(), mine.ID)
	if err != nil || len(queued) != 1 || len(nodes) != 1 || nodes[0].Name != mine.Name() {
		t.Errorf("%+v %+v %v: want the run's own", queued, nodes, err)
	}
	if queued, _, err := c.Inventory(t.Context(), ""); err != nil || len(queued) != 2 {
		t.Errorf("%+v %v: want those of all runs", queued, err)
	}
	if err := c.DeleteNode(t.Context(), "nowhere"); err != nil {
		t.Errorf("deleting what is not there: %v", err)
	}
	w.api.HostKeys = map[string]string{"ssh-ed25519": "AAAA"}
	if keys, err := c.HostKeys(t.Context(), mine.Name()); err != nil || !slices.Equal(keys, []string{"ssh-ed25519 AAAA"}) {
		t.Errorf("host keys %q, %v", keys, err)
	}
	if err := c.Check(t.Context(), mine); err != nil {
		t.Error(err)
	}
}
