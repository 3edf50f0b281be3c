# slot: 10
# Backups, schedules and copies from backups, with real PostgreSQL and pgBackRest.
set -euo pipefail
unshare --user --map-root-user --net --mount --pid --fork true 2>/dev/null ||
  { echo "this kernel gives no user, network, mount and PID namespaces"; exit 77; }
replay-tests/local/run recovery
