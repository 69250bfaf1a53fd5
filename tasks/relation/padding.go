package relation

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/models/bert"
)

// Ways to pad rows.
const (
	PaddingGrouped = "grouped" // batches of sentences of similar length, each padded to one of a few lengths
	PaddingFull    = "full"    // random batches, every row padded to task.sequence: the paper
)

// defaultLengths returns the lengths that rows may be padded to, of which a run uses those that are worth their compilation:
// multiples of 8 at the lengths of most sentences, of 16 and 32 above.
func defaultLengths() []int {
	var out []int
	step := 8
	for l := 16; l <= 512; l += step {
		out = append(out, l)
		if l >= 16*step {
			step *= 2
		}
	}
	return out
}

// lengths returns the lengths that rows of c may have, ascending; the last is c.Sequence.
func (c Config) lengths() []int {
	if c.Padding == PaddingFull || c.readsPadding() {
		return []int{c.Sequence}
	}
	var out []int
	for _, l := range slices.Sorted(slices.Values(c.paddedTo())) {
		if l < c.Sequence {
			out = append(out, l)
		}
	}
	return append(out, c.Sequence)
}

func (c Config) paddedTo() []int {
	if len(c.Lengths) > 0 {
		return c.Lengths
	}
	return defaultLengths()
}

// Fit returns c with the lengths for a run over examples for the given number of epochs. It chooses, among the lengths
// that rows may be padded to, those with the least total cost of padding and of making the graph of an update for them; a
// layer of it costs perLayer floating point operations. The cost depends on b and perLayer, not on the speed of the machine.
// If c has Lengths, or all rows have one length, Fit returns c.
func (c Config) Fit(b bert.Config, examples []marked.Row, epochs, perLayer float64) Config {
	known := c.lengths()
	if len(c.Lengths) > 0 || len(known) == 1 {
		return c
	}
	each := costOfLength(perLayer, b, c.Sequence) / epochs
	c.Lengths = cheapest(known, count(known, examples), func(int) float64 { return each })
	return c
}

// costOfLength is the cost of making an update for a length, in positions that are trained on, if a layer of it costs perLayer
// operations.
func costOfLength(perLayer float64, b bert.Config, sequence int) float64 {
	perPosition := 3 * bert.FLOPs(b, sequence, sequence) / float64(sequence)
	return perLayer * float64(3+b.NumHiddenLayers) / perPosition
}

// count returns the number of examples by the shortest of lengths that fits.
func count(lengths []int, examples []marked.Row) []int {
	counts := make([]int, len(lengths))
	for _, e := range examples {
		counts[slices.Index(lengths, fits(lengths, len(e.IDs)))]++
	}
	return counts
}

// cheapest returns the subset of lengths, ascending, with the least cost: the number of positions of all padded examples,
// which are given by their counts, plus the cost of each length in use. The last one fits the longest example.
func cheapest(lengths, counts []int, cost func(length int) float64) []int {
	type choice struct {
		cost   float64
		before int // the length chosen before this one; -1: none
	}
	best := make([]choice, len(lengths))
	last := 0
	for j, l := range lengths {
		if counts[j] > 0 {
			last = j
		}
		best[j] = choice{math.Inf(1), -1}
		rows := 0
		for i := j; i >= 0; i-- { // lengths i to j are padded to l
			rows += counts[i]
			total := cost(l) + float64(rows*l)
			if i > 0 {
				total += best[i-1].cost
			}
			if total < best[j].cost {
				best[j] = choice{total, i - 1}
			}
		}
	}
	var out []int
	for j := last; j >= 0; j = best[j].before {
		out = append(out, lengths[j])
	}
	slices.Reverse(out)
	return out
}

// readsPadding reports whether the output of c for a row depends on its padding.
func (c Config) readsPadding() bool { return c.Relation.Mask == "positions" && c.Relation.Summarises() }

// fits returns the shortest of lengths, ascending, that fits n positions.
func fits(lengths []int, n int) int {
	i, _ := slices.BinarySearch(lengths, n)
	return lengths[i]
}

// length returns the length that a microbatch of examples is padded to.
func (r *Task) length(examples []marked.Row) int { return fits(r.lengths, longest(examples)) }

// longest returns the number of tokens of the longest example, at least 1.
func longest(examples []marked.Row) int {
	n := 1
	for _, e := range examples {
		n = max(n, len(e.IDs))
	}
	return n
}

// Padding describes the padding of an epoch.
type Padding struct {
	Lengths   []int `json:"lengths"`   // lengths in use; each costs a compilation
	Tokens    int   `json:"tokens"`    // tokens of the examples
	Positions int   `json:"positions"` // positions of the rows
	Full      int   `json:"full"`      // positions if every row were padded to task.sequence
}

// String returns p as one line of text.
func (p Padding) String() string {
	share := func(positions int) float64 { return 100 * float64(positions-p.Tokens) / float64(max(1, positions)) }
	line := fmt.Sprintf("padding: rows of %d positions (%d shapes to compile); %.0f%% of the positions in an epoch are padding", p.Lengths, len(p.Lengths), share(p.Positions))
	if p.Positions < p.Full {
		line += fmt.Sprintf(", %.0f%% if all rows had the length of the longest", share(p.Full))
	}
	return line
}

// Padding returns the padding of the given epoch of b.
func (b *Batches) Padding(epoch int) Padding {
	var p Padding
	for _, batch := range b.order(epoch) {
		for _, rows := range b.micros(batch) {
			l := b.task.length(rows)
			if at, ok := slices.BinarySearch(p.Lengths, l); !ok {
				p.Lengths = slices.Insert(p.Lengths, at, l)
			}
			p.Positions += b.task.rows * l
			p.Full += b.task.rows * b.task.sequence()
			for _, e := range rows {
				p.Tokens += len(e.IDs)
			}
		}
	}
	return p
}

// order returns an epoch's batches as indices of examples: every example once, in ceil(n/batch) batches. It depends only
// on the seed and the epoch. With grouped padding, a batch has examples of similar length: those that do not fill a batch
// move to the next longer length, so that at most one batch of the epoch is not full.
func (b *Batches) order(epoch int) [][]int {
	random := rand.New(rand.NewPCG(b.seed, uint64(epoch)))
	all := random.Perm(len(b.examples))
	if len(b.task.lengths) == 1 {
		return slices.Collect(slices.Chunk(all, b.batch))
	}
	groups := map[int][]int{}
	for _, i := range all {
		l := fits(b.task.lengths, len(b.examples[i].IDs))
		groups[l] = append(groups[l], i)
	}
	var batches [][]int
	var left []int
	for _, l := range b.task.lengths {
		left = append(left, groups[l]...)
		whole := len(left) - len(left)%b.batch
		batches = slices.AppendSeq(batches, slices.Chunk(left[:whole:whole], b.batch))
		left = slices.Clone(left[whole:])
	}
	if len(left) > 0 {
		batches = append(batches, left)
	}
	random.Shuffle(len(batches), func(i, j int) { batches[i], batches[j] = batches[j], batches[i] })
	return batches
}
