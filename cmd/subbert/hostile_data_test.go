package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ulikunitz/xz"

	"github.com/subbert/subbert/data/shards"
)

// hostileData returns the inputs of the verbs that read texts, corpora and shards.
func hostileData() []hostile {
	all := []hostile{
		{name: "a PubMed record of 40 MB", make: write("in.xml", longRecord), args: []string{"data", "select", "--query", "gene", "--out", "out", "in.xml"}, header: true, code: exitFailed, says: "PMID 7: line 1 (byte 33619968): more than 32 MiB"},
		{name: "a BioC file of two collections", cheap: true, make: short("in.xml", bioc("", "")+bioc("", "")), args: relationsFrom("bioc", "in.xml"), code: exitFailed, says: "<collection> after the end of the root element"},
		{name: "documents of two collections", cheap: true, make: short("in.xml", bioc("", "")+bioc("", "")), args: []string{"data", "select", "--strict", "--query", "aspirin", "--out", "out", "in.xml"}, code: exitFailed, says: "after the end of the root element"},
		{name: "BioC with text after its root", cheap: true, make: short("in.xml", bioc("", "")+"more"), args: relationsFrom("bioc", "in.xml"), code: exitFailed, says: "text outside the root element"},
		{name: "a second xz stream with a huge window", cheap: true, make: write("in.jsonl.xz", wideSecondStream), args: []string{"data", "select", "--strict", "--query", "gene", "--out", "out", "in.jsonl.xz"}, code: exitFailed, says: "window"},
		{name: "a second xz stream with a huge window in a corpus", cheap: true, make: write("in.pubtator.xz", wideSecondStream), args: relationsFrom("pubtator", "in.pubtator.xz"), code: exitFailed, says: "window"},
		{name: "a zip bomb of DDI", make: write("ddi.zip", zipBomb), args: relationsFrom("ddi2013", "ddi.zip"), header: true, code: exitFailed, says: "more than 32 MiB of XML"},
		{name: "10,000 mentions in a sentence of PubTator", make: write("in.txt", func() []byte { return manyMentions(10_000) }), args: relationsFrom("pubtator", "in.txt"), header: true, says: "pairs"},
		{name: "10,000 mentions in a passage of BioC", make: write("in.xml", manyAnnotations), args: relationsFrom("bioc", "in.xml"), header: true, says: "pairs"},
		{name: "300,000 pairs in a sentence of DDI", make: write("in.xml", manyPairs), args: relationsFrom("ddi2013", "in.xml"), header: true, says: "sentence d.s0: it has 300000 pairs, more than 10000; the others are left out"},
		{name: "3,000 entities in a sentence of the PPI corpora", make: write("in.xml", manyEntities), args: relationsFrom("ppi-xml", "in.xml"), header: true, says: ""},
		{name: "20,000 sentences and 20,000 relations", make: write("in.xml", manyRelations), args: relationsFrom("bioc", "in.xml"), header: true},
		{name: "long words of dots", input: strings.Repeat(strings.Repeat("a.", 500_000)+" ", 4), args: []string{"data", "sentences"}, header: true},
		{name: "a word of dots alone", input: strings.Repeat(".", 4<<20), args: []string{"data", "sentences"}, header: true},
		{name: "a line without an end", input: strings.Repeat("a", 100<<20), args: []string{"data", "tokenize", "--vocab", "m/vocab.txt"}, make: model(short("x", "")), header: true, code: exitFailed, says: "line 1"},
		{name: "text that never ends", cheap: true, make: link("in.txt", "/dev/zero"), args: relationsFrom("pubtator", "in.txt"), code: exitFailed, says: "in.txt"},
		{name: "marked sentences that never end", cheap: true, make: link("in.tsv", "/dev/zero"), args: relationsFrom("tsv", "in.tsv"), code: exitFailed, says: "in.tsv"},
		{name: "a result that never ends", cheap: true, make: both(short("run/config.toml", ""), link("run/result.json", "/dev/zero")), args: []string{"report", "run", "--out", "page.html"}, code: exitFailed, says: "result.json: is a device"},
		{name: "metrics that never end", cheap: true, make: both(short("run/config.toml", ""), link("run/metrics.jsonl", "/dev/zero")), args: []string{"report", "run", "--out", "page.html"}, code: exitFailed, says: "metrics.jsonl"},
		{name: "predictions that never end", cheap: true, make: link("p.tsv", "/dev/zero"), args: []string{"compare", "p.tsv", "p.tsv"}, code: exitFailed, says: "p.tsv"},
		{name: "labels that never end", cheap: true, make: link("l.txt", "/dev/zero"), args: []string{"score", "--task", "ddi", "--gold", "l.txt", "--pred", "l.txt"}, code: exitFailed, says: "l.txt"},
	}
	for _, claim := range []struct{ key, value, says string }{
		{"documents", "1000000000", "documents"}, {"tokens", "1000000000000000", "tokens"}, {"sentences", "1000000000000", "sentences"},
		{"documents", "-1", "documents"}, {"tokens", "1e400", ""}, {"bytes", "9223372036854775807", "bytes"},
	} {
		all = append(all, hostile{name: "a manifest that claims " + claim.value + " " + claim.key, cheap: true, make: claims(claim.key, claim.value), args: []string{"data", "inspect", "--verify", "shards"}, code: exitFailed, says: claim.says})
	}
	return append(all,
		hostile{name: "a selection from a pipe", cheap: true, make: link("in.jsonl", ""), args: []string{"data", "select", "--query", "aspirin", "--out", "out", "in.jsonl"}, code: exitFailed, says: "in.jsonl: is a named pipe, want a regular file"},
		hostile{name: "a shard that is a pipe", cheap: true, make: both(twoShards, link("shards/train-00000.shard", "")), args: []string{"data", "inspect", "--verify", "shards"}, code: exitFailed, says: "train-00000.shard"},
		hostile{name: "a manifest that is a pipe", cheap: true, make: both(twoShards, link("shards/manifest.json", "")), args: []string{"data", "inspect", "shards"}, code: exitFailed, says: "manifest.json"},
		hostile{name: "a manifest that never ends", cheap: true, make: both(twoShards, link("shards/manifest.json", "/dev/zero")), args: []string{"data", "inspect", "shards"}, code: exitFailed, says: "manifest.json"},
		hostile{name: "terminal escapes in a manifest", cheap: true, make: both(twoShards, edit("shards/manifest.json", `("splitter": ")[^"]*`, `${1}\u001b]0;owned\u0007\u001b[31m`)), args: []string{"data", "inspect", "shards"}})
}

