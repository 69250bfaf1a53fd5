// Package pjrt is a thin layer between go-xla, which GoMLX computes with, and a PJRT plugin, the shared library
// that knows a device. It holds all cgo of this project; without cgo it compiles to functions that return
// [ErrNotLinked].
//
// A plugin is a table of C functions. [Open] copies that table, replaces some entries, and hands the copy to
// go-xla, which notices nothing. Through the replaced entries
//
//   - the state is held once: variables that a program changes are donated ([Options].Donate);
//   - executables outlive the process ([Cache]);
//   - the host runs ahead of the device ([Options].InFlight);
//   - every program can be read, with what the compiler says of its memory and cost ([Client.Programs]);
//   - a plugin that answers wrongly is an error instead of the end of the process.
//
// With all of that off results are the same, bit for bit; a test holds it. [Deviceless] is a plugin of our own
// without devices, with which programs for eight TPU cores are built on a laptop, and [CompileAhead] gives such a
// program to the real compiler.
//
// Which variables a program changes is not in its text, so it is guessed from how each result is computed and
// settled by the first call, where the caller says what it donates. A wrong guess costs one more compilation, once
// if there is a cache. GoMLX's donation is checked on every call: a caller that keeps what is compiled to be
// overwritten is refused.
//
// Process-wide state is what plugins force on us: a plugin is loaded once, never unloaded (its threads live on),
// and calls back without saying which plugin it is, so each of up to eight has functions of its own.
//
// Memory is in bytes. The C interface is declared in api.h, in our words.
package pjrt
