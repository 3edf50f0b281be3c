# slot: 10
# As many seeds of 20 simulated minutes as fit, each twice; kills of the operator at every action. The same
# seeds each time, so that a change is judged by what it changed; `make simulate` looks for new ones.
set -euo pipefail
scripts/packages build
scripts/build release pgo-simulate
first=${PGO_SIMULATION_SEED:-1}
echo "seeds from $first (again: PGO_SIMULATION_SEED=$first)"
# Those that were run and mended so far (docs/simulation.md); a quiet machine of two cores takes a minute or two.
build/release/bin/pgo-simulate --first "$first" --seeds "${PGO_SIMULATION_SEEDS:-156}" --seconds 200
build/release/bin/pgo-simulate --cuts --seconds 90 --stride 7 --first "$first"
