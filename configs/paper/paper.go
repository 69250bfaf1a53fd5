// Package paper holds the tables and figures of Su & Vijay-Shanker 2022 as data: the runs and the published figures of
// each, the sources of its models and corpora, and the scales at which it can be run. Package reproduce reads it; its
// package comment describes the format.
//
//	*.toml           one experiment each: a table, a figure, or a study the paper lacks
//	sources/*.toml   models and corpora: their sources, licences and expected contents
//	scale/*.toml     tiny, small and paper: sizes, steps, texts
package paper

import "embed"

// Files is this directory.
//
//go:embed *.toml sources scale
var Files embed.FS
