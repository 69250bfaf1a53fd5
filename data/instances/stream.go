package instances

import (
	"math/bits"

	"github.com/subbert/subbert/data/splitmix"
)

// stream is a sequence of random numbers, Steele, Lea and Flood's SplitMix64. Its numbers must never change: repeatable
// runs depend on them.
type stream uint64

// key mixes numbers into the seed of a stream.
func key(numbers ...uint64) uint64 {
	k := uint64(splitmix.Golden)
	for _, n := range numbers {
		k = child(k, n)
	}
	return k
}

// child derives the n-th key from the key parent.
func child(parent, n uint64) uint64 { return splitmix.Mix(parent + splitmix.Mix(n+splitmix.Golden)) }

func (s *stream) next() uint64 {
	*s += splitmix.Golden
	return splitmix.Mix(uint64(*s))
}

// below returns a random number from 0 to n-1. The probabilities differ by less than n/2^64.
func (s *stream) below(n int) int {
	hi, _ := bits.Mul64(s.next(), uint64(n))
	return int(hi)
}

// chance returns true with probability p.
func (s *stream) chance(p float64) bool { return s.unit() < p }

// unit returns a random number in [0, 1).
func (s *stream) unit() float64 { return float64(s.next()>>11) * 0x1p-53 }

// permutation permutes the numbers from 0 to n-1 without a table. It is a Feistel network over a power of two that is not
// much larger than n; results of n or more go through it again (Black and Rogaway 2002, section 3).
type permutation struct {
	n           uint64
	low         uint // bits in the lower part
	highs, lows uint64
	rounds      [8]uint64
}

func newPermutation(n int, k uint64) permutation {
	size := max(10, bits.Len64(uint64(max(n, 1)-1))) // below 2^10 the halves have too few bits to mix
	p := permutation{n: uint64(n), low: uint(size / 2)}
	p.lows = 1<<p.low - 1
	p.highs = 1<<(size-size/2) - 1
	for i := range p.rounds {
		p.rounds[i] = child(k, uint64(i))
	}
	return p
}

// at returns the image of i.
func (p *permutation) at(i int) int {
	x := uint64(i)
	for {
		high, low := x>>p.low, x&p.lows
		for r := 0; r < len(p.rounds); r += 2 {
			high ^= splitmix.Mix(low^p.rounds[r]) & p.highs
			low ^= splitmix.Mix(high^p.rounds[r+1]) & p.lows
		}
		x = high<<p.low | low
		if x < p.n {
			return int(x)
		}
	}
}
