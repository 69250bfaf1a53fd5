package relations

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/forms"
	"github.com/subbert/subbert/data/text"
)

// dots splits a text after each ". ".
func dots(s string) (out []text.Span) {
	start := 0
	for i := range s {
		if i >= start+2 && s[i-2:i] == ". " {
			out = append(out, text.Span{Start: start, End: i - 1})
			start = i
		}
	}
	return append(out, text.Span{Start: start, End: len(s)})
}

const apart = "1|t|Zalor and älb.\n1|a|Bor is here. Cad met Zalor. Nothing. Älb again.\n" +
	"1\t0\t5\tZalor\tChemical\tD1\n1\t10\t13\tälb\tDisease\tD2\n1\t15\t18\tBor\tDisease\tD3\n1\t28\t31\tCad\tDisease\tD4|D5\n1\t36\t41\tZalor\tChemical\tD1\n1\t52\t55\tÄlb\tDisease\t-1\n\n"

func TestWithin(t *testing.T) {
	for _, test := range []struct {
		within int
		types  [2]string
		want   []string
	}{
		{0, [2]string{"Chemical", "Disease"}, []string{"1.T1.T2 title: Zalor and älb.", "1.T5.T4 abstract: Cad met Zalor."}},
		{1, [2]string{"Chemical", "Disease"}, []string{
			"1.T1.T2 title: Zalor and älb.", "1.T1.T3 title: Zalor and älb. Bor is here.", "1.T5.T3 abstract: Bor is here. Cad met Zalor.", "1.T5.T4 abstract: Cad met Zalor."}},
		{2, [2]string{"Chemical", "Disease"}, []string{
			"1.T1.T2 title: Zalor and älb.", "1.T1.T3 title: Zalor and älb. Bor is here.",
			"1.T1.T4 title: Zalor and älb. Bor is here. Cad met Zalor.", "1.T5.T2 title: Zalor and älb. Bor is here. Cad met Zalor.",
			"1.T5.T3 abstract: Bor is here. Cad met Zalor.", "1.T5.T4 abstract: Cad met Zalor.", "1.T5.T6 abstract: Cad met Zalor. Nothing. Älb again."}},
		{1, [2]string{"Chemical", "Chemical"}, nil},
		{9, [2]string{"Chemical", "Chemical"}, []string{"1.T1.T5 title: Zalor and älb. Bor is here. Cad met Zalor."}},
	} {
		t.Run(fmt.Sprint(test.within, test.types), func(t *testing.T) {
			var got []string
			for d, err := range Texts(strings.NewReader(apart), "x", forms.PubTator, TextOptions{Strict: true}) {
				if err != nil {
					t.Fatal(err)
				}
				whole := []rune(d.a.text)
				for e, err := range d.Pairs(Options{Sentences: dots, Types: test.types, Within: test.within}) {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, e.ID+" "+e.Place.Section+": "+e.Text)
					for _, m := range []struct {
						at Named
						in Mention
					}{{e.Place.A, e.A}, {e.Place.B, e.B}} {
						if under := string(whole[m.at.Start:m.at.End]); under != m.at.Words || under != m.in.Under(e.Text) {
							t.Errorf("%s: %q at %d-%d of the document, %q in the sentence, want %q", e.ID, under, m.at.Start, m.at.End, m.in.Under(e.Text), m.at.Words)
						}
					}
					if from := string(whole[e.Place.Start:]); !strings.HasPrefix(from, e.Text) || e.Place.Sentence != e.Text {
						t.Errorf("%s: %q begins at %d, where %.20q is", e.ID, e.Text, e.Place.Start, from)
					}
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestBioCPlaces checks that positions are those of the file, with passages and sentences that omit characters.
func TestBioCPlaces(t *testing.T) {
	const file = `<collection><document><id>7</id><passage><infon key="type">title</infon><offset>5</offset><text>älb ab.</text>
<annotation id="1"><infon key="type">Gene</infon><infon key="identifier">1</infon><location offset="5" length="3"/><text>älb</text></annotation>
<annotation id="2"><infon key="type">Gene</infon><location offset="9" length="2"/><text>ab</text></annotation></passage>
<passage><infon key="section_type">METHODS</infon><offset>100</offset><sentence><offset>100</offset><text>x.</text></sentence><sentence><offset>200</offset><text>ö cd.</text>
<annotation id="3"><infon key="type">Gene</infon><location offset="202" length="2"/><text>cd</text></annotation></sentence></passage></document></collection>`
	var got []string
	for d, err := range Texts(strings.NewReader(file), "x", forms.BioC, TextOptions{Strict: true}) {
		if err != nil {
			t.Fatal(err)
		}
		for e, err := range d.Pairs(Options{Sentences: dots, Within: 5}) {
			if err != nil {
				t.Fatal(err)
			}
			p := e.Place
			got = append(got, fmt.Sprintf("%s %d: %s %d-%d, %s %d-%d", p.Section, p.Start, p.A.Words, p.A.Start, p.A.End, p.B.Words, p.B.Start, p.B.End))
		}
	}
	want := []string{"title 5: älb 5-8, ab 9-11", "title 5: älb 5-8, cd 202-204", "title 5: ab 9-11, cd 202-204"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestManyMentionsApart checks that a sentence with many mentions, next to others, takes bounded time and makes a bounded
// number of pairs.
func TestManyMentionsApart(t *testing.T) {
	var title, lines strings.Builder
	const n = 20_000
	for i := range n {
		fmt.Fprintf(&lines, "1\t%d\t%d\tZb\tGene\t%d\n", title.Len(), title.Len()+2, i)
		title.WriteString("Zb ")
	}
	abstract := "Ab is. Cd."
	at := utf8.RuneCountInString(title.String()) + 1
	fmt.Fprintf(&lines, "1\t%d\t%d\tAb\tGene\t9\n", at, at+2)
	var told []string
	pairs := 0
	for d, err := range Texts(strings.NewReader("1|t|"+title.String()+"\n1|a|"+abstract+"\n"+lines.String()+"\n"), "x", forms.PubTator, TextOptions{Strict: true}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range d.Pairs(Options{Sentences: dots, Within: 3, MaxPairs: 500, Warn: func(line string) { told = append(told, line) }}) {
			if err != nil {
				t.Fatal(err)
			}
			pairs++
		}
	}
	if pairs != 500 || len(told) != 1 || !strings.Contains(told[0], "more than 500 pairs") {
		t.Errorf("%d pairs, told %q", pairs, told)
	}
}

func TestTextFaults(t *testing.T) {
	for _, test := range []struct {
		name       string
		form       forms.Form
		file       string
		texts      int
		annotation []bool
		want       string
	}{
		{"no text", forms.PubTator, "1|t|\n1|a|\n\n2|t|Ab.\n\n", 1, []bool{false}, "x: document 1: no text"},
		{"broken line", forms.RelationsJSONL, "{\n" + `{"id":"2","text":"Ab."}`, 1, []bool{false}, "x:1: "},
		{"not UTF-8", forms.RelationsJSONL, "{\"text\":\"\xff\"}\n" + `{"id":"2","text":"Ab."}`, 1, []bool{false}, "x:1: "},
		{"mention outside", forms.RelationsJSONL, `{"id":"2","text":"Ab.","mentions":[{"id":"T1","start":2,"end":9},{"start":0,"end":2}]}`, 1, []bool{true}, "x:1: document 2: mention T1"},
		{"mention outside in BioC", forms.BioC, `<collection><document><id>3</id><passage><offset>0</offset><text>Ab.</text><annotation id="7"><location offset="2" length="9"/></annotation></passage></document></collection>`, 1, []bool{true}, "annotation 7"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var annotation []bool
			var told string
			texts := 0
			for _, err := range Texts(strings.NewReader(test.file), "x", test.form, TextOptions{Fault: func(f *TextFault) { annotation = append(annotation, f.Annotation); told += f.Error() }}) {
				if err != nil {
					t.Fatal(err)
				}
				texts++
			}
			if texts != test.texts || !cmp.Equal(annotation, test.annotation) || !strings.Contains(told, test.want) {
				t.Errorf("%d texts, faults %v: %s", texts, annotation, told)
			}
			var last error
			for _, last = range Texts(strings.NewReader(test.file), "x", test.form, TextOptions{Strict: true}) {
			}
			if last == nil || !strings.Contains(last.Error(), test.want) {
				t.Errorf("strict: %v, want %q", last, test.want)
			}
		})
	}
}
