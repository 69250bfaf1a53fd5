package sweep

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// TestHostileSweeps: small files of large sweeps are refused at once, and large sweeps within the bounds end soon.
func TestHostileSweeps(t *testing.T) {
	many := func(n int, run func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(run(i))
		}
		return b.String()
	}
	list := func(n int) string { return "[" + many(n, func(i int) string { return fmt.Sprintf("%d,", i) }) + "]" }
	const tiny = "[[run]]\nname=\"r%d\"\nverb=\"x\"\n"
	for _, test := range []struct{ name, text, want string }{
		{"10^5 runs", many(100_000, func(i int) string { return fmt.Sprintf(tiny, i) }), "sweep.toml: more than 1048576 bytes of TOML"},
		{"20,000 runs", many(20_000, func(i int) string { return fmt.Sprintf(tiny, i) }), "run r10000: its matrix and the runs before it are more than 10000 runs"},
		{"a matrix of 50^8", "[[run]]\nname=\"r\"\nverb=\"x\"\n[run.matrix]\n" + many(8, func(i int) string { return fmt.Sprintf("k%d = %s\n", i, list(50)) }), "more than 10000 runs"},
		{"a matrix of 10^4 that needs all", "[[run]]\nname=\"r\"\nverb=\"x\"\nneeds=[\"r/*\"]\n[run.matrix]\nk = " + list(10_000), "more than 1000000 needs"},
		{"a chain of 9,000", chain(9000), ""},
		{"itself", "[[run]]\nname=\"again\"\nverb=\"sweep\"\nargs=[\"sweep.toml\"]\n", "sweep.toml runs sweep.toml"},
		{"itself by another", "[[run]]\nname=\"again\"\nverb=\"sweep\"\nargs=[\"other.toml\"]\n", "sweep.toml runs other.toml runs sweep.toml"},
		{"hours that are no number", "[[run]]\nname=\"r\"\nverb=\"x\"\nhours=nan\n", "hours = NaN: want 0 to 1e9"},
		{"a cost without end", "[[run]]\nname=\"r\"\nverb=\"x\"\ncost=inf\n", "cost = +Inf: want 0 to 1e9"},
		{"a negative size", "[[run]]\nname=\"r\"\nverb=\"x\"\ngb=-1\n", "gb = -1: want 0 to 1e9"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inDir(t, map[string]string{"sweep.toml": test.text, "other.toml": "[[run]]\nname=\"back\"\nverb=\"sweep\"\nargs=[\"{file:sweep.toml}\"]\n"})
			started := time.Now()
			f, err := ReadFile("sweep.toml")
			if err == nil {
				_, err = f.Graph(nil)
			}
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%.300v, want %q", err, test.want)
			}
			if took := time.Since(started); took > 5*time.Minute { // the command's TestHostile holds the processor time
				t.Errorf("it took %v", took)
			}
		})
	}
}

// chain is n runs, each of which needs the one after it.
func chain(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "[[run]]\nname=\"r%d\"\nverb=\"x\"\n", i)
		if i+1 < n {
			fmt.Fprintf(&b, "args=[\"{in:r%d}\"]\n", i+1)
		}
	}
	return b.String()
}

// TestBracesInPaths: a file whose name has braces counts with its content.
func TestBracesInPaths(t *testing.T) {
	const name = `data{1}"x.tsv`
	keys := func(content string) map[string]string {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := ReadFile("sweep.toml")
		if err != nil {
			t.Fatal(err)
		}
		g, err := f.Graph([]string{"data.train"})
		if err != nil {
			t.Fatal(err)
		}
		keys, err := g.Keys(func(path string) (string, error) { text, err := os.ReadFile(path); return string(text), err }, "v1")
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	inDir(t, map[string]string{"ft.toml": "[data]\ntrain = 'data{1}\"x.tsv'\n",
		"sweep.toml": "[[run]]\nname=\"config\"\nverb=\"finetune\"\nconfig=\"ft.toml\"\n[[run]]\nname=\"argument\"\nverb=\"data tokenize\"\nargs=['data{1}\"x.tsv']\n"})
	before, after := keys("one"), keys("two")
	for _, run := range []string{"config", "argument"} {
		if before[run] == after[run] {
			t.Errorf("run %s has the same key for another content", run)
		}
	}
}
