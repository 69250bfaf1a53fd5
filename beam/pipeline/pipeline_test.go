package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/local"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/memfs" // stands for a bucket
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/corpus/pubmed/pubmedtest"
	"github.com/subbert/subbert/data/preparation"
	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/data/selection"
	"github.com/subbert/subbert/data/staging"
)

func TestMain(m *testing.M) {
	Register()
	beam.Init()
	os.Exit(inTemporary(m.Run))
}

// inTemporary runs tests with a temporary directory of their own, and removes it: a worker of Beam's keeps its files, since it is
// never told that it is over.
func inTemporary(tests func() int) int {
	dir, err := os.MkdirTemp("", "subbert-beam-")
	if err == nil {
		err = os.Setenv("TMPDIR", dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := tests()
	if err := os.RemoveAll(dir); err != nil { // a worker may still write
		fmt.Fprintln(os.Stderr, err)
	}
	return code
}

// inputs are two files of PubMed's, the second of which replaces some of the first, notes with a broken line, a list of
// what is excluded and a vocabulary.
func inputs(t *testing.T) (dir string, files []string) {
	t.Helper()
	dir = t.TempDir()
	put := func(name string, content []byte) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, content, 0o666); err != nil {
			t.Fatal(err)
		}
		return name
	}
	put("excluded.txt", []byte("note3\n"))
	put("vocab.txt", []byte("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\na\nit\ngrows\nprotein\n##s\n.\n0\n1\n2\n"))
	for i, citations := range []int{60, 40} { // before the notes, which are to come first
		var b bytes.Buffer
		if err := pubmedtest.Write(&b, pubmedtest.Config{Seed: uint64(i + 1), Citations: citations}); err != nil {
			t.Fatal(err)
		}
		files = append(files, put(fmt.Sprintf("pubmed26n%04d.xml", i+1), b.Bytes()))
	}
	var notes strings.Builder
	for i := range 50 {
		fmt.Fprintf(&notes, "{\"id\":\"note%d\",\"title\":\"A protein\",\"text\":\"It grows %d. The proteins grow.\"}\n", i, i%45)
	}
	notes.WriteString("{\n")
	return dir, append(files, put("notes.jsonl", []byte(notes.String())))
}

func run(t *testing.T, p *beam.Pipeline, err error) error {
	t.Helper()
	if err != nil {
		return err
	}
	_, err = beam.Run(context.Background(), "prism", p)
	return err
}

// bucket copies files to the filesystem that stands for a bucket.
func bucket(t *testing.T, name string, files ...string) []string {
	t.Helper()
	var there []string
	for _, f := range files {
		to := join("memfs://"+name, filepath.Base(f))
		if err := upload(context.Background(), f, to); err != nil {
			t.Fatal(err)
		}
		there = append(there, to)
	}
	return there
}

// contents are the files of a directory, wherever it is.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	found, err := list(context.Background(), join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]string)
	for _, name := range found {
		var b bytes.Buffer
		if err := download(context.Background(), name, &b); err != nil {
			t.Fatal(err)
		}
		out[path.Base(filepath.ToSlash(name))] = b.String()
	}
	return out
}

// same compares a result with the local one, and looks for what it left behind.
func same(t *testing.T, local, ours string) {
	t.Helper()
	want := contents(t, local)
	if len(want) < 2 {
		t.Fatalf("%d files made on one machine", len(want))
	}
	if diff := cmp.Diff(want, contents(t, ours)); diff != "" {
		t.Errorf("%s differs from what one machine makes (-want +got):\n%s", ours, diff)
	}
	if left := contents(t, string(piecesOf(ours))); len(left) > 0 {
		t.Errorf("%d pieces left", len(left))
	}
}

