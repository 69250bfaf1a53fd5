package relations

// maxTold is how many broken annotations of a file are told of one by one.
const maxTold = 20

// faults are what is wrong with a file of annotated texts. A broken annotation is left out with a warning; anything else that is broken
// ends the reading.
type faults struct {
	options     Options
	file        string
	annotations int
	first       error // of what is no annotation
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

// or is the first fault, or else err, both of which say where they are.
func (f *faults) or(err error) error {
	if f.first != nil || err == nil {
		return f.first
	}
	return &placedError{err}
}

// end tells how many annotations were left out, if that is not known yet, and returns the first other fault.
func (f *faults) end() error {
	if f.annotations > maxTold {
		f.options.warn("%s: %d annotations left out, the first %d of them named", f.file, f.annotations, maxTold)
	}
	return f.first
}
