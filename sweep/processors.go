package sweep

// share is what the slot of jobs gets of a machine's processors: parts that do not overlap, as long as there are as many
// processors as jobs, else one, which slots share.
func share(processors []int, slot, jobs int) []int {
	n := len(processors)
	if jobs > n {
		return processors[slot%n:][:1]
	}
	return processors[slot*n/jobs : (slot+1)*n/jobs]
}
