package bulk

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/request"
)

func TestChoose(t *testing.T) {
	ids := save(t, t.TempDir(), "ids.txt", []byte("D1\n\n D2 \n"))
	empty := save(t, t.TempDir(), "none.txt", []byte("\n"))
	for _, test := range []struct {
		name         string
		plan         Plan
		pairs        Pairs
		want         Filter
		fault, other bool // a *request.Misuse, another error
	}{
		{name: "nothing"},
		{name: "everything", pairs: Pairs{Types: []string{"A", "B"}, As: []string{"X", "Y"}, Within: 1, IDs: ids, Species: []string{" 9606"}, Sections: []string{"Title"}},
			want: Filter{Types: [2]string{"A", "B"}, Within: 1, IDs: map[string]bool{"D1": true, "D2": true}, Species: map[string]bool{"9606": true}, Sections: []string{"title"}}},
		{name: "one type", pairs: Pairs{Types: []string{"A"}}, fault: true},
		{name: "other names of no types", pairs: Pairs{As: []string{"A", "B"}}, fault: true},
		{name: "a negative distance", pairs: Pairs{Within: -1}, fault: true},
		{name: "a probability above one", plan: Plan{MinProbability: 1.5}, fault: true},
		{name: "no form", plan: Plan{Out: "x.csv"}, fault: true},
		{name: "no identifiers", pairs: Pairs{IDs: empty}, other: true},
		{name: "no file of identifiers", pairs: Pairs{IDs: filepath.Join(t.TempDir(), "gone")}, other: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := test.plan
			if p.Out == "" {
				p.Out = "x.tsv"
			}
			err := p.Choose(test.pairs)
			misuse := new(request.Misuse)
			if errors.As(err, &misuse) != test.fault || (err != nil) != (test.fault || test.other) {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(test.want, p.Filter); err == nil && diff != "" {
				t.Errorf("filter (-want +got):\n%s", diff)
			}
		})
	}
}
