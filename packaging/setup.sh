#!/usr/bin/env bash
# Install what Gatepost needs, and only that. Called by the Makefile.
#   setup.sh run                    Debian packages to build pymilter and start the daemon
#   setup.sh test                   Debian packages whose servers the tests start
#   setup.sh sendmail DIR           unpack Sendmail, which Debian does not install beside Postfix, in DIR/share/sendmail
#   setup.sh accuracy               Debian packages of the filters that `make bench-accuracy` sets beside Gatepost
#   setup.sh venv PYTHON DIR WHAT   a virtual environment with the project in it
#   setup.sh clamd                  prints `--clamd ADDRESS` when a clamd listens on this machine
# Exit codes: 0 done, 1 an installation failed, 2 this system needs a person.
set -euo pipefail

RUN_PACKAGES=(gcc libc6-dev libarchive13 libmilter-dev libseccomp2 python3 python3-dev python3-venv)
TEST_PACKAGES=(postfix redis-server clamav clamav-daemon clamav-testfiles c-icap libc-icap-mod-virus-scan nsd m4)
RIVAL_PACKAGES=(bogofilter spamassassin)
SENDMAIL_PACKAGES=(sendmail-bin sendmail-base sendmail-cf)

say() { printf 'gatepost setup: %s\n' "$*" >&2; }

missing() {
    local package
    for package in "$@"; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || printf '%s ' "$package"
    done
}

as_root() {
    if [[ $(id -u) == 0 ]]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
        say "root or sudo is needed for: $*"; exit 2
    fi
}

# Servers are installed to be started by the tests, privately: Debian must not start its own instances now, and
# freshclam must not begin to download signatures.
install_quietly() {
    local policy=/usr/sbin/policy-rc.d made=
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"; made=1
    fi
    local status=0
    echo 'postfix postfix/main_mailer_type select No configuration' | as_root debconf-set-selections || true
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq || status=1
    # shellcheck disable=SC2068
    [[ $status == 0 ]] && { as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $@ >/dev/null || status=1; }
    [[ -z $made ]] || as_root rm -f "$policy"
    return $status
}

install_packages() {
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        say "this is not a Debian system; install the counterparts of these packages by hand, then run make again:"
        say "  $*"
        say "and Python 3.11 or newer with venv and headers"
        [[ -n ${GATEPOST_SKIP_PACKAGES:-} ]] && return 0
        say "(GATEPOST_SKIP_PACKAGES=1 skips this check once they are there)"
        exit 2
    fi
    local wanted
    wanted=$(missing "$@")
    [[ -n $wanted ]] || return 0
    if [[ " $wanted " == *" postfix "* ]] && mta=$(dpkg-query -W -f '${Package} ${Provides} ${db:Status-Status}\n' 2>/dev/null | grep -E 'mail-transport-agent.* installed$' | cut -d' ' -f1) && [[ -n $mta ]]; then
        say "the tests need postfix, and installing it would remove $mta from this machine; use another machine"
        exit 2
    fi
    say "installing $wanted"
    install_quietly $wanted || { say "could not install $wanted"; exit 1; }
}

make_venv() {
    local python=$1 dir=$2 what=$3
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
        say "$python is not Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.11 ..."; exit 2; }
    [[ -x $dir/bin/python ]] || { say "making $dir"; "$python" -m venv "$dir"; }
    say "installing the project and its libraries into $dir"
    "$dir/bin/python" -m pip install --quiet --disable-pip-version-check --use-pep517 -c packaging/constraints.txt -e "$what" || {
        say "pip could not install the project"; exit 1; }
}

# Unpacked, never installed: no account, no setgid, no service. What its program links to is installed as usual. Where it
# cannot be had the tests say so and go on with Postfix alone.
unpack_sendmail() {
    local tree=$1/share/sendmail work status=0
    [[ ! -x $tree/usr/libexec/sendmail/sendmail ]] || return 0
    say "unpacking Sendmail into $tree"
    work=$(mktemp -d)
    (fetch_sendmail "$work" "$tree.part") || status=1
    rm -rf "$work"
    [[ $status == 0 ]] || { rm -rf "$tree.part"; say "could not get ${SENDMAIL_PACKAGES[*]}: the tests run with Postfix alone"; return 0; }
    rm -rf "$tree"
    mv "$tree.part" "$tree"
}

fetch_sendmail() {
    local work=$1 part=$2 package
    command -v apt-get >/dev/null || return 1
    apt-cache show sendmail-bin >/dev/null 2>&1 || as_root apt-get update -qq || return 1
    # shellcheck disable=SC2046
    install_packages $(apt-cache depends sendmail-bin | sed -n 's/^ *Depends: \(lib[^ ]*\)$/\1/p')
    # As root, apt warns that its own account cannot write here: harmless.
    (cd "$work" && apt-get download -qq "${SENDMAIL_PACKAGES[@]}" >/dev/null 2>&1) || return 1
    mkdir -p "$part"
    for package in "$work"/*.deb; do dpkg-deb -x "$package" "$part" || return 1; done
    chmod -R u-s,g-s "$part"
}

# The benchmark goes on with the filters that are there, and says which are not. rspamd is used where it is installed
# already: its package is large and starts servers.
install_rivals() {
    if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
        (install_packages "${RIVAL_PACKAGES[@]}") || say "going on without what could not be installed"
    fi
}

find_clamd() {
    local socket
    for socket in /run/clamav/clamd.ctl /var/run/clamav/clamd.ctl /run/clamd.scan/clamd.sock; do
        if [[ -S $socket ]]; then printf -- '--clamd unix:%s\n' "$socket"; return; fi
    done
}

case ${1:-} in
    run) install_packages "${RUN_PACKAGES[@]}" ;;
    test) install_packages "${TEST_PACKAGES[@]}" ;;
    accuracy) install_rivals ;;
    venv) make_venv "$2" "$3" "$4" ;;
    sendmail) unpack_sendmail "$2" ;;
    clamd) find_clamd ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
