package wordpiece

import "slices"

// continuation starts every piece but the first of a word.
const continuation = "##"

// trie holds the tokens of a vocabulary as a double array (Aoe 1989): the child of node n by byte c is node
// nodes[n].base+c, provided that this node's parent is n.
type trie struct {
	nodes []trieNode
	inner int32 // the start node of pieces after the first: the node of "##", or nowhere
}

type trieNode struct {
	base   int32
	parent int32 // vacant for an unused node
	id     int32 // of the token that ends here, or -1
}

const (
	vacant  = -1
	nowhere = 0 // a node without children in every trie; the root is 1
	root    = 1
)

func newTrie(tokens []string) trie {
	order := make([]int32, len(tokens))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		switch {
		case tokens[a] < tokens[b]:
			return -1
		case tokens[a] > tokens[b]:
			return 1
		}
		return 0
	})
	b := trieBuilder{tokens: tokens, free: 256, end: 256}
	b.grow(b.free)
	b.nodes[nowhere].parent, b.nodes[root].parent = nowhere, nowhere
	b.fill(root, order, 0)
	return trie{nodes: b.nodes, inner: b.find(continuation)}
}

type trieBuilder struct {
	tokens []string
	nodes  []trieNode
	free   int32 // the first node that place examines, at least 256, below which a base would be negative
	end    int32 // all nodes from this one on are unused
}

// grow makes sure that node n and its possible children by any byte exist.
func (b *trieBuilder) grow(n int32) {
	for int(n)+256 >= len(b.nodes) {
		b.nodes = append(b.nodes, trieNode{parent: vacant, id: -1})
	}
}

// fill adds below node n the rest of tokens after their first depth bytes, which they share; tokens are sorted.
func (b *trieBuilder) fill(n int32, tokens []int32, depth int) {
	if len(tokens) > 0 && len(b.tokens[tokens[0]]) == depth {
		b.nodes[n].id = tokens[0]
		tokens = tokens[1:]
	}
	if len(tokens) == 0 {
		return
	}
	var labels []byte
	var groups [][]int32
	for len(tokens) > 0 {
		c := b.tokens[tokens[0]][depth]
		end := slices.IndexFunc(tokens, func(t int32) bool { return b.tokens[t][depth] != c })
		if end < 0 {
			end = len(tokens)
		}
		labels, groups = append(labels, c), append(groups, tokens[:end])
		tokens = tokens[end:]
	}
	base := b.place(n, labels)
	for i, c := range labels {
		b.fill(base+int32(c), groups[i], depth+1)
	}
}

// reach is the number of nodes that place examines. Similar tokens leave vacant nodes that nothing fits into; examining
// all of them for every node would take time quadratic in the vocabulary.
const reach = 1 << 10

// place claims vacant nodes for the children of n by labels, which are sorted, and returns n's new base. If there is no
// room within reach, the children go to the end, and half of the examined nodes are never examined again.
func (b *trieBuilder) place(n int32, labels []byte) int32 {
	for ; b.nodes[b.free].parent != vacant; b.free++ {
		b.grow(b.free + 1)
	}
	base := b.free - int32(labels[0])
	for last := base + reach; !b.fits(base, labels); base++ {
		if base == last {
			base = b.end - int32(labels[0])
			b.free += reach / 2
			break
		}
	}
	b.grow(base + 256)
	b.end = max(b.end, base+int32(labels[len(labels)-1])+1)
	for _, c := range labels {
		b.nodes[base+int32(c)].parent = n
	}
	b.nodes[n].base = base
	return base
}

func (b *trieBuilder) fits(base int32, labels []byte) bool {
	b.grow(base + 256)
	for _, c := range labels {
		if b.nodes[base+int32(c)].parent != vacant {
			return false
		}
	}
	return true
}

// find returns the node that s leads to, or nowhere.
func (b *trieBuilder) find(s string) int32 {
	n := int32(root)
	for i := range len(s) {
		child := b.nodes[n].base + int32(s[i])
		if b.nodes[child].parent != n {
			return nowhere
		}
		n = child
	}
	return n
}

// longest returns the longest token at the start of s, beginning the walk at node from, and its number of
// bytes, at least 1; or -1 and 0.
func (t *trie) longest(from int32, s []byte) (id int32, n int) {
	id = -1
	node := from
	for i, c := range s {
		child := t.nodes[node].base + int32(c)
		if t.nodes[child].parent != node {
			break
		}
		node = child
		if got := t.nodes[child].id; got >= 0 {
			id, n = got, i+1
		}
	}
	return id, n
}
