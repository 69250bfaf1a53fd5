// Package backend opens what computes: the pure-Go backend that every binary contains, or an XLA device
// (cpu, cuda, tpu) through a PJRT plugin, a shared library that is installed beside the program.
//
// The choice is ours and explicit. GoMLX would take a name from its own environment variable, search library
// paths, load whatever lies there and, imported the usual way, download plugins; here [Choose] decides from what
// it is given (a flag, an environment value, the plugins in our own directory) and says why.
//
// A file is looked at before it is loaded: its ELF header and symbols here ([Inspect]), its behaviour in a child
// process ([Probe]), because a broken plugin ends the process that loads it.
//
// No function reads the environment: directories, the command that starts the child and compiler settings are
// values. Sizes are bytes. A [Handle] is for one goroutine at a time; what it gives (a compute.Backend) follows
// GoMLX's own rules.
package backend
