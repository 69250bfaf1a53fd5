package instances

import (
	"math"
	"testing"
)

// TestRates compares observed with expected rates. A binomial exceeds five standard deviations by chance once in two
// million; the seed is fixed, so a pass stays a pass.
func TestRates(t *testing.T) {
	size, least := 36_000, 10_000_000 // documents, tokens
	if testing.Short() {
		size, least = 11_000, 3_000_000
	}
	documents := makeDocuments(size, 20)
	for _, masking := range []string{Subword, WholeWord} {
		t.Run(masking, func(t *testing.T) {
			d := newDrawer(t, documents, func(c *Config) { c.Masking = masking })
			epoch := newEpoch(t, d, 0)
			var kinds [3]int
			var masked, tokens, same, changes int
			perPiece := make([]int, int(testVocab))
			var in Instance
			for i := range epoch.Len() {
				if err := epoch.Draw(i, &in); err != nil {
					t.Fatal(err)
				}
				masked += in.NumMasked
				tokens += in.Length
				for k, kind := range in.MaskKinds[:in.NumMasked] {
					kinds[kind]++
					if kind == Replaced {
						id := in.InputIDs[in.MaskedPositions[k]]
						perPiece[id]++
						if id == in.MaskedIDs[k] {
							same++
						}
						if id < 5 {
							changes++
						}
					}
				}
			}
			within(t, "[MASK]", kinds[Masked], masked, 0.8)
			within(t, "kept", kinds[Kept], masked, 0.1)
			within(t, "replaced", kinds[Replaced], masked, 0.1)
			within(t, "replaced by itself", same, kinds[Replaced], 1/float64(testVocab))
			within(t, "replaced by a special token", changes, kinds[Replaced], 5/float64(testVocab))
			for id := range perPiece {
				within(t, "replaced by piece", perPiece[id], kinds[Replaced], 1/float64(testVocab))
			}
			if masked < least/8 || tokens < least {
				t.Errorf("%d masked positions of %d tokens, want %d of %d for these bounds to mean something", masked, tokens, least/8, least)
			}
		})
	}
}

// within checks that the number of hits in trials agrees with probability p.
func within(t *testing.T, what string, hits, trials int, p float64) {
	t.Helper()
	mean, deviation := p*float64(trials), math.Sqrt(p*(1-p)*float64(trials))
	if math.Abs(float64(hits)-mean) > 5*deviation+1 {
		t.Errorf("%s: %d of %d, want %.0f ± %.0f", what, hits, trials, mean, deviation)
	}
}

func TestShortDocumentsAndRandomNext(t *testing.T) {
	documents := makeDocuments(20_000, 21)
	d := newDrawer(t, documents, func(*Config) {})
	short, choices, random := 0, 0, 0
	targets := make([]int, 126)
	for i, document := range documents {
		var lengths []int32
		for _, sentence := range document {
			lengths = append(lengths, int32(len(sentence)))
		}
		it := d.config.start(lengths, key(1, uint64(i)))
		if it.target < 125 {
			short++
		}
		targets[it.target]++
		for before := 0; ; before = it.i {
			c, more := it.nextPair()
			if !more {
				break
			}
			if c.random && it.i-before == 1 && c.b1 == c.a1 {
				continue // a single sentence: no choice
			}
			choices++
			if c.random {
				random++
			}
		}
	}
	within(t, "random next", random, choices, 0.5)
	within(t, "short documents", short, len(documents), 0.1*123/124) // 125 may be drawn, too
	for target := 2; target < 125; target++ {
		within(t, "target length", targets[target], len(documents), 0.1/124)
	}
	if targets[0]+targets[1] > 0 {
		t.Errorf("%d targets below 2", targets[0]+targets[1])
	}
}

// TestMaskedPositionsAreUniform checks that all places of the sequence are masked equally often.
func TestMaskedPositionsAreUniform(t *testing.T) {
	document := make([][]int32, 2)
	for i := range document {
		for range 200 {
			document[i] = append(document[i], 7)
		}
	}
	const trials = 20_000
	d := newDrawer(t, [][][]int32{document, document}, func(c *Config) { c.ShortRate = 0 })
	var hits [128]int
	for e := range trials {
		var in Instance
		if err := newEpoch(t, d, e).Draw(0, &in); err != nil {
			t.Fatal(err)
		}
		for _, p := range in.MaskedPositions[:in.NumMasked] {
			hits[p]++
		}
	}
	separators := 0
	for p := 1; p < 127; p++ {
		// The first [SEP] moves, so a place in the middle does not always hold a piece.
		if p < 20 || p > 107 {
			within(t, "masked at a place", hits[p], trials, 19.0/125)
		}
		separators += hits[p]
	}
	if hits[0]+hits[127] != 0 || separators != 19*trials {
		t.Errorf("masked [CLS] %d and last [SEP] %d times, %d in all; want 0, 0 and %d", hits[0], hits[127], separators, 19*trials)
	}
}

func TestPermutation(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10, 1000, 1023, 1024, 1025, 100_003} {
		p := newPermutation(n, key(uint64(n)))
		seen := make([]bool, n)
		for i := range n {
			j := p.at(i)
			if seen[j] {
				t.Fatalf("n %d: place %d taken twice", n, j)
			}
			seen[j] = true
		}
	}
}

// TestPermutationIsFair checks that over keys every number is equally often at every place, and that neighbours separate.
func TestPermutationIsFair(t *testing.T) {
	const n, keys = 12, 15_000
	var counts [n][n]int
	follow := 0
	for k := range keys {
		p := newPermutation(n, key(2, uint64(k)))
		for i := range n {
			counts[i][p.at(i)]++
		}
		if p.at(1) == p.at(0)+1 {
			follow++
		}
	}
	for i := range n {
		for j := range n {
			within(t, "place", counts[i][j], keys, 1.0/n)
		}
	}
	within(t, "neighbours stay together", follow, keys, 11.0/(n*(n-1)))
}

func BenchmarkDrawMemory(b *testing.B) {
	for _, v := range variants[:2] {
		b.Run(v.name, func(b *testing.B) { benchmark(b, newDrawer(b, makeDocuments(20_000, 1), v.change)) })
	}
}

// benchmark draws an epoch over and over, on one core.
func benchmark(b *testing.B, d *Drawer) {
	epoch := newEpoch(b, d, 0)
	var in Instance
	tokens, i := 0, 0
	for b.Loop() {
		if err := epoch.Draw(i%epoch.Len(), &in); err != nil {
			b.Fatal(err)
		}
		tokens += in.Length
		i++
	}
	b.ReportMetric(float64(tokens)/b.Elapsed().Seconds()/1e6, "Mtokens/s")
}
