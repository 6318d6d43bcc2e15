#!/usr/bin/env bash
# Runs `make test-fast` on another Debian and its Python, as root and in minutes:
#
#   tests/deploy/another_debian.sh [SUITE [ROOT]]
#
# ROOT is a folder with that Debian; left out, debootstrap makes one and it is removed at the end.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

suite=${1:-trixie}
root=${2:-}
if [[ -z $root ]]; then
  root=$(mktemp -d)
  trap 'rm -rf "$root"' EXIT
  debootstrap --variant=minbase --include=ca-certificates,git,make,procps,python3,python3-venv "$suite" "$root" >/dev/null
fi

rm -rf "$root/src"
mkdir "$root/src"
git ls-files --cached --others --exclude-standard -z |
  tar --create --null --files-from=- | tar --extract --no-same-owner --directory "$root/src"

# What name resolution, pip and the certificates of this machine need: a mirror in between is no business of the tests.
for path in /etc/resolv.conf /etc/pip.conf /etc/ssl/certs; do
  [[ ! -e $path ]] || { rm -rf "${root:?}$path" && mkdir -p "$root$(dirname $path)" && cp --recursive --dereference $path "$root$path"; }
done

# shellcheck disable=SC2016 # variables of the shell within
unshare --mount --pid --fork --mount-proc="$root/proc" sh -c '
  mount --rbind /dev "$0/dev"
  exec chroot "$0" env -i HOME=/root LANG=C.UTF-8 PATH=/usr/bin:/bin:/usr/sbin:/sbin \
    sh -c "cd /src && git init --quiet . && python3 --version && make test-fast"
' "$root"
