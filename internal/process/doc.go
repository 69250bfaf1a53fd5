// Package process holds the operations on processes that differ between systems: groups, signals by process
// number, replacing the process, and limits.
package process
