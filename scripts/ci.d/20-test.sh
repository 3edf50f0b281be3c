# slot: 20
# What a newcomer runs.
set -euo pipefail
make test
