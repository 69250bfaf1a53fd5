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
)

var (
	update = flag.Bool("update", false, "rewrite the golden files")
	show   = flag.String("show", "", "write the page of the synthetic runs into this directory, to look at")
)

// syntheticPage is the page of the synthetic runs.
func syntheticPage(t testing.TB, dir string) []byte {
	t.Helper()
	var runs []*Run
	for _, path := range syntheticRuns(t, filepath.Join(dir, "runs")) {
		r, err := ReadRun(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, r)
	}
	page, err := Compose(t.Context(), runs, Options{Title: "Synthetic runs", Path: filepath.Join(dir, "report.html"), Made: time.Date(2026, 11, 23, 2, 3, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	html, err := page.HTML()
	if err != nil {
		t.Fatal(err)
	}
	return html
}

// To look at the page: go test ./report -run Show -show DIR, then open DIR/report.html and DIR/probes.html.
func TestShow(t *testing.T) {
	if *show == "" {
		t.Skip("no -show DIR given")
	}
	if err := os.WriteFile(filepath.Join(*show, "report.html"), syntheticPage(t, *show), 0o666); err != nil {
		t.Fatal(err)
	}
	var runs []*Run
	for _, path := range []string{probingRun(t, filepath.Join(*show, "ddi"), 1, 12, 8), probingRun(t, filepath.Join(*show, "aimed"), 2, 12, 4), attentionRun(t, filepath.Join(*show, "look"))} {
		r, err := ReadRun(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, r)
	}
	page, err := Compose(t.Context(), runs, Options{Title: "Synthetic probes", Path: filepath.Join(*show, "probes.html")})
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(*show, "probes.html"), page); err != nil {
		t.Fatal(err)
	}
}

var (
	cssPattern  = regexp.MustCompile(`(?s)<style>.*</style>`)
	drawPattern = regexp.MustCompile(`(?s)(<desc [^>]*>[^<]*</desc>)\n.*?\n</svg>`)
)

// The golden page keeps the structure and the words; pictures and style are looked at, not compared.
func TestGoldenPage(t *testing.T) {
	html := cssPattern.ReplaceAll(syntheticPage(t, t.TempDir()), nil)
	got := string(drawPattern.ReplaceAll(html, []byte("$1</svg>")))
	path := filepath.Join("testdata", "page.html")
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
		t.Errorf("page (-want +got; -update rewrites it):\n%s", diff)
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
	got, err := c.svg(narrow)
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

func TestPageAsksNothingOfTheNetwork(t *testing.T) {
	html := string(syntheticPage(t, t.TempDir()))
	for _, pattern := range []string{`https?:`, `(?i)<script`, `(?i)<link [^>]*stylesheet`, `@import`, `url\(`, `(?i)src=`, `(?i) on[a-z]+="`} {
		if found := regexp.MustCompile(pattern).FindString(html); found != "" {
			t.Errorf("the page has %q", found)
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

// Ids are used once, and everything that refers to one finds it.
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
	if len(links) != 16 { // config, metrics and result of four runs, two checkpoints, two files of predictions
		t.Errorf("got %d links to files, want 16", len(links))
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
	if err := Write(path, bad); err == nil || !strings.Contains(err.Error(), "cannot be drawn") {
		t.Errorf("got error %v, want that it cannot be drawn", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "an older page" {
		t.Errorf("the page that was there is now %q (%v)", b, err)
	}
}

type broken struct{ Chart }

func (broken) svg(size) (string, error) { return "", errors.New("cannot be drawn") }

func BenchmarkPage(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		syntheticPage(b, dir)
	}
}
