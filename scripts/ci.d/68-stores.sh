# slot: 8
# Backups and restores in an object store that speaks S3, with real PostgreSQL and pgBackRest.
set -euo pipefail
unshare --user --map-root-user --net --mount --pid --fork true 2>/dev/null ||
  { echo "this kernel gives no user, network, mount and PID namespaces"; exit 77; }
[[ -e build/image/rootfs.stamp ]] || charts/images/build-rootfs build/image/rootfs
scripts/build dev pgo pgo-operator pgo-local
replay-tests/local/stores.py s3
