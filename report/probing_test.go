package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/runs/result"
)

// probingRun writes a synthetic probing run of an encoder with the given number of layers, of which one matters most.
func probingRun(t testing.TB, dir string, seed uint64, layers, matters, seeds int) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	p := result.Probes{Input: "spans", Encoder: "0123"}
	for s := range seeds {
		p.Seeds = append(p.Seeds, uint32(s+1))
	}
	for l := range layers + 1 {
		p.Layers = append(p.Layers, l)
		share := make([]float64, l+1)
		for k := range share {
			share[k] = 1 / float64(l+1)
		}
		p.Alpha = append(p.Alpha, share)
		p.Centre = append(p.Centre, evaluate.Interval{Mean: float64(l) / 2, Low: float64(l)/2 - 0.1, High: float64(l)/2 + 0.1, N: seeds})
		p.Gamma = append(p.Gamma, evaluate.Interval{Mean: 1.02, Low: 1, High: 1.04, N: seeds})
	}
	for _, s := range []struct {
		of   string
		gain float64
	}{{"encoder", 30}, {"shuffled", 0}, {"random", 6}} {
		var f1 [][]float64
		for range seeds {
			var row []float64
			for l := range layers + 1 {
				v := 30 + 2*rng.NormFloat64()
				if s.of == "shuffled" {
					v = 3 + rng.Float64()
				}
				if l >= matters {
					v += s.gain
				}
				row = append(row, v)
			}
			f1 = append(f1, row)
		}
		series, err := evaluate.LayersOf(f1, p.Layers)
		if err != nil {
			t.Fatal(err)
		}
		p.Series = append(p.Series, result.ProbeSeries{Of: s.of, F1: f1, Accuracy: f1, LayerSeries: series})
	}
	p.Selectivity = p.Series[0].Scores
	put(t, filepath.Join(dir, result.ConfigFile), syntheticNote+"[model]\ninit = \"runs/ddi-attention/model\"\n[task]\nname = \"probe\"\nbatch = 32\n")
	text, err := json.Marshal(map[string]any{"task": "probe", "seed": 1, "seconds": 61.5, "backend": "go", "probe": p})
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, result.File), string(text))
	return dir
}

// attentionRun writes a synthetic attention run.
func attentionRun(t testing.TB, dir string) string {
	t.Helper()
	a := result.Weights{Of: "attention pooling of the last layer", Data: "test.tsv", Examples: 5716, Near: 3, Least: 10, NoStops: true}
	names := []string{"warfarin", "aspirin"}
	words := func(text string, heavy string) (out []result.Word) {
		mentions := 0
		for i, w := range strings.Fields(text) {
			weight := 0.01 + 0.005*float64(i%3)
			if w == heavy {
				weight = 0.8
			}
			word := result.Word{Text: w, Weight: weight, Pieces: 1 + i%2, Mention: strings.HasPrefix(w, "@"), Glued: w == "." || w == ",", Cut: w == "breaks"}
			if word.Mention {
				word.Name = names[mentions%2]
				mentions++
			}
			if mentions == 2 && strings.HasPrefix(text, "Two") && w != "@DRUG$" {
				word.Sentence = 1
			}
			out = append(out, word)
		}
		return out
	}
	a.Sentences = []result.Sentence{
		{Index: "made.up.s0.p0", Gold: "mechanism", Predicted: "mechanism", Baseline: "false", Words: words("Levels of @DRUG$ were markedly raised when it was given together with @DRUG$ , an inhibitor of the enzyme that breaks it down .", "inhibitor")},
		{Index: "made.up.s1.p0", Gold: "advise", Predicted: "advise", Probability: 0.913, Positions: 20, Words: words("Use <caution> & care with @DRUG$ and @DRUG$ .", "<caution>")},
		{Index: "made.up.s2.p0", Gold: "false", Predicted: "effect", Probability: 0.52, Positions: 30, Words: words("Two drugs are named here: @DRUG$ and @DRUG$ . This is a second sentence of the text .", "named")},
	}
	for i, w := range []string{"inhibitor", "concomitantly", "combined", "increases"} {
		a.Stems = append(a.Stems, evaluate.StemWeight{Stem: w[:6], Word: w, Mean: 0.2 / float64(i+1), Times: 6 / float64(i+1), Count: 1200 / (i + 1)})
	}
	put(t, filepath.Join(dir, result.ConfigFile), syntheticNote+"[task]\nname = \"attention\"\n")
	text, err := json.Marshal(map[string]any{"task": "attention", "seconds": 3.2, "attention": a})
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, result.File), string(text))
	return dir
}

