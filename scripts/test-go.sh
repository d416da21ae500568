#!/bin/sh
# Does the Go package work, and the stores of hashicorp/raft on it? Needs the C library in build/release.
#
#     test-go.sh          tests of both packages, once more under the race detector
#     test-go.sh bench    the stores beside raft-boltdb
#     test-go.sh ...      anything else is given to go, where both packages can be found
#
# Says what is missing where Go or the packages of Debian are not there, and succeeds then.
set -eu
cd "$(dirname "$0")/.."

debian="golang-go golang-github-hashicorp-raft-dev golang-github-hashicorp-raft-boltdb-dev"

if ! command -v go >/dev/null 2>&1; then
    echo "not tested: the Go package; go is not installed (Debian: apt-get install $debian)" >&2
    exit 0
fi

# The Go packages of Debian are in /usr/share/gocode. Ours are linked to where GOPATH mode looks.
packages="$PWD/build/gopath/src"
mkdir -p "$packages"
ln -sfn "$PWD/bindings/go" "$packages/ironwal"
ln -sfn "$PWD/engines/hashicorp" "$packages/ironwalraft"
export GO111MODULE=off
export GOPATH="$PWD/build/gopath:/usr/share/gocode"
lib="$PWD/build/release/lib"
export CGO_CFLAGS="-O2 -I$PWD/include"
export CGO_LDFLAGS="-L$lib -Wl,-rpath,$lib"
unset GOFLAGS

tested=ironwal
if go list github.com/hashicorp/raft github.com/hashicorp/raft-boltdb >/dev/null 2>&1; then
    tested="ironwal ironwalraft"
else
    echo "not tested: engines/hashicorp; raft is not there (Debian: apt-get install $debian)" >&2
fi

case "${1:-}" in
'')
    unformatted=$(gofmt -l bindings/go engines/hashicorp)
    [ -z "$unformatted" ] || { echo "gofmt would change: $unformatted" >&2; exit 1; }
    # shellcheck disable=SC2086
    go vet $tested
    # shellcheck disable=SC2086
    go test -count=1 $tested
    # shellcheck disable=SC2086
    go test -count=1 -race -short $tested
    sh scripts/start-pages.sh GO
    ;;
bench) go test -run '^$' -bench . ironwalraft ;;
*) go "$@" ;;
esac
