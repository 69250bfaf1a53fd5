package launch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	"google.golang.org/api/tpu/v2"
)

// RunLabel marks every node of ours with the run it is for.
const RunLabel = "subbert-run"

// storageScope is all that a machine needs that is deleted by others.
const storageScope = "https://www.googleapis.com/auth/devstorage.read_write"

// machineScopes is what a machine's service account can be used for from it; its roles bound it further. The TPU API
// takes one scope only, so a machine that is to delete itself gets that.
func machineScopes(r Run) []string {
	if r.SelfDelete {
		return []string{tpu.CloudPlatformScope}
	}
	return []string{storageScope}
}

// Cloud is the TPU API as runs need it: one zone of one project.
type Cloud struct {
	service *tpu.Service
	project string
	zone    string
}

// OpenCloud prepares to ask the TPU API about a zone. Nothing is asked of the network yet.
func OpenCloud(ctx context.Context, project, zone string, options ...option.ClientOption) (*Cloud, error) {
	s, err := tpu.NewService(ctx, append([]option.ClientOption{option.WithScopes(tpu.CloudPlatformScope)}, options...)...)
	if err != nil {
		return nil, fmt.Errorf("TPU API: %w", err)
	}
	return &Cloud{service: s, project: project, zone: zone}, nil
}

