# slot: 15
# Engine and journal under AddressSanitizer and UndefinedBehaviorSanitizer.
set -euo pipefail
scripts/packages build
scripts/build asan engine/all journal/all
export UBSAN_OPTIONS=print_stacktrace=1
# A restore killed at each of its actions: one of the four cuts, for they take the same ways; make test has all.
GTEST_FILTER='-Cuts/*/1:Cuts/*/2:Cuts/*/3' ctest --test-dir build/asan/engine --output-on-failure -j2
ctest --test-dir build/asan/journal --output-on-failure -j2
