package pubmed

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	fastgzip "github.com/klauspost/compress/gzip"

	"github.com/subbert/subbert/data/corpus/pubmed/pubmedtest"
)

// madeUp is a file of some 4 MB, plain and compressed.
func madeUp(b *testing.B) (plain, packed []byte) {
	b.Helper()
	var xml, gz bytes.Buffer
	if err := pubmedtest.Write(&xml, pubmedtest.Config{Seed: 1, Citations: 400}); err != nil {
		b.Fatal(err)
	}
	w := gzip.NewWriter(&gz)
	if _, err := w.Write(xml.Bytes()); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return xml.Bytes(), gz.Bytes()
}

// BenchmarkRead measures bytes of XML per second: reading alone, and decompressing, reading and selecting.
func BenchmarkRead(b *testing.B) {
	plain, packed := madeUp(b)
	b.Run("parse", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		b.ReportAllocs()
		for b.Loop() {
			drain(b, bytes.NewReader(plain), func(*Citation) bool { return true })
		}
	})
	b.Run("gunzip", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		for b.Loop() {
			r, err := fastgzip.NewReader(bytes.NewReader(packed))
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, struct{ io.Reader }{r}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("gunzip+parse+select", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		for b.Loop() {
			r, err := fastgzip.NewReader(bytes.NewReader(packed))
			if err != nil {
				b.Fatal(err)
			}
			drain(b, r, mentionsGene)
		}
	})
}

// mentionsGene is about what "protein OR gene" asks.
func mentionsGene(c *Citation) bool {
	for _, s := range c.Abstract {
		if strings.Contains(s.Text, "protein") || strings.Contains(s.Text, "gene") {
			return true
		}
	}
	return strings.Contains(c.Title, "protein") || strings.Contains(c.Title, "gene")
}

func drain(b *testing.B, r io.Reader, keep func(*Citation) bool) {
	b.Helper()
	kept := 0
	for c, err := range NewReader(r, "made up", Options{Strict: true}).Records() {
		if err != nil {
			b.Fatal(err)
		}
		if keep(c) {
			kept++
		}
	}
	if kept == 0 {
		b.Fatal("nothing kept")
	}
}
