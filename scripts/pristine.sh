#!/usr/bin/env bash
# Proof that a machine with nothing on it needs nothing but this repository: builds a minimal root file system,
# clones the repository into it and runs the given command there (default: make demo).
#
#   sudo scripts/pristine.sh [SUITE [COMMAND...]]       SUITE: bookworm (default) or noble
#
# The archive, CA bundle and pip settings of this machine are used inside; for noble, UBUNTU_ARCHIVE names another
# archive than debootstrap's own. KEEP=1 keeps the root file system.
set -euo pipefail
repo=$(cd "$(dirname "$0")/.." && pwd)
suite=${1:-bookworm}; shift || true
[ $# -gt 0 ] || set -- make demo
die() { printf 'pristine: %s\n' "$*" >&2; exit 2; }
[ "$(id -u)" -eq 0 ] || die "needs root: sudo scripts/pristine.sh"
command -v debootstrap >/dev/null || die "needs debootstrap: apt-get install debootstrap"

# A mount namespace of its own takes every mount below with it, however this ends.
if [ -z "${VMTO_ROOT:-}" ]; then
  root=$(mktemp -d "${TMPDIR:-/tmp}/vmto-pristine.XXXXXX")
  trap '[ -n "${KEEP:-}" ] && echo "pristine: kept $root" || rm -rf --one-file-system "$root"' EXIT
  VMTO_ROOT=$root unshare --mount --propagation private "$0" "$suite" "$@" && exit 0 || exit $?
fi
root=$VMTO_ROOT

case $suite in
  bookworm) archive=$(grep -rhoE 'https?://[^ ]+' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | grep -v security | sort -u | sed -n 1p || true) ;;
  noble) archive=${UBUNTU_ARCHIVE:-} ;;
  *) die "unknown suite '$suite': write bookworm or noble" ;;
esac
started=$SECONDS
debootstrap --variant=minbase --include=ca-certificates,git,make "$suite" "$root" ${archive:+"$archive"} >"$root.log" 2>&1 \
  || { tail -n 3 "$root.log" >&2; rm -f "$root.log"; die "debootstrap failed"; }
rm -f "$root.log"
echo "pristine: $suite root file system in $((SECONDS - started)) s"

copy() { [ ! -e "$1" ] || { mkdir -p "$root$(dirname "$1")"; cp -aL "$1" "$root$1"; }; }
for path in /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt /etc/pip.conf /etc/apt/apt.conf.d; do copy "$path"; done
[ "$suite" = noble ] || for path in /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/auth.conf.d; do copy "$path"; done
mount --bind "$root" "$root"; cd "$root"
mount -t proc proc proc; mount --rbind /sys sys; mount --rbind /dev dev; mount -t tmpfs tmpfs run
git clone -q "$repo" srv/testbed
if [ -d "$repo/../shared" ]; then cp -a "$repo/../shared" srv/shared; fi
started=$SECONDS status=0
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM="${TERM:-dumb}" CI="${CI:-}" \
  PIP_CERT="${PIP_CERT:-}" PIP_INDEX_URL="${PIP_INDEX_URL:-}" SSL_CERT_FILE="${SSL_CERT_FILE:-}" \
  chroot . /bin/sh -c 'cd /srv/testbed && exec "$@"' sh "$@" || status=$?
echo "pristine: '$*' ended with $status after $((SECONDS - started)) s"
exit $status
