# slot: 8
# Claims that grow, by themselves too, and WAL that moves to its volume and back, the operator killed meanwhile.
set -euo pipefail
unshare --user --map-root-user --net --mount --pid --fork true 2>/dev/null ||
  { echo "this kernel gives no user, network, mount and PID namespaces"; exit 77; }
replay-tests/local/run volumes
