# slot: 6
# Formatting, and clang-tidy on what the last commit changed.
set -euo pipefail
scripts/packages build lint
# A file takes up to a minute; what is begun by then ends within the slot.
LINT_SECONDS=180 scripts/lint
