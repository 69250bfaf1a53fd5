// Package request turns what a person asks for into plans of data/selection and data/preparation.
//
// A request is plain values: words, numbers and names of files, which can be written down and sent to another machine. Its
// Plan opens the files and checks what was asked; what cannot be meant is a *Misuse. The command line and the pipeline for
// clusters both build their plans here, so that they make the same bytes.
package request
