package bucket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"
)

// ErrLost says that somebody else took a lease over: whoever had it must write nothing more.
var ErrLost = errors.New("the lease was taken over")

// HeldError says that somebody else has the lease.
type HeldError struct {
	Holder string
	Until  time.Time // when it may be taken over unless it is renewed
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("%s has the lease until %s", e.Holder, e.Until.UTC().Format(time.RFC3339))
}

// Ledger is the object of a lease: who may write, and what holders have committed. Everything in it changes by one
// conditional write, so whoever lost the lease cannot commit: the successor's taking it changed the generation.
type Ledger struct {
	Token  int64           `json:"token"` // fencing token: one more with every holder
	Holder string          `json:"holder"`
	Until  time.Time       `json:"until"` // zero once released
	Steps  []Committed     `json:"steps,omitempty"`
	Notes  json.RawMessage `json:"notes,omitempty"`
}

// Committed is a checkpoint that is complete in the store, and where its objects are.
type Committed struct {
	Step   int    `json:"step"`
	Prefix string `json:"prefix"`
}

// Lease is the right to write a run, for as long as it is renewed. It may be used from several goroutines.
type Lease struct {
	store Store
	name  string
	ttl   time.Duration

	mu         sync.Mutex
	ledger     Ledger
	generation int64
}

// Acquire takes the lease that is the object of that name, making it if there is none. A lease that holder has already
// is taken anew, with another token: a machine that started again need not wait for itself. *HeldError if somebody
// else has it.
func Acquire(ctx context.Context, s Store, name, holder string, ttl time.Duration) (*Lease, error) {
	l := &Lease{store: s, name: name, ttl: ttl}
	when := Condition{}
	generation, err := ReadJSON(ctx, s, name, &l.ledger)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		when.Absent = true
	case err != nil:
		return nil, err
	case l.ledger.Holder != holder && time.Now().Before(l.ledger.Until):
		return nil, &HeldError{Holder: l.ledger.Holder, Until: l.ledger.Until}
	default:
		when.Generation = generation
	}
	l.ledger.Token++
	l.ledger.Holder, l.ledger.Until = holder, time.Now().Add(ttl).UTC()
	if l.generation, err = WriteJSON(ctx, s, name, l.ledger, when); errors.Is(err, ErrChanged) {
		return nil, &HeldError{Holder: "another", Until: time.Now().Add(ttl)}
	}
	return l, err
}

// Peek reads the ledger of a lease without taking it.
func Peek(ctx context.Context, s Store, name string) (Ledger, error) {
	var l Ledger
	_, err := ReadJSON(ctx, s, name, &l)
	return l, err
}

// Token is the fencing token: greater than that of every earlier holder.
func (l *Lease) Token() int64 { return l.Ledger().Token }

// Ledger is a copy of what the lease holds.
func (l *Lease) Ledger() Ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ledger.clone()
}

func (l Ledger) clone() Ledger {
	l.Steps, l.Notes = slices.Clone(l.Steps), slices.Clone(l.Notes)
	return l
}

// Renew keeps the lease for another while. ErrLost if it was taken over; any other error leaves it open whether it is
// still held.
func (l *Lease) Renew(ctx context.Context) error { return l.Change(ctx, func(*Ledger) {}) }

// Change renews the lease and commits what change does to its ledger, in one.
func (l *Lease) Change(ctx context.Context, change func(*Ledger)) error {
	return l.write(ctx, func(next *Ledger) {
		next.Until = time.Now().Add(l.ttl).UTC()
		change(next)
	})
}

// Note is Change of the ledger's notes to v.
func (l *Lease) Note(ctx context.Context, v any) error {
	notes, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return l.Change(ctx, func(next *Ledger) { next.Notes = notes })
}

// Release gives the lease up; somebody else may take it at once.
func (l *Lease) Release(ctx context.Context) error {
	return l.write(ctx, func(next *Ledger) { next.Until = time.Time{} })
}

// write commits change to the ledger. A write whose answer never came, because its context ended on the way, has changed
// the object too: as long as the token there is ours, so is the lease, and the change is made to what is there.
func (l *Lease) write(ctx context.Context, change func(*Ledger)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.tryWrite(ctx, change)
	if !errors.Is(err, ErrChanged) {
		return err
	}
	var there Ledger
	generation, err := ReadJSON(ctx, l.store, l.name, &there)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && there.Token == l.ledger.Token {
		l.ledger, l.generation = there, generation
		if err = l.tryWrite(ctx, change); !errors.Is(err, ErrChanged) {
			return err
		}
	}
	return fmt.Errorf("%s/%s: token %d: %w", l.store, l.name, l.ledger.Token, ErrLost)
}

func (l *Lease) tryWrite(ctx context.Context, change func(*Ledger)) error {
	next := l.ledger.clone()
	change(&next)
	generation, err := WriteJSON(ctx, l.store, l.name, next, Condition{Generation: l.generation})
	if err == nil {
		l.ledger, l.generation = next, generation
	}
	return err
}
