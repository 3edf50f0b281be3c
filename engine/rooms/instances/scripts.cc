#include "engine/rooms/instances/scripts.h"

namespace pgo::rooms::instances {

std::string StartupScript() {
  return R"bash(
set -euo pipefail
declare -r expected_version=$1 data=$2 wal=$3

halt() { printf 'postgres-startup: %s\n' "$*" >&2; exit 1; }

version=$(postgres --version) || halt 'this image has no PostgreSQL'
[[ "${version}" =~ \ ([0-9]+) ]] && declare -r image_version="${BASH_REMATCH[1]}"
[[ "${image_version:-}" == "${expected_version}" ]] ||
  halt "spec.postgresVersion is ${expected_version} but the image has ${version}"

# libpq wants a client key that only its user can read, and a Secret's volume cannot have that.
umask 0077
mkdir -p /tmp/replication
for file in tls.crt tls.key ca.crt; do
  cp --dereference "/pgconf/tls/replication/${file}" "/tmp/replication/${file}.new"
  mv "/tmp/replication/${file}.new" "/tmp/replication/${file}"
done

umask 0007
mkdir -p /tmp/postgres /pgdata/logs/postgres || halt 'cannot write to the data volume'
[[ -w "${data%/*}" ]] || halt "cannot write to ${data%/*} as user $(id -u)"
if [[ -d "${data}" ]]; then
  [[ -O "${data}" ]] || halt "${data} does not belong to user $(id -u)"
  # fsGroup widens modes at every start; PostgreSQL refuses more than 0750.
  chmod 0750 "${data}"
  [[ ! -d "${wal}" ]] || chmod 0750 "${wal}"
  if [[ -f "${data}/PG_VERSION" ]]; then
    found=$(<"${data}/PG_VERSION")
    [[ "${found}" == "${expected_version}" ]] ||
      halt "${data} was made by PostgreSQL ${found}, not ${expected_version}"
  fi
fi

# Where the WAL of a primary that did not stop in order ends: Patroni rewinds the disk soon, and then
# nobody can tell any more what an asynchronous failover left behind. Never a reason not to start.
last_words() {
  local control state redo timeline end
  [[ -w /dev/termination-log && -f "${data}/PG_VERSION" ]] || return 0
  control=$(LC_ALL=C pg_controldata "${data}") || return 0
  state=$(sed -n 's/^Database cluster state: *//p' <<<"${control}")
  redo=$(sed -n "s/^Latest checkpoint's REDO location: *//p" <<<"${control}")
  timeline=$(sed -n "s/^Latest checkpoint's TimeLineID: *//p" <<<"${control}")
  [[ "${state}" == 'in production' ]] || return 0
  end=$(LC_ALL=C timeout 5 pg_waldump --quiet --path="${data}/pg_wal" --timeline="${timeline}" \
    --start="${redo}" 2>&1 | sed -n 's|.* at \([0-9A-F]*/[0-9A-F]*\).*|\1|p' | tail -1) || :
  [[ -n "${end}" ]] || return 0
  printf '{"timeline":%d,"end":"%s"}' "${timeline}" "${end}" >/dev/termination-log
}
last_words || :
)bash";
}

std::string PatroniScript() {
  return R"bash(
declare -r lock=$1
# A pod deleted by force leaves the API at once but its processes stay for their grace, and its
# namesake may start beside them. PostgreSQL's own lock file means nothing across PID namespaces.
# The descriptor goes on to Patroni, and the kernel takes the lock back when the last holder ends.
exec 9>>"${lock}"
status=0
flock --exclusive --nonblock 9 || status=$?
if ((status == 1)); then
  echo "database: another container still uses this volume: waiting until it has ended"
  flock --exclusive 9
  echo 'database: it has ended'
elif ((status != 0)); then
  echo "database: this volume cannot lock files (flock: ${status}): going on without"
fi
exec patroni /etc/patroni
)bash";
}

std::string WatchScript() {
  return R"bash(
set -uo pipefail  # not -e: whatever fails is tried again
trap 'exit 0' TERM
declare -r data=$1 port=$2 stamp=/tmp/replication/reloaded
declare -r own=/etc/patroni/~postgres-operator
postmaster='' told=''
exec {never}<> <(:)  # a descriptor that is never readable: read waits without a child process

reload_certificates() {
  local file
  [[ /pgconf/tls/replication/tls.crt -nt /tmp/replication/tls.crt ||
     /pgconf/tls/tls.crt -nt /tmp/replication/tls.crt ]] || return 0
  umask 0077
  for file in tls.crt tls.key ca.crt; do
    cp --dereference "/pgconf/tls/replication/${file}" "/tmp/replication/${file}.new" &&
      mv "/tmp/replication/${file}.new" "/tmp/replication/${file}" || return 0
  done
  [[ -z "${postmaster}" ]] || kill -HUP "${postmaster}"
  echo 'certificates changed: PostgreSQL reloads'
}

reload_patroni() {
  local file changed=''
  [[ -e "${stamp}" ]] || { touch "${stamp}"; return 0; }
  for file in "${own}"_cluster.yaml "${own}"_instance.yaml "${own}/patroni.crt+key"; do
    [[ ! "${file}" -nt "${stamp}" ]] || changed="${file}"
  done
  [[ -n "${changed}" ]] || return 0
  touch "${stamp}"
  pkill -HUP --exact --oldest patroni && echo "${changed} changed: Patroni reloads"
}

# Patroni looks at its postmaster once each loop_wait. A PATCH that changes nothing wakes it.
wake_patroni() {
  curl --silent --insecure --max-time 3 --output /dev/null --fail \
    --cert "${own}/patroni.crt+key" --request PATCH --data '{"wake":null}' \
    "https://127.0.0.1:${port}/config"
}

# A clean stop removes postmaster.pid; a file that names no process means a sudden death.
watch_postmaster() {
  local pid=''
  { read -r pid <"${data}/postmaster.pid"; } 2>/dev/null || pid=''
  [[ "${pid}" =~ ^[0-9]+$ ]] || { postmaster=''; return 0; }
  if [[ -d "/proc/${pid}" ]]; then
    [[ "${pid}" == "${postmaster}" ]] || echo "postmaster ${pid} runs"
    postmaster=${pid}
  elif [[ "${pid}" == "${postmaster}" && "${pid}" != "${told}" ]]; then
    wake_patroni || { echo "postmaster ${pid} is gone, and Patroni cannot be told"; return 0; }
    told=${pid}
    echo "postmaster ${pid} is gone: Patroni is told"
  fi
}

declare -i tick=0
while :; do
  watch_postmaster
  if ((tick++ % 10 == 0)); then reload_certificates; reload_patroni; fi
  read -r -t 0.5 -u "${never}" || :
done
)bash";
}

std::string ReadyScript() {
  return R"bash(
answer=$(curl --silent --insecure --max-time 3 --write-out '\n%{http_code}' \
  "https://127.0.0.1:$1/leader") || exit 1
[[ "${answer}" == *'"state": "running"'* ]] || exit 1
case "${answer}" in
  *'"role": "primary"'*200) exit 0 ;;
  *'"role": "standby_leader"'*200) exit 0 ;;
  *'"role": "replica"'*503) exit 0 ;;
esac
exit 1
)bash";
}

}  // namespace pgo::rooms::instances
