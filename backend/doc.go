// Package backend chooses and opens a compute backend: the pure-Go backend that every binary contains, or
// an XLA device (cpu, cuda, tpu) through a PJRT plugin, a shared library that is installed beside the
// program.
//
// The choice is explicit. GoMLX would take a name from its own environment variable, search library paths, load
// whatever it finds there and, imported the usual way, download plugins. Here [Choose] decides from its
// arguments (a flag, an environment value, the plugins in the program's own directory) and says why.
//
// A plugin is checked before it is loaded, because a broken one ends the process that loads it: [Inspect] reads
// its ELF header and symbols, and [Probe] loads it in a child process.
//
// No function reads the environment: directories, the command that starts the child and compiler settings are
// arguments. Sizes are in bytes. A [Handle] is for one goroutine at a time; its compute.Backend follows GoMLX's
// own rules.
package backend
