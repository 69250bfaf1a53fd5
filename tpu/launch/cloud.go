package launch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/subbert/subbert/internal/gapi"
)

// RunLabel marks every node of ours with the run it is for.
const RunLabel = "subbert-run"

// Scopes of tokens. The TPU API takes one only, which allows everything that the account's roles do.
const (
	cloudScope   = "https://www.googleapis.com/auth/cloud-platform"
	storageScope = "https://www.googleapis.com/auth/devstorage.read_write"
)

// machineScopes is what a machine's service account can be used for from it; its roles bound it further. A machine that
// is to delete itself needs the TPU API.
func machineScopes(r Run) []string {
	if r.SelfDelete {
		return []string{cloudScope}
	}
	return []string{storageScope}
}

// Cloud is the TPU API as runs need it: one zone of one project. Each call makes one attempt.
type Cloud struct {
	client  *gapi.Client
	project string
	zone    string
}

// OpenCloud prepares to ask the TPU API about a zone. Nothing is asked of the API yet.
func OpenCloud(ctx context.Context, project, zone string, o gapi.Options) (*Cloud, error) {
	client, err := gapi.Open(ctx, "https://tpu.googleapis.com", cloudScope, o)
	if err != nil {
		return nil, fmt.Errorf("TPU API: %w", err)
	}
	return &Cloud{client: client, project: project, zone: zone}, nil
}

// path is where the API has what lies in the zone.
func (c *Cloud) path(kind string) string {
	return "/v2/projects/" + c.project + "/locations/" + c.zone + "/" + kind
}

// Queued is a queued resource.
type Queued struct {
	Name    string    `json:"name"`
	Run     string    `json:"run"` // its label
	State   string    `json:"state"`
	Why     string    `json:"why,omitempty"` // of FAILED
	Created time.Time `json:"created"`
}

// Node is a TPU VM.
type Node struct {
	Name    string    `json:"name"`
	Run     string    `json:"run"`
	State   string    `json:"state"`
	Health  string    `json:"health,omitempty"`
	Created time.Time `json:"created"`
	Address string    `json:"address,omitempty"` // external, or internal if it has no other
}

