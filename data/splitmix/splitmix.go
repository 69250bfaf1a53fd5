// Package splitmix has the mixing of Steele, Lea and Flood's SplitMix64, which places documents and draws instances. Its
// numbers are part of what makes shards and runs repeatable: they never change.
package splitmix

// Golden is what the state of SplitMix64 grows by, 2^64 divided by the golden ratio.
const Golden = 0x9e3779b97f4a7c15

// Mix is a permutation of the numbers of 64 bits that spreads what differs over all of them.
func Mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
