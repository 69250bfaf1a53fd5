// Package launchtest holds a double of the TPU API that speaks its protocol: queued resources and nodes that come, go and
// fail as a test scripts it, by the clock (that of testing/synctest in a bubble).
package launchtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/tpu/v2"
)

// Fault is an answer that the API gives instead of executing a request.
type Fault struct {
	Code       int
	Message    string
	RetryAfter string
	Done       bool // the request is executed; only the answer is wrong
}

// API is the double. Its fields are set before its first request.
type API struct {
	Accept    time.Duration // from a request to PROVISIONING
	Provision time.Duration // from there to ACTIVE; 0: at once
	Deleting  time.Duration // from a deletion to the resource being gone
	Refuse    string        // a queued resource in this state is not deleted: 400

	HostKeys map[string]string // of every node: type to key

	mu     sync.Mutex
	faults map[string][]Fault
	calls  map[string]int
	queued map[string]*tpu.QueuedResource
	nodes  map[string]*tpu.Node
	since  map[string]time.Time // when a resource got its state, by "q/" or "n/" and its name
	Most   int                  // nodes that were there at once
	Made   int                  // nodes, in all
	frozen bool
	told   strings.Builder
}

// Told is the content of all requests, without headers.
func (a *API) Told() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.told.String()
}

// Script answers the next requests of a kind, such as "POST queuedResources", by faults.
func (a *API) Script(kind string, faults ...Fault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.faults == nil {
		a.faults = make(map[string][]Fault)
	}
	a.faults[kind] = append(a.faults[kind], faults...)
}

// SetHostKeys changes HostKeys while the API serves.
func (a *API) SetHostKeys(keys map[string]string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.HostKeys = keys
}

// Freeze keeps every resource in its state, like operations that never end, or lets time go on again.
func (a *API) Freeze(frozen bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.frozen = frozen
}

// Calls is the number of requests of a kind.
func (a *API) Calls(kind string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls[kind]
}

// Node is the only node, with its current state; nil if there is none.
func (a *API) Node() *tpu.Node {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.advance()
	for _, n := range a.nodes {
		seen := *n
		return &seen
	}
	return nil
}

// Left names all existing resources.
func (a *API) Left() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.advance()
	var left []string
	for name, q := range a.queued {
		left = append(left, "queued resource "+name+" "+q.State.State)
	}
	for name, n := range a.nodes {
		left = append(left, "node "+name+" "+n.State)
	}
	slices.Sort(left)
	return left
}

// Change puts every node into a state, "" to make it vanish, and every queued resource likewise, "" to leave it.
func (a *API) Change(node, queued string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.advance()
	for name, n := range a.nodes {
		if n.State = node; node == "" {
			delete(a.nodes, name)
		}
	}
	for name, q := range a.queued {
		if queued != "" {
			q.State.State = queued
			a.since["q/"+name] = time.Now()
		}
	}
}

// RoundTrip makes the API a client's transport, without a network: goroutines that wait for a network stop the clock
// of a synctest bubble.
func (a *API) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w.Result(), nil
}

// ServeHTTP answers /v2/projects/P/locations/Z/KIND[/NAME].
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) < 6 {
		answer(w, nil, Fault{Code: http.StatusNotFound, Message: r.URL.Path})
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		answer(w, nil, Fault{Code: http.StatusBadRequest, Message: err.Error()})
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	fmt.Fprintf(&a.told, "%s %s\n%s\n", r.Method, r.URL, body)
	kind, name := parts[5], strings.Join(parts[6:], "/")
	key := r.Method + " " + kind
	if a.calls == nil {
		a.calls, a.queued = make(map[string]int), make(map[string]*tpu.QueuedResource)
		a.nodes, a.since = make(map[string]*tpu.Node), make(map[string]time.Time)
	}
	a.calls[key]++
	a.advance()
	var scripted *Fault
	if f := a.faults[key]; len(f) > 0 {
		scripted, a.faults[key] = &f[0], f[1:]
		if !scripted.Done {
			answer(w, nil, *scripted)
			return
		}
	}
	result, fault := a.serve(key, name, strings.Join(parts[1:5], "/"), r)
	if scripted != nil {
		fault = *scripted
	}
	answer(w, result, fault)
}

func answer(w http.ResponseWriter, result any, f Fault) {
	w.Header().Set("Content-Type", "application/json")
	if f.Code != 0 {
		if f.RetryAfter != "" {
			w.Header().Set("Retry-After", f.RetryAfter)
		}
		w.WriteHeader(f.Code)
		result = map[string]any{"error": &googleapi.Error{Code: f.Code, Message: f.Message}}
	}
	if err := json.NewEncoder(w).Encode(result); err != nil {
		panic(err) // a recorder or a local client; nothing else can fail here
	}
}

