package compare

import (
	"context"
	"embed"
	"fmt"
	"html/template"
	"io"
	"slices"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/internal/ctxio"
)

//go:embed errors.html
var assets embed.FS

// group is the cases in which the same model is right.
type group struct {
	Title string
	Rows  []row
}

// row is a case with its sentence taken apart.
type row struct {
	Case
	Parts []part
}

// part is text in a mention (of class "a", "b" or "ab") or outside.
type part struct{ Class, Text string }

// WriteErrors writes a page of the pairs that only one model gets right, with their sentences, which are found by the ID
// of the example: whole, or not at all if ctx ends.
func (c *Comparison) WriteErrors(ctx context.Context, path string, sentences map[string]relations.Example) error {
	page := struct {
		*Comparison
		Groups []group
	}{c, []group{{Title: "A right, B wrong"}, {Title: "B right, A wrong"}}}
	for _, e := range c.Cases {
		x, ok := sentences[e.Index]
		if !ok {
			return fmt.Errorf("--errors: no sentence for pair %s", e.Index)
		}
		at := 0
		if e.B.IsRight() {
			at = 1
		}
		page.Groups[at].Rows = append(page.Groups[at].Rows, row{e, partsOf(x)})
	}
	t, err := template.ParseFS(assets, "errors.html")
	if err != nil {
		return err
	}
	return atomicfile.Write(path, func(w io.Writer) error { return t.Execute(ctxio.Writer(ctx, w), page) })
}

// partsOf takes a sentence apart at its two mentions.
func partsOf(e relations.Example) []part {
	in := func(m relations.Mention, at int) bool { return m.Found() && m.Hull().Start <= at && at < m.Hull().End }
	class := func(at int) (name string) {
		if in(e.A, at) {
			name = "a"
		}
		if in(e.B, at) {
			name += "b"
		}
		return name
	}
	cuts := []int{0, e.A.Hull().Start, e.A.Hull().End, e.B.Hull().Start, e.B.Hull().End, len(e.Text)}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	var out []part
	for i, start := range cuts[:len(cuts)-1] {
		out = append(out, part{class(start), e.Text[start:cuts[i+1]]})
	}
	return out
}
