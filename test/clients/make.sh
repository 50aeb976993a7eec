#!/bin/sh
# Takes the captures of ../fixtures/clients anew, with the SDKs' releases named here: `sh make.sh`,
# or `sh make.sh go rust` for some. The programs run in /app/clients (or $PLACE), so that no profile
# tells where this checkout is; the last step fails when one names a home or temporary folder.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
place=${PLACE:-/app/clients}
captures=$here/../fixtures/clients
pyroscope_io=1.4.0

in_place() {
  rm -rf "${place:?}/$1"
  rm -f "$captures/$1"-*.http
  mkdir -p "$place" "$captures"
  cp -r "$here/$1" "$place/$1"
  cd "$place/$1"
}

make_go() {
  in_place go
  CGO_ENABLED=0 go build -trimpath -buildvcs=false -o busy .
  node "$here/capture.mjs" "$captures" go ./busy
}

# The system's Python: another may lie in a home folder, which its profiles would name.
make_python() {
  in_place python
  /usr/bin/python3 -m venv venv
  venv/bin/pip install --quiet "pyroscope-io==$pyroscope_io"
  node "$here/capture.mjs" "$captures" python venv/bin/python busy.py
}

make_rust() {
  in_place rust
  cargo build --release --quiet
  node "$here/capture.mjs" "$captures" rust ./target/release/busy
}

# The tests look for all captures at the time of the first of Go.
make_collector() {
  in_place collector
  CGO_ENABLED=0 go build -trimpath -buildvcs=false -o busy .
  taken=$(sed -n 's/.*&until=\([0-9]\{13\}\).*/\1/p' "$captures/go-1.http" | head -n 1)
  PHLOX_TIME_MS=$taken node "$here/capture.mjs" "$captures" collector ./busy
}

for client in ${*:-go python rust collector}; do
  "make_$client"
done
node "$here/paths.mjs" "$captures"
ls -l "$captures"
