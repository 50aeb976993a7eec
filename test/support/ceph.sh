#!/bin/bash
# Ceph's S3 gateway on one machine, for the bucket suite: a monitor, a manager, one OSD in memory
# and radosgw, all on 127.0.0.1, without authentication between them.
#
#   test/support/ceph.sh up FOLDER PORT    starts it; prints the variables for the suite
#   test/support/ceph.sh down FOLDER       stops what `up FOLDER` started, and removes FOLDER
#
#   eval "$(test/support/ceph.sh up FOLDER 8931)" && npx vitest run test/integration
#
# Debian: apt-get install --no-install-recommends radosgw ceph-mon ceph-osd ceph-mgr ceph-common
# Takes about 15 s and 800 MB of memory. The port below PORT is used as well. Runs as root.
set -euo pipefail

usage() {
  sed -n '5,6s/^# *//p' "$0" >&2
  exit 2
}

daemons=(rgw mgr osd mon)

# Stops one daemon by the pid that it wrote, if that is still the daemon.
stop() {
  local folder=$1 name=$2 pid
  pid=$(cat "$folder/run/$name.pid" 2>/dev/null) || return 0
  grep -qsF "$folder/ceph.conf" "/proc/$pid/cmdline" || return 0
  kill "$pid" 2>/dev/null || return 0
  for _ in $(seq 50); do
    [ -e "/proc/$pid" ] || return 0
    sleep 0.2
  done
  kill -9 "$pid" 2>/dev/null || true
}

down() {
  local folder=$1 name
  # Only a folder that `up` has made is removed.
  [ -f "$folder/ceph.conf" ] || { echo "$folder holds no ceph" >&2; exit 1; }
  for name in "${daemons[@]}"; do stop "$folder" "$name"; done
  rm -rf "$folder"
}

write_conf() {
  local folder=$1 mon=$2 fsid=$3
  mkdir -p "$folder"/{mon,osd,mgr,rgw,run,log}
  cat >"$folder/ceph.conf" <<CONF
[global]
fsid = $fsid
mon host = v1:127.0.0.1:$mon
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 2147483648
mon allow pool size one = true
mon data avail crit = 1
mon data = $folder/mon
osd data = $folder/osd
mgr data = $folder/mgr
rgw data = $folder/rgw
run dir = $folder/run
admin socket = $folder/run/\$name.asok
log file = $folder/log/\$name.log
CONF
}

start() {
  local folder=$1 port=$2 mon=$(($2 - 1)) fsid osd conf
  fsid=$(cat /proc/sys/kernel/random/uuid)
  osd=$(cat /proc/sys/kernel/random/uuid)
  write_conf "$folder" "$mon" "$fsid"
  conf=(-c "$folder/ceph.conf")
  monmaptool --create --fsid "$fsid" --addv a "[v1:127.0.0.1:$mon]" "$folder/monmap"
  ceph-mon -i a --mkfs --monmap "$folder/monmap" "${conf[@]}"
  ceph-mon -i a "${conf[@]}" --pid-file "$folder/run/mon.pid"
  timeout 60 ceph "${conf[@]}" osd new "$osd"
  ceph-osd -i 0 --mkfs --osd-uuid "$osd" "${conf[@]}"
  # It may ask the monitor before it knows its name, which then refuses: "wrong fsid".
  for _ in $(seq 10); do
    ceph-osd -i 0 "${conf[@]}" --pid-file "$folder/run/osd.pid" && break
    sleep 1
  done
  ceph-mgr -i x "${conf[@]}" --pid-file "$folder/run/mgr.pid"
  timeout 60 ceph "${conf[@]}" osd crush add osd.0 1.0 root=default host=local
  radosgw "${conf[@]}" -n client.rgw.a --rgw-frontends "beast endpoint=127.0.0.1:$port" \
    --pid-file "$folder/run/rgw.pid"
  for _ in $(seq 120); do
    curl -sf -m 2 -o "$folder/log/ready" "http://127.0.0.1:$port/" && break
    sleep 0.5
  done
  timeout 60 radosgw-admin "${conf[@]}" user create --uid=phlox --display-name=phlox \
    --access-key=phlox --secret-key=phlox-secret --max-buckets=0
}

up() {
  local folder=$1 port=$2
  [ ! -e "$folder" ] || { echo "$folder is there already" >&2; exit 1; }
  mkdir -p "$folder/log"
  folder=$(cd "$folder" && pwd)
  if ! start "$folder" "$port" >"$folder/log/up.log" 2>&1; then
    cat "$folder/log/up.log" >&2
    down "$folder"
    exit 1
  fi
  echo "export PHLOX_TEST_S3=http://127.0.0.1:$port"
  echo "export AWS_ACCESS_KEY_ID=phlox AWS_SECRET_ACCESS_KEY=phlox-secret"
}

case "${1:-} $#" in
  'up 3') up "$2" "$3" ;;
  'down 2') down "$(cd "$2" && pwd)" ;;
  *) usage ;;
esac
