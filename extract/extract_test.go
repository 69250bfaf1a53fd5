package extract_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/extract"
	"github.com/subbert/subbert/runs"
	"github.com/subbert/subbert/runs/runstest"
)

// trained is a fine-tuned model that the tests share, and its test sentences.
var trained = sync.OnceValues(func() (runstest.Files, error) {
	dir, err := os.MkdirTemp("", "subbert-extract-")
	if err != nil {
		return runstest.Files{}, err
	}
	f, err := runstest.Make(context.Background(), dir)
	if err != nil {
		return f, err
	}
	config, err := configs.ReadRelation(f.Finetune)
	if err != nil {
		return f, err
	}
	_, err = runs.Finetune(context.Background(), config, runs.Env{})
	return f, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if f, err := trained(); err == nil {
		os.RemoveAll(f.Dir)
	}
	os.Exit(code)
}

// open opens the shared model by the directory of its run.
func open(t *testing.T, o extract.Options) (*extract.Model, runstest.Files) {
	t.Helper()
	f, err := trained()
	if err != nil {
		t.Fatal(err)
	}
	m, err := extract.Open(t.Context(), filepath.Join(f.Dir, "finetuned"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m, f
}

func read(name string) iter.Seq2[relations.Example, error] {
	return relations.Read("tsv", name, relations.Options{})
}

// TestWindows: predictions come in the order of the input and do not depend on the number of examples held at a time.
func TestWindows(t *testing.T) {
	type made struct {
		ID, Label     string
		Probabilities []float32
	}
	predict := func(o extract.Options) (all []made) {
		m, f := open(t, o)
		for p, err := range m.Predict(t.Context(), read(f.Test)) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, made{p.Example.ID, p.Label, p.Probabilities})
		}
		if cut := m.Cut(); cut.Sentences != len(all) {
			t.Errorf("%d sentences counted, %d predicted", cut.Sentences, len(all))
		}
		return all
	}
	want := predict(extract.Options{Rows: 4})
	if len(want) != 16 {
		t.Fatalf("%d predictions, want 16", len(want))
	}
	for i, p := range want {
		if i > 0 && p.ID == want[i-1].ID {
			t.Errorf("pair %s twice", p.ID)
		}
	}
	for _, window := range []int{1, 5, 16} {
		if diff := cmp.Diff(want, predict(extract.Options{Rows: 4, Window: window})); diff != "" {
			t.Errorf("windows of %d (-whole +got):\n%s", window, diff)
		}
	}
}

// TestStreaming: if the input does not end, the first predictions come after little of it is read.
func TestStreaming(t *testing.T) {
	m, f := open(t, extract.Options{Rows: 2})
	taken := 0
	endless := func(yield func(relations.Example, error) bool) {
		for {
			for e, err := range read(f.Test) {
				if taken++; !yield(e, err) {
					return
				}
			}
		}
	}
	for _, err := range m.Predict(t.Context(), endless) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	if taken > 64 { // windows of 2, 4, 8, 16 and 32: the first is computed and the others wait
		t.Errorf("%d examples were read before the first prediction", taken)
	}
}

// TestPredictEnds: predicting stops at an error of the input, at a label that the model does not have, and when its
// context ends; the predictions made before are handed over.
func TestPredictEnds(t *testing.T) {
	m, f := open(t, extract.Options{Rows: 2, Window: 2})
	broken := errors.New("broken")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, test := range []struct {
		name     string
		ctx      context.Context
		examples func(relations.Example, int) (relations.Example, error)
		before   int
		want     func(error) bool
	}{
		{"input", t.Context(), func(e relations.Example, i int) (relations.Example, error) {
			if i == 5 {
				return e, broken
			}
			return e, nil
		}, 5, func(err error) bool { return errors.Is(err, broken) }},
		{"label", t.Context(), func(e relations.Example, i int) (relations.Example, error) {
			if i == 4 {
				e.Label = "marries"
			}
			return e, nil
		}, 4, func(err error) bool {
			labels := new(extract.LabelsError)
			return errors.As(err, &labels) && strings.Contains(err.Error(), "marries")
		}},
		{"context", ctx, func(e relations.Example, _ int) (relations.Example, error) { return e, nil }, 6, func(err error) bool { return errors.Is(err, context.Canceled) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			i, n := 0, 0
			examples := func(yield func(relations.Example, error) bool) {
				for e := range read(f.Test) {
					e, err := test.examples(e, i)
					if i++; !yield(e, err) || err != nil {
						return
					}
				}
			}
			var last error
			for _, err := range m.Predict(test.ctx, examples) {
				if last = err; err == nil {
					n++
				}
				if n == 6 {
					cancel() // the other cases end before
				}
			}
			if n != test.before || !test.want(last) {
				t.Errorf("%d predictions and error %v, want %d", n, last, test.before)
			}
		})
	}
}

// sayings are the labels of the predictions that say makes.
var sayings = []string{"inhibits", "binds", "false"}

// say returns a prediction that two concepts, or, if they have none, the annotations T1 and T2, have a relation.
func say(document, a, b, label string, probability float32) extract.Prediction {
	p := extract.Prediction{Label: label, Example: relations.Example{ID: document + ".T1.T2", Document: document, A: relations.Mention{ID: a}, B: relations.Mention{ID: b}}}
	for _, l := range sayings {
		p.Probabilities = append(p.Probabilities, 0)
		if l == label {
			p.Probabilities[len(p.Probabilities)-1] = probability
		}
	}
	return p
}

// TestPubTator: each document gets its predicted relations after its own lines, and loses those it had.
func TestPubTator(t *testing.T) {
	const text = "1|t|One.\n1|a|Two.\n1\t0\t3\tOne\tGene\tG1\n1\tbinds\tG1\tC1\n\n2|t|None.\n2|a|\n\n3|t|Three.\n3|a|Four.\n"
	name := filepath.Join(t.TempDir(), "in.pubtator")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := extract.NewPubTator(&out, name, sayings, "false")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []extract.Prediction{
		say("1", "G1", "C1", "inhibits", 0.5), say("1", "G1", "C1", "inhibits", 0.75), say("1", "G1", "C2", "false", 1), say("1", "", "C2", "binds", 1), say("3", "G3", "C3", "binds", 1),
	} {
		if err := w.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	const want = "1|t|One.\n1|a|Two.\n1\t0\t3\tOne\tGene\tG1\n1\tinhibits\tG1\tC1\t0.75\n\n2|t|None.\n2|a|\n\n3|t|Three.\n3|a|Four.\n3\tbinds\tG3\tC3\t1\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestBioC: each document gets its predicted relations at its end, loses those it had, and is otherwise unchanged.
func TestBioC(t *testing.T) {
	const head = "<?xml version='1.0'?>\n<collection><source>x &amp; y</source>\n<document><id> 1 </id><infon key='a'>&lt;b&gt;</infon><passage><text>A</text></passage>"
	const tail = "</document>\n<document><id>2</id></document><document><id>3</id><passage/>"
	name := filepath.Join(t.TempDir(), "in.xml")
	stood := "<relation id='X'><infon key='type'>old</infon><node refid='T1' role=''/></relation>"
	if err := os.WriteFile(name, []byte(head+stood+tail+"</document></collection>\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := extract.NewBioC(&out, name, sayings, "false")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []extract.Prediction{
		say("1", "G1", "C<1", "inhibits", 0.5), say("1", "G1", "C<1", "inhibits", 0.75), say("1", "G1", "C2", "false", 1), say("3", "", "C3", "binds", 1),
	} {
		if err := w.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	want := head + `<relation id="R1"><infon key="type">inhibits</infon><infon key="probability">0.75</infon><infon key="entity1">G1</infon><infon key="entity2">C&lt;1</infon></relation>` +
		tail + `<relation id="R1"><infon key="type">binds</infon><infon key="probability">1</infon><node refid="T1" role="A"/><node refid="T2" role="B"/></relation></document></collection>` + "\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if w, err = extract.NewBioC(&out, name, sayings, "false"); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(say("9", "G1", "C1", "binds", 1)); err == nil || !strings.Contains(err.Error(), "document 9 has predictions, but is not in the rest of the file") {
		t.Errorf("error %v for a document that the file does not have", err)
	}
}

// TestBioCInJSON: as TestBioC, for the forms of JSON.
func TestBioCInJSON(t *testing.T) {
	const first = `{"id": 1, "passages": [{"offset": 0, "text": "A"}]`
	const third = `{"id":"3","passages":[]`
	const ofFirst = `"relations": [{"id":"R1","infons":{"entity1":"G1","entity2":"C1","probability":"0.75","type":"inhibits"},"nodes":[]}]`
	const ofThird = `"relations": [{"id":"R1","infons":{"probability":"1","type":"binds"},"nodes":[{"refid":"T1","role":"A"},{"refid":"T2","role":"B"}]}]`
	for _, test := range []struct{ name, in, want string }{
		{"a collection",
			"{\"source\": \"x\", \"documents\": [\n " + first + ", \"relations\": [{\"id\": \"X\"}], \"infons\": {}},\n {\"id\": \"2\"}, " + third + "}], \"key\": 7}\n",
			"{\"source\": \"x\", \"documents\": [\n " + first + ", " + ofFirst + ", \"infons\": {}},\n {\"id\": \"2\", \"relations\": []}, " + third + ", " + ofThird + "}], \"key\": 7}\n"},
		{"lines", first + "}\n" + third + "\n}\n", first + ", " + ofFirst + "}\n" + third + ", " + ofThird + "\n}\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "in.json")
			if err := os.WriteFile(name, []byte(test.in), 0o644); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			w, err := extract.NewBioC(&out, name, sayings, "false")
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range []extract.Prediction{say("1", "G1", "C1", "inhibits", 0.5), say("1", "G1", "C1", "inhibits", 0.75), say("3", "", "C3", "binds", 1)} {
				if err := w.Write(p); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, out.String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if w, err = extract.NewBioC(&out, name, sayings, "false"); err != nil {
				t.Fatal(err)
			}
			if err := w.Write(say("9", "G1", "C1", "binds", 1)); err == nil || !strings.Contains(err.Error(), "document 9 has predictions, but is not in the rest of the file") {
				t.Errorf("error %v for a document that the file does not have", err)
			}
		})
	}
}

// TestPairTypes: a model is applied to pairs of the types that it was trained on, in either order, unless other types
// are asked for.
func TestPairTypes(t *testing.T) {
	m, _ := open(t, extract.Options{})
	if diff := cmp.Diff([][2]string{{"DRUG", "DRUG"}}, m.Settings().Types); diff != "" {
		t.Fatalf("types of the training pairs (-want +got):\n%s", diff)
	}
	name := filepath.Join(t.TempDir(), "in.pubtator")
	const text = "1|t|Alb, bor, cim and dol.\n1|a|\n1\t0\t3\tAlb\tDrug\t1\n1\t5\t8\tbor\tDrug\t2\n1\t10\t13\tcim\tGene\t3\n1\t18\t21\tdol\tDrug\t4\n"
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		of   extract.Source
		want int
		err  string
	}{
		{"of the training", extract.Source{}, 3, ""},
		{"named", extract.Source{Types: [2]string{"Drug", "Gene"}}, 3, ""},
		{"all", extract.Source{AllPairs: true}, 6, ""},
		{"none", extract.Source{Types: [2]string{"Gene", "Gene"}}, 0, "no pairs of mentions"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.of.Format, test.of.Name = "pubtator", name
			examples, err := m.Examples(t.Context(), test.of)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, failed := range examples {
				if err = failed; err == nil {
					n++
				}
			}
			if n != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("%d pairs, error %v; want %d and %q", n, err, test.want, test.err)
			}
		})
	}
}

// TestMinProbability: a relation is given if it is probable enough, and the negative label otherwise; the probabilities
// do not change.
func TestMinProbability(t *testing.T) {
	labels := func(least float64) (out []string, most []float32) {
		m, f := open(t, extract.Options{MinProbability: least})
		for p, err := range m.Predict(t.Context(), read(f.Test)) {
			if err != nil {
				t.Fatal(err)
			}
			best := float32(0)
			for i, l := range m.Labels() {
				if l != m.Negative() {
					best = max(best, p.Probabilities[i])
				}
			}
			out, most = append(out, p.Label), append(most, best)
		}
		return out, most
	}
	_, most := labels(0)
	at := most[0] // a threshold that the first relation just reaches
	given, again := labels(float64(at))
	if diff := cmp.Diff(most, again); diff != "" {
		t.Errorf("probabilities (-before +after):\n%s", diff)
	}
	for i, l := range given {
		if (l != "false") != (most[i] >= at) {
			t.Errorf("pair %d: label %s with a relation of probability %g, at least %g wanted", i, l, most[i], at)
		}
	}
}

// TestNotFineTuned: an encoder is refused, unless its own attention is asked for.
func TestNotFineTuned(t *testing.T) {
	f, err := trained()
	if err != nil {
		t.Fatal(err)
	}
	none := new(extract.NotFineTunedError)
	if _, err := extract.Open(t.Context(), f.Start, extract.Options{}); !errors.As(err, &none) {
		t.Errorf("error %v, want a *NotFineTunedError", err)
	}
	m, err := extract.Open(t.Context(), f.Start, extract.Options{AnyEncoder: true})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, err := range m.Predict(t.Context(), read(f.Test)) {
		if !errors.As(err, &none) {
			t.Errorf("error %v, want a *NotFineTunedError", err)
		}
	}
	weights := new(extract.NoWeightsError)
	if _, err := m.Attend(t.Context(), extract.Look{}, read(f.Test)); !errors.As(err, &weights) {
		t.Errorf("error %v, want a *NoWeightsError", err)
	}
}
