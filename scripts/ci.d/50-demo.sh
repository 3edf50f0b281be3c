# slot: 15
# Scene 1: a real cluster loses its primary and says what happened.
set -euo pipefail
[[ -x scripts/demo ]] || { echo "scripts/demo is not written yet"; exit 77; }
unshare --user --map-root-user --net --mount --pid --fork true 2>/dev/null ||
  { echo "this kernel gives no user, network, mount and PID namespaces"; exit 77; }
make demo
