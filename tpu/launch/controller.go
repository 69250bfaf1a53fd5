package launch

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/subbert/subbert/checkpoints/bucket"
)

// Status is what a controller knows of a run, kept in the notes of its lease so that its successor knows it too.
type Status struct {
	Doing       string    `json:"doing"`
	State       string    `json:"state"` // of the queued resource, or the node once it is ACTIVE
	Since       time.Time `json:"since"` // of State
	Attempts    int       `json:"attempts"`
	Preemptions int       `json:"preemptions"` // machines that were taken away or fell silent
	Failures    int       `json:"failures"`    // requests that came to nothing since the last sign of life
	Trouble     string    `json:"trouble,omitempty"`
	NotBefore   time.Time `json:"not_before"` // ask for no machine earlier
	Hours       float64   `json:"hours"`      // of machines being there; billing may see fewer
	Node        time.Time `json:"node"`       // creation of the node that was seen last
	Seen        time.Time `json:"seen"`       // when that was
	Lost        time.Time `json:"lost"`       // creation of the request that was given up last
	Finished    bool      `json:"finished"`   // nothing is left
}

// Controller brings what is there in line with what is wanted, for one run.
type Controller struct {
	Store    bucket.Store
	Cloud    *Cloud
	Holder   string // who this is, such as host and process
	Log      *slog.Logger
	Patience Patience
	Poll     time.Duration // between looks
}

// ttl is how long a controller that died keeps others from acting.
const ttl = 5 * time.Minute

// longestPause is the longest that a lease is not renewed.
const longestPause = 2 * time.Minute

// Run sees the run to its end and returns how it ended, when nothing of it is left in the cloud. While another
// controller acts it watches. When ctx ends the run goes on; calling Run again, anywhere, takes it up. A store that
// cannot be reached at first is an error; one that was reached before is waited for.
func (c *Controller) Run(ctx context.Context) (*Outcome, error) {
	told, reached := "", false
	for {
		lease, err := bucket.Acquire(ctx, c.Store, ControllerObject, c.Holder, ttl)
		var held *bucket.HeldError
		switch {
		case errors.As(err, &held):
			reached = true
			if told != held.Holder {
				c.Log.Info("another controller acts; watching", "holder", held.Holder)
				told = held.Holder
			}
			if s, err := ReadStatus(ctx, c.Store); err == nil && s.Finished {
				return ReadOutcome(ctx, c.Store)
			}
			if err := pause(ctx, c.Poll); err != nil {
				return nil, err
			}
		case err == nil:
			reached = true
			outcome, err := c.act(ctx, lease)
			if !errors.Is(err, bucket.ErrLost) {
				return outcome, err
			}
			c.Log.Warn("another controller took over", "error", err)
		case reached && c.passes(ctx, err):
			if err := pause(ctx, c.Poll); err != nil {
				return nil, err
			}
		default:
			return nil, err
		}
	}
}

// ReadStatus is what the controller of the run in a store knew last.
func ReadStatus(ctx context.Context, s bucket.Store) (Status, error) {
	l, err := bucket.Peek(ctx, s, ControllerObject)
	if err != nil {
		return Status{}, err
	}
	return statusOf(l)
}

func statusOf(l bucket.Ledger) (Status, error) {
	var s Status
	if len(l.Notes) == 0 {
		return s, nil
	}
	return s, json.Unmarshal(l.Notes, &s)
}

// act looks and acts until the run is over. The lease is released when it returns, unless it is lost.
func (c *Controller) act(ctx context.Context, lease *bucket.Lease) (_ *Outcome, err error) {
	defer func() {
		if errors.Is(err, bucket.ErrLost) {
			return
		}
		soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = errors.Join(err, lease.Release(soon))
	}()
	s, err := statusOf(lease.Ledger())
	if err != nil {
		return nil, err
	}
	s.Finished = false
	for failed := 0; ; {
		next, err := c.tick(ctx, &s)
		wait := c.Poll
		if err != nil {
			meaning, after := diagnose(err)
			if meaning == refused || ctx.Err() != nil || errors.Is(err, bucket.ErrLost) {
				return nil, err
			}
			failed++
			wait = max(after, min(c.Poll<<min(failed, 6), longestPause))
			c.Log.Warn("will ask again", "in", wait.String(), "error", err)
		} else {
			failed = 0
		}
		s.Finished = err == nil && next.move == finish
		err = lease.Note(ctx, s)
		if err == nil && s.Finished {
			return ReadOutcome(ctx, c.Store)
		}
		if err != nil && !c.passes(ctx, err) {
			return nil, err
		}
		if err := c.rest(ctx, lease, wait); err != nil {
			return nil, err
		}
	}
}

// passes says whether an error of the store may pass, and logs it if so. Whether the lease was taken over meanwhile is
// found out at the next write to it.
func (c *Controller) passes(ctx context.Context, err error) bool {
	if meaning, _ := diagnose(err); meaning != passing || ctx.Err() != nil || errors.Is(err, bucket.ErrLost) {
		return false
	}
	c.Log.Warn("will ask the store again", "error", err)
	return true
}

