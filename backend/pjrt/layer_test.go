//go:build cgo

package pjrt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/core/tensors/dtensor"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/backend/largepages"
	"github.com/subbert/subbert/internal/plugintest"
)

// openCPU opens the CPU plugin until the end of the test.
func openCPU(t testing.TB, o Options) *Client {
	t.Helper()
	c, err := Open("cpu", plugintest.Need(t, "cpu"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// toy is a linear model with momentum: one variable that learns, its moment, and one that stays.
type toy struct {
	store *model.Store
	exec  *model.Exec
	mesh  *distributed.DeviceMesh
}

const toyRows, toyIn, toyOut = 8, 16, 24

// newToy builds the model on a backend, over several devices if there are more than one.
func newToy(t testing.TB, b compute.Backend, devices int) *toy {
	t.Helper()
	store := model.NewStore()
	flat := func(n, mod int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(i%mod)/float32(mod) - 0.4
		}
		return x
	}
	create := func(name string, flat []float32) *model.Variable {
		v, err := store.Scope("/layer").CreateVariable(name, tensors.FromFlatDataAndDimensions(flat, toyIn, toyOut))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	w := create("weight", flat(toyIn*toyOut, 13))
	m := create("moment", make([]float32, toyIn*toyOut))
	f := create("frozen", flat(toyIn*toyOut, 7))
	exec, err := model.NewExec(b, store, func(s *model.Scope, x, rate *graph.Node) *graph.Node {
		weight := w.NodeValue(x)
		y := graph.MatMul(graph.Tanh(graph.MatMul(x, f.NodeValue(x))), graph.Transpose(weight, 0, 1))
		loss := graph.ReduceAllMean(graph.Square(graph.Sub(y, x)))
		moment := graph.Add(graph.MulScalar(m.NodeValue(x), 0.9), graph.Gradient(loss, weight)[0])
		m.SetNodeValue(moment)
		w.SetNodeValue(graph.Sub(weight, graph.Mul(moment, rate)))
		return loss
	})
	if err != nil {
		t.Fatal(err)
	}
	exec.WithName("train")
	toy := &toy{store: store, exec: exec}
	if devices > 1 {
		toy.distribute(t, devices)
	}
	t.Cleanup(exec.Finalize)
	return toy
}

func (y *toy) distribute(t testing.TB, devices int) {
	t.Helper()
	mesh, err := distributed.NewDeviceMesh([]int{devices}, []string{"batch"})
	if err != nil {
		t.Fatal(err)
	}
	split, err := distributed.BuildSpec(mesh).S("batch").Done()
	if err != nil {
		t.Fatal(err)
	}
	same := distributed.NewReplicatedShardingSpec(mesh)
	numbers := make([]compute.DeviceNum, devices)
	for i := range numbers {
		numbers[i] = compute.DeviceNum(i)
	}
	y.exec.AutoSharding(mesh).WithInputShardingSpecs(split, same).WithOutputShardingSpecs(same).WithDeviceAssignment(numbers)
	y.mesh = mesh
}

// toyBatch is the input of step i.
func toyBatch(i int) *tensors.Tensor {
	x := make([]float32, toyRows*toyIn)
	for j := range x {
		x[j] = float32((j*7+i*11)%17)/17 - 0.5
	}
	return tensors.FromFlatDataAndDimensions(x, toyRows, toyIn)
}

// inputs are the arguments of step i, one of each for every device if there are several.
func (y *toy) inputs(t testing.TB, i int) []any {
	t.Helper()
	if y.mesh == nil {
		return []any{toyBatch(i), float32(0.5)}
	}
	split, err := distributed.BuildSpec(y.mesh).S("batch").Done()
	if err != nil {
		t.Fatal(err)
	}
	x, err := dtensor.ShardTensor(split, toyBatch(i))
	if err != nil {
		t.Fatal(err)
	}
	rate, err := dtensor.ShardTensor(distributed.NewReplicatedShardingSpec(y.mesh), tensors.FromValue(float32(0.5)))
	if err != nil {
		t.Fatal(err)
	}
	return []any{x, rate}
}

// train runs some steps and returns the losses, then the weights.
func (y *toy) train(t testing.TB, steps int) []float32 {
	t.Helper()
	var pending []*tensors.Tensor
	for i := range steps {
		out, err := y.exec.Call(y.inputs(t, i)...)
		if err != nil {
			t.Fatal(err)
		}
		pending = append(pending, out[0])
	}
	var all []float32
	for _, p := range append(pending, y.weights(t)) {
		flat, err := tensors.CopyFlatData[float32](p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, flat...)
	}
	return all
}

func (y *toy) weights(t testing.TB) *tensors.Tensor {
	t.Helper()
	w, err := y.store.GetVariable("/layer/weight").Value()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestSwitches holds every part of the layer to the results without it, bit for bit.
func TestSwitches(t *testing.T) {
	const steps = 5
	want := newToy(t, openCPU(t, Options{}).Backend(), 1).train(t, steps)
	if want[0] <= want[steps-1] {
		t.Fatalf("the loss went from %v to %v: nothing is learned", want[0], want[steps-1])
	}
	cache := OpenCache(t.TempDir(), 0)
	tests := []struct {
		name string
		o    Options
	}{
		{"donation", Options{Donate: true}},
		{"cache, empty", Options{Cache: cache, PluginHash: "test"}},
		{"cache, full", Options{Cache: cache, PluginHash: "test"}},
		{"running ahead", Options{InFlight: 2}},
		{"running far ahead", Options{InFlight: 64}},
		{"compiling in the background", Options{Background: true}},
		{"everything, cache empty", Options{Donate: true, Background: true, Cache: cache, PluginHash: "test", InFlight: 2}},
		{"everything, cache full", Options{Donate: true, Background: true, Cache: cache, PluginHash: "test", InFlight: 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := openCPU(t, tt.o)
			if shared := c.Backend().HasSharedBuffers(); shared != (tt.o.InFlight == 0) {
				t.Errorf("host and device share memory: %v, with %d executions under way", shared, tt.o.InFlight)
			}
			got := newToy(t, c.Backend(), 1).train(t, steps)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("losses and weights (-without +with):\n%s", diff)
			}
			p := program(t, c, "train")
			if wantCached := strings.HasSuffix(tt.name, "full"); p.Cached != wantCached {
				t.Errorf("read back from the cache: %v, want %v", p.Cached, wantCached)
			}
			if err := c.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// program is the only program of a name that the client compiled.
func program(t testing.TB, c *Client, name string) Program {
	t.Helper()
	var found []Program
	for _, p := range c.Programs() {
		if p.Name == name {
			found = append(found, p)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d programs named %s, want 1", len(found), name)
	}
	return found[0]
}

func TestDonation(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    Options
	}{{"compiled", Options{}}, {"read back", Options{Cache: OpenCache(t.TempDir(), 0), PluginHash: "test"}}} {
		t.Run(tt.name, func(t *testing.T) {
			aliased := func(donate bool) int64 {
				o := tt.o
				o.Donate = donate
				var m Memory
				for range 2 { // with a cache the second time is read back
					c := openCPU(t, o)
					newToy(t, c.Backend(), 1).train(t, 2)
					p := program(t, c, "train")
					var err error
					if m, err = p.Memory(); err != nil {
						t.Fatal(err)
					}
					if want := []string{"layer_weight", "layer_moment"}; donate && !cmp.Equal(p.Donated, want) {
						t.Errorf("donated are %v, want %v", p.Donated, want)
					}
				}
				return m.Aliased
			}
			if got := aliased(false); got != 0 {
				t.Errorf("without donation %d bytes are written over arguments, want 0", got)
			}
			const want = 2 * toyIn * toyOut * 4 // weight and moment, float32
			if got := aliased(true); got != want {
				t.Errorf("with donation %d bytes are written over arguments, want %d", got, want)
			}
		})
	}
}

// TestDonationRefused holds that a program whose arguments are overwritten is not run for a caller who keeps them.
func TestDonationRefused(t *testing.T) {
	c := openCPU(t, Options{Donate: true})
	y := newToy(t, c.Backend(), 1)
	y.train(t, 1)
	var handle *loaded
	for _, l := range c.table.loaded {
		if l.client == c && l.program.Name == "train" {
			handle = l
		}
	}
	kept := make([]bool, len(handle.module.args))
	kept[slices.IndexFunc(handle.module.args, func(a argument) bool { return a.name == "%_layer_moment" })] = true
	_, err := handle.matchDonation(kept)
	if err == nil || !strings.Contains(err.Error(), "graph train: variable layer_moment is compiled to be overwritten") {
		t.Errorf("error is %v", err)
	}
}

// TestDonationLearned gives the layer a program whose text misleads: a new value that is not computed from the old.
func TestDonationLearned(t *testing.T) {
	cache := OpenCache(t.TempDir(), 0)
	for _, wantCached := range []bool{false, true} {
		c := openCPU(t, Options{Donate: true, Cache: cache, PluginHash: "test"})
		store := model.NewStore()
		sum, err := store.Scope("/").CreateVariable("sum", tensors.FromFlatDataAndDimensions(make([]float32, 64), 8, 8))
		if err != nil {
			t.Fatal(err)
		}
		exec, err := model.NewExec(c.Backend(), store, func(s *model.Scope, x *graph.Node) *graph.Node {
			old := sum.NodeValue(x)
			sum.SetNodeValue(graph.Transpose(old, 0, 1))
			return graph.ReduceAllSum(graph.Mul(old, x))
		})
		if err != nil {
			t.Fatal(err)
		}
		exec.WithName("reset")
		for range 2 {
			if _, err := exec.Call(float32(2)); err != nil {
				t.Fatal(err)
			}
		}
		p := program(t, c, "reset")
		if want := []string{"sum"}; !cmp.Equal(p.Donated, want) || p.Cached != wantCached {
			t.Errorf("donated are %v (cached: %v), want %v (%v)", p.Donated, p.Cached, want, wantCached)
		}
		exec.Finalize()
	}
}

func TestDevicesAgree(t *testing.T) {
	const steps = 5
	one := newToy(t, openCPU(t, Options{}).Backend(), 1).train(t, steps)
	for _, o := range []Options{{Devices: 4}, {Devices: 4, Donate: true, InFlight: 2}} {
		four := newToy(t, openCPU(t, o).Backend(), 4).train(t, steps)
		for i := range one {
			// Sums over the batch are taken in another order.
			if d := one[i] - four[i]; d > 1e-6 || d < -1e-6 {
				t.Fatalf("value %d is %v on four devices, %v on one", i, four[i], one[i])
			}
		}
	}
}

func TestAnalysis(t *testing.T) {
	c := openCPU(t, Options{})
	newToy(t, c.Backend(), 1).train(t, 1)
	p := program(t, c, "train")
	m, err := p.Memory()
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(toyRows*toyIn+3*toyIn*toyOut+1) * 4; m.Arguments != want {
		t.Errorf("arguments take %d bytes, want %d", m.Arguments, want)
	}
	const unimplemented = 12 // the CPU plugin 0.11.2 does not analyse costs, 0.0.1 does
	var refusal *Error
	if _, err := p.Cost(); err != nil && (!errors.As(err, &refusal) || refusal.Code != unimplemented) {
		t.Errorf("cost: %v", err)
	}
	code, format, err := p.Optimized()
	if err != nil || len(code) == 0 || format == "" {
		t.Errorf("optimized program: %d bytes of %q, %v", len(code), format, err)
	}
	if !strings.Contains(p.Text, "stablehlo.dot_general") || p.Submitted != p.Text {
		t.Error("the program's text is not that of the graph")
	}
}

// TestClosedEarly destroys a client before its executables, as the garbage collector may.
func TestClosedEarly(t *testing.T) {
	for _, o := range []Options{{}, {InFlight: 2}, {Background: true}} {
		c, err := Open("cpu", plugintest.Need(t, "cpu"), o)
		if err != nil {
			t.Fatal(err)
		}
		y := newToy(t, c.Backend(), 1)
		y.train(t, 2)
		p := program(t, c, "train")
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if len(c.table.clients) == 0 {
			t.Error("the plugin's client is gone while an executable lives")
		}
		y.exec.Finalize()
		if _, ok := c.table.clients[c.c]; ok {
			t.Error("the plugin's client outlives its last executable")
		}
		if _, err := p.Memory(); err != ErrDestroyed {
			t.Errorf("asking a destroyed executable gave %v, want %v", err, ErrDestroyed)
		}
	}
}

// TestBackground: the error of compiling is that of the first who needs the program.
func TestBackground(t *testing.T) {
	c := openCPU(t, Options{Background: true})
	const text = "module @bad_1 {\n  func.func @main() -> tensor<f32> {\n    \"stablehlo.return\"(%nothing) : (tensor<f32>) -> ()\n  }\n}\n"
	l, err := c.compile(text, "mlir", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.matchDonation(nil); err == nil || !strings.Contains(err.Error(), "undeclared") {
		t.Errorf("running it gave %v, want that a value is undeclared", err)
	}
	if _, err := program(t, c, "bad").Memory(); err == nil {
		t.Error("a program that does not compile has memory")
	}
	if err := l.destroy(); err != nil {
		t.Error(err)
	}
}

func TestCacheDamaged(t *testing.T) {
	dir := t.TempDir()
	run := func() (float32, bool) {
		c := openCPU(t, Options{Cache: OpenCache(dir, 0), PluginHash: "test"})
		loss := newToy(t, c.Backend(), 1).train(t, 1)[0]
		return loss, program(t, c, "train").Cached
	}
	want, _ := run()
	files, err := filepath.Glob(filepath.Join(dir, "*"+cacheSuffix))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cached executable: %v", err)
	}
	damage := []struct {
		name string
		do   func(text []byte) []byte
	}{
		{"cut short", func(b []byte) []byte { return b[:len(b)/2] }},
		{"one bit", func(b []byte) []byte { b[len(b)-3] ^= 4; return b }},
		{"empty", func(b []byte) []byte { return nil }},
		{"not an executable, checksum right", func(b []byte) []byte { return seal([]byte("nonsense")) }},
	}
	for _, d := range damage {
		t.Run(d.name, func(t *testing.T) {
			for _, f := range files {
				text, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(f, d.do(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got, cached := run(); got != want || cached {
				t.Errorf("loss is %v (cached: %v), want %v compiled again", got, cached, want)
			}
			if got, cached := run(); got != want || !cached {
				t.Errorf("then loss is %v (cached: %v), want %v read back", got, cached, want)
			}
		})
	}
}

// BenchmarkHostTime updates 624 small variables, as many as BERT-base's pre-training has, on one device and on eight. "small":
// next to nothing is computed. "product": a product that keeps the device busy comes first. call-ms is how long a call
// keeps the host, ns/op the time from one step to the next.
func BenchmarkHostTime(b *testing.B) {
	for _, devices := range []int{1, 8} {
		for _, side := range []int{0, 1500} {
			for _, o := range []Options{{}, {Donate: true}, {Donate: true, InFlight: 2}, {InFlight: 2}} {
				name := fmt.Sprintf("devices=%d/%s", devices, map[bool]string{true: "product", false: "small"}[side > 0])
				name += map[bool]string{true: "/ahead", false: "/waits"}[o.InFlight > 0] + map[bool]string{true: ",donates"}[o.Donate]
				b.Run(name, func(b *testing.B) {
					o.Devices = devices
					y := newManyVariables(b, openCPU(b, o).Backend(), devices, side)
					x := y.inputs(b, 0)
					var last *tensors.Tensor
					var calls time.Duration
					step := func() {
						began := time.Now()
						out, err := y.exec.Call(x...)
						if err != nil {
							b.Fatal(err)
						}
						calls += time.Since(began)
						last = out[0]
					}
					read := func() {
						if _, err := tensors.CopyFlatData[float32](last); err != nil {
							b.Fatal(err)
						}
					}
					step() // compiles
					read()
					calls = 0
					for b.Loop() {
						step()
					}
					read()
					b.ReportMetric(calls.Seconds()*1000/float64(b.N), "call-ms")
				})
			}
		}
	}
}

// newManyVariables is a program that changes 624 variables, after a product of side, if that is more than 0, over several
// devices if there are more than one.
func newManyVariables(t testing.TB, b compute.Backend, devices, side int) *toy {
	t.Helper()
	store := model.NewStore()
	var all []*model.Variable
	for i := range 624 {
		v, err := store.Scope("/layer").CreateVariable(fmt.Sprintf("v%03d", i), tensors.FromFlatDataAndDimensions(make([]float32, toyIn*toyOut), toyIn, toyOut))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	exec, err := model.NewExec(b, store, func(s *model.Scope, x, rate *graph.Node) *graph.Node {
		moved := graph.Mul(graph.ReduceAllMean(x), rate)
		if side > 0 {
			one := graph.Add(graph.IotaFull(x.Graph(), shapes.Make(dtypes.Float32, side, side)), moved)
			moved = graph.Mul(moved, graph.ReduceAllMean(graph.Sin(graph.MatMul(graph.Sin(one), one))))
		}
		for _, v := range all {
			v.SetNodeValue(graph.Add(v.NodeValue(x), moved))
		}
		return moved
	})
	if err != nil {
		t.Fatal(err)
	}
	many := &toy{store: store, exec: exec}
	if devices > 1 {
		many.distribute(t, devices)
	}
	t.Cleanup(exec.Finalize)
	return many
}

// TestLargePages: what the plugin allocates for large arrays is backed by large pages.
func TestLargePages(t *testing.T) {
	const setting = "/sys/kernel/mm/transparent_hugepage/enabled"
	if text, err := os.ReadFile(setting); err != nil || strings.Contains(string(text), "[never]") {
		t.Skipf("this kernel gives no large pages: %s: %s %v", setting, text, err)
	}
	largepages.Serve()
	c := openCPU(t, Options{AfterClose: largepages.Release})
	before := largePages(t)
	const side = 5000 // 100 MB
	x, err := graph.CallOnce(c.Backend(), func(g *graph.Graph) *graph.Node {
		return graph.IotaFull(g, shapes.Make(dtypes.Float32, side, side))
	})
	if err != nil {
		t.Fatal(err)
	}
	if grown := largePages(t) - before; grown < 4*side*side/2 {
		t.Errorf("%d MB of large pages for an array of 100 MB", grown>>20)
	}
	if err := x.FinalizeAll(); err != nil {
		t.Error(err)
	}
}

// TestKeptMemory: the memory of an array that is gone serves the next ones that are not larger, in turn and together, gives
// way to a larger one, and is given back with the client.
func TestKeptMemory(t *testing.T) {
	largepages.Serve()
	c := openCPU(t, Options{AfterClose: largepages.Release})
	const mega = 1 << 20
	before := resident(t)
	grown := func(megabytes int) int {
		x, err := graph.CallOnce(c.Backend(), func(g *graph.Graph) *graph.Node {
			return graph.IotaFull(g, shapes.Make(dtypes.Float32, megabytes, mega/4))
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := x.FinalizeAll(); err != nil {
			t.Fatal(err)
		}
		return (resident(t) - before) / mega
	}
	for _, step := range []struct{ megabytes, low, high int }{{200, 190, 260}, {200, 190, 260}, {300, 290, 360}, {100, 290, 360}} {
		if got := grown(step.megabytes); got < step.low || got > step.high {
			t.Errorf("after an array of %d MB there are %d MB more than before, want %d to %d", step.megabytes, got, step.low, step.high)
		}
	}
	sizes := []int{300, 40, 100}
	var execs []*graph.Exec
	for _, megabytes := range sizes {
		exec, err := graph.NewExec(c.Backend(), func(g *graph.Graph) *graph.Node {
			return graph.IotaFull(g, shapes.Make(dtypes.Float32, megabytes, mega/4))
		})
		if err != nil {
			t.Fatal(err)
		}
		execs = append(execs, exec)
	}
	const rounds = 20
	var faults int64
	for round := range 1 + rounds {
		if round == 1 { // all programs are compiled
			faults = pageFaults(t)
		}
		for _, exec := range execs {
			x, err := exec.Call1()
			if err != nil {
				t.Fatal(err)
			}
			if err := x.FinalizeAll(); err != nil {
				t.Fatal(err)
			}
		}
	}
	fresh := int64(rounds * (sizes[0] + sizes[1] + sizes[2]) / 2) // if each array were of new pages of 2 MB
	if got := pageFaults(t) - faults; got > fresh/2 {
		t.Errorf("%d page faults for arrays of sizes that were there before, want less than half of %d", got, fresh)
	}
	for _, exec := range execs {
		exec.Finalize()
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if got := (resident(t) - before) / mega; got > 60 {
		t.Errorf("%d MB more than before when the client is closed", got)
	}
}

// TestKeptProducts: the memory that the plugin takes within a product in bfloat16, some megabytes, is kept as well.
func TestKeptProducts(t *testing.T) {
	largepages.Serve()
	c := openCPU(t, Options{AfterClose: largepages.Release})
	const rows, width, products, rounds = 2048, 384, 12, 20
	exec, err := graph.NewExec(c.Backend(), func(x *graph.Node) *graph.Node {
		y := graph.ConvertDType(graph.Add(graph.IotaFull(x.Graph(), shapes.Make(dtypes.Float32, rows, width)), x), dtypes.BFloat16)
		w := graph.ConvertDType(graph.MulScalar(graph.Add(graph.IotaFull(x.Graph(), shapes.Make(dtypes.Float32, width, width)), x), 1e-8), dtypes.BFloat16)
		for range products {
			y = graph.MatMul(y, w)
		}
		return graph.ReduceAllMax(y)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	var faults int64
	for round := range 5 + rounds {
		if round == 5 { // the program is compiled, and its memory is there
			faults = pageFaults(t)
		}
		y, err := exec.Call1(float32(round))
		if err != nil {
			t.Fatal(err)
		}
		if err := y.FinalizeAll(); err != nil {
			t.Fatal(err)
		}
	}
	fresh := int64(rounds * products * (rows * width * 4 / os.Getpagesize()))
	if got := pageFaults(t) - faults; got > fresh/100 {
		t.Errorf("%d page faults for %d products, want less than a hundredth of %d", got, rounds*products, fresh)
	}
}

// TestCompilersMemory: what compiling takes and no longer needs is given back.
func TestCompilersMemory(t *testing.T) {
	c := openCPU(t, Options{})
	for i := range 3 {
		exec, err := graph.NewExec(c.Backend(), func(x *graph.Node) *graph.Node {
			for k := range 40 {
				x = graph.Add(graph.Sin(x), graph.MulScalar(graph.ReduceAndKeep(x, graph.ReduceSum, -1), float64(i+k)))
			}
			return x
		})
		if err != nil {
			t.Fatal(err)
		}
		defer exec.Finalize()
		y, err := exec.Call1(make([]float32, 8))
		if err != nil {
			t.Fatal(err)
		}
		if err := y.FinalizeAll(); err != nil {
			t.Fatal(err)
		}
	}
	before := resident(t)
	trim()
	if kept := (before - resident(t)) >> 20; kept > 8 {
		t.Errorf("%d MB are free and kept after compiling", kept)
	}
}

// resident is the memory that this process has, in bytes.
func resident(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip(err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// largePages is the memory of this process in large pages, in bytes.
func largePages(t *testing.T) (bytes int) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		t.Skip(err)
	}
	_, after, _ := strings.Cut(string(text), "AnonHugePages:")
	if _, err := fmt.Sscanf(after, "%d kB", &bytes); err != nil {
		t.Fatalf("%v in %q", err, after)
	}
	return bytes << 10
}

// TestDonationInPlace: the two moments of an update are read by two operations each, and are not copied for that.
func TestDonationInPlace(t *testing.T) {
	const size = 1 << 18
	c := openCPU(t, Options{Donate: true})
	store := model.NewStore()
	variable := map[string]*model.Variable{}
	for _, name := range []string{"weight", "first", "second"} {
		v, err := store.Scope("/layer").CreateVariable(name, tensors.FromFlatDataAndDimensions(make([]float32, size), size))
		if err != nil {
			t.Fatal(err)
		}
		variable[name] = v
	}
	exec, err := model.NewExec(c.Backend(), store, func(_ *model.Scope, gradient *graph.Node) *graph.Node {
		w, m, v := variable["weight"].NodeValue(gradient), variable["first"].NodeValue(gradient), variable["second"].NodeValue(gradient)
		finite := graph.IsFinite(graph.ReduceAllSum(gradient))
		first := graph.Add(graph.MulScalar(m, 0.9), gradient)
		second := graph.Add(graph.MulScalar(v, 0.99), graph.Square(gradient))
		variable["weight"].SetNodeValue(graph.Where(finite, graph.Sub(w, graph.Div(first, graph.Sqrt(second))), w))
		variable["first"].SetNodeValue(graph.Where(finite, first, m))
		variable["second"].SetNodeValue(graph.Where(finite, second, v))
		return graph.ReduceAllSum(gradient)
	})
	if err != nil {
		t.Fatal(err)
	}
	exec.WithName("update")
	defer exec.Finalize()
	if _, err := exec.Call(make([]float32, size)); err != nil {
		t.Fatal(err)
	}
	p := program(t, c, "update")
	m, err := p.Memory()
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Donated) != 3 || m.Temporaries >= 4*size {
		t.Errorf("donated are %v, and there are %d bytes beside them: want three, and less than one variable's %d", p.Donated, m.Temporaries, 4*size)
	}
}

// pageFaults is how often this process got a page from the kernel.
func pageFaults(t *testing.T) int64 {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return used.Minflt
}
