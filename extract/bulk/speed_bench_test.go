package bulk

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/extract"
)

// BenchmarkExtract compares Run on BC5CDR's 1,500 documents, or on the files that the pattern SUBBERT_ARCHIVES names, with
// the forward passes alone over the same pairs, held in memory, in turn. It needs the model directory SUBBERT_MODEL,
// SUBBERT_DATA, and, unless it is the pure-Go backend, SUBBERT_BACKEND=cpu=FILE. "of-forward" is the speed of Run as a
// fraction of that of the forward passes.
func BenchmarkExtract(b *testing.B) {
	model, files := os.Getenv("SUBBERT_MODEL"), os.Getenv("SUBBERT_ARCHIVES")
	if data := os.Getenv("SUBBERT_DATA"); files == "" && data != "" {
		files = filepath.Join(data, "pubtext/bc5cdr-pubtator/*.xz")
	}
	if model == "" || files == "" {
		b.Skip("SUBBERT_MODEL and SUBBERT_DATA do not name a relation model and the corpora")
	}
	m, err := extract.Open(b.Context(), model, extract.Options{Backend: func(ctx context.Context) (*backend.Handle, error) {
		spec, err := backend.ParseSpec(cmp.Or(os.Getenv("SUBBERT_BACKEND"), backend.Go))
		if err != nil {
			return nil, err
		}
		return backend.Open(ctx, backend.Choice{Spec: spec}, backend.Options{})
	}})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	p := benchPlan(b, model, files)
	pairs := examples(b, p)
	alone := func(pairs []relations.Example) time.Duration {
		j := job{Plan: &p, model: m, settings: settingsOf(m), told: map[[2]string]bool{}}
		began := time.Now()
		for _, err := range m.Predict(b.Context(), j.shown(pairs)) {
			if err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(began)
	}
	whole := func() time.Duration {
		began := time.Now()
		if _, err := Run(b.Context(), p, m); err != nil {
			b.Fatal(err)
		}
		return time.Since(began)
	}
	alone(pairs[:min(len(pairs), 4*p.Chunk)]) // compiles
	var forward, run time.Duration
	for b.Loop() {
		forward += alone(pairs)
		run += whole()
	}
	n := float64(b.N) * float64(len(pairs))
	b.ReportMetric(n/forward.Seconds(), "forward-pairs/s")
	b.ReportMetric(n/run.Seconds(), "extract-pairs/s")
	b.ReportMetric(forward.Seconds()/run.Seconds(), "of-forward")
}

// BenchmarkRead reads annotated documents and makes their pairs, without a model. -cpu 1,2 compares one core and two.
func BenchmarkRead(b *testing.B) {
	dir := b.TempDir()
	var members []member
	for i := range 40 {
		members = append(members, member{filepath.Join("out", string(rune('a'+i))+".xml"), bioc(b, 100*i, 100)})
	}
	archive := gz(b, tarred(b, members...))
	save(b, dir, "a.tar.gz", archive)
	p := benchPlan(b, "", filepath.Join(dir, "*.gz"))
	b.SetBytes(int64(len(archive)))
	for b.Loop() {
		for _, err := range p.chunks(b.Context(), position{}) { // as Run does, it drops each chunk
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func benchPlan(b *testing.B, model, files string) Plan {
	b.Helper()
	names, err := filepath.Glob(files)
	if err != nil || len(names) == 0 {
		b.Fatalf("%s: %d files; %v", files, len(names), err)
	}
	p := plan(b, model, filepath.Join(b.TempDir(), "out.tsv"), names...)
	p.Chunk, p.Workers, p.Replace = 4096, runtime.GOMAXPROCS(0), true
	p.complete()
	return p
}

// examples reads all pairs of a plan.
func examples(b *testing.B, p Plan) (all []relations.Example) {
	b.Helper()
	for c, err := range p.chunks(b.Context(), position{}) {
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, c.examples...)
	}
	return all
}
