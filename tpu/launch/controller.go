package launch

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/subbert/subbert/checkpoints/bucket"
)

// Status is a controller's state of a run. The notes of its lease hold it, so that its successor can continue.
type Status struct {
	Doing       string    `json:"doing"`
	State       string    `json:"state"` // of the queued resource, or the node once it is ACTIVE
	Since       time.Time `json:"since"` // of State
	Attempts    int       `json:"attempts"`
	Preemptions int       `json:"preemptions"` // machines that were taken away or fell silent
	Failures    int       `json:"failures"`    // failed requests since the last heartbeat
	Trouble     string    `json:"trouble,omitempty"`
	NotBefore   time.Time `json:"not_before"` // earliest time of the next request for a machine
	Hours       float64   `json:"hours"`      // hours in which machines existed; fewer may be billed
	Node        time.Time `json:"node"`       // creation time of the node that was seen last
	Seen        time.Time `json:"seen"`       // time at which it was seen
	Lost        time.Time `json:"lost"`       // creation time of the request that was given up last
	Finished    bool      `json:"finished"`   // nothing is left
}

// Controller reconciles the actual state of one run with its desired state.
type Controller struct {
	Store    bucket.Store
	Cloud    *Cloud
	Holder   string // identity of this controller, such as host and process
	Log      *slog.Logger
	Patience Patience
	Poll     time.Duration // between polls
}

// ttl is the time for which the lease of a dead controller keeps others from acting.
const ttl = 5 * time.Minute

// longestPause is the maximum time between renewals of a lease.
const longestPause = 2 * time.Minute

// Run controls the run until it has ended and no resource of it is left in the cloud, and returns its outcome.
// While another controller acts, Run only watches. If ctx ends, the run goes on; a later call of Run, on any
// machine, resumes control. It is an error if the store cannot be reached at first; later outages are waited for.
func (c *Controller) Run(ctx context.Context) (*Outcome, error) {
	told, reached := "", false
	for {
		lease, err := bucket.Acquire(ctx, c.Store, ControllerObject, c.Holder, ttl)
		var held *bucket.HeldError
		switch {
		case errors.As(err, &held):
			reached = true
			if told != held.Holder {
				c.Log.Info("watching, because another controller acts", "holder", held.Holder)
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

// ReadStatus reads the last status of the run in a store.
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

// act polls and acts until the run is over. It releases the lease when it returns, unless the lease is
// lost.
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
			c.Log.Warn("the TPU API failed; asking again", "in", wait.String(), "error", err)
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

// passes reports whether an error of the store is temporary, and logs it if so. The next write to the lease shows
// whether it was taken over in the meantime.
func (c *Controller) passes(ctx context.Context, err error) bool {
	if meaning, _ := diagnose(err); meaning != passing || ctx.Err() != nil || errors.Is(err, bucket.ErrLost) {
		return false
	}
	c.Log.Warn("the store failed; asking again", "error", err)
	return true
}

// rest sleeps for d, which the API may have requested, and renews the lease meanwhile.
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

// tick polls once and carries out one action.
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
	return [...]string{wait: "waiting", create: "requesting a machine", remove: "removing", askStop: "stopping", giveUp: "ending", finish: "finished"}[d]
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

// account adds the time for which a machine existed since it was last seen, including times without a
// controller.
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

// elapsed is the time for which machines existed since the last poll; node is the creation time of the current one. A
// machine that disappeared in between counts up to its successor's creation, or up to now, which is an upper bound.
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

// do carries out an action. Every action may be repeated, even by two controllers.
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

// lose counts, once for each machine, that it is removed before the run is over.
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

// end is the outcome that a controller writes if no machine does.
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

// create requests a machine. It is no error if it was requested already.
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
		c.Log.Warn("the quota is used up; a machine that was taken away counts until it is deleted", "error", err)
		return nil
	}
	return err
}

// missed counts a failed request; the pause before the next one grows with their number.
func (s *Status) missed(why string, after time.Duration) {
	s.Failures++
	s.Trouble = why
	s.NotBefore = time.Now().UTC().Add(max(after, time.Minute<<min(s.Failures-1, 5)))
}
