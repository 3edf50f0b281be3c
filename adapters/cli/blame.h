// Who set each field of a cluster, told from its observations in a journal and from nothing else.
// Pure.
//
// Kubernetes keeps, beside an object, who wrote which field last and when (managedFields); the
// journal keeps that with every observation, and what the values were before. Which person stands
// behind a manager Kubernetes does not say: its audit log does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapters/cli/records.h"
#include "journal/query/place.h"

namespace pgo::cli {

// One writer of a field.
struct Writer {
  std::string manager, operation;  // "kubectl-edit", "Update"
  std::string time;                // RFC 3339, of its last write then; "" not recorded
  bool operator==(const Writer&) const = default;
};

struct FieldChange {
  journal::Place::Mark seen;     // the first observation that has it
  journal::Place::Mark before;   // the last one that does not; seq 0: none is recorded
  std::optional<Json> from, to;  // nothing: the field was not there
  bool first = false;            // it was so when the cluster was first observed
  bool created = false;          // and the cluster had never been changed until then
  // Who wrote it. Empty: not recorded. Several, not `certain`: one of them.
  std::vector<Writer> by;
  bool certain = false;
  std::string unseen;            // why it may have been changed more than once between the two
  std::uint64_t action_seq = 0;  // the operator's own action; 0 if it was not the operator
  std::string sentence;          // of that
};

struct FieldStory {
  std::string field, key;  // adapters/cli/field_paths.h: by place, by key
  std::optional<Json> value;
  std::vector<Writer> owners;        // now; empty if it is not recorded
  std::vector<FieldChange> changes;  // oldest first
};

struct Blame {
  ClusterKey cluster;
  std::string uid;
  journal::Place::Mark first, at;  // observations of the cluster
  // The first observation with sets of fields; seq 0: in none of them.
  journal::Place::Mark sets_since;
  bool sets_cut = false;           // a manager's set was too large to be kept
  bool deleted = false;            // at that moment there was no such cluster
  std::vector<FieldStory> fields;  // sorted by key
};

// Of the cluster as it was at record `until`. `field` "" means all of spec and metadata; else it is
// taken with and without "spec." in front. kNotFound if the cluster, or the field, was never there.
Result<Blame> BlameOf(const Records& records, const ClusterKey& cluster, const std::string& field,
                      std::uint64_t until);

std::string WriterText(const Writer& writer);
// "kubectl-edit (Update)", "one of …", "not recorded"
std::string ByText(const FieldChange& change);
Json BlameJson(const Blame& blame);

}  // namespace pgo::cli
