// Package archtest tests the rules of the layout: which packages a package may import, and which packages may use
// the environment, standard output and the process. docs/architecture.md explains them.
package archtest
