package bulk

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"

	"github.com/subbert/subbert/data/corpus/stream"
	"github.com/subbert/subbert/data/forms"
	"github.com/subbert/subbert/data/relations"
)

// position is the place of a text in the files of a plan. All numbers count from 0.
type position struct {
	File   int `json:"file"`
	Member int `json:"member"` // of an archive
	Text   int `json:"text"`   // of the file or member
}

// item is a text that has been read, or the end of a file or member.
type item struct {
	next     position // after it
	text     bool
	examples []relations.Example
	faults   []error // of this text, and of texts skipped before it
	notes    []string
	file     bool  // because of the last fault the rest of the file or member is lost
	read     int64 // bytes of all files up to here
}

// unit is a file, or a member of an archive, that one worker reads.
type unit struct {
	at     position // of the first text that counts
	name   string
	in     io.Reader
	packed bool // in may be compressed: a member of an archive
	read   func() int64
	close  func() error
	items  chan []item
}

// reader reads the texts of a plan.
type reader struct {
	*Plan
	ctx    context.Context
	start  position
	before []int64 // bytes of the files before each
	slots  chan struct{}
	units  chan *unit
	work   sync.WaitGroup
}

// maxMember is the most bytes of a member of an archive that are held at a time; longer members are read while the
// archive is read.
const maxMember = 32 << 20

// scan finds the units from start on and sends them in order.
func (r *reader) scan() error {
	defer r.work.Wait()
	defer close(r.units)
	for i := r.start.File; i < len(r.Files); i++ {
		at := position{File: i}
		if i == r.start.File {
			at = r.start
		}
		if err := r.file(at); err != nil {
			return err
		}
	}
	return nil
}

// file scans one file. A fault of the file becomes an item.
func (r *reader) file(at position) error {
	f, err := stream.Open(r.ctx, r.Files[at.File])
	if err != nil {
		return r.broken(at, err)
	}
	read := func() int64 { return r.before[at.File] + f.BytesRead() }
	in := bufio.NewReaderSize(f, forms.HeadBytes)
	head, _ := in.Peek(512) // reading reports an error again
	if len(head) < 263 || string(head[257:262]) != "ustar" {
		if at.Member > 0 { // it is finished
			return f.Close()
		}
		return r.send(&unit{at: at, name: r.Files[at.File], in: in, read: read, close: f.Close}, false)
	}
	if err = r.archive(at, tar.NewReader(in), read); errors.Is(err, errCutOff) {
		err = nil
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	return err
}

// archive scans the members of an archive.
func (r *reader) archive(at position, in *tar.Reader, read func() int64) error {
	first := at
	for at.Member = 0; ; {
		h, err := in.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			at.Text = 0
			return r.broken(at, fmt.Errorf("%s: the archive is damaged after member %d: %w", r.Files[at.File], at.Member, err))
		}
		if h.Typeflag != tar.TypeReg || strings.HasPrefix(path.Base(h.Name), ".") {
			continue
		}
		if at.Text = 0; at.Member == first.Member {
			at.Text = first.Text
		}
		if at.Member >= first.Member {
			if err := r.member(at, h, in, read); err != nil {
				return err
			}
		}
		at.Member++
	}
}

func (r *reader) member(at position, h *tar.Header, in *tar.Reader, read func() int64) error {
	u := &unit{at: at, name: r.Files[at.File] + ": " + h.Name, in: in, packed: true, read: read, close: func() error { return nil }}
	if h.Size > maxMember {
		return r.send(u, true)
	}
	content, err := io.ReadAll(in)
	end := read() // others read on in the archive while this member is worked on
	u.read = func() int64 { return end }
	u.in = io.MultiReader(bytes.NewReader(content), &failing{err})
	if sent := r.send(u, false); sent != nil {
		return sent
	}
	if err != nil {
		return errCutOff
	}
	return nil
}

// errCutOff says that an archive ends inside a member; reading the member reports it.
var errCutOff = errors.New("the archive is truncated")

// failing is a reader that fails with err, or ends.
type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) {
	if f.err == nil {
		return 0, io.EOF
	}
	return 0, f.err
}

// broken sends an item that says that the data at a position cannot be read.
func (r *reader) broken(at position, err error) error {
	u := &unit{at: at, in: &failing{err}, read: func() int64 { return r.before[at.File] }, close: func() error { return nil }}
	return r.send(u, false)
}

