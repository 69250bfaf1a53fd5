// Package archtest holds the rules of the layout in its test: which package may import which, and who may touch the
// environment, standard output and the process. docs/architecture.md explains them.
package archtest
