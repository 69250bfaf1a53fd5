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

// ErrLost says that another holder took over the lease: the previous holder must write nothing more.
var ErrLost = errors.New("another process took over the lease")

// HeldError says that another holder has the lease.
type HeldError struct {
	Holder string
	Until  time.Time // the time of its expiry unless it is renewed
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("%s holds the lease until %s", e.Holder, e.Until.UTC().Format(time.RFC3339))
}

// Ledger is the content of a lease's object: its holder, and the checkpoints that holders have committed. It
// changes only by conditional writes, so a holder that lost the lease cannot commit: its successor changed the
// generation.
type Ledger struct {
	Token  int64           `json:"token"` // fencing token: one more with every holder
	Holder string          `json:"holder"`
	Until  time.Time       `json:"until"` // zero once released
	Steps  []Committed     `json:"steps,omitempty"`
	Notes  json.RawMessage `json:"notes,omitempty"`
}

// Committed is a checkpoint that is complete in the store, and the prefix of its objects.
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

// Acquire takes the lease stored in the object of that name, and creates it if there is none. If holder already has
// the lease, it gets a new token: a machine that restarts need not wait for its own lease to expire. The error is a
// *HeldError if another holder has it.
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

// Renew extends the lease. The error is ErrLost if another process took over the lease; after any other error the lease may or
// may not still be held.
func (l *Lease) Renew(ctx context.Context) error { return l.Change(ctx, func(*Ledger) {}) }

// Change renews the lease and changes its ledger by change, in one write.
func (l *Lease) Change(ctx context.Context, change func(*Ledger)) error {
	return l.write(ctx, func(next *Ledger) {
		next.Until = time.Now().Add(l.ttl).UTC()
		change(next)
	})
}

// Note sets the ledger's notes to v.
func (l *Lease) Note(ctx context.Context, v any) error {
	notes, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return l.Change(ctx, func(next *Ledger) { next.Notes = notes })
}

// Release gives the lease up; another holder may take it at once.
func (l *Lease) Release(ctx context.Context) error {
	return l.write(ctx, func(next *Ledger) { next.Until = time.Time{} })
}

// write commits change to the ledger. An earlier write whose context ended before the answer came may have changed the
// object: while the object has our token, the lease is ours, and the change applies to the stored ledger.
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
