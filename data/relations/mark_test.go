package relations

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/subbert/subbert/data/text"
)

// mention returns a mention with the given parts of s.
func mention(s, kind string, pieces ...string) Mention {
	m := Mention{Type: kind}
	from := 0
	for _, p := range pieces {
		at := strings.Index(s[from:], p) + from
		m.Spans = append(m.Spans, text.Span{Start: at, End: at + len(p)})
		from = at + len(p)
	}
	return m
}

func TestMark(t *testing.T) {
	const text = "Alpha and beta blockers with café́ 🙂."
	alphaBlockers, betaBlockers := mention(text, "DRUG", "Alpha", "blockers"), mention(text, "DRUG", "beta blockers")
	cafe, smile := mention(text, "CHEMICAL", "café́"), mention(text, "GENE", "🙂")
	all := []Mention{alphaBlockers, betaBlockers, cafe, smile}
	same := betaBlockers
	tests := []struct {
		name string
		a, b Mention
		want map[Marking]string
		atA  map[Marking]string // the marked text of A
		atB  map[Marking]string
	}{
		{"apart", cafe, smile,
			map[Marking]string{Tag: "Alpha and beta blockers with @CHEMICAL$ @GENE$.",
				EntityMask:  "@OTHER$ with @CHEMICAL$ @GENE$.",
				TypedMarker: "Alpha and beta blockers with <e1:CHEMICAL>café́</e1:CHEMICAL> <e2:GENE>🙂</e2:GENE>.", Unmarked: text},
			map[Marking]string{Tag: "@CHEMICAL$", EntityMask: "@CHEMICAL$", TypedMarker: "<e1:CHEMICAL>café́</e1:CHEMICAL>", Unmarked: "café́"},
			map[Marking]string{Tag: "@GENE$", EntityMask: "@GENE$", TypedMarker: "<e2:GENE>🙂</e2:GENE>", Unmarked: "🙂"}},
		{"the second first", smile, betaBlockers,
			map[Marking]string{Tag: "Alpha and @DRUG$ with café́ @GENE$.",
				EntityMask:  "Alpha and @DRUG$ with @OTHER$ @GENE$.",
				TypedMarker: "Alpha and <e2:DRUG>beta blockers</e2:DRUG> with café́ <e1:GENE>🙂</e1:GENE>.", Unmarked: text},
			map[Marking]string{Tag: "@GENE$", EntityMask: "@GENE$", TypedMarker: "<e1:GENE>🙂</e1:GENE>", Unmarked: "🙂"},
			map[Marking]string{Tag: "@DRUG$", EntityMask: "@DRUG$", TypedMarker: "<e2:DRUG>beta blockers</e2:DRUG>", Unmarked: "beta blockers"}},
		{"one inside a discontinuous one", alphaBlockers, betaBlockers,
			map[Marking]string{Tag: "@DRUG-DRUG$ with café́ 🙂.", EntityMask: "@DRUG-DRUG$ with @OTHER$ @OTHER$.",
				TypedMarker: "<e1:DRUG>Alpha and <e2:DRUG>beta blockers</e2:DRUG></e1:DRUG> with café́ 🙂.", Unmarked: text},
			map[Marking]string{Tag: "@DRUG-DRUG$", EntityMask: "@DRUG-DRUG$", TypedMarker: "<e1:DRUG>Alpha and <e2:DRUG>beta blockers</e2:DRUG></e1:DRUG>", Unmarked: "Alpha and beta blockers"},
			map[Marking]string{Tag: "@DRUG-DRUG$", EntityMask: "@DRUG-DRUG$", TypedMarker: "<e2:DRUG>beta blockers</e2:DRUG>", Unmarked: "beta blockers"}},
		{"the same words", same, same,
			map[Marking]string{Tag: "Alpha and @DRUG-DRUG$ with café́ 🙂.", EntityMask: "Alpha and @DRUG-DRUG$ with @OTHER$ @OTHER$.",
				TypedMarker: "Alpha and <e1:DRUG><e2:DRUG>beta blockers</e2:DRUG></e1:DRUG> with café́ 🙂.", Unmarked: text},
			map[Marking]string{Tag: "@DRUG-DRUG$", EntityMask: "@DRUG-DRUG$", TypedMarker: "<e1:DRUG><e2:DRUG>beta blockers</e2:DRUG></e1:DRUG>", Unmarked: "beta blockers"},
			map[Marking]string{Tag: "@DRUG-DRUG$", EntityMask: "@DRUG-DRUG$", TypedMarker: "<e2:DRUG>beta blockers</e2:DRUG>", Unmarked: "beta blockers"}},
	}
	for _, tt := range tests {
		for _, m := range Markings() {
			t.Run(tt.name+"/"+string(m), func(t *testing.T) {
				got := m.Mark(Example{Text: text, A: tt.a, B: tt.b, Mentions: all})
				if got.Text != tt.want[m] {
					t.Errorf("got  %q\nwant %q", got.Text, tt.want[m])
				}
				if a, b := got.Text[got.A.Start:got.A.End], got.Text[got.B.Start:got.B.End]; a != tt.atA[m] || b != tt.atB[m] {
					t.Errorf("A is %q, B %q, want %q, %q", a, b, tt.atA[m], tt.atB[m])
				}
			})
		}
	}
}

