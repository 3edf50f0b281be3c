#include "adapters/local/api/watch.h"

#include "adapters/local/api/table.h"
#include "adapters/local/store/meta.h"

namespace pgo::local {

WatchStream::WatchStream(MemoryStore& store, const Request& request, Target target,
                         Selector selector)
    : store_(store),
      target_(std::move(target)),
      selector_(std::move(selector)),
      bookmarks_(request.QueryTrue("allowWatchBookmarks")),
      initial_events_(request.QueryTrue("sendInitialEvents")),
      table_(WantsTable(request)),
      include_(request.Query("includeObject")) {}

Answer<std::shared_ptr<WatchStream>> WatchStream::Begin(MemoryStore& store, const Request& request,
                                                        const Target& target,
                                                        std::function<void(std::string)> on_line) {
  auto selector = SelectorOf(request, target);
  if (!selector) return tl::unexpected(selector.error());
  const std::string asked = request.Query("resourceVersion");
  std::optional<std::uint64_t> since;
  if (!asked.empty() && asked != "0" && !request.QueryTrue("sendInitialEvents")) {
    if (asked.find_first_not_of("0123456789") != std::string::npos) {
      return tl::unexpected(BadRequest("Invalid value: \"" + asked +
                                       "\": strconv.ParseUint: parsing \"" + asked +
                                       "\": invalid syntax"));
    }
    since = std::strtoull(asked.c_str(), nullptr, 10);
    if (*since > store.Version()) return tl::unexpected(TooLarge(*since, store.Version()));
  }
  const auto stream =
      std::shared_ptr<WatchStream>(new WatchStream(store, request, target, *std::move(selector)));
  // The subscription lives in the stream and refers to it: it ends first.
  WatchStream* self = stream.get();
  auto subscription = store.Watch(target.type->kept_as, target.ns, since,
                                  [self, call = std::move(on_line)](const WatchItem& item) {
                                    std::string line = self->LineOf(item);
                                    if (!line.empty()) call(std::move(line));
                                  });
  if (!subscription) return tl::unexpected(subscription.error());
  stream->subscription_ = *std::move(subscription);
  return stream;
}

std::string WatchStream::Line(const char* type, const Json& object) const {
  Json shown = Shown(*target_.type, target_.version, object);
  if (table_) {
    const TableRequest table{*target_.type, target_.version, include_, VersionOf(shown)};
    shown = TableOf(table, Json::array({shown}));
  }
  return DumpJson({{"type", type}, {"object", std::move(shown)}}) + "\n";
}

std::string WatchStream::LineOf(const WatchItem& item) const {
  const Change& change = item.change;
  if (change.object == nullptr) {  // the end of the initial objects
    return initial_events_ && bookmarks_ ? BookmarkAt(change.resource_version, true)
                                         : std::string();
  }
  const bool is = change.type != ChangeType::kDeleted && selector_.Matches(*change.object);
  // A deleted object's last state counts as what the watcher knew of it.
  const bool was = change.previous != nullptr && selector_.Matches(*change.previous);
  if (is && !was) return Line("ADDED", *change.object);
  if (is) return Line("MODIFIED", *change.object);
  if (!was) return {};
  if (change.type == ChangeType::kDeleted) return Line("DELETED", *change.object);
  Json last = *change.previous;  // it left the selection: as it was, at the version of the change
  Meta(last)["resourceVersion"] = std::to_string(change.resource_version);
  return Line("DELETED", last);
}

std::string WatchStream::BookmarkAt(std::uint64_t version, bool initial_end) const {
  Json metadata = {{"resourceVersion", std::to_string(version)}, {"creationTimestamp", nullptr}};
  if (initial_end) metadata["annotations"] = {{"k8s.io/initial-events-end", "true"}};
  const Json object = {{"kind", target_.type->kind},
                       {"apiVersion", target_.type->ApiVersion(target_.version)},
                       {"metadata", std::move(metadata)}};
  return DumpJson({{"type", "BOOKMARK"}, {"object", object}}) + "\n";
}

std::string WatchStream::Bookmark() const {
  return bookmarks_ ? BookmarkAt(store_.Settled(), false) : std::string();
}

}  // namespace pgo::local
