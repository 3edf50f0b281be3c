# slot: 4
# The fuzz targets for a bounded time (the whole: make fuzz SECONDS=600). `replay` rests on all of pgo, which
# takes longer to build than this slot has: its kept inputs are tried by the tests.
set -euo pipefail
TARGET="record frame chain bundle watch manifest cron" SECONDS_EACH=${SECONDS_EACH:-8} scripts/fuzz
