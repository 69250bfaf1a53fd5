package instances

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sort"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/subbert/subbert/data/wordpiece"
)

// Source is tokenised documents with random access. Positions count tokens from the first of all. Every document has
// a sentence and every sentence a token. A Source may be used by many goroutines at once.
type Source interface {
	NumDocuments() int
	// Lengths appends to dst, for each of the documents [first, last), the number of its sentences and then the number
	// of tokens of each. at is the position of the first token of document first.
	Lengths(dst []int32, first, last int) (_ []int32, at int64, err error)
	// Tokens fills dst with the ids from position at on.
	Tokens(dst []int32, at int64) error
}

// Vocab is what masking must know of a vocabulary.
type Vocab interface {
	Size() int
	Special() wordpiece.Special
	Continues(id int32) bool // the token goes on a word, as ##ing does
}

// Drawer draws instances from a source. It is immutable and may be used by many goroutines at once.
type Drawer struct {
	source    Source
	config    Config
	special   wordpiece.Special
	continues []bool // by id
	scratch   sync.Pool
	static    struct { // counts of all draws, computed once
		sync.Mutex
		counts []int64
	}
}

// scratch is what drawing one instance needs beside it.
type scratch struct {
	lengths   []int32
	positions []int32
	words     []word
}

// New returns a drawer of instances from src, whose ids belong to v.
func New(src Source, v Vocab, c Config) (*Drawer, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("instances: %w", err)
	}
	if src.NumDocuments() == 0 {
		return nil, errors.New("instances: no documents to draw from")
	}
	d := &Drawer{source: src, config: c, special: v.Special(), continues: make([]bool, v.Size())}
	for id := range d.continues {
		d.continues[id] = v.Continues(int32(id))
	}
	d.scratch.New = func() any { return new(scratch) }
	return d, nil
}

// blockDocuments is how many documents share a count.
const blockDocuments = 16

// Streams of random numbers by what they are for.
const (
	forOrder = iota + 1
	forChunks
	forInstance
)

// Epoch is one pass over the documents, each made into instances. It is immutable and may be used by many goroutines
// at once.
type Epoch struct {
	d      *Drawer
	draw0  int     // the draw of the first count
	counts []int64 // counts[i] is how many instances stand before block i, draw after draw
	order  permutation
}

// Epoch prepares epoch e, from 0. It goes through the lengths of all sentences, on all cores: a second or so for a
// million documents. It fails with the error of ctx when that ends.
func (d *Drawer) Epoch(ctx context.Context, e int) (*Epoch, error) {
	if e < 0 {
		return nil, fmt.Errorf("instances: epoch %d, want at least 0", e)
	}
	ep := &Epoch{d: d, draw0: e}
	var err error
	if d.config.Static {
		ep.draw0 = 0
		ep.counts, err = d.once(ctx)
	} else {
		ep.counts, err = d.count(ctx, e, 1)
	}
	if err != nil {
		return nil, err
	}
	ep.order = newPermutation(ep.Len(), key(d.config.Seed, forOrder, uint64(e)))
	return ep, nil
}

// once counts all draws, unless that has been done.
func (d *Drawer) once(ctx context.Context) (counts []int64, err error) {
	d.static.Lock()
	defer d.static.Unlock()
	if d.static.counts == nil {
		d.static.counts, err = d.count(ctx, 0, d.config.DuplicateFactor)
	}
	return d.static.counts, err
}

// Len is the number of instances.
func (e *Epoch) Len() int { return int(e.counts[len(e.counts)-1]) }

// blocks is the number of blocks of documents.
func (d *Drawer) blocks() int { return (d.source.NumDocuments() + blockDocuments - 1) / blockDocuments }

// count returns, for some draws one after the other, how many instances stand before each block of documents, and in
// the end how many there are.
func (d *Drawer) count(ctx context.Context, draw, draws int) ([]int64, error) {
	blocks := d.blocks()
	counts := make([]int64, blocks*draws+1)
	var g errgroup.Group
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		g.Go(func() error {
			s := d.scratch.Get().(*scratch)
			defer d.scratch.Put(s)
			for b := blocks * w / workers; b < blocks*(w+1)/workers; b++ {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := d.countBlock(counts[1:], b, draw, draws, s); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i := 1; i < len(counts); i++ {
		counts[i] += counts[i-1]
	}
	return counts, nil
}

func (d *Drawer) countBlock(counts []int64, block, draw, draws int, s *scratch) error {
	_, err := d.readBlock(block, s)
	if err != nil {
		return err
	}
	for k := range draws {
		chunkKey := key(d.config.Seed, forChunks, uint64(draw+k))
		n := int64(0)
		for doc, rest := block*blockDocuments, s.lengths; len(rest) > 0; doc++ {
			sentences := rest[1 : 1+rest[0]]
			rest = rest[1+rest[0]:]
			it := d.config.start(sentences, child(chunkKey, uint64(doc)))
			for _, more := d.config.next(&it); more; _, more = d.config.next(&it) {
				n++
			}
		}
		counts[k*d.blocks()+block] = n
	}
	return nil
}

// readBlock reads the lengths of a block of documents and returns the position of its first token.
func (d *Drawer) readBlock(block int, s *scratch) (at int64, err error) {
	first := block * blockDocuments
	s.lengths, at, err = d.source.Lengths(s.lengths[:0], first, min(first+blockDocuments, d.source.NumDocuments()))
	return at, err
}

// found is an instance's place in its document.
type found struct {
	chunk
	doc int
	at  int64  // position of the document's first token
	key uint64 // of its random numbers
}

// find looks up instance i of the unshuffled epoch.
func (e *Epoch) find(i int64, s *scratch) (found, error) {
	d := e.d
	at := sort.Search(len(e.counts), func(b int) bool { return e.counts[b] > i }) - 1
	left := i - e.counts[at]
	draw, block := uint64(e.draw0+at/d.blocks()), at%d.blocks()
	position, err := d.readBlock(block, s)
	if err != nil {
		return found{}, err
	}
	chunkKey := key(d.config.Seed, forChunks, draw)
	for doc, rest := block*blockDocuments, s.lengths; len(rest) > 0; doc++ {
		sentences := rest[1 : 1+rest[0]]
		rest = rest[1+rest[0]:]
		it := d.config.start(sentences, child(chunkKey, uint64(doc)))
		for n := uint64(0); ; n++ {
			c, more := d.config.next(&it)
			if !more {
				break
			}
			if left == 0 {
				k := child(child(key(d.config.Seed, forInstance, draw), uint64(doc)), n)
				return found{chunk: c, doc: doc, at: position, key: k}, nil
			}
			left--
		}
		for _, n := range sentences {
			position += int64(n)
		}
	}
	return found{}, fmt.Errorf("instances: block %d holds fewer instances than it did; the source has changed", block)
}
