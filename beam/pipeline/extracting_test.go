package pipeline

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/data/madeup"
	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/extract"
	"github.com/subbert/subbert/extract/bulk"
	"github.com/subbert/subbert/runs"
	"github.com/subbert/subbert/runs/runstest"
)

// relationModel trains a tiny relation model in dir and returns its model directory.
func relationModel(t *testing.T, dir string) string {
	t.Helper()
	made, err := runstest.Make(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	config, err := configs.ReadRelation(made.Finetune)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := runs.Finetune(t.Context(), config, runs.Env{}); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "finetuned", "model")
}

func bioc(t *testing.T, first, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := madeup.WriteBioC(&b, madeup.Annotated(1, first, n)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// annotated are files with mentions: an archive with a broken member, single files, and one that makes no pairs.
func annotated(t *testing.T, dir string) (files []string) {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for i, content := range [][]byte{bioc(t, 0, 30), bioc(t, 30, 2)[:300], bioc(t, 32, 30)} {
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprint(i, ".xml"), Size: int64(len(content)), Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, f := range []struct {
		name    string
		content []byte
	}{{"z.tar", archive.Bytes()}, {"none.pubtator", []byte("7|t|Nothing.\n7|a|Nothing here.\n\n")}, {"a.xml", bioc(t, 62, 20)}, {"b.xml", bioc(t, 82, 25)}} {
		files = append(files, filepath.Join(dir, f.name))
		if err := os.WriteFile(files[len(files)-1], f.content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// TestExtraction: the rows of a cluster are those of one machine, byte for byte, and a worker reads the model once.
func TestExtraction(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	model, files := relationModel(t, dir), annotated(t, dir)
	ids := filepath.Join(dir, "ids.txt")
	first := madeup.Annotated(1, 0, 1)[0].Mentions[0].Name
	if err := os.WriteFile(ids, []byte(first+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	var reads atomic.Int32
	models.read = func(ctx context.Context, dir string, o extract.Options) (*extract.Model, error) {
		reads.Add(1)
		return extract.Open(ctx, dir, o)
	}
	t.Cleanup(func() { models.read = extract.Open })
	for _, test := range []struct {
		name, out string
		remote    bool
		ask       bulk.Request
	}{
		{"all pairs", "rows.tsv", false, bulk.Request{Negatives: true, Batch: 8, Chunk: 50}},
		{"two sentences, parquet", "rows.parquet", false, bulk.Request{Negatives: true, Within: 1, MinProbability: 0.1, Batch: 32, Chunk: 4096}},
		{"some identifiers, in a bucket", "rows.jsonl.zst", true, bulk.Request{Negatives: true, IDs: ids, Batch: 32, Chunk: 4096}},
	} {
		t.Run(test.name, func(t *testing.T) {
			local := filepath.Join(t.TempDir(), test.out)
			want := onOneMachine(t, test.ask, model, files, local)
			ask, in, out := Extraction{test.ask, model}, files, filepath.Join(t.TempDir(), test.out)
			if test.remote {
				found, err := filepath.Glob(filepath.Join(model, "*"))
				if err != nil {
					t.Fatal(err)
				}
				bucket(t, "model", found...)
				ask.Model, ask.IDs, in, out = "memfs://model", bucket(t, "ids", ids)[0], bucket(t, "annotated", files...), "memfs://rows/"+test.out
			}
			reads.Store(0)
			p, err := NewExtraction(ctx, ask, in, out)
			if err := run(t, p, err); err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if err := download(ctx, out, &got); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%d bytes that differ from the %d of one machine", got.Len(), len(want))
			}
			if left := contents(t, string(piecesOf(out))); len(left) > 0 {
				t.Errorf("%d pieces left", len(left))
			}
			if n := reads.Load(); n != 1 {
				t.Errorf("the model was read %d times, want once", n)
			}
			if _, err := NewExtraction(ctx, ask, in, out); !errors.As(err, new(*request.Misuse)) {
				t.Errorf("a result that is there: %v, want a misuse", err)
			}
		})
	}
}

// onOneMachine returns what the local command makes.
func onOneMachine(t *testing.T, ask bulk.Request, model string, files []string, out string) []byte {
	t.Helper()
	plan, err := ask.Plan()
	if err != nil {
		t.Fatal(err)
	}
	m, err := extract.Open(t.Context(), model, ask.Options(extract.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	plan.Model, plan.Files, plan.Out = model, files, out
	s, err := bulk.Run(t.Context(), plan, m)
	if err != nil {
		t.Fatal(err)
	}
	if s.Rows == 0 || s.BrokenFiles != 1 {
		t.Fatalf("the input shows too little: %+v", s.Counts)
	}
	rows, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestExtractionFaults(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	files := annotated(t, dir)
	good := bulk.Request{Batch: 32, Chunk: 4096}
	for _, test := range []struct {
		name, out, want string
		misuse          bool
		ask             Extraction
		files           []string
	}{
		{"no form", "rows.csv", "rows.csv: unknown extension", true, Extraction{good, "m"}, files},
		{"no model", "rows.tsv", "want --model", true, Extraction{good, ""}, files},
		{"one type", "rows.tsv", "--types names 1 types", true, Extraction{bulk.Request{Types: []string{"Gene"}, Batch: 1, Chunk: 1}, "m"}, files},
		{"probability", "rows.tsv", "--min-probability 2", true, Extraction{bulk.Request{MinProbability: 2, Batch: 1, Chunk: 1}, "m"}, files},
		{"a file named twice", "rows.tsv", "a.xml: named twice", false, Extraction{good, "m"}, append(files, files[2])},
		{"a model that is none", "rows.tsv", "config.json", false, Extraction{good, dir}, files},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), test.out)
			p, err := NewExtraction(ctx, test.ask, test.files, out)
			err = run(t, p, err)
			if err == nil || !strings.Contains(err.Error(), test.want) || test.misuse != errors.As(err, new(*request.Misuse)) {
				t.Errorf("%v, want %q in it", err, test.want)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("there is a result")
			}
		})
	}
}