// send has a worker read u, and waits for it if wait is set.
func (r *reader) send(u *unit, wait bool) error {
	u.items = make(chan []item, 2)
	select {
	case r.slots <- struct{}{}:
	case <-r.ctx.Done():
		return errors.Join(r.ctx.Err(), u.close())
	}
	done := make(chan struct{})
	r.work.Go(func() {
		defer func() { close(u.items); close(done); <-r.slots }()
		r.texts(u)
	})
	select {
	case r.units <- u:
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
	if wait {
		<-done
	}
	return nil
}

// Numbers of texts and pairs that are handed over together.
const (
	batchTexts = 64
	batchPairs = 1024
)

// texts reads the texts of a unit.
func (r *reader) texts(u *unit) {
	var batch []item
	pairs := 0
	hand := func() bool {
		select {
		case u.items <- batch:
			batch, pairs = nil, 0
			return true
		case <-r.ctx.Done():
			return false
		}
	}
	var pending item // collects faults before the next text
	at := position{u.at.File, u.at.Member, 0}
	for t, err := range r.open(u, &pending) {
		if err != nil {
			pending.faults, pending.file = append(pending.faults, err), true
			break
		}
		it := pending
		pending = item{}
		if at.Text++; at.Text <= u.at.Text {
			continue // finished by an earlier attempt
		}
		r.pairs(u.name, t, &it)
		it.next, it.text, it.read = at, true, u.read()
		if batch == nil {
			batch = make([]item, 0, batchTexts)
		}
		batch = append(batch, it)
		if pairs += len(it.examples); (len(batch) >= batchTexts || pairs >= batchPairs) && !hand() {
			break
		}
	}
	if err := u.close(); err != nil && !pending.file {
		pending.faults, pending.file = append(pending.faults, err), true
	}
	pending.next, pending.read = position{u.at.File, u.at.Member + 1, 0}, u.read()
	batch = append(batch, pending)
	hand()
}

// open yields the texts of a unit; faults and notes are added to the next item.
func (r *reader) open(u *unit, to *item) func(func(*relations.Text, error) bool) {
	failed := func(err error) func(func(*relations.Text, error) bool) {
		return func(yield func(*relations.Text, error) bool) { yield(nil, err) }
	}
	if f, ok := u.in.(*failing); ok {
		return failed(f.err)
	}
	data := io.NopCloser(u.in)
	if u.packed {
		var err error
		if data, err = stream.Unpack(u.in, u.name); err != nil {
			return failed(err)
		}
	}
	in := bufio.NewReaderSize(data, forms.HeadBytes)
	head, err := in.Peek(forms.HeadBytes)
	if err != nil && err != io.EOF {
		return failed(fmt.Errorf("%s: %w", u.name, err))
	}
	form, err := forms.Resolve(u.name, head, forms.Auto)
	if err != nil {
		return failed(err)
	}
	if form == forms.JSONL {
		form = forms.RelationsJSONL // its first text may have no mentions
	}
	return func(yield func(*relations.Text, error) bool) {
		defer data.Close()
		relations.Texts(in, u.name, form, relations.TextOptions{
			Strict: r.Strict,
			Fault:  func(f *relations.TextFault) { to.faults = append(to.faults, f) },
			Note:   func(line string) { to.notes = append(to.notes, line) },
		})(yield)
	}
}

// boundedError says that a sentence or a document makes more pairs than are predicted.
type boundedError string

func (e boundedError) Error() string { return string(e) }

// pairs makes the pairs of a text of the file name that the plan asks for.
func (r *reader) pairs(name string, t *relations.Text, to *item) {
	f := &r.Filter
	if f.Species != nil && !t.Names("Species", func(c string) bool { return f.Species[c] }) {
		return
	}
	options := relations.Options{Sentences: r.Sentences, Types: f.Types, Within: f.Within,
		Warn:    func(line string) { to.notes = append(to.notes, name+": "+line) },
		Bounded: func(line string) { to.faults = append(to.faults, boundedError(name+": "+line)) },
	}
	for e, err := range t.Pairs(options) {
		if err != nil {
			to.faults = append(to.faults, err)
			return
		}
		if !f.wants(&e) {
			continue
		}
		if len(to.examples) == maxDocumentPairs {
			to.faults = append(to.faults, boundedError(fmt.Sprintf("%s: document %s: more than %d pairs; the others are left out", name, t.ID(), maxDocumentPairs)))
			return
		}
		if r.As[0] != "" {
			e.A.Type, e.B.Type = r.As[0], r.As[1]
		}
		to.examples = append(to.examples, e)
	}
}
