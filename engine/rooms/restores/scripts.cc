#include "engine/rooms/restores/scripts.h"

namespace pgo::rooms::restores {
namespace {

constexpr const char* kCheck = R"python(
import json, subprocess, sys
repo, kind, target, chosen = sys.argv[1:5]
run = subprocess.run(["pgbackrest", "info", "--stanza=db", "--repo=" + repo, "--output=json",
                      "--log-level-console=off", "--log-level-stderr=error"],
                     capture_output=True, text=True)
out = {"error": "", "backups": 0, "chosen": ""}
def position(text):
    high, low = text.split("/")
    return (int(high, 16) << 32) + int(low, 16)
def fits(backup):
    if chosen:
        return backup["label"] == chosen
    if kind == "time":
        return backup["timestamp"]["stop"] < float(target)
    if kind == "lsn" and backup.get("lsn"):
        return position(backup["lsn"]["stop"]) <= int(target)
    return True
try:
    if run.returncode != 0:
        raise ValueError((run.stderr.strip() or "pgbackrest info failed").splitlines()[-1][:300])
    stanzas = json.loads(run.stdout)
    for stanza in stanzas:
        if stanza["status"]["code"] not in (0, 2) and not stanza["backup"]:
            out["error"] = stanza["status"]["message"]
        good = [b for b in stanza["backup"] if not b.get("error")]
        if not good:
            continue
        out["backups"] = len(good)
        out["oldest"] = good[0]["timestamp"]["stop"]
        out["newest"] = good[-1]["timestamp"]["stop"]
        out["newest_label"] = good[-1]["label"]
        out["chosen"] = ([b["label"] for b in good if fits(b)] or [""])[-1]
except (ValueError, KeyError, IndexError, TypeError) as error:
    out["error"] = str(error)
print(json.dumps(out))
)python";

constexpr const char* kSafety = R"bash(
set -uo pipefail
ask() { psql -XAtq --host=/tmp/postgres --port="$1" --username=postgres --dbname=postgres --command="$2"; }
# Recovery to a moment ends at the first commit after it: there must be one.
ask "$1" "set synchronous_commit to local; begin; select pg_current_xact_id(); commit" >/dev/null || exit 1
wal=$(ask "$1" 'select pg_walfile_name(pg_current_wal_lsn())') || exit 1
ask "$1" 'select pg_switch_wal()' >/dev/null || exit 1
archived=false failed='' end=$((SECONDS + $2))
while ((SECONDS < end)); do
  last=$(ask "$1" "select substr(coalesce(last_archived_wal, ''), 1, 24) from pg_stat_archiver") || exit 1
  # History files have the same names as far as they go, and 24 digits compare as text.
  if [[ ! "${last}" < "${wal}" ]]; then archived=true; break; fi
  sleep 0.5
done
[[ "${archived}" == true ]] ||
  failed=$(ask "$1" "select coalesce(last_failed_wal, '') from pg_stat_archiver")
printf '{"archived":%s,"wal":"%s","timeline":%d,"failed":"%s"}\n' \
  "${archived}" "${wal}" "$((16#${wal:0:8}))" "${failed}"
)bash";

constexpr const char* kRestore = R"bash(
set -uo pipefail
declare -r id=$1 data=$2 wal=$3 port=$4 safety=$5 copy=$6; shift 6
declare -r done=/pgdata/.restored-${id} begun=/pgdata/.restoring-${id} never=/pgdata/.unrestorable-${id}
say() { printf 'restore: %s\n' "$*"; }
give_up() {
  printf 'restore: %s\n' "$*" >&2
  printf '%s' "$*" | head --bytes=2000 >/dev/termination-log
  exit 1
}
# What another attempt would not change.
give_up_for_good() { printf '%s' "$*" >"${never}"; give_up "$*"; }
last_error() { grep -E 'ERROR|FATAL|PANIC' /tmp/restore.log | tail -1 | sed -E 's/^.*(ERROR|FATAL|PANIC)/\1/'; }

exec 9>>/pgdata/.instance.lock || give_up 'the volume cannot be written'
flock --exclusive --wait 120 9 || give_up 'another container still uses this volume'
if [[ -e "${done}" ]]; then say 'was done already'; exit 0; fi
if [[ -e "${never}" ]]; then give_up "$(<"${never}")"; fi

