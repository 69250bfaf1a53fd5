package relations

// maxTold is the number of broken annotations of a file that get a warning each.
const maxTold = 20

// faults collects the faults of a file of annotated texts. A broken annotation is skipped with a warning; any other
// fault ends the reading.
type faults struct {
	options     Options
	file        string
	annotations int
	first       error // first fault that is not a broken annotation
}

func (f *faults) add(annotation bool, err error) {
	switch {
	case annotation:
		if f.annotations++; f.annotations <= maxTold {
			f.options.warn("%v; left out", err)
		}
	case f.first == nil:
		f.first = &placedError{err}
	}
}

// or returns the first fault, or else err. Both name their place.
func (f *faults) or(err error) error {
	if f.first != nil || err == nil {
		return f.first
	}
	return &placedError{err}
}

// end warns of the number of skipped annotations, if some had no warning of their own, and returns the first other fault.
func (f *faults) end() error {
	if f.annotations > maxTold {
		f.options.warn("%s: %d annotations left out; only the first %d are reported", f.file, f.annotations, maxTold)
	}
	return f.first
}
