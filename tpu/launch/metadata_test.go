package launch

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cloud.google.com/go/compute/metadata"
)

// TestLeaving reads what the metadata server says about the machine.
func TestLeaving(t *testing.T) {
	for _, test := range []struct {
		preempted, event string
		want             string
		fails            bool
	}{
		{"FALSE", "NONE", "", false},
		{"TRUE", "NONE", "preempted", false},
		{"TRUE\n", "TERMINATE_ON_HOST_MAINTENANCE", "preempted", false},
		{"FALSE", "TERMINATE_ON_HOST_MAINTENANCE", "maintenance: TERMINATE_ON_HOST_MAINTENANCE", false},
		{"", "", "", true},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answers := map[string]string{"/computeMetadata/v1/instance/preempted": test.preempted, "/computeMetadata/v1/instance/maintenance-event": test.event}
			if answers[r.URL.Path] == "" || r.Header.Get("Metadata-Flavor") != "Google" {
				http.NotFound(w, r)
				return
			}
			fmt.Fprint(w, answers[r.URL.Path])
		}))
		t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(server.URL, "http://"))
		got, err := Leaving(t.Context(), metadata.NewWithOptions(&metadata.Options{}))
		if got != test.want || (err != nil) != test.fails {
			t.Errorf("preempted %q, event %q: %q, %v; want %q", test.preempted, test.event, got, err, test.want)
		}
		server.Close()
	}
}
