package sweep

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestShare(t *testing.T) {
	for _, c := range []struct {
		n, jobs int
		want    string
	}{
		{2, 2, "[[3] [4]]"}, {5, 2, "[[3 4] [5 6 7]]"}, {2, 3, "[[3] [4] [3]]"}, {3, 3, "[[3] [4] [5]]"}, {1, 2, "[[3] [3]]"},
	} {
		var got [][]int
		for slot := range c.jobs {
			got = append(got, share([]int{3, 4, 5, 6, 7}[:c.n], slot, c.jobs))
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%d processors among %d: got %v, want %s", c.n, c.jobs, got, c.want)
		}
	}
}

// TestProcessors: processes that run beside one another have a share of the processors, one that runs alone all of them.
func TestProcessors(t *testing.T) {
	all := runtime.NumCPU()
	if all < 2 {
		t.Skip("there is one processor to share")
	}
	dir := t.TempDir()
	r, err := sweepIn(t.Context(), diamond("10ms"), dir, 2)
	if err != nil {
		t.Fatal(err)
	}
	with := func(name string) string {
		i := slices.IndexFunc(r.Runs, func(s Status) bool { return s.Name == name })
		text, err := os.ReadFile(filepath.Join(r.Runs[i].Dir, LogFile))
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(text), " with ")
		return strings.TrimSuffix(after, " processors\n")
	}
	shares := []string{fmt.Sprint(all / 2), fmt.Sprint(all - all/2)}
	for _, name := range []string{"start/a", "start/b"} {
		if got := with(name); !slices.Contains(shares, got) {
			t.Errorf("%s ran on %s processors of %d, want %s", name, got, all, strings.Join(shares, " or "))
		}
	}
	if got := with("end"); got != fmt.Sprint(all) {
		t.Errorf("end ran on %s processors, want all %d", got, all)
	}
}
