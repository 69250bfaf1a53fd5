package facts

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/concepts"
	"github.com/subbert/subbert/data/extracted"
)

func groups(t *testing.T) []concepts.Group {
	t.Helper()
	rows := []extracted.Row{
		{PMID: "1", Section: "title", Sentence: "älb <script>alert(1)</script> & Zalor.", SentenceStart: 10, A: "Zalor", AID: "MESH:D1", AStart: 42, AEnd: 47, B: "älb", BID: "D2", BStart: 10, BEnd: 13, Label: "CID", Probability: 0.75},
		{PMID: "1", Sentence: "Zalor met älb.", A: "älb", AID: "D2", AStart: 10, AEnd: 13, B: "Zalor", BID: "D1", BStart: 0, BEnd: 5, Label: "CID", Probability: 0.5},
		{PMID: "2", Sentence: "Zalor and älb.", A: "Zalor", AID: "D1", AStart: 900, AEnd: 905, B: "älb", BID: "D2", BStart: 999, BEnd: 1002, Label: "CID", Probability: 0.5},
		{PMID: "2", Sentence: "Bor and älb.", A: "Bor", AID: "D3", AEnd: 3, B: "älb", BID: "D2", BStart: 8, BEnd: 11, Label: "CID", Probability: 0.25},
		{PMID: "3", Sentence: "None.", AID: "D1", BID: "D2", Label: "false", Probability: 0.9},
	}
	out, err := concepts.Summarize(func(yield func(extracted.Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}, concepts.SummaryOptions{Negative: "false", Sentences: 2})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSummarize(t *testing.T) {
	var got []string
	for _, g := range groups(t) {
		s := fmt.Sprintf("%s %s %s %s %d %d %.2f %.4f", g.A.ID, g.A.Name, g.B.Name, g.Label, g.Articles, g.Rows, g.Best, g.Together)
		for _, r := range g.Sentences {
			s += fmt.Sprintf("; %s %.2f", r.PMID, r.Probability)
		}
		got = append(got, s)
	}
	want := []string{"MESH:D1 Zalor älb CID 2 3 0.75 0.8750; 1 0.75; 1 0.50", "D3 Bor älb CID 1 1 0.25 0.2500; 2 0.25"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPage(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, Page{Title: "Made <up>", Groups: groups(t), All: 2}); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{
		"Made &lt;up&gt;", `<mark class="b">älb</mark> &lt;script&gt;alert(1)&lt;/script&gt; &amp; <mark class="a">Zalor</mark>.`,
		`<mark class="b">Zalor</mark> met <mark class="a">älb</mark>.`, `href="https://pubmed.ncbi.nlm.nih.gov/1/"`,
		"script-src &#39;sha256-", "default-src &#39;none&#39;",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, bad := range []string{"<script>alert", "unsafe-inline", " src=", "ZgotmplZ"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if !strings.Contains(page, "<script>"+pageJS+"</script>") || !strings.Contains(page, "<style>"+pageCSS+"</style>") {
		t.Error("style or script are not those whose hashes the policy allows")
	}
}

// TestBrowser: the script runs under the policy of the page; searching for a name leaves one relation.
func TestBrowser(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium")
	}
	var b bytes.Buffer
	if err := Write(&b, Page{Title: "x", Groups: groups(t), All: 2}); err != nil {
		t.Fatal(err)
	}
	// The policy of the test's page also allows the test's own script.
	page := strings.Replace(b.String(), "script-src ", "script-src 'unsafe-eval' 'nonce-test' ", 1)
	page = strings.Replace(page, "</body>", `<script nonce="test">
const search = document.getElementById("search");
search.value = "bor"; search.dispatchEvent(new Event("input"));
document.querySelector("button[data-key='6']").click();
document.querySelector("button[data-key='6']").click();
document.body.dataset.result = document.getElementById("shown").textContent + " " + document.querySelectorAll("tbody[hidden]").length + " " + document.querySelector("tbody mark").textContent;
</script></body>`, 1)
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), browser, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+t.TempDir(), "--dump-dom", "file://"+path).Output()
	if err != nil {
		t.Skipf("chromium does not run: %v", err)
	}
	if !strings.Contains(string(out), `data-result="1 1 Bor"`) {
		t.Errorf("the page in the browser:\n%s", out)
	}
}
