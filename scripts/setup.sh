#!/usr/bin/env bash
# All the set-up there is, idempotent: apt packages, .venv and .venv-shell.
#
#   scripts/setup.sh demo   what the demo needs
#   scripts/setup.sh lab    that, and what every vmto command can use: gobgpd, FRR, tcpdump, p4runtime-shell
#   scripts/setup.sh all    that, and what the tests need
#
# Exit codes: 0 ready, 2 something the user must mend (one line says what).
set -euo pipefail
cd "$(dirname "$0")/.."
level=${1:-all}

# The distribution's own, whatever comes first in PATH: built with profile-guided optimization, it runs the control
# plane up to a third faster than one that pyenv compiles with its defaults.
python=/usr/bin/python3

base_packages=(python3 python3-venv gcc libc6-dev mininet iproute2 net-tools ethtool iputils-ping procps util-linux
  fonts-dejavu-core)
lab_packages=(gobgpd frr tcpdump)
test_packages=(chromium chromium-driver debootstrap vagrant)

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 2; }

case $level in
  demo) packages=("${base_packages[@]}"); extras="" ;;
  lab) packages=("${base_packages[@]}" "${lab_packages[@]}"); extras="" ;;
  all) packages=("${base_packages[@]}" "${lab_packages[@]}" "${test_packages[@]}"); extras="[test,dev]" ;;
  *) die "unknown level '$level': write 'scripts/setup.sh demo', 'lab' or 'all'" ;;
esac

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif command -v sudo >/dev/null 2>&1; then sudo -- "$@"
  else die "needs root to install packages: run it as root, or install sudo"
  fi
}

missing_packages() {
  local name
  for name in "${packages[@]}"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || echo "$name"
  done
}

install_packages() {
  command -v apt-get >/dev/null 2>&1 || die "no apt-get here: Debian 12 or Ubuntu 24.04 is needed (see Vagrantfile)"
  local log; log=$(mktemp)
  say "installing $* (apt)"
  # shellcheck disable=SC2015
  as_root apt-get -qq update >"$log" 2>&1 && ! grep -q '^[WE]: Failed to fetch' "$log" \
    || { rm -f "$log"; die "the package archive does not answer: connect this machine to it and run again"; }
  # FRR and GoBGP are peers for the tests, not services of this machine: neither start nor enable them.
  local policy=/usr/sbin/policy-rc.d placed=no
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null; as_root chmod 755 $policy; placed=yes
  fi
  local status=0
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" \
    >"$log" 2>&1 </dev/null || status=$?
  [ $placed = no ] || as_root rm -f $policy
  if [ -d /run/systemd/system ]; then
    as_root systemctl disable --quiet frr gobgpd >/dev/null 2>&1 || true
  fi
  [ $status -eq 0 ] || die "apt could not install $*: it says more in $log"
  rm -f "$log"
}

# $1: environment folder, $2: what pip is to install there (words), $3: what the stamp depends on, $4: its extras
environment() {
  local dir=$1 wanted=$2 kind=plain stamp
  [ -z "$4" ] || kind=extras
  stamp=$("$python" -VV | cat - "$3" | sha256sum | cut -d' ' -f1)
  # An environment with extras holds more than one without, never less, so its stamp serves for both.
  if [ -f "$dir/.stamp-extras-$stamp" ] || [ -f "$dir/.stamp-$kind-$stamp" ]; then return; fi
  say "building $dir (pip)"
  [ "$("$dir/bin/python" -VV 2>/dev/null)" = "$("$python" -VV)" ] || "$python" -m venv --clear "$dir" \
    || die "$python -m venv failed: install python3-venv"
  local log; log=$(mktemp)
  # shellcheck disable=SC2086
  "$dir/bin/python" -m pip install -q --disable-pip-version-check $wanted >"$log" 2>&1 \
    || die "pip could not install into $dir: is the package index reachable? It says more in $log"
  rm -f "$log"
  rm -f "$dir"/.stamp-*; : > "$dir/.stamp-$kind-$stamp"
}

mapfile -t wanted < <(missing_packages)
[ ${#wanted[@]} -eq 0 ] || install_packages "${wanted[@]}"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
  || die "Python 3.11 or later is needed, $python is $("$python" -V)"
shell=""
trap wait EXIT
if [ "$level" != demo ]; then environment .venv-shell "p4runtime-shell==0.0.6" /dev/null "" & shell=$!; fi
environment .venv "-e .$extras" pyproject.toml "$extras"
[ -z "$shell" ] || wait "$shell"
