#include "replay-tests/benchmarks/corpus.h"

#include <algorithm>
#include <cstdio>

namespace pgo::bench {
namespace {

constexpr const char* kKinds[] = {"Pod", "StatefulSet", "PersistentVolumeClaim"};
constexpr const char* kMarkVersion = "#VERSION##";  // ten characters, as a version has
constexpr const char* kMarkCounter = "#COUNTER##";
constexpr const char* kMarkTime = "####-TIME-##########";  // twenty, as 2026-01-02T03:04:05Z

std::string Container(const std::string& name, const std::string& cluster) {
  std::string out = R"({"name":")" + name + R"(","image":"registry.example/pgo/postgres@sha256:)" +
                    std::string(64, 'a') + R"(","imagePullPolicy":"IfNotPresent","env":[)";
  for (const char* key : {"PGDATA", "PGHOST", "PGPORT", "KRB5_CONFIG", "LDAPTLS_CACERT"}) {
    out +=
        std::string(R"({"name":")") + key + R"(","value":"/var/)" + cluster + "/" + key + R"("},)";
  }
  out += R"({"name":"PATRONI_NAME","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}],)";
  out += R"("volumeMounts":[{"mountPath":"/pgdata","name":"postgres-data"},{"mountPath":"/tmp",)";
  out += R"("name":"tmp"},{"mountPath":"/pgconf/tls","name":"cert-volume","readOnly":true}],)";
  out += R"("securityContext":{"allowPrivilegeEscalation":false,"readOnlyRootFilesystem":true}})";
  return out;
}

std::string Conditions() {
  std::string out = "[";
  for (const char* type : {"Initialized", "Ready", "ContainersReady", "PodScheduled"}) {
    out += std::string(R"({"type":")") + type + R"(","status":"True","lastProbeTime":null,)";
    out += std::string(R"("lastTransitionTime":")") + kMarkTime + "\"},";
  }
  out.back() = ']';
  return out;
}

std::vector<std::size_t> PlacesOf(const std::string& text, const std::string& mark) {
  std::vector<std::size_t> out;
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
    out.push_back(at);
  }
  return out;
}

void Write(std::string& text, const std::vector<std::size_t>& places, const std::string& value) {
  for (const std::size_t at : places) text.replace(at, value.size(), value);
}

std::string Ten(std::uint64_t number) {
  std::string out = std::to_string(number % 10'000'000'000U);
  return std::string(10 - out.size(), '1') + out;
}

std::string TimeText(std::uint64_t number) {
  char out[32];
  std::snprintf(out, sizeof out, "2026-%02u-%02uT%02u:%02u:%02uZ",
                static_cast<unsigned>(number / 2419200 % 12 + 1),
                static_cast<unsigned>(number / 86400 % 28 + 1),
                static_cast<unsigned>(number / 3600 % 24), static_cast<unsigned>(number / 60 % 60),
                static_cast<unsigned>(number % 60));
  return out;
}

}  // namespace

Corpus::Corpus(std::size_t clusters) {
  for (std::size_t cluster = 0; cluster < clusters; ++cluster) {
    for (std::size_t place = 0; place < kPerCluster; ++place) {
      objects_.push_back(Make(cluster, place));
    }
  }
}

Corpus::Object Corpus::Make(std::size_t cluster, std::size_t place) {
  const std::string kind = kKinds[place % 3];
  const std::string of = "cluster-" + std::to_string(cluster);
  const std::string name = of + "-00-" + std::to_string(cluster * 7919 + place) + "-0";
  Object out;
  out.subject = kind + "/postgres/" + name;
  out.cluster = "cluster/postgres/" + of;
  std::string& text = out.payload;
  text = R"({"apiVersion":"v1","kind":")" + kind + R"(","metadata":{"name":")" + name +
         R"(","namespace":"postgres","resourceVersion":")" + kMarkVersion + R"(","labels":{)";
  for (const char* label : {"cluster", "instance", "instance-set", "patroni", "data"}) {
    text += std::string(R"("postgres-operator.crunchydata.com/)") + label + R"(":")" + of + "\",";
  }
  text += R"("role":"replica"},"annotations":{"status":"{\"conn_url\":\"postgres://)" + name +
          R"(:5432/postgres\",\"state\":\"running\",\"xlog_location\":)" + kMarkCounter +
          R"(,\"timeline\":1}"}},"spec":{"containers":[)";
  for (const char* container : {"database", "replication-cert-copy", "pgbackrest"}) {
    text += Container(container, of) + (std::string(container) == "pgbackrest" ? "" : ",");
  }
  text += R"(],"nodeName":"node)" + std::to_string(place % 3) + R"("},"status":{"conditions":)" +
          Conditions() + R"(,"phase":"Running","hostIP":"10.0.0.1","podIP":"10.2.0.)" +
          std::to_string(cluster % 250) + "\"}}";
  out.versions = PlacesOf(text, kMarkVersion);
  out.counters = PlacesOf(text, kMarkCounter);
  out.times = PlacesOf(text, kMarkTime);
  Write(text, out.versions, Ten(cluster));
  Write(text, out.counters, Ten(place));
  Write(text, out.times, TimeText(cluster));
  return out;
}

std::uint64_t Corpus::Random() {
  state_ ^= state_ << 13U;
  state_ ^= state_ >> 7U;
  state_ ^= state_ << 17U;
  return state_;
}

journal::Record Corpus::RecordOf(const Object& object, std::uint16_t type) {
  journal::Record record;
  record.type = type;
  record.schema = 1;
  record.subjects = {object.subject, object.cluster};
  record.rv = object.payload.substr(object.versions[0], 10);
  record.payload = object.payload;
  return record;
}

journal::Record Corpus::Next() {
  Object& object = objects_[Random() % objects_.size()];
  version_ += 1 + Random() % 5;
  Write(object.payload, object.versions, Ten(version_));
  Write(object.payload, object.counters, Ten(Random()));
  if (Random() % 8 == 0) {
    const std::size_t at = object.times[Random() % object.times.size()];
    Write(object.payload, {at}, TimeText(version_));
  }
  return RecordOf(object, 2);
}

std::vector<journal::Record> Corpus::All() const {
  std::vector<journal::Record> out;
  for (const Object& object : objects_) out.push_back(RecordOf(object, 1));
  return out;
}

Status Fill(journal::Journal& journal, Corpus& corpus, std::uint64_t events,
            const std::function<bool(std::uint64_t done)>& progress) {
  constexpr std::uint64_t kFrame = 64;
  std::vector<journal::Record> records;
  for (std::uint64_t done = 0; done < events;) {
    const journal::FrameTime time{kEpochUs + static_cast<std::int64_t>(done) * 1000, done * 1000};
    records.clear();
    for (std::uint64_t i = std::min(kFrame, events - done); i > 0; --i) {
      records.push_back(corpus.Next());
    }
    const auto appended = journal.Append(records, time, journal::Durability::kDeferred);
    if (!appended) return Fail(appended.error());
    done += records.size();
    if (!progress(done)) break;
    if (!journal.RotationDue(time)) continue;
    const auto rotated = journal.Rotate(time, corpus.All());
    if (!rotated) return Fail(rotated.error());
  }
  return journal.Sync();
}

}  // namespace pgo::bench
