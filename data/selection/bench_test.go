package selection

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/subbert/subbert/data/corpus/pubmed/pubmedtest"
)

// BenchmarkRun is PubMed's XML.gz to the parts of a selection on the disk, with their sentences, on one core and on two: MB/s
// of XML.
func BenchmarkRun(b *testing.B) {
	var files []string
	var bytesOfXML int64
	for i := range 8 {
		var xml, packed bytes.Buffer
		if err := pubmedtest.Write(&xml, pubmedtest.Config{Seed: uint64(i), Citations: 4000}); err != nil {
			b.Fatal(err)
		}
		w := gzip.NewWriter(&packed)
		if _, err := w.Write(xml.Bytes()); err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		bytesOfXML += int64(xml.Len())
		files = append(files, filepath.Join(b.TempDir(), fmt.Sprintf("pubmed26n%04d.xml.gz", i+1)))
		if err := os.WriteFile(files[i], packed.Bytes(), 0o666); err != nil {
			b.Fatal(err)
		}
	}
	for _, cores := range []int{1, 2} {
		b.Run(fmt.Sprintf("cores=%d", cores), func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
			p := plan(b, "a* OR e*", files...)
			p.Workers = cores
			out := p.Out
			b.SetBytes(bytesOfXML)
			for i := 0; b.Loop(); i++ {
				p.Out = fmt.Sprint(out, i)
				if _, err := Run(context.Background(), p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
