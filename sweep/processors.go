package sweep

// share is the share of a machine's processors for one of jobs slots: disjoint parts if there are at least as many
// processors as jobs, else one processor, which several slots share.
func share(processors []int, slot, jobs int) []int {
	n := len(processors)
	if jobs > n {
		return processors[slot%n:][:1]
	}
	return processors[slot*n/jobs : (slot+1)*n/jobs]
}
