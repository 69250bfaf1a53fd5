package instances

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/subbert/subbert/data/wordpiece"
)

// googleCounts holds the counts of Google's scripts for a corpus: scripts/crosscheck_pretraining_data.py.
type googleCounts struct {
	Instances  int `json:"instances"`
	Tokens     int `json:"tokens"`
	Masked     int `json:"masked"`
	Mask       int `json:"mask"`
	Kept       int `json:"kept"`
	Random     int `json:"random"`
	RandomNext int `json:"random_next"`
	SegmentA   int `json:"segment_a"` // pieces of the first segments
	Full       int `json:"full"`      // instances without padding
}

// oddContinues is the fixture's vocabulary: every second piece continues a word.
type oddContinues int

func (v oddContinues) Size() int                  { return int(v) }
func (v oddContinues) Special() wordpiece.Special { return testVocab.Special() }
func (v oddContinues) Continues(id int32) bool    { return id >= 5 && id%2 == 1 }

// googleCorpus makes the same documents as the script.
func googleCorpus(documents, vocabulary int) [][][]int32 {
	state := uint64(1)
	below := func(n int) int {
		state = state*6364136223846793005 + 1442695040888963407
		return int((state >> 33) % uint64(n))
	}
	out := make([][][]int32, documents)
	for d := range out {
		out[d] = make([][]int32, 1+below(14))
		for s := range out[d] {
			out[d][s] = make([]int32, 1+below(60))
			for i := range out[d][s] {
				out[d][s][i] = int32(5 + below(vocabulary-5))
			}
		}
	}
	return out
}

// TestRatesOfGoogle compares rates with those of Google's scripts on the same corpus. Both are random, so they may
// differ by five standard deviations of the difference.
func TestRatesOfGoogle(t *testing.T) {
	text, err := os.ReadFile("testdata/google_rates.json")
	if err != nil {
		t.Fatal(err)
	}
	var google struct {
		Documents, Vocabulary, Duplicates int
		Subword                           googleCounts `json:"subword"`
		WholeWord                         googleCounts `json:"whole_word"`
	}
	if err := json.Unmarshal(text, &google); err != nil {
		t.Fatal(err)
	}
	source, err := NewMemory(googleCorpus(google.Documents, google.Vocabulary))
	if err != nil {
		t.Fatal(err)
	}
	for masking, want := range map[string]googleCounts{Subword: google.Subword, WholeWord: google.WholeWord} {
		t.Run(masking, func(t *testing.T) {
			c := Default()
			c.Masking, c.Static, c.DuplicateFactor = masking, true, google.Duplicates
			d, err := New(source, oddContinues(google.Vocabulary), c)
			if err != nil {
				t.Fatal(err)
			}
			compareCounts(t, countInstances(t, newEpoch(t, d, 0)), want)
		})
	}
}

func countInstances(t *testing.T, e *Epoch) googleCounts {
	t.Helper()
	var in Instance
	var n googleCounts
	for i := range e.Len() {
		if err := e.Draw(i, &in); err != nil {
			t.Fatal(err)
		}
		n.Instances++
		n.Tokens += in.Length
		n.RandomNext += int(in.NextSentenceLabel)
		for _, kind := range in.TokenTypeIDs[:in.Length] {
			n.SegmentA += 1 - int(kind)
		}
		n.SegmentA -= 2
		if in.Length == len(in.InputIDs) {
			n.Full++
		}
		n.Masked += in.NumMasked
		for k, at := range in.MaskedPositions[:in.NumMasked] {
			switch in.InputIDs[at] { // judged by the ids alone, as in the script
			case testVocab.Special().Mask:
				n.Mask++
			case in.MaskedIDs[k]:
				n.Kept++
			default:
				n.Random++
			}
		}
	}
	return n
}

// compareCounts compares proportions with their binomial standard deviation, and means with an upper bound of the standard
// deviation of the values.
func compareCounts(t *testing.T, got, want googleCounts) {
	t.Helper()
	share := func(what string, g, gn, w, wn int) {
		a, b := float64(g)/float64(gn), float64(w)/float64(wn)
		spread := math.Sqrt(b * (1 - b) * (1/float64(gn) + 1/float64(wn)))
		t.Logf("%s: %.4f, Google's %.4f ± %.4f", what, a, b, spread)
		if math.Abs(a-b) > 5*spread {
			t.Errorf("%s: %.4f, Google's %.4f ± %.4f", what, a, b, spread)
		}
	}
	share("[MASK]", got.Mask, got.Masked, want.Mask, want.Masked)
	share("kept", got.Kept, got.Masked, want.Kept, want.Masked)
	share("random", got.Random, got.Masked, want.Random, want.Masked)
	share("random next", got.RandomNext, got.Instances, want.RandomNext, want.Instances)
	share("full", got.Full, got.Instances, want.Full, want.Instances)
	share("masked", got.Masked, got.Tokens, want.Masked, want.Tokens)
	mean := func(what string, g, w, deviation float64) {
		spread := deviation * math.Sqrt(1/float64(got.Instances)+1/float64(want.Instances))
		t.Logf("%s: %.3f, Google's %.3f ± %.3f", what, g, w, spread)
		if math.Abs(g-w) > 5*spread {
			t.Errorf("%s: %.3f, Google's %.3f ± %.3f", what, g, w, spread)
		}
	}
	n, m := float64(got.Instances), float64(want.Instances)
	mean("length", float64(got.Tokens)/n, float64(want.Tokens)/m, 36) // uniform over the possible lengths
	mean("segment A", float64(got.SegmentA)/n, float64(want.SegmentA)/m, 36)
	mean("instances of a document", n/m, 1, 1)
}