func (a *API) serve(key, name, parent string, r *http.Request) (any, Fault) {
	switch {
	case key == "GET queuedResources" && name != "":
		if q, ok := a.queued[name]; ok {
			return q, Fault{}
		}
		return nil, Fault{Code: http.StatusNotFound, Message: name}
	case key == "GET queuedResources":
		list := &tpu.ListQueuedResourcesResponse{}
		for _, q := range a.queued {
			list.QueuedResources = append(list.QueuedResources, q)
		}
		return list, Fault{}
	case key == "GET nodes":
		list := &tpu.ListNodesResponse{}
		for _, n := range a.nodes {
			list.Nodes = append(list.Nodes, n)
		}
		return list, Fault{}
	case key == "POST queuedResources":
		return a.create(parent, r)
	case key == "DELETE queuedResources":
		return a.deleteQueued(name, r.URL.Query().Get("force") == "true")
	case key == "DELETE nodes":
		n, ok := a.nodes[name]
		if !ok {
			return nil, Fault{Code: http.StatusNotFound, Message: name}
		}
		n.State = "DELETING"
		a.since["n/"+name] = time.Now()
		return &tpu.Operation{Name: parent + "/operations/1"}, Fault{}
	case strings.HasSuffix(name, ":getGuestAttributes"):
		return a.guestAttributes(), Fault{}
	case key == "GET acceleratorTypes", key == "GET runtimeVersions":
		return map[string]string{"name": parent + "/" + name}, Fault{}
	}
	return nil, Fault{Code: http.StatusNotImplemented, Message: key}
}

func (a *API) guestAttributes() *tpu.GetGuestAttributesResponse {
	value := &tpu.GuestAttributesValue{}
	for key, text := range a.HostKeys {
		value.Items = append(value.Items, &tpu.GuestAttributesEntry{Namespace: "hostkeys", Key: key, Value: text})
	}
	return &tpu.GetGuestAttributesResponse{GuestAttributes: []*tpu.GuestAttributes{{QueryPath: "hostkeys/", QueryValue: value}}}
}

func (a *API) create(parent string, r *http.Request) (any, Fault) {
	name := r.URL.Query().Get("queuedResourceId")
	if a.queued[name] != nil || a.nodes[name] != nil {
		return nil, Fault{Code: http.StatusConflict, Message: name + " exists"}
	}
	q := &tpu.QueuedResource{}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(q); err != nil {
		return nil, Fault{Code: http.StatusBadRequest, Message: err.Error()}
	}
	q.Name = parent + "/queuedResources/" + name
	q.CreateTime = time.Now().UTC().Format(time.RFC3339Nano)
	q.State = &tpu.QueuedResourceState{State: "ACCEPTED"}
	a.queued[name] = q
	a.since["q/"+name] = time.Now()
	return &tpu.Operation{Name: parent + "/operations/" + fmt.Sprint(a.calls["POST queuedResources"])}, Fault{}
}

func (a *API) deleteQueued(name string, force bool) (any, Fault) {
	q, ok := a.queued[name]
	if !ok {
		return nil, Fault{Code: http.StatusNotFound, Message: name}
	}
	if q.State.State == a.Refuse || !force && a.nodes[name] != nil {
		return nil, Fault{Code: http.StatusBadRequest, Message: "FAILED_PRECONDITION: " + q.State.State}
	}
	q.State.State = "DELETING"
	a.since["q/"+name] = time.Now()
	return &tpu.Operation{Name: path.Dir(path.Dir(q.Name)) + "/operations/1"}, Fault{}
}

// advance updates the state of every resource to the current time.
func (a *API) advance() {
	if a.frozen {
		return
	}
	now := time.Now()
	for name, q := range a.queued {
		at := a.since["q/"+name]
		move := func(state string, after time.Duration) bool {
			if now.Sub(at) < after {
				return false
			}
			at = at.Add(after)
			q.State.State, a.since["q/"+name] = state, at
			return true
		}
		if q.State.State == "ACCEPTED" {
			move("PROVISIONING", a.Accept)
		}
		if q.State.State == "PROVISIONING" && move("ACTIVE", a.Provision) {
			a.boot(name, q, at)
		}
		if q.State.State == "DELETING" && now.Sub(at) >= a.Deleting {
			delete(a.queued, name)
			delete(a.nodes, name)
		}
	}
	for name, n := range a.nodes {
		if n.State == "DELETING" && now.Sub(a.since["n/"+name]) >= a.Deleting {
			delete(a.nodes, name)
		}
	}
}

func (a *API) boot(name string, q *tpu.QueuedResource, at time.Time) {
	n := *q.Tpu.NodeSpec[0].Node
	n.Name, n.State, n.Health = path.Dir(path.Dir(q.Name))+"/nodes/"+name, "READY", "HEALTHY"
	n.CreateTime = at.UTC().Format(time.RFC3339Nano)
	n.NetworkEndpoints = []*tpu.NetworkEndpoint{{IpAddress: "127.0.0.1"}}
	a.nodes[name] = &n
	a.Made++
	a.Most = max(a.Most, len(a.nodes))
}

// Orphan removes the queued resources and leaves their nodes.
func (a *API) Orphan() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.advance()
	clear(a.queued)
}
