// The shell that brings WAL to its volume and back.
#include "engine/rooms/instances/scripts.h"

namespace pgo::rooms::instances {
namespace {

constexpr const char* kParts = R"bash(
declare -r other=$4 word=$5 other_word=$6 link="${data}/pg_wal"
declare problem=''
say() { printf 'postgres-startup: %s\n' "$*"; }

# Beside what was said before.
tell() {
  local said=''
  [[ -w /dev/termination-log ]] || return 0
  said=$(</dev/termination-log) || said=''
  [[ "${said}" == '{'*'}' ]] || said='{}'
  said=${said%\}}
  [[ "${said}" == '{' ]] || said+=','
  printf '%s"wal":"%s"%s}' "${said}" "$1" "${2:+,\"problem\":\"$2\"}" >/dev/termination-log
}

# A pod deleted by force leaves the API at once, and its PostgreSQL may write for a while yet.
lock_volume() {
  exec 9>>"${data%/*}/.instance.lock" || halt "cannot write to ${data%/*}"
  flock --exclusive --nonblock 9 && return 0
  say 'another container still uses this volume: waiting until it has ended'
  flock --exclusive 9 || say 'this volume cannot lock files: going on without'
}

# WAL without the data directory it belongs to is the last that is left of that one.
set_aside() {
  [[ -d "$1" && -n "$(ls --almost-all "$1")" ]] || return 0
  local aside
  aside="$1.of-lost-data-$(date +%s)"
  mv --no-target-directory "$1" "${aside}"
  say "${data} is not there, but WAL of it is: kept as ${aside}"
}

copy_wal() {
  local from=$1 need room
  rm -rf "${wal}" "${wal}.moving"  # the link does not lead there
  need=$(du --summarize --block-size=1 "${from}/" | cut -f1) || need=0
  room=$(df --block-size=1 --output=avail "${wal%/*}" | tail -n 1)
  if ((room < need + 32 * 1024 * 1024)); then
    say "the WAL in ${from} takes ${need} bytes and ${wal%/*} has ${room} free: it stays"
    problem='no space'
    return 1
  fi
  say "copy the WAL, ${need} bytes, from ${from} to ${wal}"
  if cp --recursive --no-dereference --preserve=mode,timestamps "${from}" "${wal}.moving" &&
    chmod 0750 "${wal}.moving" && sync --file-system "${wal}.moving" &&
    mv --no-target-directory "${wal}.moving" "${wal}" && sync --file-system "${wal}"; then
    return 0
  fi
  rm -rf "${wal}.moving"
  problem='copy failed'
  return 1
}

turn_link() {
  rm -f "${link}.new"
  ln --symbolic "${wal}" "${link}.new" || return 1
  # A directory cannot be replaced by a link in one step; a start in between puts it back.
  [[ -L "${link}" ]] || mv --no-target-directory "${link}" "${link}.plain" || return 1
  mv --no-target-directory "${link}.new" "${link}" && sync --file-system "${data}"
}
)bash";

constexpr const char* kMove = R"bash(
move_wal() {
  local from
  [[ -w "${wal%/*}" ]] || halt "cannot write to ${wal%/*} as user $(id -u)"
  lock_volume
  if [[ -d "${link}.plain" && ! -e "${link}" && ! -L "${link}" ]]; then
    mv --no-target-directory "${link}.plain" "${link}"
  fi
  if [[ ! -e "${data}/PG_VERSION" && ! -L "${link}" && ! -e "${link}" ]]; then
    set_aside "${wal}"
    set_aside "${other}"
    tell "${word}"
    return 0
  fi
  [[ -d "${link}" ]] ||
    halt "pg_wal of ${data} leads to $(readlink "${link}"), which is not there: give the volume back, or remove this instance with its data"
  from="${link}"
  [[ ! -L "${link}" ]] || from=$(readlink --canonicalize "${link}")
  if [[ ! "${link}" -ef "${wal}" ]]; then
    if ! copy_wal "${from}"; then tell "${other_word}" "${problem}"; return 0; fi
    if ! turn_link; then tell "${other_word}" 'link failed'; return 0; fi
    say "pg_wal leads to ${wal} now"
  fi
  # Left behind: the link does not lead there.
  rm -rf "${link}.plain" "${other}" "${wal}.moving" "${other}.moving"
  tell "${word}"
}
move_wal
)bash";

}  // namespace

std::string MoveWalScript() { return std::string(kParts) + kMove; }

}  // namespace pgo::rooms::instances
