package vocabulary

import (
	"cmp"
	"container/heap"
	"maps"
	"slices"
	"strings"
)

// continuation precedes a piece that does not begin a word.
const continuation = "##"

// pair is two neighbouring pieces.
type pair struct{ left, right string }

// joined is the piece that the pair becomes.
func (p pair) joined() string { return p.left + strings.TrimPrefix(p.right, continuation) }

// merger holds the words as sequences of pieces and knows how often each pair of pieces occurs.
type merger struct {
	words  [][]string
	counts []int // of words
	pairs  map[pair]int
	where  map[pair]map[int]bool // the words that a pair occurs in; may include words in which it no longer occurs
	queue  queue                 // of pairs, with counts that may be out of date
}

// newMerger splits the words into characters. Words with a character outside the alphabet are left out.
func newMerger(counts map[string]int, alphabet []string) *merger {
	known := map[string]bool{}
	for _, a := range alphabet {
		known[a] = true
	}
	m := &merger{pairs: map[pair]int{}, where: map[pair]map[int]bool{}}
	for _, w := range slices.Sorted(maps.Keys(counts)) {
		pieces, ok := characters(w, known)
		if !ok || len(pieces) < 2 {
			continue
		}
		m.words = append(m.words, pieces)
		m.counts = append(m.counts, counts[w])
		m.add(len(m.words)-1, 1)
	}
	for p, n := range m.pairs {
		m.queue = append(m.queue, entry{p, n})
	}
	heap.Init(&m.queue)
	return m
}

// characters splits word into its characters, ## before all but the first.
func characters(word string, known map[string]bool) ([]string, bool) {
	var out []string
	for _, r := range word {
		piece := string(r)
		if len(out) > 0 {
			piece = continuation + piece
		}
		if !known[piece] {
			return nil, false
		}
		out = append(out, piece)
	}
	return out, true
}

// add counts the pairs of word w, sign times.
func (m *merger) add(w, sign int) {
	pieces := m.words[w]
	for i := 1; i < len(pieces); i++ {
		p := pair{pieces[i-1], pieces[i]}
		m.pairs[p] += sign * m.counts[w]
		if sign > 0 {
			if m.where[p] == nil {
				m.where[p] = map[int]bool{}
			}
			m.where[p][w] = true
		}
	}
}

// merge joins the most frequent pair wherever it occurs and returns the new piece, or false if no pair is
// frequent enough.
func (m *merger) merge() (string, bool) {
	for len(m.queue) > 0 {
		e := heap.Pop(&m.queue).(entry)
		if now := m.pairs[e.pair]; now != e.count {
			if now > 0 {
				heap.Push(&m.queue, entry{e.pair, now})
			}
			continue
		}
		if e.count < minPairCount {
			return "", false
		}
		m.join(e.pair)
		return e.pair.joined(), true
	}
	return "", false
}

// join replaces p by its joined piece in every word and updates the counts.
func (m *merger) join(p pair) {
	piece := p.joined()
	touched := map[pair]bool{}
	for w := range m.where[p] {
		m.add(w, -1)
		m.words[w] = replace(m.words[w], p, piece)
		m.add(w, 1)
		pieces := m.words[w]
		for i := 1; i < len(pieces); i++ {
			if pieces[i-1] == piece || pieces[i] == piece {
				touched[pair{pieces[i-1], pieces[i]}] = true
			}
		}
	}
	delete(m.where, p)
	delete(m.pairs, p)
	for t := range touched {
		heap.Push(&m.queue, entry{t, m.pairs[t]})
	}
}

// replace returns pieces with each p, from the left, replaced by piece.
func replace(pieces []string, p pair, piece string) []string {
	out := pieces[:0:0]
	for i := 0; i < len(pieces); i++ {
		if i+1 < len(pieces) && pieces[i] == p.left && pieces[i+1] == p.right {
			out = append(out, piece)
			i++
			continue
		}
		out = append(out, pieces[i])
	}
	return out
}

// entry is a pair in the queue with its count when it was put there.
type entry struct {
	pair  pair
	count int
}

// queue is a heap: most frequent first, ties in the order of the alphabet.
type queue []entry

func (q queue) Len() int      { return len(q) }
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q queue) Less(i, j int) bool {
	a, b := q[i], q[j]
	return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.pair.left, b.pair.left), cmp.Compare(a.pair.right, b.pair.right)) < 0
}
func (q *queue) Push(x any) { *q = append(*q, x.(entry)) }
func (q *queue) Pop() any {
	old := *q
	e := old[len(old)-1]
	*q = old[:len(old)-1]
	return e
}
