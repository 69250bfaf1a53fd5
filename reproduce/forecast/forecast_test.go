package forecast

import (
	"strings"
	"testing"

	"github.com/subbert/subbert/plan"
	"github.com/subbert/subbert/tpu/launch"
)

// TestBasis: the text names the devices, and where hours and prices come from.
func TestBasis(t *testing.T) {
	devices := Devices{Train: plan.Device{Name: "v3-8"}, Tune: plan.Device{Name: "h200"}, Zone: "us-central1-a"}
	for _, test := range []struct {
		name   string
		plugin string
		prices launch.PriceTable
		want   []string
	}{
		{"analytic, list prices", "", launch.PriceTable{AsOf: "2026-11-01", Currency: "USD"},
			[]string{"at the peak rate of v3-8 (pre-training) and h200", "in us-central1-a, with list prices in USD of 2026-11-01"}},
		{"compiled, own prices", "plugin.so", launch.PriceTable{Source: "prices.toml"}, []string{"the compiler of v3-8 estimates", "peak rate of h200", "costs use the prices in prices.toml"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := devices
			d.Options.Plugin, d.Prices = test.plugin, test.prices
			for _, want := range test.want {
				if got := d.Basis(); !strings.Contains(got, want) {
					t.Errorf("got %q, want %q in it", got, want)
				}
			}
		})
	}
}
