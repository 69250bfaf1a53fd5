// Package remote holds what clients of a server share: requests that end when no byte moves, attempts that end when they
// come to nothing, and error texts that are safe to print.
package remote
