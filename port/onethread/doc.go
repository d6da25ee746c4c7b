// Package onethread makes a Go process single-threaded, for good.
//
// See enter.go for the steps.
package onethread
