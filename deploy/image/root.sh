#!/usr/bin/env bash
# Makes the image's root file system: an installed exporter with the Python, the shared libraries and the certificates
# that it needs, and nothing else: no shell, no package manager, no pip.
#
#   root.sh VENV TARGET
set -euo pipefail

venv=$1
target=$2
stdlib=$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')

copy() { tar --create --directory / "${@#/}" | tar --extract --directory "$target"; }

# Debian's links from /lib to /usr/lib: paths in programs name either.
mkdir -p "$target"/usr/{bin,lib,lib64} "$target"/etc "$target"/var/lib/adoption-exporter
for folder in lib lib64; do ln -s "usr/$folder" "$target/$folder"; done
install -d -m 1777 "$target/tmp"

# Bytecode only of what is imported at all: the image has no place to write it, and it takes as much room as its source.
never='/(pygments|holidays/countries|sqlalchemy/(orm|ext|testing|dialects/(mssql|mysql|oracle)))/'
find "$venv" -depth \( -name tests -o -name test \) -path '*/site-packages/*' -type d -exec rm -rf {} +
find "$venv" -name '*.so*' -type f -exec strip --strip-unneeded {} +
find "$venv" \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.c' -o -name '*.h' \) -delete
"$venv/bin/python" -m compileall -q --invalidation-mode unchecked-hash -x "$never" "$venv/lib"

copy "$venv" /usr/bin/python3 "/usr/bin/$(readlink /usr/bin/python3)" "$stdlib"
(
  cd "$target$stdlib"
  rm -rf distutils ensurepip idlelib lib2to3 pydoc_data test turtledemo venv
  # Modules that nothing imports, some of them with large libraries behind them.
  rm -f lib-dynload/{_curses,_dbm,_gdbm,_test,_xxtest,audioop,nis,ossaudiodev,readline,xx}*
)

# The libraries of every program and library, where the loader finds them; some files are no dynamic ones.
loaded=$(
  find "$target" \( -name '*.so*' -o -path '*/usr/bin/python3*' \) -type f -print0 |
    { xargs -0 ldd 2>/dev/null || true; }
)
if grep 'not found' <<<"$loaded"; then exit 1; fi
mapfile -t libraries < <(grep -o '/[^ ]* (0x' <<<"$loaded" | cut -d ' ' -f 1 | sed 's|^/lib|/usr/lib|' | grep ^/usr/ | sort -u)
tar --create --dereference --directory / "${libraries[@]#/}" | tar --extract --directory "$target"

copy /etc/ssl/certs/ca-certificates.crt /usr/share/zoneinfo/Etc/UTC /usr/share/zoneinfo/UTC
printf 'root:x:0:0::/:/\nadoption-exporter:x:65532:65532::/var/lib/adoption-exporter:/\n' >"$target/etc/passwd"
printf 'root:x:0:\nadoption-exporter:x:65532:\n' >"$target/etc/group"
printf 'hosts: files dns\n' >"$target/etc/nsswitch.conf"
chown 65532:65532 "$target/var/lib/adoption-exporter"

# Scanners learn from this which packages are in the image.
copy /etc/os-release /usr/lib/os-release
mkdir -p "$target/var/lib/dpkg/status.d"
printf '%s\n' "${libraries[@]}" "$stdlib/os.py" "$stdlib/sqlite3/__init__.py" |
  sed 'p; s|^/usr/lib|/lib|' | { xargs dpkg --search 2>/dev/null || true; } | cut --delimiter=: --fields=1 | sort -u |
  while read -r package; do
    dpkg --status "$package" >"$target/var/lib/dpkg/status.d/$package"
    install -D --mode=644 "/usr/share/doc/$package/copyright" "$target/usr/share/doc/$package/copyright"
  done