// relationsFrom returns the arguments of data relations.
func relationsFrom(format, name string) []string {
	args := []string{"data", "relations", "--from", format, name, "--out", "out.tsv"}
	if format == "pubtator" || format == "bioc" {
		args = append(args, "--types", "Chemical,Chemical")
	}
	return args
}

// both returns a function that calls one and then the other.
func both(one, other func(t *testing.T, dir string)) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) { one(t, dir); other(t, dir) }
}

// bioc returns a collection of one document, with more in its passage and behind it.
func bioc(inPassage, inDocument string) string {
	return `<collection><document><id>1</id><passage><offset>0</offset><text>` + sentence + `</text>` +
		`<annotation id="T1"><infon key="type">Chemical</infon><location offset="0" length="7"/><text>Aspirin</text></annotation>` +
		`<annotation id="T2"><infon key="type">Chemical</infon><location offset="34" length="8"/><text>warfarin</text></annotation>` + inPassage + `</passage>` + inDocument + `</document></collection>`
}

func longRecord() []byte {
	return []byte(`<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID Version="1">7</PMID><Article><ArticleTitle>A gene</ArticleTitle><Abstract><AbstractText>` +
		strings.Repeat("The gene grows. ", 40<<20/16) + `</AbstractText></Abstract></Article></MedlineCitation></PubmedArticle></PubmedArticleSet>`)
}

// compressed returns text as an xz file.
func compressed(text string) []byte {
	var b bytes.Buffer
	w, err := xz.WriterConfig{DictCap: 1 << 16}.NewWriter(&b)
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err) // a buffer takes everything
	}
	return b.Bytes()
}

// wideSecondStream returns an xz file of two streams, the second of which asks for a window of 1.5 GiB.
func wideSecondStream() []byte {
	second := compressed("x\n")
	block := second[12 : 12+(int(second[12])+1)*4]
	block[bytes.Index(block, []byte{0x21, 1})+2] = 37 // the size of the window of filter LZMA2
	binary.LittleEndian.PutUint32(block[len(block)-4:], crc32.ChecksumIEEE(block[:len(block)-4]))
	return append(compressed(`{"id":"1","title":"A gene","abstract":"It grows."}`+"\n"), second...)
}

func zipBomb() []byte {
	var b bytes.Buffer
	archive := zip.NewWriter(&b)
	blanks := bytes.Repeat([]byte(" "), 1<<20)
	for i := range 8 {
		member, err := archive.Create(fmt.Sprintf("DDICorpus/Train/DrugBank/%d.xml", i))
		if err != nil {
			panic(err) // a buffer takes everything
		}
		for range 300 {
			if _, err := member.Write(blanks); err != nil {
				panic(err)
			}
		}
	}
	if err := archive.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// drugs returns a sentence of n mentions of one drug of four letters, each followed by a comma and a space.
func drugs(n int) string { return strings.Repeat("drug, ", n) }

// manyMentions returns PubTator's text of a document with one sentence of n mentions.
func manyMentions(n int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "1|t|%s\n1|a|\n", drugs(n))
	for i := range n {
		fmt.Fprintf(&b, "1\t%d\t%d\tdrug\tChemical\tC%d\n", 6*i, 6*i+4, i)
	}
	return []byte(b.String() + "\n")
}

