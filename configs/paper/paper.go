// Package paper holds the tables and figures of Su & Vijay-Shanker 2022 as data: what each is made of, what was published,
// where its models and corpora are found, and at which scales it can be run. Package reproduce reads it; its package
// comment describes the form.
//
//	*.toml           one experiment each: a table, a figure, or a study the paper lacks
//	sources/*.toml   models and corpora: where they are obtained, under what licence, what they should hold
//	scale/*.toml     tiny, small and paper: sizes, steps, texts
package paper

import "embed"

// Files is this directory.
//
//go:embed *.toml sources scale
var Files embed.FS
