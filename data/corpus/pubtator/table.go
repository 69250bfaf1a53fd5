package pubtator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/corpus/pmid"
)

// Row is a line of a bulk table: a concept that a document mentions.
type Row struct {
	PMID      uint32
	Type      string // Gene, Chemical, Disease, Species, Mutation, CellLine ...
	ConceptID string // "-" if unknown; several are separated by ";"
	Mentions  string // the names in the text, separated by "|"
	Resource  string // the sources, separated by "|"
}

// OpenTable reads the rows of a file. The last item is the first error, if there was one.
func OpenTable(path string, o Options) iter.Seq2[Row, error] {
	return opened(path, func(r io.Reader) iter.Seq2[Row, error] { return Rows(r, path, o) })
}

// Rows reads the rows of a bulk table, which may have a header; name appears in errors. The last item is the first
// error, if any.
func Rows(r io.Reader, name string, o Options) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		lines := newLines(r, name, o)
		for {
			line, err := lines.next()
			if err == io.EOF {
				return
			}
			var row Row
			if err == nil {
				if len(line) == 0 || lines.Number() == 1 && bytes.HasPrefix(line, []byte("PMID\t")) {
					continue
				}
				if row, err = parseRow(line); err != nil {
					if err = lines.passOver(err); err == nil {
						continue
					}
				}
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

func parseRow(line []byte) (Row, error) {
	fields := strings.SplitN(string(line), "\t", 6)
	if len(fields) < 4 || len(fields) > 5 {
		return Row{}, fmt.Errorf("%d columns, want PMID, Type, ConceptID, Mentions and Resource, separated by tabs", len(fields))
	}
	id, err := pmid.Parse(fields[0])
	if err != nil {
		return Row{}, err
	}
	if fields[1] == "" {
		return Row{}, errors.New("no type")
	}
	r := Row{PMID: id, Type: fields[1], ConceptID: fields[2], Mentions: fields[3]}
	if len(fields) == 5 {
		r.Resource = fields[4]
	}
	return r, nil
}

// Entities records which documents mention entities of which of the given types.
type Entities struct {
	types []string // keys
	sets  []pmid.Set
	rows  []int
}

// NewEntities returns empty sets for the given types, such as "gene" and "chemical"; types are compared by TypeKey.
func NewEntities(types ...string) (*Entities, error) {
	e := &Entities{}
	for _, typ := range types {
		key := TypeKey(typ)
		if key == "" {
			return nil, fmt.Errorf("pubtator: entity type %q, want a name such as gene, chemical, disease, species, mutation or cellline", typ)
		}
		if !slices.Contains(e.types, key) {
			e.types = append(e.types, key)
		}
	}
	if len(e.types) == 0 {
		return nil, errors.New("pubtator: no entity type given")
	}
	e.sets, e.rows = make([]pmid.Set, len(e.types)), make([]int, len(e.types))
	return e, nil
}

// Add adds a row; rows of other types are ignored.
func (e *Entities) Add(r Row) {
	if i := e.index(r.Type); i >= 0 {
		e.sets[i].Add(r.PMID)
		e.rows[i]++
	}
}

// AddFile adds the rows of a bulk table, until ctx ends.
func (e *Entities) AddFile(ctx context.Context, path string, o Options) error {
	for row, err := range OpenTable(path, o) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		e.Add(row)
	}
	return nil
}

// index finds a type; files use few spellings, so spellings are compared before they are normalised.
func (e *Entities) index(typ string) int {
	for i, key := range e.types {
		if strings.EqualFold(typ, key) {
			return i
		}
	}
	return slices.Index(e.types, TypeKey(typ))
}

// Has reports whether a document mentions an entity of every type.
func (e *Entities) Has(id uint32) bool {
	for i := range e.sets {
		if !e.sets[i].Has(id) {
			return false
		}
	}
	return true
}

// Rows is the number of rows of a type that were added: 0 means that a table is missing.
func (e *Entities) Rows(typ string) int {
	if i := e.index(typ); i >= 0 {
		return e.rows[i]
	}
	return 0
}
