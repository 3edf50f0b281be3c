# slot: 5
# pgo-local itself: its faults on real processes, and a real kubectl against it.
set -euo pipefail
unshare --user --map-root-user --net --mount --pid --fork true 2>/dev/null ||
  { echo "this kernel gives no user, network, mount and PID namespaces"; exit 77; }
replay-tests/local/run verbs kubectl
