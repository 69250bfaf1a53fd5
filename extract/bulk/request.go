package bulk

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/subbert/subbert/data/extracted"
	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/extract"
)

// Pairs says in plain values which pairs to predict.
type Pairs struct {
	Types    []string // of the two mentions: two, or none for any types
	As       []string // names of Types in the marks that the model sees; none: the same
	Within   int      // greatest distance of the two mentions, in sentences
	IDs      string   // file of identifiers, one a line, of which a pair needs one; empty: any
	Species  []string // identifiers of species, of which a text needs one; none: any
	Sections []string // names; none: any
}

// Choose sets what p predicts, and checks p. A plan that cannot be carried out is a *request.Misuse.
func (p *Plan) Choose(pairs Pairs) (err error) {
	if p.Filter.Types, err = request.PairTypes(pairs.Types); err != nil {
		return err
	}
	misuse := func(format string, args ...any) error { return &request.Misuse{Err: fmt.Errorf(format, args...)} }
	_, noForm := extracted.FormOf(p.Out)
	switch as := len(pairs.As); {
	case noForm != nil:
		return &request.Misuse{Err: noForm}
	case as != 0 && (as != 2 || len(pairs.Types) != 2):
		return misuse("--as has %d types, want two, together with two --types", as)
	case pairs.Within < 0:
		return misuse("--within %d, want 0 or more sentences", pairs.Within)
	case !(p.MinProbability >= 0 && p.MinProbability <= 1):
		return misuse("--min-probability %g, want 0 to 1", p.MinProbability)
	}
	copy(p.As[:], pairs.As)
	p.Filter.Within, p.Filter.Species = pairs.Within, set(pairs.Species)
	for _, name := range pairs.Sections {
		p.Filter.Sections = append(p.Filter.Sections, strings.ToLower(strings.TrimSpace(name)))
	}
	if pairs.IDs != "" {
		p.Filter.IDs, err = readIDs(pairs.IDs)
	}
	return err
}

// set returns the set of names; nil if there are none.
func set(names []string) map[string]bool {
	if len(names) == 0 {
		return nil
	}
	set := map[string]bool{}
	for _, n := range names {
		set[strings.TrimSpace(n)] = true
	}
	return set
}

// readIDs reads identifiers, one a line.
func readIDs(path string) (map[string]bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // opened for reading only
	ids := map[string]bool{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		ids[strings.TrimSpace(lines.Text())] = true
	}
	delete(ids, "") // an empty line
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("%s: no identifiers", path)
	}
	return ids, nil
}

// Open opens p.Model. Texts of several sentences are cut around their mentions.
func (p *Plan) Open(ctx context.Context, o extract.Options) (*extract.Model, error) {
	if p.Filter.Within > 0 {
		o.Truncate = marked.TruncateAroundMentions
	}
	return extract.Open(ctx, p.Model, o)
}
