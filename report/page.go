package report

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/subbert/subbert/compare"
	"github.com/subbert/subbert/internal/atomicfile"
)

// Page is a report before it is written.
type Page struct {
	Title    string
	Subtitle string
	Verdict  []string // the outcome, in a sentence or a few
	Lead     []Block  // what a reader sees without scrolling, below the verdict
	Sections []Section
	Footer   string
}

// Section is a part of a page under a heading.
type Section struct {
	Title  string
	Intro  string // may be empty
	Folded bool   // opened by a click on its heading
	Blocks []Block
}

// Block is a part of a section: Table, Figure, Grid, Side, Matrix, Facts, Files, Choice, Sentence, Case, Details or
// Notes.
type Block interface{ block() string } // returns the name of its template

// Grid sets small figures side by side, where there is room, under one legend. It has no legend of its own if the
// figure above it has the same.
type Grid struct {
	Figures []Figure
	Above   []LegendEntry
}

// Side sets blocks side by side where there is room.
type Side []Block

// Matrix is a confusion matrix: a row for each gold label, a column for each predicted one.
type Matrix struct {
	Caption string
	File    string // as of a Table
	Labels  []string
	Counts  [][]int
}

// Facts is a list of names and values.
type Facts struct {
	Title string
	Facts []Fact
}

// Fact is one line of Facts.
type Fact struct{ Name, Value string }

// Glance is a few facts side by side.
type Glance []Fact

// Heading is the heading above the blocks of a task.
type Heading string

// Files lists files to open.
type Files struct {
	Title string
	Links []Link
}

// Link is a link to a file. Href is relative to the page.
type Link struct{ Href, Text, What string }

// Details is text behind a line that opens it.
type Details struct{ Summary, Text string }

// Notes are what a reader should be aware of.
type Notes []string

// Remarks are small print: how numbers were made and how to read them.
type Remarks []string

func (Table) block() string   { return "table" }
func (Grid) block() string    { return "grid" }
func (Side) block() string    { return "side" }
func (Matrix) block() string  { return "matrix" }
func (Facts) block() string   { return "facts" }
func (Glance) block() string  { return "glance" }
func (Heading) block() string { return "heading" }
func (Files) block() string   { return "files" }
func (Details) block() string { return "details" }
func (Notes) block() string   { return "notes" }
func (Remarks) block() string { return "remarks" }
func (Figure) block() string  { return "figure" }

//go:embed page.html page.css
var assets embed.FS

// HTML returns the page as one self-contained document. With its Content-Security-Policy a browser runs no script and
// loads nothing, whatever the names and texts on the page contain.
func (p *Page) HTML() ([]byte, error) {
	css, err := assets.ReadFile("page.css")
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	r := &renderer{}
	r.templates, err = template.New("page.html").Funcs(template.FuncMap{
		"render": r.block,
		"draw":   r.draw,
		"choose": r.choose,
		"swatch": swatch,
		"shade":  shade,
		"tone":   tone,
		"times":  times,
		"count":  count,
		"blank":  func(cell string) bool { return cell == noValue || cell == "" },
		"label":  func(t Table, i int) string { return t.Columns[i].Name },
		"anchor": anchor,
		"vote":   func(who string, v compare.Vote) vote { return vote{v, who} },
	}).ParseFS(assets, "page.html")
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	var b bytes.Buffer
	err = r.templates.Execute(&b, struct {
		*Page
		CSS template.CSS
	}{p, template.CSS(css)})
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return []byte(withoutOverrides(b.String())), nil
}

// Open returns the sections that are not folded.
func (p *Page) Open() []Section {
	var out []Section
	for _, s := range p.Sections {
		if !s.Folded {
			out = append(out, s)
		}
	}
	return out
}

// Write writes the page to path atomically. It does not create directories. If ctx has ended it writes nothing.
func Write(ctx context.Context, path string, p *Page) error {
	html, err := p.HTML()
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return fmt.Errorf("%s: %w", filepath.Clean(path), err)
	}
	return atomicfile.WriteContext(ctx, path, func(w io.Writer) error {
		_, err := w.Write(html)
		return err
	})
}

// renderer renders the blocks of one page.
type renderer struct {
	templates *template.Template
	figures   int
	choices   int
}

func (r *renderer) block(b Block) (template.HTML, error) {
	var out strings.Builder
	err := r.templates.ExecuteTemplate(&out, b.block(), b)
	return template.HTML(out.String()), err // escaped by the template
}

// shade returns how dark a cell of a matrix is: its share of the row, in percent of the darkest shade.
func shade(row []int, i int) int {
	sum := 0
	for _, n := range row {
		sum += n
	}
	if sum == 0 {
		return 0
	}
	return 60 * row[i] / sum
}

// anchor turns a heading into an id, or into the name of a file.
func anchor(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, title)
}