// rest sleeps and keeps the lease meanwhile, however long the API wants not to be asked.
func (c *Controller) rest(ctx context.Context, lease *bucket.Lease, d time.Duration) error {
	for ; d > longestPause; d -= longestPause {
		if err := pause(ctx, longestPause); err != nil {
			return err
		}
		if err := lease.Renew(ctx); err != nil && !c.passes(ctx, err) {
			return err
		}
	}
	return pause(ctx, d)
}

// pause sleeps, or returns ctx's error if it ends first.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tick looks once and does one thing.
func (c *Controller) tick(ctx context.Context, s *Status) (action, error) {
	r, err := ReadRun(ctx, c.Store)
	if err != nil {
		return action{}, err
	}
	o, err := c.look(ctx, r)
	if err != nil {
		return action{}, err
	}
	now := time.Now().UTC()
	s.account(o, now)
	a := decide(r, o, *s, now, c.Patience)
	if doing := a.move.String() + ": " + a.why; s.Doing != doing {
		s.Doing = doing
		c.Log.Info(a.move.String(), "why", a.why, "state", s.State, "hours", s.Hours)
	}
	return a, c.do(ctx, r, o, a, s)
}

func (d move) String() string {
	return [...]string{wait: "waiting", create: "asking for a machine", remove: "removing", askStop: "stopping", giveUp: "ending", finish: "finished"}[d]
}

func (c *Controller) look(ctx context.Context, r Run) (o observed, err error) {
	if o.outcome, err = ReadOutcome(ctx, c.Store); err != nil {
		return o, err
	}
	if o.heartbeat, err = ReadHeartbeat(ctx, c.Store); err != nil {
		return o, err
	}
	o.queued, o.nodes, err = c.Cloud.Inventory(ctx, r.ID)
	return o, err
}

// account adds the time that a machine was there since it was last seen, however long no controller looked.
func (s *Status) account(o observed, now time.Time) {
	state := ""
	if len(o.queued) > 0 {
		state = o.queued[0].State
	}
	var node time.Time
	if len(o.nodes) > 0 {
		node = o.nodes[0].Created
		if state == "ACTIVE" {
			state = o.nodes[0].State
		}
		if o.heartbeat != nil && o.heartbeat.Time.After(node) {
			s.Failures, s.Trouble = 0, ""
		}
	}
	s.Hours += s.elapsed(node, now).Hours()
	s.Node, s.Seen = node, now
	if state != s.State {
		s.State, s.Since = state, now
	}
}

// elapsed is how long machines were there since the last look, node being the creation of the one that is there now. One
// that went away in between counts up to its successor's creation, or up to now: at most what it took.
func (s *Status) elapsed(node, now time.Time) time.Duration {
	if !s.Node.IsZero() && node.Equal(s.Node) {
		return now.Sub(s.Seen)
	}
	var sum time.Duration
	if !s.Node.IsZero() {
		end := now
		if !node.IsZero() {
			end = node
		}
		sum += max(0, end.Sub(s.Seen))
	}
	if !node.IsZero() {
		sum += max(0, now.Sub(node))
	}
	return sum
}

// do carries an action out. Every action may be repeated, and by two controllers.
func (c *Controller) do(ctx context.Context, r Run, o observed, a action, s *Status) error {
	switch a.move {
	case create:
		return c.create(ctx, r, s)
	case remove:
		s.lose(o, a)
		return c.Cloud.Clear(ctx, o.queued, o.nodes)
	case askStop:
		return Stop(ctx, c.Store, a.why)
	case giveUp:
		return conclude(ctx, c.Store, c.end(ctx, r, a.why))
	}
	return nil
}

// lose notes, once for each machine, that it is removed before the run is over.
func (s *Status) lose(o observed, a action) {
	var made time.Time
	switch {
	case len(o.queued) > 0:
		made = o.queued[0].Created
	case len(o.nodes) > 0:
		made = o.nodes[0].Created
	}
	if o.outcome != nil || made.Equal(s.Lost) {
		return
	}
	s.Lost = made
	if a.lost {
		s.Preemptions++
	}
	if o.heartbeat == nil || o.heartbeat.Time.Before(made) {
		s.missed(a.why, 0)
	}
}

// end is the outcome that a controller writes where no machine does.
func (c *Controller) end(ctx context.Context, r Run, why string) Outcome {
	o := Outcome{State: Failed, Step: -1, Why: why}
	if r.Desired == Stopped {
		o.State = Stopped
	}
	if l, err := bucket.Peek(ctx, c.Store, LeaseObject); err == nil && len(l.Steps) > 0 {
		o.Step = l.Steps[len(l.Steps)-1].Step
	}
	return o
}

// create asks for a machine. One that was asked for already is as good.
func (c *Controller) create(ctx context.Context, r Run, s *Status) error {
	err := c.Cloud.Create(ctx, r)
	if err == nil {
		s.Attempts++
		return nil
	}
	meaning, after := diagnose(err)
	switch meaning {
	case exists:
		return nil
	case exhausted:
		s.missed(err.Error(), after)
		c.Log.Warn("quota is used up; a machine that was taken away counts until it is deleted", "error", err)
		return nil
	}
	return err
}

// missed notes a request that came to nothing; the next waits the longer the more there were.
func (s *Status) missed(why string, after time.Duration) {
	s.Failures++
	s.Trouble = why
	s.NotBefore = time.Now().UTC().Add(max(after, time.Minute<<min(s.Failures-1, 5)))
}
