# slot: 7
# Replicas of the operator that are killed, ended and set back, with real PostgreSQL.
set -euo pipefail
unshare --user --map-root-user --net --mount --pid --fork true 2>/dev/null ||
  { echo "this kernel gives no user, network, mount and PID namespaces"; exit 77; }
replay-tests/local/run replicas
