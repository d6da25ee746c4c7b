#!/bin/sh
# SPDX-License-Identifier: ISC
# Checks whether the last commit can be released, packs it, and says what is left to do by hand.
# CHECKS are targets of make; `make release-check CHECKS=` leaves them out, and says so.
set -eu
cd "$(dirname "$0")/.."
CHECKS=${CHECKS-test gate}
DIST=${DIST:-dist}

fail() {
	printf 'not released: %s\n' "$@" >&2
	exit 1
}

version=$(sed -n 's/.*{vsn, "\([^"]*\)"}.*/\1/p' erlang/src/alcove.app.src)
echo "version $version"
[ -z "$(git status --porcelain)" ] || fail 'the tree has changes that are not committed'
[ -z "$(git tag -l "v$version")" ] || fail "the tag v$version exists: raise the version in erlang/src/alcove.app.src"
heading=$(sed -n 's/^## //p' CHANGELOG.md | head -n 1)
[ "$heading" = "$version" ] || fail "CHANGELOG.md begins with \"$heading\""
grep -q "\"~> ${version%.*}\", {pkg, " erlang/doc/installing.md ||
	fail "erlang/doc/installing.md names another version than ${version%.*}"
make gen
[ -z "$(git status --porcelain)" ] || fail 'what make gen generates is not committed'

for check in $CHECKS; do
	make "$check" || fail "make $check"
done

# Again from a clone of what is committed, in another folder.
make package DIST="$DIST"
package=$(realpath "$DIST/alcove_go-$version.tar")
again=$(mktemp -d)
trap 'rm -rf "$again"' EXIT
git clone -q . "$again/clone"
make -C "$again/clone" verify TARBALL="$package" || fail 'the package depends on more than the last commit'
cat <<END

$(sha256sum "$package")

Left to do by hand:
END
[ "$CHECKS" = 'test gate' ] || echo "- make test, make gate; done here: ${CHECKS:-none}"
cat <<END
- make matrix, make verify-host
- read CHANGELOG.md, and README.md as somebody who has never seen it
- see that the jobs of .github/workflows have passed for $(git rev-parse --short HEAD)
- git tag -s v$version -m 'alcove $version' && git push origin v$version
- compare the package that the forge makes for the tag with the checksum above
- publish that file on hex as it is, and attach it with dist/SHA256SUMS to the release on the forge
END
