//go:build !linux && !freebsd

// SPDX-License-Identifier: ISC

package sys

var _ = the_program_runs_on_Linux_and_FreeBSD_only