// Inventory is what there is in the zone that carries our label, of one run or, where run is empty, of any.
func (c *Cloud) Inventory(ctx context.Context, run string) ([]Queued, []Node, error) {
	var queued []Queued
	var nodes []Node
	mine := func(label string) bool { return label != "" && (run == "" || label == run) }
	err := c.pages(ctx, "queuedResources", func(page inventory) {
		for _, q := range page.QueuedResources {
			if known := q.known(); mine(known.Run) {
				queued = append(queued, known)
			}
		}
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list queued resources: %w", err)
	}
	err = c.pages(ctx, "nodes", func(page inventory) {
		for _, n := range page.Nodes {
			if known := n.known(); mine(known.Run) {
				nodes = append(nodes, known)
			}
		}
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list nodes: %w", err)
	}
	return queued, nodes, nil
}

// pages hands over every page of a listing.
func (c *Cloud) pages(ctx context.Context, kind string, visit func(inventory)) error {
	query := url.Values{}
	for {
		var page inventory
		if err := c.client.JSON(ctx, http.MethodGet, c.path(kind)+"?"+query.Encode(), nil, &page); err != nil {
			return err
		}
		visit(page)
		if page.NextPageToken == "" {
			return nil
		}
		query.Set("pageToken", page.NextPageToken)
	}
}

// parseTime is a time of the API; the zero time if there is none.
func parseTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t
}

// Create asks for the run's machine. The API answers 409 if it was asked for already.
func (c *Cloud) Create(ctx context.Context, r Run) error {
	at := c.path("queuedResources") + "?queuedResourceId=" + url.QueryEscape(r.Name())
	return named("create queued resource "+r.Name(), c.client.JSON(ctx, http.MethodPost, at, Request(r), nil))
}

// DeleteQueued asks for a queued resource and its node to be deleted. One that is not there is no error.
func (c *Cloud) DeleteQueued(ctx context.Context, name string) error {
	at := c.path("queuedResources/"+url.PathEscape(name)) + "?force=true"
	return gone(named("delete queued resource "+name, c.client.JSON(ctx, http.MethodDelete, at, nil, nil)))
}

// DeleteNode asks for a node to be deleted. One that is not there is no error.
func (c *Cloud) DeleteNode(ctx context.Context, name string) error {
	return gone(named("delete node "+name, c.client.JSON(ctx, http.MethodDelete, c.path("nodes/"+url.PathEscape(name)), nil, nil)))
}

// Leave asks for the run's machine to be deleted, by the machine itself. What was asked for after since is a later
// machine of the same name, and stays.
func (c *Cloud) Leave(ctx context.Context, r Run, since time.Time) error {
	var q queuedResource
	err := c.client.JSON(ctx, http.MethodGet, c.path("queuedResources/"+r.Name()), nil, &q)
	if err != nil && gone(err) == nil { // a node without its queued resource
		return c.DeleteNode(ctx, r.Name())
	}
	if err != nil {
		return named("look for queued resource "+r.Name(), err)
	}
	if there := q.known(); there.Created.After(since) || there.State == "DELETING" {
		return nil
	}
	return c.DeleteQueued(ctx, r.Name())
}

// HostKeys are the public keys by which a node's SSH server is known, in authorized_keys form, as the node wrote them
// into its guest attributes.
func (c *Cloud) HostKeys(ctx context.Context, node string) ([]string, error) {
	request := struct {
		QueryPath string `json:"queryPath"`
	}{"hostkeys/"}
	var answer guestAttributes
	if err := c.client.JSON(ctx, http.MethodPost, c.path("nodes/"+url.PathEscape(node))+":getGuestAttributes", request, &answer); err != nil {
		return nil, named("guest attributes of "+node, err)
	}
	var keys []string
	for _, worker := range answer.GuestAttributes {
		for _, item := range worker.QueryValue.Items {
			if item.Namespace == "hostkeys" {
				keys = append(keys, item.Key+" "+item.Value)
			}
		}
	}
	slices.Sort(keys)
	return keys, nil
}

// Check asks the API for the accelerator types and images of the zone and says which of what the run wants is not there.
func (c *Cloud) Check(ctx context.Context, r Run) error {
	if err := c.client.JSON(ctx, http.MethodGet, c.path("acceleratorTypes/"+url.PathEscape(r.Accelerator)), nil, nil); err != nil {
		return named("accelerator type "+r.Accelerator+" in "+r.Zone, err)
	}
	err := c.client.JSON(ctx, http.MethodGet, c.path("runtimeVersions/"+url.PathEscape(r.Runtime)), nil, nil)
	return named("runtime version "+r.Runtime+" in "+r.Zone, err)
}

func named(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// gone takes away the error that says that something is not there.
func gone(err error) error {
	var api *gapi.Error
	if errors.As(err, &api) && api.Status == http.StatusNotFound {
		return nil
	}
	return err
}

// trouble is what an error of the API means for whoever wants to go on.
type trouble int

const (
	refused   trouble = iota // asking again will not help
	passing                  // asking again may help
	exhausted                // a quota is used up
	exists                   // what was to be made is there
)

// diagnose says what err means and how long the API wants not to be asked.
func diagnose(err error) (trouble, time.Duration) {
	var api *gapi.Error
	if !errors.As(err, &api) {
		return passing, 0 // the network
	}
	after := api.RetryAfter()
	quota := strings.Contains(strings.ToLower(api.Message), "quota")
	switch {
	case api.Status == http.StatusConflict:
		return exists, after
	case quota && (api.Status == http.StatusTooManyRequests || api.Status == http.StatusForbidden):
		return exhausted, after
	case api.Passing():
		return passing, after
	}
	return refused, after
}

// Ask is Create, for a caller who does not mind if the machine is there already.
func (c *Cloud) Ask(ctx context.Context, r Run) error {
	err := c.Create(ctx, r)
	if meaning, _ := diagnose(err); err != nil && meaning == exists {
		return nil
	}
	return err
}

// Clear asks for all of it to be deleted that is not being deleted already. The API refuses to delete what it is
// still making; that is asked again at the next look.
func (c *Cloud) Clear(ctx context.Context, queued []Queued, nodes []Node) error {
	owned := make(map[string]bool)
	var errs []error
	for _, q := range queued {
		owned[q.Name] = true
		if q.State != "DELETING" && q.State != "SUSPENDING" {
			errs = append(errs, c.DeleteQueued(ctx, q.Name))
		}
	}
	for _, n := range nodes {
		if !owned[n.Name] && n.State != "DELETING" {
			errs = append(errs, c.DeleteNode(ctx, n.Name))
		}
	}
	return stubborn(errors.Join(errs...))
}

// stubborn is an API that will not delete yet: to be asked again, not given up.
func stubborn(err error) error {
	if err == nil {
		return nil
	}
	if meaning, _ := diagnose(err); meaning == refused || meaning == exists {
		return fmt.Errorf("not deleted yet: %s", err) // text alone: no longer a refusal
	}
	return err
}
