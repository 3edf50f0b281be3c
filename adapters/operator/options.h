// How the operator is told what to do: flags of pgo-operator, and the environment as PGO knows it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/json.h"
#include "engine/base/result.h"

namespace pgo {

struct Options {
  std::string data_directory = "/var/lib/pgo";   // --data-dir: journal, identity, API credentials
  std::string kubeconfig;                        // --kubeconfig; "" : in-cluster, else KUBECONFIG
  std::string context;                           // --context
  std::string listen = "127.0.0.1:8443";         // --listen: HTTPS API
  std::string health_listen = "127.0.0.1:8081";  // --health-listen: /healthz, /readyz, /metrics
  // --metrics-listen, PGO_METRICS_LISTEN: HTTPS, /metrics for who may, and no longer on
  // --health-listen; "" : there, for everybody
  std::string metrics_listen;
  std::string pod_name;     // PGO_POD_NAME: the pod in which others reach the API; "": in none
  std::string viewer_role;  // PGO_VIEWER_ROLE: ClusterRole that lets people ask, for messages
  // --replica-listen, PGO_REPLICA_LISTEN: where the other replicas get this one's journal; "" :
  // there are none. --replica-address, PGO_REPLICA_ADDRESS: HOST or HOST:PORT under which they
  // reach it;
  // "" : as it listens.
  std::string replica_listen, replica_address;
  std::string lease_namespace;          // PGO_NAMESPACE; "": the namespace it runs in
  std::string lease_name;               // PGO_CONTROLLER_LEASE_NAME
  std::vector<std::string> namespaces;  // PGO_TARGET_NAMESPACE(S); empty: all
  // --journal-max-bytes, --journal-max-age, or PGO_JOURNAL_MAX_BYTES, PGO_JOURNAL_MAX_AGE; 0: all
  // is kept
  std::uint64_t journal_bytes_max = 0;
  std::int64_t journal_age_max_us = 0;
  bool debug = false;              // --debug or CRUNCHY_DEBUG=true
  Json settings = Json::object();  // what the engine may know: RELATED_IMAGE_*

  // `journal export`
  bool export_journal = false;
  std::string output;

  // `journal status`
  bool journal_status = false;
  bool json = false;  // -o json

  // `journal retention`
  bool journal_retention = false;
  bool apply = false;  // not only tell

  // `journal compact`
  bool journal_compact = false;

  // `journal salvage`
  bool salvage_journal = false;
  std::string anchor;  // as on the Lease: ID/EPOCH/SEQ/CHAIN; "" : none is known
  bool accept_loss =
      false;  // adopt what is left though the anchor says, or nobody knows, what is missing
};

// Reads flags and environment. An Error with code kNotFound and an empty message means that help or
// the version was printed and the process shall end with status 0.
Result<Options> ReadOptions(int argc, char** argv);

inline constexpr const char* kBuild = "0.1.0";

}  // namespace pgo
