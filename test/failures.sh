#!/bin/sh
# SPDX-License-Identifier: ISC
# Prints what the last run of Common Test in _build noted of each case that failed: its name, and
# the beginning of the reason. The output of rebar3 has it somewhere among all the others.
#
#   failures.sh [LINES]     of each reason, 40 by default
set -eu
cd "$(dirname "$0")/.."

# shellcheck disable=SC2012 # rebar3 names them, by the time
run=$(ls -dt _build/test/logs/ct_run.* | head -n 1)
echo "== what failed in $run:"
find "$run" -name suite.log -exec awk -v limit="${1:-40}" '
	/^=case/             { name = $2 }
	/^=/                 { left = 0 }
	/^=result +failed:/  { print "== " name; left = limit }
	left-- > 0           { print }
' {} +
