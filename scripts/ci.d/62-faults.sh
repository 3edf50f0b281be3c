# slot: 12
# Every single fault, with real PostgreSQL: what a client lost, and what the journal says of it.
set -euo pipefail
unshare --user --map-root-user --net --mount --pid --fork true 2>/dev/null ||
  { echo "this kernel gives no user, network, mount and PID namespaces"; exit 77; }
replay-tests/local/run faults