func (c *Cloud) parent() string { return "projects/" + c.project + "/locations/" + c.zone }

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
	err := c.service.Projects.Locations.QueuedResources.List(c.parent()).Pages(ctx, func(page *tpu.ListQueuedResourcesResponse) error {
		for _, q := range page.QueuedResources {
			if known := knownQueued(q); mine(known.Run) {
				queued = append(queued, known)
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list queued resources: %w", err)
	}
	err = c.service.Projects.Locations.Nodes.List(c.parent()).Pages(ctx, func(page *tpu.ListNodesResponse) error {
		for _, n := range page.Nodes {
			if known := knownNode(n); mine(known.Run) {
				nodes = append(nodes, known)
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list nodes: %w", err)
	}
	return queued, nodes, nil
}

func knownQueued(q *tpu.QueuedResource) Queued {
	known := Queued{Name: path.Base(q.Name), Created: parseTime(q.CreateTime)}
	if q.State != nil {
		known.State = q.State.State
		if q.State.FailedData != nil && q.State.FailedData.Error != nil {
			known.Why = q.State.FailedData.Error.Message
		}
	}
	if q.Tpu != nil {
		for _, spec := range q.Tpu.NodeSpec {
			if spec.Node != nil {
				known.Run = spec.Node.Labels[RunLabel]
			}
		}
	}
	return known
}

func knownNode(n *tpu.Node) Node {
	known := Node{Name: path.Base(n.Name), Run: n.Labels[RunLabel], State: n.State, Health: n.Health, Created: parseTime(n.CreateTime)}
	for _, e := range n.NetworkEndpoints {
		known.Address = e.IpAddress
		if e.AccessConfig != nil && e.AccessConfig.ExternalIp != "" {
			known.Address = e.AccessConfig.ExternalIp
		}
		break
	}
	return known
}

// parseTime is a time of the API; the zero time if there is none.
func parseTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t
}

// Request is what Create asks the API for, for people to see.
func Request(r Run) *tpu.QueuedResource {
	node := &tpu.Node{
		AcceleratorType: r.Accelerator,
		RuntimeVersion:  r.Runtime,
		Labels:          map[string]string{RunLabel: r.ID},
		Metadata:        map[string]string{"startup-script": StartupScript(r), "enable-guest-attributes": "TRUE"},
		ServiceAccount:  &tpu.ServiceAccount{Email: r.ServiceAccount, Scope: machineScopes(r)},
		NetworkConfig:   &tpu.NetworkConfig{Network: r.Network, EnableExternalIps: true},
	}
	if r.SSHKey != "" {
		node.Metadata["ssh-keys"] = SSHUser + ":" + r.SSHKey
	}
	q := &tpu.QueuedResource{Tpu: &tpu.Tpu{NodeSpec: []*tpu.NodeSpec{{Parent: "projects/" + r.Project + "/locations/" + r.Zone, NodeId: r.Name(), Node: node}}}}
	if r.Spot {
		q.Spot = &tpu.Spot{}
	}
	return q
}

// Create asks for the run's machine. The API answers 409 if it was asked for already.
func (c *Cloud) Create(ctx context.Context, r Run) error {
	_, err := c.service.Projects.Locations.QueuedResources.Create(c.parent(), Request(r)).QueuedResourceId(r.Name()).Context(ctx).Do()
	return named("create queued resource "+r.Name(), err)
}

// DeleteQueued asks for a queued resource and its node to be deleted. One that is not there is no error.
func (c *Cloud) DeleteQueued(ctx context.Context, name string) error {
	_, err := c.service.Projects.Locations.QueuedResources.Delete(c.parent() + "/queuedResources/" + name).Force(true).Context(ctx).Do()
	return gone(named("delete queued resource "+name, err))
}

// DeleteNode asks for a node to be deleted. One that is not there is no error.
func (c *Cloud) DeleteNode(ctx context.Context, name string) error {
	_, err := c.service.Projects.Locations.Nodes.Delete(c.parent() + "/nodes/" + name).Context(ctx).Do()
	return gone(named("delete node "+name, err))
}

// Leave asks for the run's machine to be deleted, by the machine itself. What was asked for after since is a later
// machine of the same name, and stays.
func (c *Cloud) Leave(ctx context.Context, r Run, since time.Time) error {
	q, err := c.service.Projects.Locations.QueuedResources.Get(c.parent() + "/queuedResources/" + r.Name()).Context(ctx).Do()
	if err != nil && gone(err) == nil { // a node without its queued resource
		return c.DeleteNode(ctx, r.Name())
	}
	if err != nil {
		return named("look for queued resource "+r.Name(), err)
	}
	if there := knownQueued(q); there.Created.After(since) || there.State == "DELETING" {
		return nil
	}
	return c.DeleteQueued(ctx, r.Name())
}

// HostKeys are the public keys by which a node's SSH server is known, in authorized_keys form, as the node wrote them
// into its guest attributes.
func (c *Cloud) HostKeys(ctx context.Context, node string) ([]string, error) {
	request := &tpu.GetGuestAttributesRequest{QueryPath: "hostkeys/"}
	answer, err := c.service.Projects.Locations.Nodes.GetGuestAttributes(c.parent()+"/nodes/"+node, request).Context(ctx).Do()
	if err != nil {
		return nil, named("guest attributes of "+node, err)
	}
	var keys []string
	for _, worker := range answer.GuestAttributes {
		if worker.QueryValue == nil {
			continue
		}
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
	if _, err := c.service.Projects.Locations.AcceleratorTypes.Get(c.parent() + "/acceleratorTypes/" + r.Accelerator).Context(ctx).Do(); err != nil {
		return named("accelerator type "+r.Accelerator+" in "+r.Zone, err)
	}
	_, err := c.service.Projects.Locations.RuntimeVersions.Get(c.parent() + "/runtimeVersions/" + r.Runtime).Context(ctx).Do()
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
	var api *googleapi.Error
	if errors.As(err, &api) && api.Code == http.StatusNotFound {
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
	var api *googleapi.Error
	if !errors.As(err, &api) {
		return passing, 0 // the network
	}
	var after time.Duration
	if seconds, err := strconv.Atoi(api.Header.Get("Retry-After")); err == nil {
		after = time.Duration(seconds) * time.Second
	}
	quota := strings.Contains(strings.ToLower(api.Message+api.Body), "quota")
	switch {
	case api.Code == http.StatusConflict:
		return exists, after
	case quota && (api.Code == http.StatusTooManyRequests || api.Code == http.StatusForbidden):
		return exhausted, after
	case api.Code == http.StatusTooManyRequests, api.Code == http.StatusRequestTimeout, api.Code >= 500:
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