func TestSameAsOnOneMachine(t *testing.T) {
	ctx, quiet := context.Background(), slog.New(slog.DiscardHandler)
	dir, files := inputs(t)
	in := func(name string) string { return filepath.Join(dir, name) }
	choose := request.Selection{Query: "a* OR protein", Exclude: []string{in("excluded.txt")}, Share: []string{"pubmed*=0.8"},
		Vocab: in("vocab.txt"), Uncased: true}
	plan, err := choose.Plan(ctx, files, quiet)
	if err != nil {
		t.Fatal(err)
	}
	plan.Out = in("local")
	card, err := selection.Run(ctx, plan)
	if err != nil {
		t.Fatal(err)
	}
	if card.Replaced == 0 || card.SameText == 0 || card.Broken != 1 || card.Excluded != 1 || card.NotInShare == 0 {
		t.Fatalf("the input shows too little: %s", card.Counts)
	}
	p, err := NewSelection(ctx, choose, files, in("cluster"), quiet)
	if err := run(t, p, err); err != nil {
		t.Fatal(err)
	}
	same(t, in("local"), in("cluster"))

	away := choose
	away.Exclude, away.Vocab = bucket(t, "aids", in("excluded.txt")), bucket(t, "aids", in("vocab.txt"))[0]
	p, err = NewSelection(ctx, away, bucket(t, "in", files...), "memfs://made/selected", quiet)
	if err := run(t, p, err); err != nil {
		t.Fatal(err)
	}
	same(t, in("local"), "memfs://made/selected")

	shard := request.Shards{Vocab: in("vocab.txt"), Uncased: true, MaxWordChars: 200, HeldOut: 0.2, Seed: 3}
	documents, err := request.Files([]string{in("local"), in("notes.jsonl")})
	if err != nil {
		t.Fatal(err)
	}
	prepare, err := shard.Plan(documents)
	if err != nil {
		t.Fatal(err)
	}
	prepare.Out = in("shards")
	if _, err := preparation.Run(ctx, prepare); err != nil {
		t.Fatal(err)
	}
	far, err := Files(ctx, []string{"memfs://made/selected", "memfs://in/notes.json?"})
	if err != nil {
		t.Fatal(err)
	}
	shard.Vocab = away.Vocab
	p, err = NewShards(ctx, shard, far, "memfs://made/shards")
	if err := run(t, p, err); err != nil {
		t.Fatal(err)
	}
	same(t, in("shards"), "memfs://made/shards")
}

func TestFaults(t *testing.T) {
	ctx, quiet := context.Background(), slog.New(slog.DiscardHandler)
	dir, files := inputs(t)
	out := filepath.Join(dir, "out")
	var misuse *request.Misuse
	if _, err := NewSelection(ctx, request.Selection{Query: "(a"}, files, out, quiet); !errors.As(err, &misuse) {
		t.Errorf("half a query: %v, want a misuse", err)
	}
	if _, err := NewSelection(ctx, request.Selection{Query: "a"}, files, dir, quiet); !errors.As(err, &misuse) {
		t.Errorf("a directory that is there: %v, want a misuse", err)
	}
	if _, err := Files(ctx, []string{filepath.Join(dir, "none*")}); err == nil || !strings.Contains(err.Error(), "none*: no such file") {
		t.Errorf("a pattern that matches nothing: %v", err)
	}
	for _, c := range []struct {
		name, want string
		ask        request.Selection
	}{
		{"nothing found", "no document selected by virus[all]", request.Selection{Query: "virus"}},
		{"strict", "notes.jsonl: line 51: bad JSON", request.Selection{Query: "protein", Strict: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := NewSelection(ctx, c.ask, files, out, quiet)
			if err := run(t, p, err); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q in it", err, c.want)
			}
			if made := contents(t, out); len(made) > 0 {
				t.Errorf("made %d files", len(made))
			}
		})
	}
}

// A piece that was damaged on the way is noticed.
func TestDamagedPiece(t *testing.T) {
	ctx := context.Background()
	name := strings.Repeat("0", 64)
	err := withFilesystem(ctx, "memfs://damaged", func(fs filesystem.Interface) error {
		return filesystem.Write(ctx, fs, "memfs://damaged/"+name, []byte("x"))
	})
	if err != nil {
		t.Fatal(err)
	}
	work, err := staging.OpenWork(filepath.Join(t.TempDir(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := pieces("memfs://damaged").get(ctx, work, name); err == nil || !strings.Contains(err.Error(), "damaged in transfer") {
		t.Errorf("got %v", err)
	}
}
