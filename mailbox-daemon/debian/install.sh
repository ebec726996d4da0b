#!/bin/sh
# Installs the Debian packages that TARGET... need and that are missing, naming each with its reason first.
# Does nothing, and needs neither root nor a network, when none is missing.
set -eu

list="$(dirname "$0")/packages.txt"
unpacked="${XDG_CACHE_HOME:-$HOME/.cache}/mailbox-daemon/unpacked"

# The words of packages.txt: "<package> <target> <reason...>" for the targets asked for, each package once.
wanted() {
    for target in "$@"; do
        awk -v target="$target" '!/^#/ && $2 == target' "$list"
    done | awk '!seen[$1]++'
}

is_installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]
}

missing() {
    wanted "$@" | while read -r package _target reason; do
        is_installed "$package" || printf '%s %s\n' "$package" "$reason"
    done
}

# The same for packages that are only unpacked: mail servers exclude each other when they are installed.
not_unpacked() {
    for target in "$@"; do wanted "$target/unpacked"; done | while read -r package _target reason; do
        [ -d "$unpacked/$package" ] || printf '%s %s\n' "$package" "$reason"
    done
}

# Their files, nothing configured and nothing started.
unpack() {
    mkdir -p "$unpacked"
    (
        cd "$unpacked"
        rm -rf "$1".deb "$1".part "$1"_*.deb
        apt-get -q -o APT::Sandbox::User=root download "$1"
        mv "$1"_*.deb "$1".deb
        dpkg-deb -x "$1".deb "$1".part
        rm "$1".deb
        mv "$1".part "$1"
    )
}

# What the programs of a package are linked with.
libraries_of() {
    apt-cache depends "$1" | awk '$1 == "Depends:" && $2 ~ /^lib/ { print $2 }'
}

# Mail servers must not start because they were installed: neither now, through policy-rc.d, nor at the next boot.
install_quietly() {
    policy=/usr/sbin/policy-rc.d
    kept="$policy.kept-by-mailbox-daemon"
    [ -e "$kept" ] || [ ! -e "$policy" ] || mv "$policy" "$kept"
    trap 'rm -f "$policy"; [ ! -e "$kept" ] || mv "$kept" "$policy"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"

    export DEBIAN_FRONTEND=noninteractive
    # Postfix gets no configuration of its own: every run here brings one.
    if command -v debconf-set-selections >/dev/null; then
        echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
    fi
    apt-get -q update
    for package in $to_unpack; do
        for library in $(libraries_of "$package"); do
            is_installed "$library" || set -- "$@" "$library"
        done
    done
    [ $# -gt 0 ] || return 0
    # --no-remove: another mail server on this machine stays, and apt says what stands in the way.
    apt-get -q -y --no-install-recommends --no-remove install "$@"
    for package in "$@"; do
        case "$package" in
        postfix) disable postfix.service ;;
        dovecot-*) disable dovecot.service dovecot.socket ;;
        fetchmail) disable fetchmail.service ;;
        knot) disable knot.service ;;
        rspamd) disable rspamd.service ;;
        esac
    done
}

# What the packages enabled is undone the way they did it, which needs no running systemd. The helper only speaks to
# maintainer scripts, which the variable stands for.
disable() {
    command -v deb-systemd-helper >/dev/null || return 0
    DPKG_MAINTSCRIPT_PACKAGE=mailbox-daemon deb-systemd-helper disable "$@" >/dev/null 2>&1 || true
}

if [ "${1:-}" = --as-root ]; then
    to_unpack="$2"
    shift 2
    install_quietly "$@"
    exit
fi

if ! command -v dpkg-query >/dev/null; then
    echo "This is not Debian or Ubuntu: see $list for what else has to be there." >&2
    exit 0
fi
todo="$(missing build "$@")"
to_unpack="$(not_unpacked "$@")"
[ -n "$todo$to_unpack" ] || exit 0

echo "Missing Debian packages, installed now:"
printf '%s\n' "$todo" "$to_unpack" | while read -r package reason; do
    [ -z "$package" ] || printf '  %-20s %s\n' "$package" "$reason"
done
names() { printf '%s\n' "$1" | cut -d' ' -f1 | tr '\n' ' '; }
packages="$(names "$todo")"
to_unpack="$(names "$to_unpack")"
if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null; then
    as_root=sudo
else
    echo "Neither root nor sudo: run as root: apt-get install --no-install-recommends" $packages >&2
    exit 1
fi
# shellcheck disable=SC2086 # one word per package is meant
$as_root sh "$0" --as-root "$to_unpack" $packages
for package in $to_unpack; do unpack "$package"; done
