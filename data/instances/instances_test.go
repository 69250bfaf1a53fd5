package instances

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/wordpiece"
)

var update = flag.Bool("update", false, "write the golden files anew")

// vocab has 5 special tokens, then word pieces; every third continues a word.
type vocab int

func (v vocab) Size() int { return int(v) }
func (v vocab) Special() wordpiece.Special {
	return wordpiece.Special{Pad: 0, Unk: 1, CLS: 2, SEP: 3, Mask: 4}
}
func (v vocab) Continues(id int32) bool { return id >= 5 && id%3 == 0 }

const testVocab = vocab(3000)

// makeDocuments makes documents of random ids. Lengths are like those of abstracts, sometimes very short or long.
func makeDocuments(n int, seed uint64) [][][]int32 {
	r := rand.New(rand.NewPCG(seed, 1))
	documents := make([][][]int32, n)
	for i := range documents {
		documents[i] = make([][]int32, 1+r.IntN(14))
		for j := range documents[i] {
			tokens := 1 + r.IntN(60)
			if r.IntN(50) == 0 {
				tokens = 400
			}
			for range tokens {
				documents[i][j] = append(documents[i][j], int32(5+r.IntN(int(testVocab)-5)))
			}
		}
	}
	return documents
}

func newDrawer(t testing.TB, documents [][][]int32, change func(*Config)) *Drawer {
	t.Helper()
	source, err := NewMemory(documents)
	if err != nil {
		t.Fatal(err)
	}
	c := Default()
	c.Seed = 12345
	change(&c)
	d, err := New(source, testVocab, c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func newEpoch(t testing.TB, d *Drawer, e int) *Epoch {
	t.Helper()
	epoch, err := d.Epoch(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return epoch
}

// all draws every instance of an epoch, in the epoch's order.
func all(t testing.TB, e *Epoch) []Instance {
	t.Helper()
	out := make([]Instance, e.Len())
	for i := range out {
		if err := e.Draw(i, &out[i]); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// variants returns configs with the same invariants.
var variants = []struct {
	name   string
	change func(*Config)
}{
	{"subword", func(c *Config) {}},
	{"whole word", func(c *Config) { c.Masking = WholeWord }},
	{"long", func(c *Config) { c.Sequence, c.MaxPredictions = 512, 76 }},
	{"short", func(c *Config) { c.Sequence, c.ShortRate = 16, 0.5 }},
	{"shortest", func(c *Config) { c.Sequence, c.ShortRate = 5, 1 }},
	{"without pairs", func(c *Config) { c.NSP = false }},
	{"whole word without pairs", func(c *Config) { c.NSP, c.Masking = false, WholeWord }},
	{"static", func(c *Config) { c.Static, c.DuplicateFactor = true, 3 }},
}

// TestEqualsTheLiteralAlgorithm compares every instance of an epoch, undoing its order, with the algorithm written out
// in lists of tokens.
func TestEqualsTheLiteralAlgorithm(t *testing.T) {
	documents := makeDocuments(200, 7)
	for _, v := range variants {
		d := newDrawer(t, documents, v.change)
		if !d.config.NSP || d.config.Static {
			continue
		}
		t.Run(v.name, func(t *testing.T) {
			epoch := newEpoch(t, d, 3)
			var want []Instance
			for i := range documents {
				want = append(want, literal(documents, i, d, 3)...)
			}
			if epoch.Len() != len(want) {
				t.Fatalf("%d instances, want %d", epoch.Len(), len(want))
			}
			var got Instance
			for i := range want {
				if err := epoch.Draw(i, &got); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want[epoch.order.at(i)], got); diff != "" {
					t.Fatalf("instance %d (-want +got):\n%s", i, diff)
				}
			}
		})
	}
}

func TestInvariants(t *testing.T) {
	documents := makeDocuments(300, 8)
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			d := newDrawer(t, documents, v.change)
			for i, in := range all(t, newEpoch(t, d, 0)) {
				if fault := faultOf(&in, d); fault != "" {
					t.Fatalf("instance %d: %s: %+v", i, fault, in)
				}
			}
		})
	}
}

// faultOf returns the first fault of an instance, or "".
func faultOf(in *Instance, d *Drawer) string {
	c, s := d.config, d.special
	if len(in.InputIDs) != c.Sequence || len(in.TokenTypeIDs) != c.Sequence || len(in.MaskedIDs) != c.MaxPredictions {
		return "shape"
	}
	if in.NumMasked < 0 || in.NumMasked > c.MaxPredictions || c.Masking == Subword && in.NumMasked < 1 {
		return "number of masked positions"
	}
	original := slices.Clone(in.InputIDs)
	covered := make([]bool, c.Sequence)
	for k, p := range in.MaskedPositions[:in.NumMasked] {
		if k > 0 && p <= in.MaskedPositions[k-1] || int(p) >= in.Length {
			return "positions do not rise within the instance"
		}
		if kind := in.MaskKinds[k]; kind == Masked && in.InputIDs[p] != s.Mask || kind == Kept && in.InputIDs[p] != in.MaskedIDs[k] {
			return "kind"
		}
		original[p], covered[p] = in.MaskedIDs[k], true
		if original[p] == s.CLS || original[p] == s.SEP {
			return "special token masked"
		}
	}
	segments := 1
	for i, id := range original {
		if want := i >= in.Length; (id == s.Pad) != want {
			return "padding"
		}
		if i < in.Length && (id == s.SEP) != (i == in.Length-1 || c.NSP && in.TokenTypeIDs[i+1] != in.TokenTypeIDs[i]) {
			return "separators"
		}
		segments = max(segments, int(in.TokenTypeIDs[i])+1)
		if c.Masking == WholeWord && i > 1 && i < in.Length && d.continues[id] && original[i-1] != s.SEP && covered[i] != covered[i-1] {
			return "part of a word masked"
		}
	}
	if want := map[bool]int{true: 2, false: 1}[c.NSP]; segments != want || original[0] != s.CLS {
		return "segments"
	}
	return ""
}

// TestWithoutPairsUsesEveryTokenOnce checks that single segments cover the documents without loss or repetition.
func TestWithoutPairsUsesEveryTokenOnce(t *testing.T) {
	documents := makeDocuments(100, 9)
	for _, short := range []float64{0, 0.1, 1} {
		d := newDrawer(t, documents, func(c *Config) { c.NSP, c.Sequence, c.ShortRate = false, 64, short })
		for i, document := range documents {
			var lengths []int32
			for _, sentence := range document {
				lengths = append(lengths, int32(len(sentence)))
			}
			it := d.config.start(lengths, uint64(i))
			at := 0
			for c, more := it.nextSegment(); more; c, more = it.nextSegment() {
				if c.a0 != at || c.a1 <= c.a0 || c.a1-c.a0 > 62 {
					t.Fatalf("short rate %v: document %d: segment %v after %d", short, i, c, at)
				}
				at = c.a1
			}
			if want := len(slices.Concat(document...)); at != want {
				t.Fatalf("short rate %v: document %d: %d tokens used, want %d", short, i, at, want)
			}
		}
	}
}

func TestDrawDependsOnSeedEpochAndIndexAlone(t *testing.T) {
	documents := makeDocuments(100, 10)
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			d := newDrawer(t, documents, v.change)
			want := all(t, newEpoch(t, d, 1))
			again := newDrawer(t, documents, v.change)
			epoch := newEpoch(t, again, 1)
			var wg sync.WaitGroup
			for worker := range 4 {
				wg.Go(func() {
					var in Instance
					for _, i := range rand.New(rand.NewPCG(uint64(worker), 0)).Perm(epoch.Len()) {
						if err := epoch.Draw(i, &in); err != nil || !reflect.DeepEqual(in, want[i]) {
							t.Errorf("worker %d: instance %d differs (%v)", worker, i, err)
							return
						}
					}
				})
			}
			wg.Wait()
			if reflect.DeepEqual(all(t, newEpoch(t, d, 2))[:10], want[:10]) {
				t.Error("epochs 1 and 2 begin alike")
			}
			other := newDrawer(t, documents, func(c *Config) { v.change(c); c.Seed++ })
			if reflect.DeepEqual(all(t, newEpoch(t, other, 1))[:10], want[:10]) {
				t.Error("two seeds begin alike")
			}
		})
	}
}

