#!/bin/sh
# SPDX-License-Identifier: ISC
# Prints the name of each case that failed in the last run of Common Test in _build, with the
# beginning of the reason. rebar3 prints it as well, in the middle of a long output.
#
#   failures.sh [LINES]     of each reason, 40 by default
set -eu
cd "$(dirname "$0")/.."

# shellcheck disable=SC2012 # rebar3 names them, by the time
run=$(ls -dt _build/test/logs/ct_run.* 2>/dev/null | head -n 1)
[ -n "$run" ] || { echo "no case has run"; exit; }
echo "== what failed in $run:"
find "$run" -name suite.log -exec awk -v limit="${1:-40}" '
	/^=case/             { name = $2 }
	/^=/                 { left = 0 }
	/^=result +failed:/  { print "== " name; left = limit }
	left-- > 0           { print }
' {} +
