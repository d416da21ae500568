#!/bin/sh
# Does the C# package build and work? Needs the C library in build/release, or in IRONWAL_LIB_DIR.
#
#     test-csharp.sh          the tests and the program of the README on Mono and, with spans, on .NET Core; the example on Mono
#     test-csharp.sh NAME     the tests on Mono whose name holds this
#
# Mono's compiler and runtime are those of Debian. The runtime of .NET Core comes from the Python package index, into
# build/csharp-venv. Says what is missing where either is not there, and succeeds then.
set -eu
cd "$(dirname "$0")/.."

debian="mono-mcs mono-runtime libmono-system-core4.0-cil"
# The newest runtime of .NET that the index has.
runtime=dotnetcore2==3.1.23

if ! command -v mcs >/dev/null 2>&1 || ! command -v mono >/dev/null 2>&1; then
    echo "not tested: the C# package; Mono is not installed (Debian: apt-get install $debian)" >&2
    exit 0
fi

package="$PWD/bindings/csharp"
made="$PWD/build/csharp"
lib="${IRONWAL_LIB_DIR:-$PWD/build/release/lib}"
export IRONWAL_CSHARP="$package"
export LD_LIBRARY_PATH="$lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
mkdir -p "$made"

# compile WHERE OPTIONS...: the package, its tests, its example, and the program of its README.
compile() {
    where="$1"
    shift
    rm -rf "$where"
    mkdir -p "$where"
    mcs -warnaserror -warn:4 -unsafe "$@" -target:library -doc:"$where/Ironwal.xml" -out:"$where/Ironwal.dll" "$package"/src/*.cs
    mcs -warnaserror -warn:4 -unsafe "$@" -r:"$where/Ironwal.dll" -out:"$where/Ironwal.Tests.exe" "$package"/tests/*.cs
    mcs -warnaserror -warn:4 "$@" -r:"$where/Ironwal.dll" -out:"$where/AuditLog.exe" "$package/examples/AuditLog.cs"
    awk '/^```csharp$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$package/README.md" >"$where/Readme.cs"
    mcs -warnaserror -warn:4 "$@" -r:"$where/Ironwal.dll" -out:"$where/Readme.exe" "$where/Readme.cs"
}

fail() {
    echo "test-csharp.sh: $*" >&2
    exit 1
}

# readme HOST WHERE: what the program of the README prints.
readme() {
    mkdir -p "$2/logs"
    [ "$(cd "$2/logs" && $1 "$2/Readme.exe")" = "0 100@42" ] || fail "the program of the README prints something else"
}

# example HOST WHERE: what the audit log does.
example() {
    logs="$2/logs"
    audit="$1 $2/AuditLog.exe $logs/audit"
    both="0 ann created invoice 7
1 bob paid invoice 7"
    # shellcheck disable=SC2086
    {
        if $audit show 2>"$logs/error"; then fail "the example shows a log that is not there"; fi
        grep -q "^LogIOException: " "$logs/error" || fail "the example reports another failure"
        [ "$($audit add ann 'created invoice 7')" = 0 ] || fail "the example adds at another id"
        [ "$($audit add bob 'paid invoice 7')" = 1 ] || fail "the example adds at another id"
        [ "$($audit show)" = "$both" ] || fail "the example shows something else"
        [ "$($audit watch 100)" = "$both" ] || fail "the example watches something else"
        if $audit remove 2>"$logs/error"; then fail "the example takes any command"; fi
        grep -q DIRECTORY "$logs/error" || fail "the example does not show its usage"
    }
}

compile "$made/mono"
if [ $# -gt 0 ]; then
    exec mono --debug "$made/mono/Ironwal.Tests.exe" "$1"
fi
echo "C# on $(mono --version | head -n 1):"
IRONWAL_TEST_HOST=mono mono --debug "$made/mono/Ironwal.Tests.exe"
readme mono "$made/mono"
example mono "$made/mono"

left_out() {
    echo "not tested: the C# package on .NET Core, with spans; $*" >&2
    exit 0
}

venv="$PWD/build/csharp-venv"
python="${PYTHON:-python3}"
[ "$(uname -sm)" = "Linux x86_64" ] || left_out "the Python package index has its runtime for Linux on x86-64 only"
command -v "$python" >/dev/null 2>&1 || left_out "$python is not installed"
"$python" -c 'import ensurepip, venv' 2>/dev/null || left_out "pip or venv is missing (Debian: apt-get install python3-venv)"
if ! "$venv/bin/pip" --version >/dev/null 2>&1; then
    "$python" -m venv --clear "$venv"
fi
"$venv/bin/pip" install --quiet "$runtime" >/dev/null 2>&1 || left_out "pip could not install $runtime"
bin=$("$venv/bin/python" -c 'import importlib.util as u; print(u.find_spec("dotnetcore2").submodule_search_locations[0] + "/bin")')
chmod +x "$bin/dotnet"
framework=$(echo "$bin"/shared/Microsoft.NETCore.App/*)
references=""
for assembly in "$framework"/System.*.dll "$framework"/netstandard.dll; do
    case "$assembly" in
    *.Native.dll | *WindowsRuntime*.dll) ;;
    *) references="$references -r:$assembly" ;;
    esac
done
# shellcheck disable=SC2086
compile "$made/netcore" -langversion:latest -nowarn:1702 -nostdlib -noconfig -d:NETCOREAPP $references
cat >"$made/netcore/Ironwal.Tests.runtimeconfig.json" <<EOF
{ "runtimeOptions": { "framework": { "name": "Microsoft.NETCore.App", "version": "3.1.0" } } }
EOF
cp "$made/netcore/Ironwal.Tests.runtimeconfig.json" "$made/netcore/Readme.runtimeconfig.json"
# No library for languages (ICU) is needed.
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
echo "C# on .NET Core $(basename "$framework"), with spans:"
IRONWAL_TEST_HOST="$bin/dotnet exec" "$bin/dotnet" exec "$made/netcore/Ironwal.Tests.exe"
readme "$bin/dotnet exec" "$made/netcore"
