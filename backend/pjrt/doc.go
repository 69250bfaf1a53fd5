// Package pjrt is a thin layer between go-xla, GoMLX's XLA backend, and a PJRT plugin, the shared library that
// drives a device. It holds the cgo that calls plugins; without cgo it compiles to functions that return
// [ErrNotLinked].
//
// A plugin is a table of C functions. [Open] copies that table, replaces some entries, and hands the copy to
// go-xla, which cannot tell the difference. The replaced entries provide the following:
//
//   - the state is held in memory once: variables that a program changes are donated ([Options].Donate);
//   - executables outlive the process ([Cache]);
//   - the host runs ahead of the device ([Options].InFlight);
//   - every program can be read, with the compiler's figures of its memory and cost ([Client.Programs]);
//   - a wrong answer of a plugin is an error instead of the end of the process.
//
// With all of that off, results are the same, bit for bit; a test checks this. [Deviceless] is a plugin of our
// own without devices: with it a laptop can build programs for eight TPU cores. [CompileAhead] gives such a
// program to the real compiler.
//
// The text of a program does not say which variables it changes. The layer guesses them from the way each result
// is computed, and the first call, in which the caller names the buffers it donates, confirms or corrects the
// guess. A wrong guess costs one more compilation, once if there is a cache. Every call is checked against the
// donation that the program was compiled with: a call that keeps a buffer which the program overwrites is an
// error.
//
// Plugins require process-wide state: a plugin is loaded once, never unloaded (its threads live on), and calls
// back without saying which plugin it is, so each of up to eight plugins has its own functions.
//
// Memory is in bytes. The file api.h declares the C interface in our own words.
package pjrt
