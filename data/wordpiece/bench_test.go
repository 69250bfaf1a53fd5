package wordpiece

import (
	"bufio"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ulikunitz/xz"
)

// benchBytes is how much text a benchmark goes through in one iteration.
const benchBytes = 8 << 20

// BenchmarkAppend measures Append a paragraph at a time. Cold: every iteration has a clone with an empty cache and meets
// each word for the first time once. Warm: the cache has seen the text.
func BenchmarkAppend(b *testing.B) {
	for _, in := range benchInputs(b) {
		tok, err := New(in.vocab, Config{Lower: !in.vocab.Cased(), MaxWordChars: 200})
		if err != nil {
			b.Fatal(err)
		}
		var ids []int32
		through := func(t *Tokenizer) {
			for _, text := range in.texts {
				ids = t.Append(ids[:0], text)
			}
		}
		b.Run(in.name+"/cold", func(b *testing.B) {
			b.SetBytes(int64(in.bytes))
			b.ReportAllocs()
			for b.Loop() {
				through(tok.Clone())
			}
		})
		b.Run(in.name+"/warm", func(b *testing.B) {
			b.SetBytes(int64(in.bytes))
			b.ReportAllocs()
			through(tok)
			for b.Loop() {
				through(tok)
			}
		})
		b.Run(in.name+"/pieces", func(b *testing.B) {
			b.SetBytes(int64(in.bytes))
			for b.Loop() {
				for _, text := range in.texts {
					tok.Pieces(text)
				}
			}
		})
	}
}

// BenchmarkReadVocabulary measures reading a vocabulary and building its trie.
func BenchmarkReadVocabulary(b *testing.B) {
	for _, in := range benchInputs(b) {
		file := strings.Join(in.vocab.tokens, "\n")
		b.Run(in.name, func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				if _, err := ReadVocabulary(strings.NewReader(file), "v"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

type benchInput struct {
	name  string
	vocab *Vocabulary
	texts []string
	bytes int
}

// benchInputs are a made-up text with a made-up vocabulary and, where SUBBERT_DATA names the public data, articles with
// published ones.
func benchInputs(b *testing.B) []benchInput {
	inputs := []benchInput{
		newBenchInput("madeup-cased", openVocabulary(b, "testdata/cased.vocab.txt"), madeUpText(benchBytes)),
		newBenchInput("madeup-uncased", openVocabulary(b, "testdata/uncased.vocab.txt"), madeUpText(benchBytes)),
	}
	root := os.Getenv("SUBBERT_DATA")
	if root == "" {
		b.Log("made-up text only: SUBBERT_DATA is not set")
		return inputs
	}
	texts := articles(b, filepath.Join(root, "pubtext", "evidence-inference-pmc.jsonl.xz"), benchBytes)
	for _, name := range []string{"bert-base-cased", "bert-base-uncased", "scibert-scivocab-uncased"} {
		v := openVocabulary(b, filepath.Join(root, "vocab", name+".vocab.txt"))
		inputs = append(inputs, newBenchInput("articles-"+name, v, texts))
	}
	return inputs
}

func newBenchInput(name string, v *Vocabulary, texts []string) benchInput {
	in := benchInput{name: name, vocab: v, texts: texts}
	for _, t := range texts {
		in.bytes += len(t)
	}
	return in
}

// madeUpText returns about size bytes in lines of made-up words whose frequencies fall as those of a language do.
func madeUpText(size int) []string {
	rng := rand.New(rand.NewPCG(1, 2))
	syllables := strings.Fields("ba che di fo gu ka le mi no pra ro sta te vi xo zen tion al ic ")
	words := make([]string, 50_000)
	for i := range words {
		for range 1 + rng.IntN(2+min(i, 3000)/1000) {
			words[i] += syllables[rng.IntN(len(syllables))]
		}
		if i%11 == 0 {
			words[i] = strings.ToUpper(words[i][:1]) + words[i][1:]
		}
		if i%97 == 0 {
			words[i] += "é"
		}
	}
	zipf := rand.NewZipf(rng, 1.07, 2, uint64(len(words)-1))
	var texts []string
	var line strings.Builder
	for size > 0 {
		line.Reset()
		for line.Len() < 800 {
			line.WriteString(words[zipf.Uint64()])
			line.WriteString([]string{" ", " ", " ", " ", " ", ", ", ". ", "-", " ("}[rng.IntN(9)])
		}
		texts = append(texts, line.String())
		size -= line.Len()
	}
	return texts
}

// articles returns the first size bytes of the sections of the articles in a compressed file.
func articles(b *testing.B, path string, size int) []string {
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	r, err := xz.NewReader(bufio.NewReader(f))
	if err != nil {
		b.Fatal(err)
	}
	var texts []string
	for d := json.NewDecoder(r); size > 0; {
		var article struct{ Body [][2]string }
		if err := d.Decode(&article); err != nil {
			b.Fatal(err)
		}
		for _, section := range article.Body {
			texts = append(texts, section[1])
			size -= len(section[1])
		}
	}
	return texts
}

func openVocabulary(tb testing.TB, path string) *Vocabulary {
	tb.Helper()
	v, err := OpenVocabulary(path)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}
