//go:build !linux && !freebsd

package sys

var _ = the_program_runs_on_Linux_and_FreeBSD_only
