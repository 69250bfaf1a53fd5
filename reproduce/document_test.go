package reproduce_test

import (
	"os"
	"strings"
	"testing"

	"github.com/subbert/subbert/reproduce"
)

const document, measured = "../docs/paper.md", "../docs/paper.mini.json"

// TestDocument: the tables of docs/paper.md are those that follow from the measurements beside it. After
//
//	subbert reproduce all --scale mini --model minilm=MODEL --json > docs/paper.mini.json
//
// -update rewrites them; the text outside of the markers stays.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile(measured)
	if err != nil {
		t.Fatal(err)
	}
	outcome, err := reproduce.ReadOutcome(text)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	r := request(t, outcome.Scale)
	made, err := reproduce.Document(page, r.Experiments, r.Sources, outcome)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, document, string(made))
}

// TestMarkers: an experiment without markers in the document is an error, and so are markers without an experiment.
func TestMarkers(t *testing.T) {
	r := request(t, "tiny")
	o := &reproduce.Outcome{Scale: "tiny"}
	page := "<!-- begin summary -->\nstale\n<!-- end summary -->\n<!-- begin table1 -->\nstale\n<!-- end table1 -->\nkept\n"
	made, err := reproduce.Document([]byte(page), r.Experiments[:1], r.Sources, o)
	if err != nil {
		t.Fatal(err)
	}
	if s := string(made); strings.Contains(s, "stale") || !strings.Contains(s, "kept") || !strings.Contains(s, "| AIMed | all | 5834 | not run (1) |") {
		t.Errorf("got\n%s", s)
	}
	if _, err := reproduce.Document([]byte(page), r.Experiments[:2], r.Sources, o); err == nil {
		t.Error("an experiment without markers went unnoticed")
	}
	if _, err := reproduce.Document([]byte(page+strings.ReplaceAll(page[strings.Index(page, "<!-- begin table1"):], "table1", "table2")), r.Experiments[:1], r.Sources, o); err == nil {
		t.Error("markers without an experiment went unnoticed")
	}
	if _, err := reproduce.Document([]byte(strings.Replace(page, "table1", "table2", 1)), r.Experiments[:1], r.Sources, o); err == nil {
		t.Error("markers of another experiment went unnoticed")
	}
}
