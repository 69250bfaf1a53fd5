package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"strings"

	"github.com/subbert/subbert/internal/atomicfile"
)

// Page is a report before it is written.
type Page struct {
	Title    string
	Subtitle string
	Sections []Section
	Footer   string
}

// Section is a part of a page under a heading.
type Section struct {
	Title  string
	Intro  string // may be empty
	Blocks []Block
}

// Block is something a section shows: Table, Figure, Grid, Side, Matrix, Facts, Files, Sentences, Details or Notes.
type Block interface{ block() string } // the name of its template

// Table is numbers or words in columns.
type Table struct {
	Caption string
	Columns []Column
	Rows    []Row
	Cards   bool // on a telephone each row becomes a card; for many columns
}

// Column is the heading of a column of a Table.
type Column struct {
	Name    string
	Numeric bool // set to the right, in figures of equal width
}

// Row is a row of a Table. The first cell names it.
type Row struct {
	Cells  []string
	Strong bool // the best of its column, or the sum
	Muted  bool // something to compare with, not a result
}

// Grid sets small figures side by side where there is room, under one legend. It has none of its own where the
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
	Labels  []string
	Counts  [][]int
}

// Facts is a list of names and what they are.
type Facts struct {
	Title string
	Facts []Fact
}

// Fact is one line of Facts.
type Fact struct{ Name, Value string }

// Files lists files to open.
type Files struct {
	Title string
	Links []Link
}

// Link leads to a file. Href is relative to the page.
type Link struct{ Href, Text, What string }

// Details is text behind a line that opens it.
type Details struct{ Summary, Text string }

// Notes says what a reader should be aware of.
type Notes []string

func (Table) block() string   { return "table" }
func (Grid) block() string    { return "grid" }
func (Side) block() string    { return "side" }
func (Matrix) block() string  { return "matrix" }
func (Facts) block() string   { return "facts" }
func (Files) block() string   { return "files" }
func (Details) block() string { return "details" }
func (Notes) block() string   { return "notes" }
func (Figure) block() string  { return "figure" }

//go:embed page.html page.css
var assets embed.FS

// HTML is the page as one self-contained document.
func (p *Page) HTML() ([]byte, error) {
	css, err := assets.ReadFile("page.css")
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	r := &renderer{}
	r.templates, err = template.New("page.html").Funcs(template.FuncMap{
		"render":   r.block,
		"draw":     r.draw,
		"swatch":   swatch,
		"shade":    shade,
		"tone":     tone,
		"verdict":  verdict,
		"heaviest": heaviestWords,
		"weight":   func(w float64) string { return fixed(w, 4) },
		"count":    count,
		"blank":    func(cell string) bool { return cell == noValue },
		"label":    func(t Table, i int) string { return t.Columns[i].Name },
		"anchor":   anchor,
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
	return b.Bytes(), nil
}

// Write writes the page to path: all of it, or nothing. It makes no directory for it.
func Write(path string, p *Page) error {
	html, err := p.HTML()
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return fmt.Errorf("%s: %w", filepath.Clean(path), err)
	}
	return atomicfile.WriteBytes(path, html)
}

// renderer renders the blocks of one page.
type renderer struct {
	templates *template.Template
	figures   int
}

func (r *renderer) block(b Block) (template.HTML, error) {
	var out strings.Builder
	err := r.templates.ExecuteTemplate(&out, b.block(), b)
	return template.HTML(out.String()), err // escaped by the template
}

// shade is how dark a cell of a matrix is: its share of the row, in percent of the darkest shade.
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

// anchor makes an id of a heading.
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
