package launch

import (
	"cmp"
	"path"
)

// Messages of the TPU API, version 2, with the fields that runs need.
type (
	// QueuedResource is a request for a machine.
	QueuedResource struct {
		Tpu  tpuSpec   `json:"tpu"`
		Spot *struct{} `json:"spot,omitempty"`
	}

	tpuSpec struct {
		NodeSpec []nodeSpec `json:"nodeSpec"`
	}

	nodeSpec struct {
		Parent string   `json:"parent"`
		NodeID string   `json:"nodeId"`
		Node   nodeWish `json:"node"`
	}

	nodeWish struct {
		AcceleratorType string            `json:"acceleratorType"`
		RuntimeVersion  string            `json:"runtimeVersion"`
		Labels          map[string]string `json:"labels"`
		Metadata        map[string]string `json:"metadata"`
		ServiceAccount  serviceAccount    `json:"serviceAccount"`
		NetworkConfig   networkConfig     `json:"networkConfig"`
	}

	serviceAccount struct {
		Email string   `json:"email,omitempty"`
		Scope []string `json:"scope"`
	}

	networkConfig struct {
		Network           string `json:"network,omitempty"`
		EnableExternalIPs bool   `json:"enableExternalIps"`
	}
)

// Request is the request of Create, for display.
func Request(r Run) QueuedResource {
	node := nodeWish{
		AcceleratorType: r.Accelerator,
		RuntimeVersion:  r.Runtime,
		Labels:          map[string]string{RunLabel: r.ID},
		Metadata:        map[string]string{"startup-script": StartupScript(r), "enable-guest-attributes": "TRUE"},
		ServiceAccount:  serviceAccount{Email: r.ServiceAccount, Scope: machineScopes(r)},
		NetworkConfig:   networkConfig{Network: r.Network, EnableExternalIPs: true},
	}
	if r.SSHKey != "" {
		node.Metadata["ssh-keys"] = SSHUser + ":" + r.SSHKey
	}
	q := QueuedResource{Tpu: tpuSpec{NodeSpec: []nodeSpec{{Parent: "projects/" + r.Project + "/locations/" + r.Zone, NodeID: r.Name(), Node: node}}}}
	if r.Spot {
		q.Spot = &struct{}{}
	}
	return q
}

type (
	// inventory is a page of a listing.
	inventory struct {
		QueuedResources []queuedResource `json:"queuedResources"`
		Nodes           []node           `json:"nodes"`
		NextPageToken   string           `json:"nextPageToken"`
	}

	queuedResource struct {
		Name       string `json:"name"` // projects/P/locations/Z/queuedResources/NAME
		CreateTime string `json:"createTime"`
		State      struct {
			State      string `json:"state"`
			FailedData struct {
				Error struct {
					Message string `json:"message"`
				} `json:"error"`
			} `json:"failedData"`
		} `json:"state"`
		Tpu tpuSpec `json:"tpu"`
	}

	node struct {
		Name             string            `json:"name"`
		CreateTime       string            `json:"createTime"`
		State            string            `json:"state"`
		Health           string            `json:"health"`
		Labels           map[string]string `json:"labels"`
		NetworkEndpoints []struct {
			IPAddress    string `json:"ipAddress"`
			AccessConfig struct {
				ExternalIP string `json:"externalIp"`
			} `json:"accessConfig"`
		} `json:"networkEndpoints"` // one for each worker
	}

	guestAttributes struct {
		GuestAttributes []struct {
			QueryValue struct {
				Items []struct {
					Namespace string `json:"namespace"`
					Key       string `json:"key"`
					Value     string `json:"value"`
				} `json:"items"`
			} `json:"queryValue"`
		} `json:"guestAttributes"` // one for each worker
	}
)

func (q queuedResource) known() Queued {
	known := Queued{Name: path.Base(q.Name), Created: parseTime(q.CreateTime), State: q.State.State, Why: q.State.FailedData.Error.Message}
	for _, spec := range q.Tpu.NodeSpec {
		known.Run = spec.Node.Labels[RunLabel]
	}
	return known
}

func (n node) known() Node {
	known := Node{Name: path.Base(n.Name), Run: n.Labels[RunLabel], State: n.State, Health: n.Health, Created: parseTime(n.CreateTime)}
	if len(n.NetworkEndpoints) > 0 {
		first := n.NetworkEndpoints[0]
		known.Address = cmp.Or(first.AccessConfig.ExternalIP, first.IPAddress)
	}
	return known
}
