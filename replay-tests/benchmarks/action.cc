// Row 5: from the bytes of a watch to the answer of the request that the operator sends because of
// them. Somebody changes a Service of a cluster; the operator sets it back. All parts are the
// operator's own: parse, redact, fold, decide, journal, HTTPS; only the API server is a stand-in.
#include <curl/curl.h>

#include "adapters/kube/client.h"
#include "adapters/kube/credentials.h"
#include "adapters/kube/effects.h"
#include "engine/testing/fake_kube.h"
#include "replay-tests/benchmarks/api_server.h"
#include "replay-tests/benchmarks/feed.h"
#include "replay-tests/benchmarks/raw_file.h"
#include "replay-tests/benchmarks/rows.h"

namespace pgo::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::size_t kEventBytes = 8192;
const kube::ObjectRef kService{"Service", "postgres", "hippo-primary"};

// A cluster whose objects all exist and are as wanted.
std::unique_ptr<testing::Loop> Settled() {
  auto loop = std::make_unique<testing::Loop>();
  Json cluster = JsonLiteral(R"({"apiVersion":"postgres-operator.crunchydata.com/v1beta1",
    "spec":{"postgresVersion":17,"instances":[{"replicas":3,"dataVolumeClaimSpec":{
      "accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}]}})");
  loop->kube.Put({"PostgresCluster", "postgres", "hippo"}, cluster);
  Json settings = Json::object();
  settings["RELATED_IMAGE_POSTGRES_17"] = "localhost/pgo/postgres:17";
  loop->Post({Started{"bench", kRuleset, "one", settings}});
  loop->Post({Leading{true, 1, ""}});
  loop->Post(loop->kube.ListAll());
  return loop->Settle() ? std::move(loop) : nullptr;
}

// One kept-alive connection, one request at a time: the least that HTTPS costs with libcurl.
class RawClient {
 public:
  explicit RawClient(const FakeApiServer& server) : easy_(curl_easy_init()) {
    headers_ = curl_slist_append(nullptr, "Content-Type: application/apply-patch+yaml");
    headers_ = curl_slist_append(headers_, "Expect:");
    const std::string authority = server.Authority();
    curl_blob blob{const_cast<char*>(authority.data()), authority.size(), CURL_BLOB_COPY};
    const std::string url = server.Url() + "/api/v1/namespaces/postgres/services/hippo-primary";
    curl_easy_setopt(easy_, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy_, CURLOPT_CAINFO_BLOB, &blob);
    curl_easy_setopt(easy_, CURLOPT_PROXY, "");
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, "PATCH");
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, OnBody);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, &answer_);
  }
  ~RawClient() {
    curl_easy_cleanup(easy_);
    curl_slist_free_all(headers_);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  bool Patch(const std::string& body) {
    answer_.clear();
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, body.c_str());
    return curl_easy_perform(easy_) == CURLE_OK;
  }

 private:
  static std::size_t OnBody(char* data, std::size_t, std::size_t size, void* user) {
    static_cast<std::string*>(user)->append(data, size);
    return size;
  }
  CURL* easy_;
  curl_slist* headers_ = nullptr;
  std::string answer_;
};

class ActionHolder final : public Holder {
 public:
  Status Open(const std::string& directory) {
    auto loop = Settled();
    if (!loop) return Fail(Code::kInternal, "the cluster does not settle");
    service_ = *loop->kube.Find(kService);
    auto server = FakeApiServer::Start();
    if (!server) return Fail(server.error());
    server_ = *std::move(server);
    kube::Config config;
    config.server = server_->Url();
    config.ca_pem = server_->Authority();
    client_ = std::make_unique<kube::Client>(std::make_shared<kube::Credentials>(config), "bench");
    raw_client_ = std::make_unique<RawClient>(*server_);
    auto file = RawFile::Create(directory + "/action.raw", 0);
    if (!file) return Fail(file.error());
    file_ = std::make_unique<RawFile>(*std::move(file));
    auto feed = Feed::Open(directory + "/action.journal", "Service", loop->records,
                           [this](EventSink& sink) { return MakeEffects(sink); });
    if (!feed) return Fail(feed.error());
    feed_ = std::make_unique<Feed>(*std::move(feed));
    AddRow();
    return {};
  }

 private:
  std::unique_ptr<Effects> MakeEffects(EventSink& sink) {
    return std::make_unique<kube::KubeEffects>(*client_, redactor_, sink, kube::EffectsOptions{});
  }
  void AddRow() {
    Row row;
    row.number = 5;
    row.name = "event to action";
    row.sides = {
        {"operator", [this] { return Ours(); }},
        {"fdatasync + PATCH", [this] { return Limit(); }},
        {"nlohmann + PATCH, no journal", [this] { return NoJournal(); }},
        {"of it: fold and decide", [this] { return Ours() < 0 ? -1.0 : feed_->StepMicros(); }}};
    row.comparisons = {{"", 0, 1, Statistic::kMedian, 1.25},
                       {"", 0, 1, Statistic::kP99, 1.4},
                       {"", 0, 2, Statistic::kMedian, 1.0},
                       {"", 3, 1, Statistic::kMedian, 0}};
    rows.push_back(std::move(row));
  }
  Json Service(bool changed) {
    Json object = service_;
    Put(object, {"metadata", "resourceVersion"}, std::to_string(++version_));
    if (changed) Put(object, {"spec", "ports"}, Json::array());
    return object;
  }
  double Ours() {
    const std::string line = WatchLine(Service(true), kEventBytes);
    server_->Answer(DumpJson(Service(false)));
    const auto began = SteadyClock::now();
    feed_->Give({line});
    SteadyClock::time_point at;
    if (!feed_->WaitDone(&at)) return -1.0;
    return std::chrono::duration<double, std::micro>(at - began).count();
  }
  double Limit() {
    const std::string body = DumpJson(service_);
    const std::string entry(160, 'x');
    const auto began = SteadyClock::now();
    return file_->Write(entry) && raw_client_->Patch(body) ? MicrosSince(began) : -1.0;
  }
  double NoJournal() {
    const std::string line = WatchLine(Service(true), kEventBytes);
    const std::string body = DumpJson(service_);
    const auto began = SteadyClock::now();
    return !Json::parse(line, nullptr, false).is_discarded() && raw_client_->Patch(body)
               ? MicrosSince(began)
               : -1.0;
  }

  Json service_;
  std::uint64_t version_ = 1'000'000;
  std::unique_ptr<FakeApiServer> server_;
  kube::Redactor redactor_{"key"};
  std::unique_ptr<kube::Client> client_;
  std::unique_ptr<RawClient> raw_client_;
  std::unique_ptr<RawFile> file_;
  std::unique_ptr<Feed> feed_;
};

}  // namespace

Result<std::unique_ptr<Holder>> ActionRows(const Settings& settings) {
  auto holder = std::make_unique<ActionHolder>();
  if (auto status = holder->Open(settings.directory); !status) return Fail(status.error());
  return holder;
}

}  // namespace pgo::bench
