# slot: 20
# End to end on pgo-local, with real PostgreSQL: faults, restarts, what a client lost.
set -euo pipefail
[[ -x replay-tests/local/run ]] || { echo "replay-tests/local/run is not written yet"; exit 77; }
unshare --user --map-root-user --net --mount --pid --fork true 2>/dev/null ||
  { echo "this kernel gives no user, network, mount and PID namespaces"; exit 77; }
replay-tests/local/run
