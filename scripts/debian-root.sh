# How is a root of Debian 13 made, and how is a command run in it? To be sourced by the scripts that test on other systems.
#
# They take root, debootstrap, git and a network; MIRROR names another Debian mirror. A root stays for the next run; the
# copy of this tree in it, /src, is made anew. What the host trusts beyond Debian's certificates the root trusts too.

# debian_root DIRECTORY: makes a root there, unless one is there, and mounts what it needs until this shell ends.
debian_root() {
    mkdir -p "$1"
    root=$(cd "$1" && pwd)
    if [ ! -x "$root/usr/bin/rustc" ]; then
        debootstrap --variant=minbase \
            --include=rustc,cargo,make,gcc,g++,cmake,pkg-config,git,ca-certificates \
            trixie "$root" ${MIRROR:+"$MIRROR"}
    fi
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    if [ -d /usr/local/share/ca-certificates ]; then
        cp -R /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/"
    fi
    rm -rf "$root/src"
    mkdir "$root/src"
    # As new files: cargo goes by their age.
    git ls-files -z | tar cf - --null -T - | tar xmf - -C "$root/src"

    trap 'umount -R "$root" 2>/dev/null || true' EXIT
    # A mount of its own, so that the file system of "/" is in the mount table there, as everywhere: by it
    # the engine decides whether segments are mapped, and tests expect that they are.
    mount --bind --make-private "$root" "$root"
    mount -t proc proc "$root/proc"
    mount --rbind --make-rslave /dev "$root/dev"
    in_root "update-ca-certificates >/dev/null 2>&1"
}

# in_root COMMAND [NAME=VALUE...]: runs a command of the shell in the root.
in_root() {
    in_root_command=$1
    shift
    chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        DEBIAN_FRONTEND=noninteractive "$@" sh -c "$in_root_command"
}
