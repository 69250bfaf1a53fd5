// Command madebioc writes made-up BioC XML in PubTator 3's variety, to measure subbert extract on.
//
//	go run ./scripts/madebioc -mb 100 -out made
//
// It writes made/made-00.tar.gz and so on, archives of collections of 100 documents, of about 25 MB of XML each (-archive), until there are as
// many megabytes of XML as asked for. The same sizes make the same files.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/subbert/subbert/data/madeup"
)

func main() {
	megabytes := flag.Float64("mb", 10, "megabytes of XML")
	archive := flag.Float64("archive", 25, "megabytes of XML of an archive")
	out := flag.String("out", "made", "directory to write to")
	flag.Parse()
	if err := write(*out, int(*megabytes*1e6), int(*archive*1e6)); err != nil {
		log.Fatal(err)
	}
}

// inMember is the number of documents of a member of an archive.
const inMember = 100

func write(dir string, bytes, inArchive int) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	first := 0
	for archive := 0; bytes > 0; archive++ {
		n, documents, err := writeArchive(filepath.Join(dir, fmt.Sprintf("made-%02d.tar.gz", archive)), first, min(bytes, inArchive))
		if err != nil {
			return err
		}
		first, bytes = first+documents, bytes-n
	}
	fmt.Println(first, "documents")
	return nil
}

// writeArchive writes an archive of at least size bytes of XML, whose documents count from first.
func writeArchive(path string, first, size int) (written, documents int, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, 0, err
	}
	z := gzip.NewWriter(f)
	t := tar.NewWriter(z)
	for written < size {
		var b bytes.Buffer
		if err := madeup.WriteBioC(&b, madeup.Annotated(1, first+documents, inMember)); err != nil {
			return 0, 0, err
		}
		header := &tar.Header{Name: fmt.Sprintf("output/BioCXML/%d.BioC.XML", (first+documents)/inMember), Size: int64(b.Len()), Mode: 0o644, Typeflag: tar.TypeReg}
		if err := t.WriteHeader(header); err != nil {
			return 0, 0, err
		}
		if _, err := t.Write(b.Bytes()); err != nil {
			return 0, 0, err
		}
		written, documents = written+b.Len(), documents+inMember
	}
	return written, documents, errors.Join(t.Close(), z.Close(), f.Close())
}
