# slot: 30
# What a newcomer runs.
set -euo pipefail
make test
