# slot: 25
# End to end on a real Kubernetes. PGO_TESTBED names a folder whose `up` and `down` make one.
set -euo pipefail
[[ -x replay-tests/kubernetes/run ]] || { echo "replay-tests/kubernetes/run is not written yet"; exit 77; }
[[ -x ${PGO_TESTBED:-}/up ]] || { echo "no Kubernetes for tests: PGO_TESTBED is not set"; exit 77; }
replay-tests/kubernetes/run
