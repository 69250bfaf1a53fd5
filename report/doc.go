// Package report turns run directories into one page that a person can open.
//
// It reads the files of a run (config.toml, metrics.jsonl, result.json) and depends on no tensor or model code. ReadRun
// reads a directory, Compose makes the Page of several, Write writes it. The page is one HTML file that loads nothing
// from the network: curves are inline SVG, drawn by gonum/plot and coloured by the page's style sheet, so that they
// follow light and dark mode; a table beside each figure has its numbers. Colours are those of Okabe and Ito, which
// most colour-blind people can tell apart, and markers and dashes repeat the distinction.
//
// Units: losses are in nats, scores in percent, times in seconds unless a name says otherwise. A step is a completed
// update. Reading is tolerant: the page omits missing keys, and Run.Notes lists unknown ones; what cannot be understood
// is an error that names file and line.
package report
