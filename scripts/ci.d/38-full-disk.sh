# slot: 3
# The journal's volume runs full ten times under the real operator; 200 times in make injuries.
set -euo pipefail
unshare --user --map-root-user --net --mount --pid --fork true 2>/dev/null ||
  { echo "this kernel gives no user, network, mount and PID namespaces"; exit 77; }
scripts/packages build
scripts/build dev pgo pgo-operator pgo-local
[[ -e build/image/rootfs.stamp ]] || charts/images/build-rootfs build/image/rootfs
replay-tests/local/full_disk.py --cycles "${PGO_TEST_CYCLES:-10}"
