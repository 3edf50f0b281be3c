#include "engine/rooms/backups/scripts.h"

namespace pgo::rooms::backups {

std::string WithHashScript() {
  return R"bash(
expected=$1; shift
found=$(cat /etc/pgbackrest/conf.d/config-hash)
if [[ "${found}" != "${expected}" ]]; then
  echo 'the newest configuration has not arrived in this pod yet' >&2
  exit 75
fi
exec "$@"
)bash";
}

constexpr const char* kBackup = R"bash(
set -uo pipefail
declare -r expected=$1 job=$2 pod=$3 repo=$4; shift 4
found=$(cat /etc/pgbackrest/conf.d/config-hash)
if [[ "${found}" != "${expected}" ]]; then
  echo 'the newest configuration has not arrived in this pod yet: waiting' >&2
  exit 75
fi
declare -r place=/tmp/pgbackrest-jobs/${job}
mkdir -p "${place}"
exec 8>"${place}/lock"
flock 8  # one caller at a time looks and begins
# Whoever runs the command holds `running`: it is free once that process has ended, however.
begun() { [[ -e "${place}/out" ]]; }
runs() { ! flock --nonblock "${place}/running" true; }
failed_elsewhere() {
  begun && ! runs && [[ "$(cat "${place}/exit" 2>/dev/null)" != 0 && "$(cat "${place}/pod")" != "${pod}" ]]
}
if ! begun || failed_elsewhere; then
  if pgbackrest info --stanza=db --repo="${repo}" --output=json 2>/dev/null |
      grep -qF "\"pgo-job\":\"${job}\""; then
    echo "repository ${repo} has the backup of ${job} already"
    exit 0
  fi
  rm -f "${place}/exit"
  printf '%s' "${pod}" >"${place}/pod"
  : >"${place}/out"
  (
    exec 8>&- 7>"${place}/running"
    flock 7
    setsid bash -c '"${@:2}" >>"$1/out" 2>&1; echo $? >"$1/exit.new"; mv "$1/exit.new" "$1/exit"' \
      backup "${place}" "$@" </dev/null >/dev/null 2>&1 &
  )
fi
flock --unlock 8
declare -i shown=0
show() {
  local size; size=$(stat --format=%s "${place}/out")
  ((size > shown)) || return 0
  tail --bytes=+$((shown + 1)) "${place}/out" | head --bytes=$((size - shown))
  shown=${size}
}
while runs; do show; sleep 1; done
show
exit "$(cat "${place}/exit" 2>/dev/null || echo 1)"
)bash";

std::string BackupScript() { return kBackup; }

}  // namespace pgo::rooms::backups
