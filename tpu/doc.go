// Package tpu knows Cloud TPUs that nobody here holds: what their compiler says of a program.
//
// Cycles are those of the core's clock, bytes are of one core. The compiler's estimates are not measurements; they
// are good for comparing one program with another, to some 30 %.
package tpu
