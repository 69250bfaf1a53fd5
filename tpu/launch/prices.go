package launch

import (
	_ "embed"
	"fmt"
	"math"

	"github.com/subbert/subbert/internal/boundedtoml"
)

// PriceTable is a list of prices of accelerators.
type PriceTable struct {
	Currency string  `toml:"currency"`
	AsOf     string  `toml:"as_of"`  // date
	Source   string  `toml:"source"` // for people
	Prices   []Price `toml:"price"`
}

// Price is the price of an hour of an accelerator in a zone.
type Price struct {
	Accelerator string  `toml:"accelerator"`
	Zone        string  `toml:"zone"` // empty: any
	Spot        bool    `toml:"spot"`
	Hour        float64 `toml:"hour"` // of the whole accelerator, in the table's currency
}

//go:embed prices.toml
var listPrices string

// ListPrices is the embedded table of published prices. It has a date: prices change, and differ by contract.
func ListPrices() (PriceTable, error) { return parsePrices("list prices", listPrices) }

// OpenPrices reads the price table in a file of [[price]] tables, with the file as its source and no currency or date, or
// returns the list prices if file is empty.
func OpenPrices(file string) (PriceTable, error) {
	if file == "" {
		return ListPrices()
	}
	text, err := boundedtoml.Read(file)
	if err != nil {
		return PriceTable{}, err
	}
	t, err := parsePrices(file, string(text))
	return PriceTable{Source: file, Prices: t.Prices}, err
}

func parsePrices(name, text string) (PriceTable, error) {
	var t PriceTable
	meta, err := boundedtoml.Decode(text, &t)
	if err != nil {
		return t, fmt.Errorf("%s: %w", name, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return t, fmt.Errorf("%s: unknown key %s, want currency, as_of, source, and accelerator, zone, spot and hour in [[price]]", name, unknown[0])
	}
	for _, p := range t.Prices {
		if p.Accelerator == "" || !(p.Hour > 0) || math.IsInf(p.Hour, 0) {
			return t, fmt.Errorf("%s: price %+v: want an accelerator and a positive hour", name, p)
		}
	}
	return t, nil
}

// FindPrice is the price of an hour of r in a table; a line for the zone takes precedence over one for any zone;
// 0 if there is none.
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
