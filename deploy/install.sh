#!/bin/sh
# Installs the registry as a systemd service, from its binary and the files beside this script:
#
#   deploy/install.sh [--root DIR] [--binary FILE]
#
# The binary is dist/registry unless another is named; DIR is where the system's root is, for an
# image that is being built. What an administrator has changed in /etc is left as it is, so that
# installing again is how to upgrade. Nothing is started: the last lines tell what to do.
set -eu
umask 022

name=mycelium-cdn-registry
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=
binary=$here/../dist/registry

fail() {
  printf 'install.sh: %s\n' "$1" >&2
  exit "${2:-1}"
}

while [ $# -gt 0 ]; do
  case $1 in
    --root | --binary)
      [ $# -ge 2 ] && [ -n "$2" ] || fail "$1 needs a value" 2
      if [ "$1" = --root ]; then root=$2; else binary=$2; fi
      shift 2
      ;;
    *) fail "unknown argument $1; usage: install.sh [--root DIR] [--binary FILE]" 2 ;;
  esac
done

[ "$(id -u)" = 0 ] || fail 'run this as root: it makes a user, and writes below /usr and /etc'
[ -f "$binary" ] || fail "there is no binary at $binary; name it with --binary, or build it"
[ -z "$root" ] || [ -d "$root" ] || fail "there is no directory $root"
# Whole paths: what has no slash is looked for in PATH, and systemd-sysusers takes no other root.
binary=$(CDPATH='' cd -- "$(dirname -- "$binary")" && pwd)/$(basename -- "$binary")
[ -z "$root" ] || root=$(CDPATH='' cd -- "$root" && pwd -P)
root=${root%/}
"$binary" --version >/dev/null 2>&1 || fail "$binary does not run on this machine"

# Files are made with their modes, and moved into their places: nobody sees half of one, and a
# running registry keeps the binary that it was started from.
put() {
  mode=$1 source=$2 target=$root$3
  mkdir -p "$(dirname "$target")"
  install -m "$mode" "$source" "$target.new"
  mv -f "$target.new" "$target"
}

# As put, for what belongs to the administrator once it is there.
put_once() {
  if [ -e "$root$3" ] || [ -L "$root$3" ]; then
    echo "$3 is there already and is left as it is"
  else
    put "$@"
  fi
}

mkdir -p "$root/etc"
put 0644 "$here/systemd/$name.sysusers" "/usr/lib/sysusers.d/$name.conf"
if command -v systemd-sysusers >/dev/null; then
  systemd-sysusers ${root:+--root="$root"} "$root/usr/lib/sysusers.d/$name.conf"
elif ! grep -qs "^$name:" "$root/etc/passwd"; then
  useradd ${root:+--root "$root"} --system --user-group --no-create-home \
    --home-dir "/var/lib/$name" --shell /usr/sbin/nologin "$name"
fi

put 0755 "$binary" "/usr/local/bin/$name"
put 0644 "$here/systemd/$name.service" "/etc/systemd/system/$name.service"
put_once 0600 "$here/systemd/environment" "/etc/$name/environment"
put_once 0600 /dev/null "/etc/$name/db-password"

if [ -z "$root" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi

cat <<EOF
installed. Now:
  1. write the password of the database's user into /etc/$name/db-password
  2. look through /etc/$name/environment
  3. systemctl enable --now $name
     (after an upgrade: systemctl restart $name)
EOF