func TestOverlapOfChemicalAndGene(t *testing.T) {
	const text = "adenine kinase acts"
	e := Example{Text: text, A: mention(text, "CHEMICAL", "adenine"), B: mention(text, "GENE", "adenine kinase")}
	if got := Tag.Mark(e).Text; got != "@CHEM-GENE$ acts" {
		t.Errorf("got %q", got)
	}
}

// randomExample returns a sentence of words from many scripts with up to six mentions, some discontinuous, some
// overlapping; the first two are the pair.
func randomExample(r *rand.Rand) Example {
	words := []string{"a", "Zin", "café", "e\u0301x\u0323", "🙂", "👩\u200d🔬", "β", "<", "3.", "漢字", "Å", "x\ty", "\r\n", "ﬁ"}
	var made strings.Builder
	var at []text.Span
	for range 2 + r.IntN(20) {
		w := words[r.IntN(len(words))]
		at = append(at, text.Span{Start: made.Len(), End: made.Len() + len(w)})
		made.WriteString(w)
		if r.IntN(4) > 0 {
			made.WriteByte(' ')
		}
	}
	e := Example{ID: "i", Text: made.String(), Label: "l"}
	for k := range 2 + r.IntN(5) {
		m := Mention{Type: []string{"DRUG", "CHEMICAL", "GENE"}[r.IntN(3)], ID: fmt.Sprint(k)}
		i := r.IntN(len(at))
		j := min(len(at)-1, i+r.IntN(3))
		m.Spans = []text.Span{{Start: at[i].Start, End: at[j].End}}
		if l := j + 2; l < len(at) && r.IntN(3) == 0 {
			m.Spans = append(m.Spans, at[l])
		}
		e.Mentions = append(e.Mentions, m)
	}
	e.A, e.B = e.Mentions[0], e.Mentions[1]
	return e
}

// Tag and EntityMask keep every byte outside the replaced spans, in order: the result without its tags is the text without
// the hulls. TypedMarker keeps the whole text.
func TestMarkKeepsEverythingElse(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		e := randomExample(r)
		a, b := e.A.Hull(), e.B.Hull()
		var outside strings.Builder
		for i := range len(e.Text) {
			one := text.Span{Start: i, End: i + 1}
			gap := a.Overlaps(b) && a.Union(b).Overlaps(one)
			if !a.Overlaps(one) && !b.Overlaps(one) && !gap {
				outside.WriteByte(e.Text[i])
			}
		}
		got := Tag.Mark(e)
		if left := tag.ReplaceAllString(got.Text, ""); left != outside.String() {
			t.Fatalf("%q with %v, %v became %q", e.Text, e.A.Spans, e.B.Spans, got.Text)
		}
		for name, s := range map[string]text.Span{"A": got.A, "B": got.B} {
			if at := tag.FindStringIndex(got.Text[s.Start:s.End]); at == nil || at[0] != 0 || at[1] != s.Len() {
				t.Fatalf("%s of %q is %q, want a tag", name, got.Text, got.Text[s.Start:s.End])
			}
		}
		if a.Overlaps(b) != (got.A == got.B) {
			t.Fatalf("mentions overlap %v, tags are one %v: %q", a.Overlaps(b), got.A == got.B, got.Text)
		}
		typed := TypedMarker.Mark(e)
		bare := strings.NewReplacer("<e1:"+e.A.Type+">", "", "</e1:"+e.A.Type+">", "", "<e2:"+e.B.Type+">", "", "</e2:"+e.B.Type+">", "")
		if bare.Replace(typed.Text) != e.Text {
			t.Fatalf("%q became %q", e.Text, typed.Text)
		}
		if s := typed.Text[typed.A.Start:typed.A.End]; !strings.HasPrefix(s, "<e1:") || !strings.Contains(bare.Replace(s), e.Text[a.Start:a.End]) {
			t.Fatalf("A of %q is %q", typed.Text, s)
		}
		masked := EntityMask.Mark(e)
		if !subsequence(tag.ReplaceAllString(masked.Text, ""), outside.String()) {
			t.Fatalf("%q was masked as %q", e.Text, masked.Text)
		}
	}
}

