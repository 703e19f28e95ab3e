#!/usr/bin/env bash
# Provisions a fresh Debian 12 or Ubuntu 24.04 for the testbed: scripts/provision.sh [CHECKOUT [USER]], as root.
#
# The real p4c and simple_switch_grpc are added where p4lang's packages can be had; without them the embedded
# toolchain runs everything.
set -euo pipefail
checkout=${1:-$(cd "$(dirname "$0")/.." && pwd)}
user=${2:-root}
export DEBIAN_FRONTEND=noninteractive

apt-get -qq update
apt-get -qq install -y --no-install-recommends make sudo ca-certificates >/dev/null
if apt-cache show p4lang-bmv2 >/dev/null 2>&1; then
  apt-get -qq install -y --no-install-recommends p4lang-bmv2 p4lang-p4c >/dev/null
else
  echo "provision: no p4lang packages here, the embedded toolchain stands in"
fi
runuser -u "$user" -- "$checkout/scripts/setup.sh" lab
