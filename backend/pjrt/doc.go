// Package pjrt is a thin layer between go-xla, which GoMLX computes with, and a PJRT plugin, the shared library
// that knows a device. It holds all cgo of this project; without cgo it compiles to functions that return
// [ErrNotLinked].
package pjrt
