// Package process does with processes what differs from one system to another: groups, signals by number, taking a
// process over, and limits.
package process
