#!/bin/sh
# Installs jump @VERSION@ in /opt/jump on a system that has no package for it; with all libraries that it needs.
#
#   ./install.sh jump-client [jumpoint] [jump-appliance] [jump]    installs or upgrades these programs
#   ./install.sh --remove                                          removes all of them; machines are uninstalled first
#
# Configuration goes to /etc/NAME and stays on upgrade. Where systemd runs the services are enabled; elsewhere
# `/opt/jump/bin/NAME run` is the service, in the foreground, for any supervisor. Exit status: 0 done, 1 not, 2 usage.
set -eu

opt=/opt/jump
from=$(cd "$(dirname "$0")" && pwd)

fail() { echo "install.sh: $1" >&2; exit "${2:-1}"; }

user_of() {
  case $1 in
    jump-client) echo jump-client ;;
    jumpoint) echo jumpoint ;;
    jump-appliance) echo jump-appliance ;;
  esac
}

make_user() {
  id "$1" >/dev/null 2>&1 && return
  if command -v useradd >/dev/null; then
    useradd --system --home-dir / --shell /usr/sbin/nologin --user-group "$1"
  elif command -v adduser >/dev/null; then
    adduser -S -D -H -h / -s /sbin/nologin "$1"  # busybox
  else
    fail "no useradd and no adduser here: make the user $1 yourself and start this again"
  fi
}

systemd_runs() { [ -d /run/systemd/system ] && command -v systemctl >/dev/null; }

install_one() {
  name=$1
  mkdir -p "$opt/bin" /usr/local/bin
  # Beside it and renamed: a program that runs keeps its old file.
  cp "$from/bin/$name" "$opt/bin/.$name.new"
  mv "$opt/bin/.$name.new" "$opt/bin/$name"
  ln -sf "$opt/bin/$name" "/usr/local/bin/$name"
  [ "$name" != jump ] || return 0
  make_user "$(user_of "$name")"
  mkdir -p "/etc/$name" "/var/lib/$name"
  if [ -e "/etc/$name/$name.yaml" ]; then
    cmp -s "$from/share/config/$name.yaml" "/etc/$name/$name.yaml" ||
      cp "$from/share/config/$name.yaml" "/etc/$name/$name.yaml.new"
  else
    cp "$from/share/config/$name.yaml" "/etc/$name/$name.yaml"
  fi
  if [ "$name" = jump-client ]; then
    chmod 0755 "/var/lib/$name"
  else
    chown "$(user_of "$name"):" "/var/lib/$name"
    chmod 0700 "/var/lib/$name"
  fi
  if systemd_runs; then
    cp "$from/share/systemd/$name.service" "/etc/systemd/system/$name.service"
    [ "$name" != jump-client ] || cp "$from/share/systemd/jump-sessions.slice" /etc/systemd/system/
    systemctl daemon-reload
    systemctl --quiet enable "$name.service"
    systemctl restart "$name.service"
  fi
}

remove_one() {
  name=$1
  [ -e "$opt/bin/$name" ] || return 0
  if [ "$name" = jump-client ] || [ "$name" = jumpoint ]; then
    [ ! -e "/var/lib/$name/state.json" ] || "$opt/bin/$name" uninstall || true
  fi
  if systemd_runs && [ "$name" != jump ]; then
    systemctl --quiet disable --now "$name.service" 2>/dev/null || true
    [ "$name" != jump-client ] || systemctl stop jump-sessions.slice 2>/dev/null || true
    rm -f "/etc/systemd/system/$name.service"
    [ "$name" != jump-client ] || rm -f /etc/systemd/system/jump-sessions.slice
    systemctl daemon-reload
  fi
  rm -f "/usr/local/bin/$name" "$opt/bin/$name"
  case $name in
    jump-client | jumpoint)
      rm -rf "/etc/${name:?}" "/var/lib/$name" "/var/log/$name" "/run/$name"
      userdel "$name" 2>/dev/null || deluser "$name" 2>/dev/null || true
      ;;
    jump-appliance)
      rm -rf "/etc/${name:?}"
      rmdir "/var/lib/$name" 2>/dev/null ||
        echo "install.sh: /var/lib/$name was kept: keys, database and recordings of the site" >&2
      ;;
  esac
}

[ $# -gt 0 ] || { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0"; exit 2; }
case $1 in -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0"; exit 0 ;; esac
[ "$(id -u)" = 0 ] || fail "only root can install in $opt"

if [ "$1" = --remove ]; then
  for one in jump-client jumpoint jump-appliance jump; do remove_one "$one"; done
  rm -rf "$opt"
  echo "jump was removed"
  exit 0
fi

for one in "$@"; do
  case $one in
    jump-client | jumpoint | jump-appliance | jump) [ -e "$from/bin/$one" ] || fail "$one is not in this archive" 2 ;;
    *) fail "unknown '$one'; there are jump-client, jumpoint, jump-appliance, jump and --remove" 2 ;;
  esac
done
umask 022
# The loader and the C library belong together: beside, then exchanged as a whole. Programs that run have theirs open.
mkdir -p "$opt"
rm -rf "$opt/.lib.new" "$opt/.lib.old"
cp -R "$from/lib" "$opt/.lib.new"
[ ! -d "$opt/lib" ] || mv "$opt/lib" "$opt/.lib.old"
mv "$opt/.lib.new" "$opt/lib"
rm -rf "$opt/.lib.old"
cp -R "$from/share" "$opt/"
cp "$from/install.sh" "$opt/"
for one in "$@"; do install_one "$one"; done
echo "jump @VERSION@: $* installed in $opt; $opt/install.sh --remove removes it"
