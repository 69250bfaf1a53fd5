package launch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/subbert/subbert/internal/gapi"
)

// RunLabel is the label of our nodes; its value is the run.
const RunLabel = "subbert-run"

// Scopes of tokens. The TPU API accepts only the scope that allows everything that the account's roles do.
const (
	cloudScope   = "https://www.googleapis.com/auth/cloud-platform"
	storageScope = "https://www.googleapis.com/auth/devstorage.read_write"
)

// machineScopes are the scopes of a machine's service account; its roles restrict it further. A machine that deletes
// itself needs the TPU API.
func machineScopes(r Run) []string {
	if r.SelfDelete {
		return []string{cloudScope}
	}
	return []string{storageScope}
}

// Cloud is a client of the TPU API for one zone of one project. Each call makes one attempt.
type Cloud struct {
	client  *gapi.Client
	project string
	zone    string
}

// OpenCloud prepares a client for a zone. It sends no request yet.
func OpenCloud(ctx context.Context, project, zone string, o gapi.Options) (*Cloud, error) {
	client, err := gapi.Open(ctx, "https://tpu.googleapis.com", cloudScope, o)
	if err != nil {
		return nil, fmt.Errorf("TPU API: %w", err)
	}
	return &Cloud{client: client, project: project, zone: zone}, nil
}

// path is the API's path of a kind of resources in the zone.
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

// Inventory lists the resources in the zone with our label, of one run or, if run is empty, of all runs.
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

// pages calls visit with every page of a listing.
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

// Create requests the run's machine. The API answers 409 if it was requested already.
func (c *Cloud) Create(ctx context.Context, r Run) error {
	at := c.path("queuedResources") + "?queuedResourceId=" + url.QueryEscape(r.Name())
	return named("create queued resource "+r.Name(), c.client.JSON(ctx, http.MethodPost, at, Request(r), nil))
}

// DeleteQueued requests the deletion of a queued resource and its node. It is no error if it does not
// exist.
func (c *Cloud) DeleteQueued(ctx context.Context, name string) error {
	at := c.path("queuedResources/"+url.PathEscape(name)) + "?force=true"
	return gone(named("delete queued resource "+name, c.client.JSON(ctx, http.MethodDelete, at, nil, nil)))
}

// DeleteNode requests the deletion of a node. It is no error if it does not exist.
func (c *Cloud) DeleteNode(ctx context.Context, name string) error {
	return gone(named("delete node "+name, c.client.JSON(ctx, http.MethodDelete, c.path("nodes/"+url.PathEscape(name)), nil, nil)))
}

// Leave requests, from the machine itself, the deletion of the run's machine. It keeps a machine that was
// requested after since, which is a later machine of the same name.
func (c *Cloud) Leave(ctx context.Context, r Run, since time.Time) error {
	var q queuedResource
	err := c.client.JSON(ctx, http.MethodGet, c.path("queuedResources/"+r.Name()), nil, &q)
	if err != nil && gone(err) == nil { // a node without its queued resource
		return c.DeleteNode(ctx, r.Name())
	}
	if err != nil {
		return named("get queued resource "+r.Name(), err)
	}
	if there := q.known(); there.Created.After(since) || there.State == "DELETING" {
		return nil
	}
	return c.DeleteQueued(ctx, r.Name())
}

// HostKeys are the public keys of a node's SSH server, in authorized_keys form, as the node wrote them to its guest
// attributes.
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

// Shell returns a shell on the machine of r. identity is a private key whose public half the machine admits.
func (c *Cloud) Shell(ctx context.Context, r Run, port string, identity []byte) (Shell, error) {
	_, nodes, err := c.Inventory(ctx, r.ID)
	if err != nil {
		return Shell{}, err
	}
	if len(nodes) == 0 || nodes[0].Address == "" {
		return Shell{}, fmt.Errorf("%s has no machine now; subbert tpu status says why", r.ID)
	}
	keys, err := c.HostKeys(ctx, nodes[0].Name)
	return Shell{Address: net.JoinHostPort(nodes[0].Address, port), Identity: identity, HostKeys: keys}, err
}

// Check returns an error if the zone lacks the run's accelerator type or image.
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

// gone turns the error for a missing resource into nil.
func gone(err error) error {
	var api *gapi.Error
	if errors.As(err, &api) && api.Status == http.StatusNotFound {
		return nil
	}
	return err
}

// trouble classifies an error of the API by its remedy.
type trouble int

const (
	refused   trouble = iota // a retry will not help
	passing                  // a retry may help
	exhausted                // a quota is used up
	exists                   // the resource exists already
)

// diagnose classifies err and returns the time that the API asks to wait.
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

// Ask is Create, but it is no error if the machine exists already.
func (c *Cloud) Ask(ctx context.Context, r Run) error {
	err := c.Create(ctx, r)
	if meaning, _ := diagnose(err); err != nil && meaning == exists {
		return nil
	}
	return err
}

// Clear requests the deletion of all resources that are not being deleted already. The API refuses to delete
// resources that it is still creating; the controller requests that again at its next poll.
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

// stubborn turns the refusal of a deletion into an error that is retried.
func stubborn(err error) error {
	if err == nil {
		return nil
	}
	if meaning, _ := diagnose(err); meaning == refused || meaning == exists {
		return fmt.Errorf("not deleted yet: %s", err) // only the text, so that it no longer counts as a refusal
	}
	return err
}
