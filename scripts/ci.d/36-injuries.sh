# slot: 4
# A share of `make injuries`: another seed each time, printed first; a finding names how to see it again.
set -euo pipefail
scripts/packages build
scripts/build dev pgo-injuries
build/dev/bin/pgo-injuries --kills 200 --power-losses 300 --injuries 2000 --seconds 170