if [[ ! -e "${begun}" ]]; then
  # What PostgreSQL wrote last and nobody archived: once overwritten it would be gone.
  if [[ "${safety}" == archive && -d "${data}/pg_wal/archive_status" ]]; then
    for ready in "${data}"/pg_wal/archive_status/*.ready; do
      [[ -e "${ready}" ]] || continue
      file=${ready##*/}; file=${file%.ready}
      say "archive ${file} first"
      pgbackrest --stanza=db --no-archive-async --log-level-file=off archive-push "${data}/pg_wal/${file}" \
        >/tmp/restore.log 2>&1 || { cat /tmp/restore.log; give_up "WAL file ${file} could not be archived: $(last_error)"; }
    done
  fi
  : >"${begun}"
fi
rm -rf /pgdata/pgbackrest-spool/*
# Without one of these pgBackRest takes the directory for somebody else's and wants it empty.
if [[ "${copy}" == all || ! ( -e "${data}/PG_VERSION" || -e "${data}/backup.manifest" ) ]]; then
  rm -rf "${data}" "${wal}"
fi
mkdir -p "${data}" "${wal}" /pgdata/pgbackrest/log && chmod 0750 "${data}" "${wal}" ||
  give_up "cannot make ${data}"
rm -f "${data}/postmaster.pid" "${data}/standby.signal" "${data}/recovery.signal"
"$@" 2>&1 | tee /tmp/restore.log || give_up "pgbackrest restore: $(last_error)"
# Patroni's own copy of its configuration is as old as the backup.
rm -f "${data}/patroni.dynamic.json"

# Recovery. Nobody can connect; WAL of the new timeline is archived once the instance runs as usual.
# With hot_standby off no setting must be as large as it was on the old primary.
postgres -D "${data}" -c listen_addresses= -c unix_socket_directories=/tmp -c port="${port}" \
  -c hot_standby=off -c archive_mode=on -c archive_command=false -c ssl=off -c logging_collector=off \
  -c log_destination=stderr -c external_pid_file= > >(tee -a /tmp/restore.log) 2>&1 9>&- &
declare -r postmaster=$!
trap 'kill -INT "${postmaster}"; wait "${postmaster}"; exit 143' TERM
state() { LC_ALL=C pg_controldata "${data}" | sed -n 's/^Database cluster state: *//p'; }
while [[ -e "${data}/recovery.signal" || "$(state)" != 'in production' ]]; do
  if ! kill -0 "${postmaster}" 2>/dev/null; then
    wait "${postmaster}"
    sleep 0.2  # tee writes the last line
    give_up_for_good "recovery: $(last_error)"
  fi
  sleep 0.5
done
say 'recovery has ended: the data directory has a timeline of its own'
pg_ctl stop --pgdata="${data}" --mode=fast --wait --timeout=3600 >/dev/null ||
  give_up 'PostgreSQL did not stop after recovery'
wait "${postmaster}"
[[ "$(state)" == 'shut down' ]] || give_up "PostgreSQL did not stop in order: $(last_error)"
sed --in-place -E '/^ *(recovery_target|restore_command|recovery_end_command|archive_cleanup_command)/d' \
  "${data}/postgresql.auto.conf"
rm -f "${data}/recovery.signal" "${data}/standby.signal"
timeline=$(LC_ALL=C pg_controldata "${data}" | sed -n "s/^Latest checkpoint's TimeLineID: *//p")
rm -f /pgdata/.restored-* /pgdata/.unrestorable-*
: >"${done}"
rm -f /pgdata/.restoring-*
sync
printf 'timeline %s' "${timeline}" >/dev/termination-log
say "done: timeline ${timeline}"
)bash";

constexpr const char* kClear = R"bash(
set -uo pipefail
declare -r id=$1 data=$2 wal=$3 done=/pgdata/.cleared-$1
exec 9>>/pgdata/.instance.lock || { echo 'clear: the volume cannot be written' >&2; exit 1; }
flock --exclusive --wait 120 9 || { echo 'clear: another container still uses this volume' >&2; exit 1; }
if [[ -e "${done}" ]]; then echo 'clear: was done already'; exit 0; fi
)bash";
constexpr const char* kClearAll = R"bash(rm -rf "${data}" "${wal}")bash";
constexpr const char* kCleared = R"bash( /pgdata/pgbackrest-spool || exit 1
rm -f /pgdata/.cleared-* /pgdata/.restored-* /pgdata/.restoring-* /pgdata/.unrestorable-*
: >"${done}"
sync
echo 'clear: empty, to be made anew of the primary'
)bash";

}  // namespace

std::string CheckScript() { return kCheck; }
std::string SafetyScript() { return kSafety; }
std::string RestoreScript() { return kRestore; }
std::string ClearScript(bool both) {
  return std::string(kClear) + kClearAll + (both ? " \"$4\"" : "") + kCleared;
}

}  // namespace pgo::rooms::restores
