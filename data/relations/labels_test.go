package relations

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTaskOf(t *testing.T) {
	for _, tt := range []struct {
		name     string
		labels   []string
		negative string
		want     Task
	}{
		{"false", []string{"up", "false", "down", "up"}, "", Task{"", []string{"down", "up", "false"}, "false"}},
		{"spellings", []string{"Up", "False", "up", "FALSE"}, "", Task{"", []string{"Up", "False"}, "False"}},
		{"two words for none", []string{"up", "none", "false"}, "", Task{"", []string{"up", "none"}, "none"}},
		{"digits", []string{"1", "0"}, "", Task{"", []string{"1", "0"}, "0"}},
		{"BLUE", []string{"DDI-effect", "DDI-false"}, "", Task{"", []string{"DDI-effect", "DDI-false"}, "DDI-false"}},
		{"TACRED", []string{"no_relation", "per:age"}, "", Task{"", []string{"per:age", "no_relation"}, "no_relation"}},
		{"named", []string{"Other", "up", "false"}, "other", Task{"", []string{"false", "up", "Other"}, "Other"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := TaskOf(tt.labels, tt.negative)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
	for _, tt := range []struct{ labels, negative, want string }{
		{"up down", "", "cannot tell which of the labels down, up means no relation"},
		{"up down", "other", `negative label "other" is not among the labels down, up`},
		{"1 -1", "", "which of the labels -1, 1"},
	} {
		if _, err := TaskOf(strings.Fields(tt.labels), tt.negative); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.labels, err, tt.want)
		}
	}
}

func TestCanonicalOfFoundLabels(t *testing.T) {
	words, err := TaskOf([]string{"up", "false"}, "")
	if err != nil {
		t.Fatal(err)
	}
	named, err := TaskOf([]string{"up", "Other"}, "other")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		task      Task
		in, label string
		ok        bool
	}{
		{words, "UP", "up", true}, {words, "False", "false", true}, {words, "none", "false", true}, {words, "0", "false", true}, {words, "down", "down", false},
		{named, "OTHER", "Other", true}, {named, "false", "false", false},
	} {
		if got, ok := tt.task.Canonical(tt.in); got != tt.label || ok != tt.ok {
			t.Errorf("%q is %q, %v; want %q, %v", tt.in, got, ok, tt.label, tt.ok)
		}
	}
}
