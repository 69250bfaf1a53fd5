package bulk

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/subbert/subbert/data/corpus/pubtator"
	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/extract"
)

// Request is what a user asks for, in plain values that can be sent to another machine. The command line and the
// pipeline for clusters both build their plans from it, so that they make the same bytes.
type Request struct {
	Types          []string // of the two mentions of a pair; empty: any types
	As             []string // names of these types in the marks that the model sees; empty: Types
	Within         int      // greatest distance of the two mentions, in sentences
	IDs            string   // file of identifiers, one a line; a pair needs a mention with one of them; empty: any
	Species        []string // a text needs one of these identifiers of species; empty: any
	Sections       []string // empty: any
	MinProbability float64  // of the label of a row
	Negatives      bool     // keep rows whose label means no relation
	Strict         bool     // end at the first broken text
	Batch          int      // rows of one forward pass
	Chunk          int      // pairs that are finished together
}

// Plan checks r and returns its plan, which still lacks the model, the files and the result. An invalid request is a
// *request.Misuse.
func (r Request) Plan() (Plan, error) {
	p := Plan{MinProbability: r.MinProbability, Negatives: r.Negatives, Strict: r.Strict, Chunk: r.Chunk}
	types, err := request.PairTypes(r.Types)
	if err != nil {
		return p, err
	}
	if err := r.check(); err != nil {
		return p, &request.Misuse{Err: err}
	}
	copy(p.As[:], r.As)
	p.Filter = Filter{Types: types, Within: r.Within, Species: setOf(r.Species)}
	for _, name := range r.Sections {
		p.Filter.Sections = append(p.Filter.Sections, strings.ToLower(strings.TrimSpace(name)))
	}
	if r.IDs != "" {
		if p.Filter.IDs, err = readList(r.IDs); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (r Request) check() error {
	switch {
	case len(r.As) != 0 && (len(r.As) != 2 || len(r.Types) != 2):
		return fmt.Errorf("--as has %d types, want two, together with two --types", len(r.As))
	case r.Batch < 1:
		return fmt.Errorf("--batch %d, want at least 1", r.Batch)
	case r.Chunk < 1:
		return fmt.Errorf("--chunk %d, want at least 1", r.Chunk)
	case r.Within < 0:
		return fmt.Errorf("--within %d, want 0 or more sentences", r.Within)
	case !(r.MinProbability >= 0 && r.MinProbability <= 1):
		return fmt.Errorf("--min-probability %g, want 0 to 1", r.MinProbability)
	}
	return nil
}

// Options returns o with the settings of r that concern the model.
func (r Request) Options(o extract.Options) extract.Options {
	o.Rows = r.Batch
	if r.Within > 0 {
		o.Truncate = marked.TruncateAroundMentions
	}
	return o
}

// setOf returns the set of names, nil if there are none.
func setOf(names []string) map[string]bool {
	if len(names) == 0 {
		return nil
	}
	set := map[string]bool{}
	for _, n := range names {
		set[pubtator.Plain(strings.TrimSpace(n))] = true
	}
	return set
}

// readList reads a file of concepts, one a line, and returns them in the form of pubtator.Plain.
func readList(path string) (map[string]bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // opened for reading only
	set := map[string]bool{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if id := strings.TrimSpace(lines.Text()); id != "" {
			set[pubtator.Plain(id)] = true
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(set) == 0 {
		return nil, fmt.Errorf("%s: no identifiers", path)
	}
	return set, nil
}