func TestStaticRepeatsTheSameInstances(t *testing.T) {
	documents := makeDocuments(60, 11)
	d := newDrawer(t, documents, func(c *Config) { c.Static, c.DuplicateFactor = true, 5 })
	fingerprint := func(e int) []string {
		var out []string
		for _, in := range all(t, newEpoch(t, d, e)) {
			out = append(out, fmt.Sprint(in))
		}
		return out
	}
	first, second := fingerprint(0), fingerprint(1)
	if slices.Equal(first, second) {
		t.Error("epochs 0 and 1 have the same order")
	}
	slices.Sort(first)
	slices.Sort(second)
	if !slices.Equal(first, second) {
		t.Error("epochs 0 and 1 hold different instances")
	}
	var dynamic []string
	for e := range 5 {
		for _, in := range all(t, newEpoch(t, newDrawer(t, documents, func(*Config) {}), e)) {
			dynamic = append(dynamic, fmt.Sprint(in))
		}
	}
	slices.Sort(dynamic)
	if !slices.Equal(first, dynamic) {
		t.Error("five static draws are not the first five epochs")
	}
}

// TestGolden pins the first instances of a seed: a later version of the program must be able to continue a run.
func TestGolden(t *testing.T) {
	var b strings.Builder
	for _, v := range variants {
		d := newDrawer(t, makeDocuments(40, 12), func(c *Config) { v.change(c); c.Sequence = min(c.Sequence, 48) })
		epoch := newEpoch(t, d, 2)
		fmt.Fprintf(&b, "%s: %d instances\n", v.name, epoch.Len())
		for i := range 3 {
			var in Instance
			if err := epoch.Draw(i, &in); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%+v\n", in)
		}
	}
	const path = "testdata/instances.golden"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOneDocumentIsItsOwnRandomNext(t *testing.T) {
	d := newDrawer(t, makeDocuments(1, 13), func(*Config) {})
	all(t, newEpoch(t, d, 0))
}

func TestErrors(t *testing.T) {
	if err := (Config{}).Validate(); err == nil || len(strings.Split(err.Error(), "\n")) != 4 {
		t.Errorf("faults of the empty config: %v, want four", err)
	}
	empty, err := NewMemory(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(empty, testVocab, Default()); err == nil {
		t.Error("no documents: no error")
	}
	foreign, err := NewMemory([][][]int32{{{7}, {int32(testVocab)}}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(foreign, testVocab, Default())
	if err != nil {
		t.Fatal(err)
	}
	epoch := newEpoch(t, d, 0)
	var in Instance
	if err := epoch.Draw(0, &in); err == nil || !strings.Contains(err.Error(), "id 3000") {
		t.Errorf("an id outside the vocabulary: %v", err)
	}
	if err := epoch.Draw(epoch.Len(), &in); err == nil {
		t.Error("an instance behind the last: no error")
	}
	for _, documents := range [][][][]int32{{{}}, {{{}}}} {
		if _, err := NewMemory(documents); err == nil {
			t.Errorf("NewMemory(%v): no error", documents)
		}
	}
}