func manyAnnotations() []byte {
	const n = 10_000
	var b strings.Builder
	fmt.Fprintf(&b, "<collection><document><id>1</id><passage><offset>0</offset><text>%s</text>", drugs(n))
	for i := range n {
		fmt.Fprintf(&b, `<annotation id="T%d"><infon key="type">Chemical</infon><location offset="%d" length="4"/><text>drug</text></annotation>`, i, 6*i)
	}
	return []byte(b.String() + "</passage></document></collection>")
}

func manyPairs() []byte {
	const n = 800
	var b strings.Builder
	fmt.Fprintf(&b, `<document id="d"><sentence id="d.s0" text="%s">`, drugs(n))
	for i := range n {
		fmt.Fprintf(&b, `<entity id="d.s0.e%d" charOffset="%d-%d" type="drug" text="drug"/>`, i, 6*i, 6*i+3)
	}
	for i, k := 0, 0; k < 300_000; i++ {
		for j := i + 1; j < n && k < 300_000; j++ {
			fmt.Fprintf(&b, `<pair id="d.s0.p%d" e1="d.s0.e%d" e2="d.s0.e%d" ddi="false"/>`, k, i, j)
			k++
		}
	}
	return []byte(b.String() + "</sentence></document>")
}

func manyEntities() []byte {
	const n = 3000
	var b strings.Builder
	fmt.Fprintf(&b, `<corpus source="AIMed"><document id="d"><sentence id="d.s0" text="%s">`, drugs(n))
	for i := range n {
		fmt.Fprintf(&b, `<entity id="d.s0.e%d" charOffset="%d-%d" type="protein" text="drug"/>`, i, 6*i, 6*i+4)
	}
	return []byte(b.String() + "</sentence></document></corpus>")
}

func manyRelations() []byte {
	const n = 20_000
	var b strings.Builder
	fmt.Fprintf(&b, "<collection><document><id>1</id><passage><offset>0</offset><text>%s</text>", strings.Repeat("A drug binds a drug. ", n))
	for i := range n {
		fmt.Fprintf(&b, `<annotation id="A%[1]d"><infon key="type">Chemical</infon><infon key="identifier">A%[1]d</infon><location offset="%[2]d" length="4"/><text>drug</text></annotation>`, i, 21*i+2)
		fmt.Fprintf(&b, `<annotation id="B%[1]d"><infon key="type">Chemical</infon><infon key="identifier">B%[1]d</infon><location offset="%[2]d" length="4"/><text>drug</text></annotation>`, i, 21*i+15)
	}
	b.WriteString("</passage>")
	for i := range n {
		fmt.Fprintf(&b, `<relation id="R%[1]d"><infon key="type">binds</infon><infon key="entity1">A%[1]d</infon><infon key="entity2">B%[1]d</infon></relation>`, i)
	}
	return []byte(b.String() + "</document></collection>")
}

// twoShards writes a set of shards of two documents.
func twoShards(t *testing.T, dir string) {
	w, err := shards.Create(filepath.Join(dir, "shards"), shards.Header{Vocabulary: shards.Vocabulary{Hash: "0", Size: 34}, Tokenizer: shards.Tokenizer{MaxWordChars: 200}, Splitter: "test-1",
		Inputs: []shards.Input{{Name: "docs.jsonl"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Discard()
	for range 2 {
		if err := w.Add(shards.Train, &shards.Document{IDs: []int32{5, 6, 7, 8}, Lengths: []int32{2, 2}, Words: 4, TextBytes: 20}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Commit(nil); err != nil {
		t.Fatal(err)
	}
}

// claims returns a function that writes shards whose manifest has another value for the first key of that name within its splits.
func claims(key, value string) func(t *testing.T, dir string) {
	return both(twoShards, edit("shards/manifest.json", `(?s)("splits".*?"`+key+`": )\d+`, "${1}"+value))
}

// edit returns a function that changes a file.
func edit(name, pattern, replacement string) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		path := filepath.Join(dir, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := regexp.MustCompile(pattern).ReplaceAll(text, []byte(replacement))
		if bytes.Equal(text, changed) {
			t.Fatalf("%s has nothing that matches %s:\n%s", name, pattern, text)
		}
		put(t, path, changed)
	}
}
