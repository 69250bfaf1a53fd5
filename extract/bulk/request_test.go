package bulk

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/request"
)

func TestRequest(t *testing.T) {
	ids := save(t, t.TempDir(), "ids.txt", []byte("D1\n\n MESH:D2 \n"))
	empty := save(t, t.TempDir(), "none.txt", []byte("\n"))
	for _, test := range []struct {
		name         string
		asked        Request
		want         Filter
		fault, other bool // a *request.Misuse, another error
	}{
		{name: "nothing"},
		{name: "everything", asked: Request{Types: []string{"A", "B"}, As: []string{"X", "Y"}, Within: 1, IDs: ids, Species: []string{" 9606"}, Sections: []string{"Title"}},
			want: Filter{Types: [2]string{"A", "B"}, Within: 1, IDs: map[string]bool{"D1": true, "D2": true}, Species: map[string]bool{"9606": true}, Sections: []string{"title"}}},
		{name: "one type", asked: Request{Types: []string{"A"}}, fault: true},
		{name: "other names of no types", asked: Request{As: []string{"A", "B"}}, fault: true},
		{name: "a negative distance", asked: Request{Within: -1}, fault: true},
		{name: "a probability above one", asked: Request{MinProbability: 1.5}, fault: true},
		{name: "no identifiers", asked: Request{IDs: empty}, other: true},
		{name: "no file of identifiers", asked: Request{IDs: filepath.Join(t.TempDir(), "gone")}, other: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.asked.Batch, test.asked.Chunk = 32, 4096
			p, err := test.asked.Plan()
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
