// Package facts writes the extracted relations as one self-contained HTML page: a table with search and sorting, and
// the best sentences of each relation with their mentions in colour.
//
// The page has a Content-Security-Policy that allows its own style and script by their hashes and nothing else: no
// network, no frames, no handlers in texts. Everything in the texts is shown as text.
package facts

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/subbert/subbert/data/concepts"
	"github.com/subbert/subbert/data/extracted"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string
)

// Page is the content of the page.
type Page struct {
	Title  string
	Groups []concepts.Group
	All    int // groups in all, of which Groups may be the first
}

// piece is a part of a sentence. Class names the mention, or is empty.
type piece struct{ Text, Class string }

// Write writes the page.
func Write(w io.Writer, p Page) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"pieces": pieces, "link": link, "percent": func(x any) string { return fmt.Sprintf("%.1f", 100*number(x)) },
	}).Parse(pageHTML)
	if err != nil {
		return err
	}
	return t.Execute(w, struct {
		Page
		CSS    template.CSS
		JS     template.JS
		Policy string
	}{p, template.CSS(pageCSS), template.JS(pageJS), policy()})
}

// policy allows the page's own style and script.
func policy() string {
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; style-src " + hash(pageCSS) + "; script-src " + hash(pageJS) + "; base-uri 'none'; form-action 'none'"
}

func number(x any) float64 {
	switch v := x.(type) {
	case float32:
		return float64(v)
	case float64:
		return v
	}
	return 0
}

// link returns the address of an article if its identifier is PubMed's.
func link(id string) string {
	if id == "" || strings.Trim(id, "0123456789") != "" {
		return ""
	}
	return "https://pubmed.ncbi.nlm.nih.gov/" + id + "/"
}

// pieces returns the sentence of a row, cut at its mentions.
func pieces(r extracted.Row) []piece {
	text := []rune(r.Sentence)
	class := make([]byte, len(text)) // of each character: 1 for a, 2 for b, 3 for both
	for i, m := range []struct {
		words      string
		start, end int32
	}{{r.A, r.AStart, r.AEnd}, {r.B, r.BStart, r.BEnd}} {
		start, end := int(m.start-r.SentenceStart), int(m.end-r.SentenceStart)
		if start < 0 || end > len(text) || start >= end || string(text[start:end]) != m.words {
			at := strings.Index(r.Sentence, m.words) // positions of the source may skip characters
			if at < 0 {
				continue
			}
			start = len([]rune(r.Sentence[:at]))
			end = start + len([]rune(m.words))
		}
		for j := start; j < end; j++ {
			class[j] |= 1 << i
		}
	}
	var out []piece
	for i := 0; i < len(text); {
		j := i
		for j < len(text) && class[j] == class[i] {
			j++
		}
		out = append(out, piece{string(text[i:j]), []string{"", "a", "b", "a b"}[class[i]]})
		i = j
	}
	return out
}
