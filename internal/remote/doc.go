// Package remote holds the code that clients of servers share: requests that fail when they stall, bounded retries, and
// error texts that are safe to print.
package remote
