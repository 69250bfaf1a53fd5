// Package report turns run directories into one page that a person can open.
//
// It reads what a run leaves behind (config.toml, metrics.jsonl, result.json) and knows no tensor and no model.
// ReadRun reads a directory, Compose makes the Page of several, Write writes it. The page is one HTML file
// that asks the network for nothing: curves are inline SVG, drawn by gonum/plot and coloured by the page's
// style sheet, so that they follow light and dark mode; next to each figure stand its numbers as a table. Colours
// are those of Okabe and Ito, told apart by most colour-blind people, and markers and dashes repeat what they say.
//
// Units: losses are in nats, scores in percent, times in seconds unless a name says otherwise. A step is a
// completed update. Reading is tolerant: missing keys are left out of the page, unknown ones are listed in
// Run.Notes; what cannot be understood is an error that names file and line.
package report
