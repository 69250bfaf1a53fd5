package launch

import (
	"fmt"

	"github.com/BurntSushi/toml"
)

// Price is what an hour of an accelerator costs in a zone, a line of a price table. None ships with the program:
// prices change, and differ by contract.
type Price struct {
	Accelerator string  `toml:"accelerator"`
	Zone        string  `toml:"zone"` // empty: any
	Spot        bool    `toml:"spot"`
	Hour        float64 `toml:"hour"` // of the whole accelerator, in whatever currency
}

// ReadPrices reads a price table: a TOML file of [[price]] tables.
func ReadPrices(file string) ([]Price, error) {
	var table struct {
		Price []Price `toml:"price"`
	}
	meta, err := toml.DecodeFile(file, &table)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("%s: unknown key %s, want accelerator, zone, spot and hour in [[price]]", file, unknown[0])
	}
	for _, p := range table.Price {
		if p.Accelerator == "" || p.Hour <= 0 {
			return nil, fmt.Errorf("%s: price %+v: want an accelerator and a positive hour", file, p)
		}
	}
	return table.Price, nil
}

// FindPrice is what an hour of r costs by a table, a line for the zone before one for any; 0 if it does not say.
func FindPrice(table []Price, r Run) float64 {
	hour := 0.0
	for _, p := range table {
		if p.Accelerator != r.Accelerator || p.Spot != r.Spot {
			continue
		}
		if p.Zone == r.Zone {
			return p.Hour
		}
		if p.Zone == "" {
			hour = p.Hour
		}
	}
	return hour
}
