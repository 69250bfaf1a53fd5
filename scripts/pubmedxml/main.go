// Command pubmedxml writes a made-up PubMed file, compressed if its name ends in .gz, for measuring readers:
//
//	go run ./scripts/pubmedxml -citations 12000 /tmp/pubmed26n0001.xml.gz
package main

import (
	"compress/gzip"
	"flag"
	"io"
	"os"
	"strings"

	"github.com/janpfeifer/must"

	"github.com/subbert/subbert/data/corpus/pubmed/pubmedtest"
)

func main() {
	citations := flag.Int("citations", 12000, "how many citations, some 9 kB each")
	seed := flag.Uint64("seed", 1, "seed of what is made up")
	flag.Parse()
	file := must.M1(os.Create(flag.Arg(0)))
	var w io.WriteCloser = file
	if strings.HasSuffix(flag.Arg(0), ".gz") {
		w = gzip.NewWriter(file)
	}
	must.M(pubmedtest.Write(w, pubmedtest.Config{Seed: *seed, Citations: *citations}))
	must.M(w.Close())
	if w != io.WriteCloser(file) {
		must.M(file.Close())
	}
}
