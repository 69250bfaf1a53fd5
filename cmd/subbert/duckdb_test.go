package main

import (
	"cmp"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/extracted"
)

// duckDBVersion is the version that the query of docs/extract.md is tested with.
const duckDBVersion = "1.4.2"

// duckDB returns a Python that has DuckDB: the one named by SUBBERT_PYTHON, or python3.
func duckDB(t *testing.T) string {
	t.Helper()
	python := cmp.Or(os.Getenv("SUBBERT_PYTHON"), "python3")
	version, err := exec.Command(python, "-c", "import duckdb; print(duckdb.__version__)").Output()
	if got := strings.TrimSpace(string(version)); err != nil || got != duckDBVersion {
		t.Skipf("%s has no DuckDB %s: python3 -m venv t && t/bin/pip install duckdb==%s, and SUBBERT_PYTHON=t/bin/python", python, duckDBVersion, duckDBVersion)
	}
	return python
}

// TestDuckDB runs the query of docs/extract.md on rows.parquet with DuckDB.
func TestDuckDB(t *testing.T) {
	python := duckDB(t)
	text, err := os.ReadFile("../../docs/extract.md")
	if err != nil {
		t.Fatal(err)
	}
	var queries []string
	for _, b := range blocksOf(string(text)) {
		if b.language == "sql" {
			queries = append(queries, b.text)
		}
	}
	if len(queries) != 1 {
		t.Fatalf("%d queries on the page, want 1", len(queries))
	}
	row := func(pmid, a, b, label string, p float32) extracted.Row {
		return extracted.Row{PMID: pmid, AID: a, BID: b, Label: label, Probability: p, Sentence: "x"}
	}
	dir := t.TempDir()
	writeRows(t, filepath.Join(dir, "rows.parquet"), row("1", "C1", "D1", "effect", .5), row("1", "C1", "D1", "effect", .75), row("2", "C1", "D1", "effect", .25), row("2", "C2", "D1", "int", 1))
	query := exec.CommandContext(t.Context(), python, "-c", "import duckdb, json, sys\nprint(json.dumps(duckdb.sql(sys.stdin.read()).fetchall()))")
	query.Dir, query.Stdin = dir, strings.NewReader(queries[0])
	out, err := query.Output()
	if err != nil {
		t.Fatalf("%v: %v", err, query)
	}
	var got [][]any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := [][]any{{"C1", "D1", "effect", 2., .75}, {"C2", "D1", "int", 1., 1.}}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func writeRows(t *testing.T, path string, rows ...extracted.Row) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	form, err := extracted.FormOf(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := extracted.NewWriter(f, form)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if err := w.Write(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
