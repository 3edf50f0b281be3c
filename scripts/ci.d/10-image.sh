# slot: 10
# The database image's root file system is built from Debian's packages and keeps its contract.
set -euo pipefail
scripts/packages image
charts/images/build-rootfs build/image/rootfs
charts/images/test-rootfs build/image/rootfs
