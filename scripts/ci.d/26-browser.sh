# slot: 5
# The report, looked at in a real browser.
set -euo pipefail
scripts/packages build browser
scripts/build dev pgo cli_test
ctest --test-dir build/dev --no-tests=error --output-on-failure -R '^report_'