// TestProbingPage: the page has what a reader looks for, and does not say of any of these runs that nothing was
// recorded.
func TestProbingPage(t *testing.T) {
	dir := t.TempDir()
	var runs []*Run
	for _, path := range []string{probingRun(t, filepath.Join(dir, "ddi"), 1, 3, 2, 5), probingRun(t, filepath.Join(dir, "aimed"), 2, 3, 1, 5), attentionRun(t, filepath.Join(dir, "look"))} {
		r, err := ReadRun(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Notes) != 0 {
			t.Errorf("%s: notes %q", path, r.Notes)
		}
		runs = append(runs, r)
	}
	page, err := Compose(t.Context(), runs, Options{Path: filepath.Join(dir, "report.html")})
	if err != nil {
		t.Fatal(err)
	}
	html, err := page.HTML()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Gain of the last layer", "F1 of the probe of each layer: ddi", "Gain of each layer: aimed", "Layer mix of each probe", "above shuffled labels",
		"it learned no preference", "The encoder is better than a random one", "ddi: The layers score above the embeddings",
		": ddi</caption>", "the encoder", "random encoder", "shuffled labels", // series
		`<span class="word mention" style="--v:0" title="weight 0.0200, 0.5 times an equal share">warfarin</span>`, "gold mechanism, predicted mechanism, baseline false",
		"&lt;caution&gt;", "concomitantly", "within 3 words of a mention", "at least 10 times in 5,716 sentences, without stop words", "6.0</td>", "A weight is not an explanation", "… </span>", `<p class="rest">`,
	} {
		if !bytes.Contains(html, []byte(want)) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if !bytes.Contains(html, []byte("ddi, the encoder: ")) || !bytes.Contains(html, []byte("aimed, the encoder: ")) {
		t.Error("the bars of the last layer do not have both tasks")
	}
	for _, bad := range []string{"#0102", "#0103", "http://", "https://", "\uE000", "NaN"} {
		if bytes.Contains(html, []byte(bad)) {
			t.Errorf("the page has %q", bad)
		}
	}
}

// TestExportPicture: each picture becomes well-formed SVG in real colours, and a PNG with three dots a pixel that is
// not blank.
func TestExportPicture(t *testing.T) {
	dir := t.TempDir()
	r, err := ReadRun(t.Context(), probingRun(t, filepath.Join(dir, "run"), 1, 12, 8, 5), nil)
	if err != nil {
		t.Fatal(err)
	}
	p := r.probes()
	for name, picture := range map[string]Picture{"scores": Scores(p), "deltas": Deltas(p), "shares": Shares(p), "last": LastDelta(p, "ddi"), "sums": Cumulatives(p),
		"strip": Strip{Title: "x", XLabel: "F1", Rows: []StripRow{{Name: "a", Values: []float64{1, 2}}, {Name: "b", Values: []float64{3}, Color: 1}}}} {
		t.Run(name, func(t *testing.T) {
			if err := ExportPicture(dir, name, picture); err != nil {
				t.Fatal(err)
			}
			svg, err := os.ReadFile(filepath.Join(dir, name+".svg"))
			if err != nil {
				t.Fatal(err)
			}
			wellFormed(t, svg)
			if bytes.Contains(svg, []byte("var(--")) || bytes.Contains(svg, []byte("#010")) || !bytes.Contains(svg, []byte(light["s1"])) || !bytes.Contains(svg, []byte(">"+picture.heading()+"<")) {
				t.Error("colours are not those of paper")
			}
			f, err := os.Open(filepath.Join(dir, name+".png"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			img, err := png.Decode(f)
			if err != nil {
				t.Fatal(err)
			}
			size := picture.size(true)
			if got, want := img.Bounds().Dx(), dotsPerPixel*(int(size.w)+2*margin); got != want {
				t.Errorf("%d dots wide, want %d", got, want)
			}
			seen := map[string]bool{}
			for y := 0; y < img.Bounds().Dy(); y += 2 {
				for x := 0; x < img.Bounds().Dx(); x += 2 {
					r, g, b, _ := img.At(x, y).RGBA()
					seen[fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)] = true
				}
			}
			if !seen["#ffffff"] || len(seen) < 20 {
				t.Errorf("%d colours, white %t", len(seen), seen["#ffffff"])
			}
		})
	}
}

func TestExportSentence(t *testing.T) {
	dir := t.TempDir()
	r, err := ReadRun(t.Context(), attentionRun(t, filepath.Join(dir, "run")), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range r.attention().Sentences {
		path := filepath.Join(dir, fmt.Sprint(i)+".svg")
		if err := ExportSentence(path, s); err != nil {
			t.Fatal(err)
		}
		svg, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		wellFormed(t, svg)
		if n := bytes.Count(svg, []byte("textLength")); n != len(s.Words) {
			t.Errorf("%d words, want %d", n, len(s.Words))
		}
		if n := bytes.Count(svg, []byte("stroke-width")); n != 2 {
			t.Errorf("%d words outlined, want the two mentions", n)
		}
		if !bytes.Contains(svg, []byte(`fill-opacity="0.60"`)) {
			t.Error("no word is as dark as can be")
		}
	}
}

func wellFormed(t *testing.T, svg []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestWithin(t *testing.T) {
	got := []string{within(evaluate.Interval{Mean: 3, Low: 3, High: 3, N: 1}, 1), within(evaluate.Interval{Mean: -3, Low: -4.5, High: -1.5, N: 5}, 1)}
	if diff := cmp.Diff([]string{"3.0", "−3.0 ± 1.5"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestProbesThatFoundNothing checks that probes with an F1 of 0 are not compared with each other.
func TestProbesThatFoundNothing(t *testing.T) {
	nothing := result.ProbeSeries{LayerSeries: evaluate.LayerSeries{Scores: make([]evaluate.Interval, 3)}}
	got := ProbeFindings(&result.Probes{Layers: []int{0, 1, 2}, Series: []result.ProbeSeries{nothing, nothing}})
	if len(got) != 1 || !strings.HasPrefix(got[0], "The probes have an F1 of 0") {
		t.Errorf("%q", got)
	}
}
