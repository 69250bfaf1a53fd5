package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/subbert/subbert/extract"
)

// models holds the models that the steps of this worker use. Beam makes the instances of a step from JSON, one for each
// file that a worker handles at a time, so that they can share a model only through a variable.
var models = pool{read: extract.Open}

// pool reads each model once and lends it to several steps.
type pool struct {
	read  func(ctx context.Context, dir string, o extract.Options) (*extract.Model, error)
	mutex sync.Mutex
	lent  map[string]*lentModel
}

// lentModel is a model in use.
type lentModel struct {
	one     sync.Mutex // a model is for one step at a time
	model   *extract.Model
	dir     string // of the model on this machine
	scratch scratch
	loans   int
}

// loan is the right to use a model until giveBack.
type loan struct {
	from *pool
	key  string
	of   *lentModel
}

// borrow lends the model in the directory name; it is read if no step has it.
func (p *pool) borrow(ctx context.Context, name string, o extract.Options) (*loan, error) {
	key := fmt.Sprint(name, o.Rows, o.Truncate)
	p.mutex.Lock()
	defer p.mutex.Unlock()
	m := p.lent[key]
	if m == nil {
		var err error
		if m, err = p.open(ctx, name, o); err != nil {
			return nil, err
		}
		if p.lent == nil {
			p.lent = map[string]*lentModel{}
		}
		p.lent[key] = m
	}
	m.loans++
	return &loan{p, key, m}, nil
}

// open reads a model. A remote one is copied to this machine first.
func (p *pool) open(ctx context.Context, name string, o extract.Options) (_ *lentModel, err error) {
	m := &lentModel{dir: name}
	if err := m.scratch.open(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.scratch.close())
		}
	}()
	if remote(name) {
		m.dir = m.scratch.path("model")
		files, err := list(ctx, join(name, "*"))
		if err != nil {
			return nil, err
		}
		if len(files) == 0 {
			return nil, fmt.Errorf("%s: no files; want a model directory", name)
		}
		for _, file := range files {
			if _, err := localCopy(ctx, file, m.dir); err != nil {
				return nil, err
			}
		}
	}
	m.model, err = p.read(ctx, m.dir, o)
	return m, err
}

// use calls do with the model and its directory, while no other step uses it.
func (l *loan) use(do func(m *extract.Model, dir string) error) error {
	l.of.one.Lock()
	defer l.of.one.Unlock()
	return do(l.of.model, l.of.dir)
}

// giveBack ends the loan. The last one closes the model.
func (l *loan) giveBack() error {
	l.from.mutex.Lock()
	defer l.from.mutex.Unlock()
	if l.of.loans--; l.of.loans > 0 {
		return nil
	}
	delete(l.from.lent, l.key)
	return errors.Join(l.of.model.Close(), l.of.scratch.close())
}
