package pubmed

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRealRecord reads a record as NLM published it, for those who have the data.
func TestRealRecord(t *testing.T) {
	root := os.Getenv("SUBBERT_DATA")
	if root == "" {
		t.Skip("SUBBERT_DATA is not set")
	}
	path := filepath.Join(root, "pubtext", "pubmed-xml", "pubmed-29768149.xml")
	n := 0
	for c, err := range Open(t.Context(), path, Options{Strict: true}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if c.PMID != 29768149 || len(c.Abstract) != 4 || c.Published != (Date{Year: 2018, Month: 5, Day: 17}) || c.DOI == "" {
			t.Errorf("got %v, %d sections, %v, DOI %q", c.ID, len(c.Abstract), c.Published, c.DOI)
		}
		if !strings.Contains(c.Abstract[0].Text, "β 2-agonist") || c.Abstract[0].Label != "BACKGROUND" {
			t.Errorf("inline markup and references: got %q", c.Abstract[0])
		}
		if len(c.MeSH) < 10 || len(c.Chemicals) == 0 || c.Journal.Abbreviation != "N Engl J Med" {
			t.Errorf("got %d headings, %d chemicals, journal %+v", len(c.MeSH), len(c.Chemicals), c.Journal)
		}
	}
	if n != 1 {
		t.Errorf("got %d citations, want 1", n)
	}
}
