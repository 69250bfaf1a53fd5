package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/plot"
)

var (
	update = flag.Bool("update", false, "rewrite the golden files")
	show   = flag.String("show", "", "write the page of the synthetic runs into this directory, to look at")
)

// syntheticPage returns the page of the synthetic runs.
func syntheticPage(t testing.TB, dir string) []byte {
	t.Helper()
	html, err := composed(t, dir, "Synthetic runs", syntheticRuns(t, filepath.Join(dir, "runs"))...).HTML()
	if err != nil {
		t.Fatal(err)
	}
	return html
}

// composed returns the page of runs, to be written to dir.
func composed(t testing.TB, dir, title string, paths ...string) *Page {
	t.Helper()
	var runs []*Run
	for _, path := range paths {
		r, err := ReadRun(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, r)
	}
	page, err := Compose(t.Context(), runs, Options{Title: title, Path: filepath.Join(dir, "report.html"), Made: time.Date(2026, 11, 23, 2, 3, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// everyPage returns each kind of page that this package makes, of synthetic runs in dir, by the name of its file.
func everyPage(t testing.TB, dir string) map[string]*Page {
	t.Helper()
	runs := syntheticRuns(t, filepath.Join(dir, "runs"))
	ddi, aimed := probingRun(t, filepath.Join(dir, "ddi"), 1, 12, 8, 5), probingRun(t, filepath.Join(dir, "aimed"), 2, 6, 4, 2)
	return map[string]*Page{
		"report":      composed(t, dir, "Synthetic runs", runs...),
		"pretraining": composed(t, dir, "", runs[:2]...),
		"finetuning":  composed(t, dir, "", runs[2:]...),
		"single":      composed(t, dir, "", runs[3]),
		"probe":       composed(t, dir, "", ddi),
		"probes":      composed(t, dir, "Synthetic probes", ddi, aimed),
		"attention":   composed(t, dir, "", attentionRun(t, filepath.Join(dir, "look"))),
		"errors":      errorsPage(t),
	}
}

// To look at the pages: go test ./report -run Show -show DIR, then open DIR/*.html.
func TestShow(t *testing.T) {
	if *show == "" {
		t.Skip("no -show DIR given")
	}
	for name, page := range everyPage(t, *show) {
		if err := Write(t.Context(), filepath.Join(*show, name+".html"), page); err != nil {
			t.Fatal(err)
		}
		if err := Export(filepath.Join(*show, "export", name), page); err != nil {
			t.Fatal(err)
		}
	}
}

var (
	cssPattern  = regexp.MustCompile(`(?s)<style>.*</style>`)
	drawPattern = regexp.MustCompile(`(?s)(<desc [^>]*>[^<]*</desc>)\n.*?\n</svg>`)
)

// The golden pages keep the structure and the words; pictures and style are checked by eye.
func TestGoldenPages(t *testing.T) {
	dir := t.TempDir()
	for name, page := range everyPage(t, dir) {
		t.Run(name, func(t *testing.T) {
			html, err := page.HTML()
			if err != nil {
				t.Fatal(err)
			}
			html = bytes.ReplaceAll(html, []byte(dir), []byte("DIR"))
			got := string(drawPattern.ReplaceAll(cssPattern.ReplaceAll(html, nil), []byte("$1</svg>")))
			path := filepath.Join("testdata", name+".html")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(strings.Split(read(t, path), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("page (-want +got; -update rewrites it):\n%s", diff)
			}
		})
	}
}

// A picture is compared as text: gonum/plot writes five significant digits.
func TestGoldenChart(t *testing.T) {
	c := Chart{
		Title: "Loss", XLabel: "step",
		Curves: []Curve{
			{Name: "training", X: []float64{10, 20, 30}, Y: []float64{8, 5, 4}},
			{Name: "held-out", X: []float64{20, 30}, Y: []float64{5.5, 4.5}, Color: 1, Marked: true},
		},
		Levels: []Level{{"unigram <entropy>", 6}},
	}
	got, err := forPage(c, narrow)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "chart.svg")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("chart (-want +got; -update rewrites it):\n%s", diff)
	}
}

// No page has a script, or anything that a browser would fetch, and each forbids both.
func TestPagesAskNothingOfTheNetwork(t *testing.T) {
	const policy = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">`
	for name, page := range everyPage(t, t.TempDir()) {
		html, err := page.HTML()
		if err != nil {
			t.Fatal(err)
		}
		for _, pattern := range []string{`https?:`, `(?i)<script`, `(?i)<link [^>]*stylesheet`, `@import`, `url\(`, `(?i)src=`, `(?i) on[a-z]+="`, `(?i)javascript:`} {
			if found := regexp.MustCompile(pattern).Find(html); found != nil {
				t.Errorf("the page %s has %q", name, found)
			}
		}
		head, _, _ := bytes.Cut(html, []byte("<title>"))
		if !bytes.Contains(head, []byte(policy)) || bytes.Count(html, []byte("Content-Security-Policy")) != 1 {
			t.Errorf("the page %s lacks its policy before what is shown", name)
		}
	}
}

func TestPageKeepsNoDrawingColours(t *testing.T) {
	html := cssPattern.ReplaceAllString(string(syntheticPage(t, t.TempDir())), "")
	if found := regexp.MustCompile(`(?:fill|stroke):#[^;"]*|font-family`).FindString(html); found != "" {
		t.Errorf("the page has %q, which does not follow light and dark", found)
	}
	if strings.ContainsRune(html, anchorMiddle) || strings.ContainsRune(html, anchorEnd) {
		t.Error("the page has marks that should have become text-anchor")
	}
	for k := range numSeries {
		if got, want := seriesRole(k).css(), fmt.Sprintf("var(--s%d)", k+1); got != want {
			t.Errorf("series %d has colour %s, want %s", k, got, want)
		}
	}
}

// Each id is used once, and every reference has its id.
func TestPageReferences(t *testing.T) {
	html := string(syntheticPage(t, t.TempDir()))
	ids := map[string]int{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		ids[m[1]]++
		if ids[m[1]] > 1 {
			t.Errorf("id %s is used twice", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`(?:href="#|for="|labelledby=")([^"]*)"`).FindAllStringSubmatch(html, -1) {
		for id := range strings.FieldsSeq(m[1]) {
			if ids[id] == 0 {
				t.Errorf("nothing has the id %s", id)
			}
		}
	}
	if n := strings.Count(html, "<title id="); n == 0 || n != strings.Count(html, `role="img"`) {
		t.Errorf("%d pictures have a title, want one for each of %d", n, strings.Count(html, `role="img"`))
	}
}

// Every picture is well-formed XML, whatever the names of the runs.
func TestPicturesAreWellFormed(t *testing.T) {
	dir := t.TempDir()
	odd := pretrainingRun(t, filepath.Join(dir, `a & b <c> "d"`), 1, 3)
	r, err := ReadRun(t.Context(), odd, nil)
	if err != nil {
		t.Fatal(err)
	}
	page, err := Compose(t.Context(), []*Run{r}, Options{Path: filepath.Join(dir, "report.html")})
	if err != nil {
		t.Fatal(err)
	}
	html, err := page.HTML()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(html, []byte("<c>")) {
		t.Error("the name of the run is not escaped")
	}
	pictures := regexp.MustCompile(`(?s)<svg .*?</svg>`).FindAll(html, -1)
	if len(pictures) < 10 {
		t.Fatalf("got %d pictures", len(pictures))
	}
	for _, p := range pictures {
		d := xml.NewDecoder(bytes.NewReader(p))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("%v in %.300s", err, p)
				break
			}
		}
	}
}

func TestLinksLeadToFiles(t *testing.T) {
	dir := t.TempDir()
	html := syntheticPage(t, dir)
	links := regexp.MustCompile(`<li><a href="([^"#][^"]*)"`).FindAllSubmatch(html, -1)
	if len(links) != 20 { // config, metrics and result of four runs, two checkpoints, six files of predictions
		t.Errorf("got %d links to files, want 20", len(links))
	}
	for _, m := range links {
		if _, err := os.Stat(filepath.Join(dir, string(m[1]))); err != nil {
			t.Error(err)
		}
	}
}

func TestWriteIsAllOrNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.html")
	put(t, path, "an older page")
	bad := &Page{Title: "x", Sections: []Section{{Blocks: []Block{Figure{Views: []View{{Picture: broken{}}}}}}}}
	if err := Write(t.Context(), path, bad); err == nil || !strings.Contains(err.Error(), "cannot be drawn") {
		t.Errorf("got error %v, want that it cannot be drawn", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "an older page" {
		t.Errorf("the page that was there is now %q (%v)", b, err)
	}
}

type broken struct{ Chart }

func (broken) plot(size) (*plot.Plot, error) { return nil, errors.New("cannot be drawn") }

func BenchmarkPage(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		syntheticPage(b, dir)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
