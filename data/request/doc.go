// Package request turns requests of users into plans of data/selection and data/preparation.
//
// A request has only plain values, such as words, numbers and file names, and can be sent to another machine. Its Plan
// method opens the files and checks the request; an invalid request is a *Misuse. The command line and the pipeline for
// clusters both build their plans here, so that they make the same bytes.
package request
