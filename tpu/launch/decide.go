package launch

import (
	"fmt"
	"time"
)

// observed is the actual state of a run, from the API and the store.
type observed struct {
	queued    []Queued
	nodes     []Node
	heartbeat *Heartbeat
	outcome   *Outcome
}

// move is the next step of a controller.
type move int

const (
	wait move = iota
	create
	remove  // all resources of the run
	askStop // write it to the run record
	giveUp  // write it to the outcome
	finish  // no resource is left or wanted
)

// action is a move and its reason; lost says that a machine was taken away.
type action struct {
	move move
	why  string
	lost bool
}

// Patience holds the times that a controller waits for events.
type Patience struct {
	Boot     time.Duration // from a node's creation to its first heartbeat
	Silence  time.Duration // between heartbeats
	Setup    time.Duration // in CREATING, PROVISIONING and the like; waiting for capacity has no bound
	Stop     time.Duration // from the request to stop to the end
	Failures int           // failed requests in a row
}

// DefaultPatience suits Cloud TPU: a v3-8 boots in minutes.
func DefaultPatience() Patience {
	return Patience{Boot: 20 * time.Minute, Silence: 10 * time.Minute, Setup: time.Hour, Stop: 5 * time.Minute, Failures: 10}
}

// decide is the core of the controller: it maps the desired and the actual state to an action.
func decide(r Run, o observed, s Status, now time.Time, p Patience) action {
	if o.outcome != nil {
		if len(o.queued)+len(o.nodes) == 0 {
			return action{move: finish, why: o.outcome.State}
		}
		return action{move: remove, why: "the run is " + o.outcome.State}
	}
	if r.Desired == Stopped {
		return decideStop(r, o, now, p)
	}
	if why := r.over(s.Hours); why != "" {
		return action{move: askStop, why: why}
	}
	if s.Failures >= p.Failures {
		return action{move: giveUp, why: fmt.Sprintf("%d requests in a row failed, at last: %s", s.Failures, s.Trouble)}
	}
	if len(o.queued) == 0 && len(o.nodes) == 0 {
		if now.Before(s.NotBefore) {
			return action{move: wait, why: "before the next request"}
		}
		return action{move: create, why: "there is no machine"}
	}
	if len(o.queued) == 0 {
		return action{move: remove, why: "a node without its queued resource", lost: true}
	}
	return decideQueued(o.queued[0], o, s, now, p)
}

// decideStop decides for a run that is stopped: a live machine gets time to save.
func decideStop(r Run, o observed, now time.Time, p Patience) action {
	alive := len(o.nodes) > 0 && o.heartbeat != nil && now.Sub(o.heartbeat.Time) < p.Silence
	if alive && now.Sub(r.Asked) < p.Stop {
		return action{move: wait, why: "for the machine to save"}
	}
	return action{move: giveUp, why: r.Reason}
}

func decideQueued(q Queued, o observed, s Status, now time.Time, p Patience) action {
	switch q.State {
	case "ACTIVE":
		if len(o.nodes) == 0 {
			return action{move: remove, why: "the node has vanished", lost: true}
		}
		return decideNode(o.nodes[0], o, now, p)
	case "SUSPENDED", "FAILED":
		return action{move: remove, why: "the queued resource is " + q.State + reason(q.Why), lost: q.State == "SUSPENDED"}
	case "WAITING_FOR_RESOURCES", "ACCEPTED":
		return action{move: wait, why: "for capacity"}
	}
	if now.Sub(s.Since) > p.Setup && s.State == q.State {
		return action{move: remove, why: fmt.Sprintf("the queued resource has been %s for %s", q.State, now.Sub(s.Since).Round(time.Minute))}
	}
	return action{move: wait, why: "for the queued resource, which is " + q.State}
}

func decideNode(n Node, o observed, now time.Time, p Patience) action {
	lost := func(why string) action { return action{move: remove, why: why, lost: true} }
	alive := o.heartbeat != nil && o.heartbeat.Time.After(n.Created)
	switch n.State {
	case "PREEMPTED", "TERMINATED", "STOPPED", "STOPPING", "HIDING", "HIDDEN", "UNKNOWN":
		return lost("the node is " + n.State)
	case "READY", "RESTARTING", "REPAIRING", "REIMAGING", "STARTING":
		if alive && now.Sub(o.heartbeat.Time) > p.Silence {
			return lost(fmt.Sprintf("the node is %s %s, but has sent no heartbeat for %s", n.State, n.Health, now.Sub(o.heartbeat.Time).Round(time.Second)))
		}
		if !alive && now.Sub(n.Created) > p.Boot {
			return lost(fmt.Sprintf("the node is %s %s, but has sent no heartbeat in %s", n.State, n.Health, now.Sub(n.Created).Round(time.Second)))
		}
	}
	if (n.Health == "UNHEALTHY_TENSORFLOW" || n.Health == "TIMEOUT") && !alive {
		return lost("the node is " + n.Health)
	}
	if alive {
		return action{move: wait, why: "training"}
	}
	return action{move: wait, why: "for the machine's first heartbeat"}
}

func reason(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}