// subsequence reports whether the bytes of s are in t, in the same order.
func subsequence(s, t string) bool {
	i := 0
	for j := 0; j < len(t) && i < len(s); j++ {
		if t[j] == s[i] {
			i++
		}
	}
	return i == len(s)
}

func TestRowIsReadBack(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var rows []Row
	for i := range 500 {
		e := randomExample(r)
		e.ID = fmt.Sprintf("d.s%d.p0", i)
		m := Markings()[r.IntN(4)]
		row := RowOf(e, m)
		if i%7 == 0 {
			row.Sentence = `"` + row.Sentence + `""` + `"` // csv readers take this for a quoted field
		}
		if row.Sentence == "" {
			continue
		}
		rows = append(rows, row)
	}
	var text strings.Builder
	if err := WriteTSV(&text, slices.Values(rows)); err != nil {
		t.Fatal(err)
	}
	got, err := Collect(Read("tsv", folder(t, map[string]string{"a.tsv": text.String()}), Options{}))
	if err != nil {
		t.Fatal(err)
	}
	var back []Row
	for _, e := range got {
		back = append(back, Row{e.ID, e.Text, e.Label})
	}
	if d := cmp.Diff(rows, back); d != "" {
		t.Errorf("rows (-written +read):\n%s", d)
	}
}

func TestLocated(t *testing.T) {
	tests := []struct{ sentence, a, b, types string }{
		{"@DRUG$ with @DRUG$.", "@DRUG$", "@DRUG$", "DRUG DRUG"},
		{"A @DRUG-DRUG$.", "@DRUG-DRUG$", "@DRUG-DRUG$", "DRUG DRUG"},
		{"@GENE$ binds @CHEMICAL$.", "@CHEMICAL$", "@GENE$", "CHEMICAL GENE"},
		{"A @CHEM-GENE$.", "@CHEM-GENE$", "@CHEM-GENE$", "CHEMICAL GENE"},
		{"BC6ENTG of BC6OTHER and BC6ENTC.", "BC6ENTC", "BC6ENTG", "CHEMICAL GENE"},
		{"BC6ENTG alone", "", "BC6ENTG", " GENE"},
		{"@OTHER$ and @DRUG$", "@DRUG$", "", "DRUG "},
		{"@DRUG$ @DRUG$ @DRUG$", "", "", " "},
		{"<e2:GENE>x</e2:GENE> of <e1:CHEMICAL>y</e1:CHEMICAL>", "<e1:CHEMICAL>y</e1:CHEMICAL>", "<e2:GENE>x</e2:GENE>", "CHEMICAL GENE"},
		{"costs 3@5$ and a@b", "", "", " "},
	}
	for _, tt := range tests {
		a, b, _ := located(tt.sentence)
		if a.Under(tt.sentence) != tt.a || b.Under(tt.sentence) != tt.b || a.Type+" "+b.Type != tt.types {
			t.Errorf("%q: %q, %q of %s %s; want %q, %q of %s", tt.sentence, a.Under(tt.sentence), b.Under(tt.sentence), a.Type, b.Type, tt.a, tt.b, tt.types)
		}
	}
}
