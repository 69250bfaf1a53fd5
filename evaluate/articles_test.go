package evaluate

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCombine(t *testing.T) {
	claim := func(a, b, label string, p float64) Claim { return Claim{Fact{"1", a, b, label}, p} }
	tests := []struct {
		name   string
		claims []Claim
		want   []Fact
	}{
		{"nothing", nil, []Fact{}},
		{"negative mentions alone", []Claim{claim("C", "D", "no", .9)}, []Fact{}},
		{"one positive mention among surer negative ones", []Claim{claim("C", "D", "no", .99), claim("C", "D", "CID", .51)}, []Fact{{"1", "C", "D", "CID"}}},
		{"the surest label, in either order of the identifiers", []Claim{claim("C", "D", "up", .6), claim("D", "C", "down", .7), claim("C", "D", "up", .65)}, []Fact{{"1", "C", "D", "down"}}},
		{"the first of equals", []Claim{claim("C", "D", "up", .6), claim("C", "D", "down", .6)}, []Fact{{"1", "C", "D", "up"}}},
		{"articles apart, sorted", []Claim{{Fact{"2", "C", "D", "CID"}, .6}, claim("C", "E", "CID", .6), claim("D", "C", "CID", .6)},
			[]Fact{{"1", "C", "D", "CID"}, {"1", "C", "E", "CID"}, {"2", "C", "D", "CID"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Combine(tt.claims, "no")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestScoreArticles(t *testing.T) {
	gold := []Fact{{"1", "C1", "D1", "up"}, {"1", "C2", "D1", "up"}, {"2", "C1", "D1", "down"}, {"2", "D1", "C1", "down"}, {"3", "C3", "D3", "up"}}
	tests := []struct {
		name      string
		predicted []Fact
		want      ArticleReport
	}{
		{"nothing", nil, ArticleReport{0, 0, PRF{0, 0, 0, 4}, PRF{0, 0, 0, 4}, HypernymsKept}},
		{"everything", gold, ArticleReport{4, 4, PRF{100, 100, 100, 4}, PRF{100, 100, 100, 4}, HypernymsKept}},
		{"two of four, one of them under another label, two that are not gold", []Fact{
			{"1", "D1", "C1", "up"}, {"2", "C1", "D1", "up"}, {"3", "C1", "D1", "up"}, {"4", "C3", "D3", "up"},
		}, ArticleReport{4, 2, PRF{50, 50, 50, 4}, PRF{25, 25, 25, 4}, HypernymsKept}},
		{"one of four", []Fact{{"3", "C3", "D3", "up"}, {"3", "D3", "C3", "up"}}, ArticleReport{1, 1, PRF{100, 25, 40, 4}, PRF{100, 25, 40, 4}, HypernymsKept}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, ScoreArticles(gold, tt.predicted)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
