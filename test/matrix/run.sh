#!/bin/bash
# SPDX-License-Identifier: ISC
# Runs make demo and make test on other releases of Debian, as root and as an ordinary user
# without rights. Each has a cell of its own (enter.sh), and prints one line: passed, or failed
# and the first reason. What they printed is in _build/matrix/CELL.log.
#
#   run.sh                        all cells
#   run.sh trixie.user sid.root   these
#
# Needs root. The status is 1 if a cell failed that is not sid's, which changes every day.
set -u
cd "$(dirname "$0")/../.." || exit

[ $# -gt 0 ] || set -- bookworm.root bookworm.user trixie.root trixie.user sid.root sid.user

# What a cell is made of.
versions='. /etc/os-release
	otp=$(erl -noshell -eval "io:put_chars(erlang:system_info(otp_release)), halt().")
	echo "$PRETTY_NAME, OTP $otp, $(mix --version | grep ^Mix), $(rebar3 version | cut -d" " -f1,2)"'

# The first line that says why, and the one behind it.
reason() { # log
	sed 's/\x1b\[[0-9;]*m//g' "$1" | tr -d '\r' |
		grep -a -m 1 -A 1 -E '^ *--- FAIL|^FAIL|==> .*: FAILED|^panic:|=== .*failed|\{error,|[Ee]rror:|: Error|missing:' |
		tr -s '\n ' ' ' | cut -c 1-200
}

status=0
for cell; do
	release=${cell%.*} user=${cell#*.} log=_build/matrix/$cell.log start=$SECONDS
	mkdir -p _build/matrix
	if test/matrix/root.sh "$release" > "$log" 2>&1 &&
		what=$(test/matrix/enter.sh "$release" "$user" sh -c "$versions" 2>> "$log") &&
		test/matrix/enter.sh "$release" "$user" sh -c 'make demo && make -k test' > "$log" 2>&1 </dev/null; then
		echo "$what, $user: passed in $(((SECONDS - start + 59) / 60)) min"
	else
		echo "${what:-$release}, $user: FAILED: $(reason "$log")"
		[ "$release" = sid ] || status=1
	fi
done
exit $status
