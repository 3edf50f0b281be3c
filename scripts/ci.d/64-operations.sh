# slot: 7
# Scaling, restarts, rollouts and reloads, with real PostgreSQL and a client that counts.
set -euo pipefail
unshare --user --map-root-user --net --mount --pid --fork true 2>/dev/null ||
  { echo "this kernel gives no user, network, mount and PID namespaces"; exit 77; }
replay-tests/local/run operations
