package instances

import (
	"errors"
	"fmt"
)

// The values of Config.Masking.
const (
	Subword   = "subword"
	WholeWord = "whole_word"
)

// Config controls how instances are drawn.
type Config struct {
	Sequence        int     `toml:"sequence"`         // S, including [CLS] and [SEP]
	MaxPredictions  int     `toml:"max_predictions"`  // P
	MaskRate        float64 `toml:"mask_rate"`        // fraction of the pieces, including [CLS] and [SEP]
	ShortRate       float64 `toml:"short_rate"`       // fraction of the documents with shorter instances
	Masking         string  `toml:"masking"`          // Subword or WholeWord
	NSP             bool    `toml:"nsp"`              // pairs of segments; if false, single segments
	Static          bool    `toml:"static"`           // the same DuplicateFactor draws in every epoch
	DuplicateFactor int     `toml:"duplicate_factor"` // used with Static
	Seed            uint64  `toml:"-"`                // seed of the run
}

// Default returns the settings of the paper and of its released code, except that every epoch has new masks.
func Default() Config {
	return Config{Sequence: 128, MaxPredictions: 20, MaskRate: 0.15, ShortRate: 0.1, Masking: Subword, NSP: true,
		DuplicateFactor: 5}
}

// Validate returns every fault of c at once.
func (c Config) Validate() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	least, why := 3, "[CLS], a word piece and [SEP]"
	if c.NSP {
		least, why = 5, "[CLS], [SEP], [SEP] and two word pieces"
	}
	fault(c.Sequence < least, "sequence %d, want at least %d for %s", c.Sequence, least, why)
	fault(c.MaxPredictions < 1, "max_predictions %d, want at least 1", c.MaxPredictions)
	fault(!(c.MaskRate > 0 && c.MaskRate < 1), "mask_rate %v, want between 0 and 1", c.MaskRate)
	fault(!(c.ShortRate >= 0 && c.ShortRate <= 1), "short_rate %v, want from 0 to 1", c.ShortRate)
	fault(c.Masking != Subword && c.Masking != WholeWord, "masking %q, want %q or %q", c.Masking, Subword, WholeWord)
	fault(c.Static && c.DuplicateFactor < 1, "duplicate_factor %d with static masking, want at least 1", c.DuplicateFactor)
	return errors.Join(faults...)
}

// room returns the maximum number of text pieces in an instance.
func (c *Config) room() int {
	if c.NSP {
		return c.Sequence - 3
	}
	return c.Sequence - 2
}
