package launch

import (
	"context"
	"strings"
	"time"

	"cloud.google.com/go/compute/metadata"
)

// Leaving asks the metadata server why this machine is about to be taken away; the answer is empty if it is not.
func Leaving(ctx context.Context, server *metadata.Client) (string, error) {
	soon, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	preempted, err := server.GetWithContext(soon, "instance/preempted")
	if err != nil {
		return "", err
	}
	if strings.TrimSpace(preempted) == "TRUE" {
		return "preempted", nil
	}
	event, err := server.GetWithContext(soon, "instance/maintenance-event")
	if err != nil || strings.TrimSpace(event) == "NONE" {
		return "", err
	}
	return "maintenance: " + strings.TrimSpace(event), nil
}
