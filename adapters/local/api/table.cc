#include "adapters/local/api/table.h"

#include <algorithm>

#include "adapters/local/api/events.h"
#include "adapters/local/api/human.h"
#include "adapters/local/api/table_builtin.h"
#include "adapters/local/store/meta.h"

namespace pgo::local {
namespace {

struct Column {
  std::string name, type, path;  // path: a JSONPath of field names and [?(@.type=="X")]
  std::int64_t priority = 0;
};

// The value a simple JSONPath finds: fields, and one filter by equality on lists.
Json At(const Json& object, std::string_view path) {
  Json value = object;
  while (!path.empty() && !value.is_null()) {
    if (path.front() == '.') path.remove_prefix(1);
    if (path.starts_with("[?(@.")) {
      const auto close = path.find(")]");
      const auto equal = path.find("==");
      if (close == std::string_view::npos || equal == std::string_view::npos) return nullptr;
      const std::string key(path.substr(5, equal - 5));
      std::string wanted(path.substr(equal + 2, close - equal - 2));
      std::erase_if(wanted, [](char c) { return c == '"' || c == '\''; });
      Json found;
      if (value.is_array()) {
        for (const Json& item : value) {
          if (GetString(item, {key}) == wanted) found = item;
        }
      }
      value = std::move(found);
      path.remove_prefix(close + 2);
      continue;
    }
    std::string name;
    while (!path.empty() && path.front() != '.' && path.front() != '[') {
      if (path.front() == '\\') path.remove_prefix(1);  // a dot within a name
      if (path.empty()) break;
      name.push_back(path.front());
      path.remove_prefix(1);
    }
    const Json* next = Find(value, name);
    value = next == nullptr ? Json() : Json(*next);
    if (name.empty()) break;
  }
  return value;
}

// The columns of a custom type.
std::vector<Column> ColumnsOf(const TypeInfo& type, const std::string& version) {
  std::vector<Column> out = {{"Name", "string", ".metadata.name"}};
  const auto custom = type.columns.find(version);
  if (custom == type.columns.end() || custom->second.empty()) {
    out.push_back({"Age", "date", ".metadata.creationTimestamp"});
    return out;
  }
  for (const Json& column : custom->second) {
    out.push_back({GetString(column, {"name"}), GetString(column, {"type"}),
                   GetString(column, {"jsonPath"}), GetInt(column, {"priority"})});
  }
  return out;
}

Json Definition(const std::string& name, const std::string& type, std::int64_t priority) {
  return {{"name", name},
          {"type", type},
          {"format", name == "Name" ? "name" : ""},
          {"description", ""},
          {"priority", priority}};
}

struct Content {
  Json definitions = Json::array();
  std::vector<Json> cells;  // of each object
};

Content OfCustom(const TypeInfo& type, const std::string& version, const Json& objects) {
  Content out;
  const auto columns = ColumnsOf(type, version);
  for (const Column& column : columns)
    out.definitions.push_back(Definition(column.name, column.type, column.priority));
  for (const Json& object : objects) {
    Json cells = Json::array();
    for (const Column& column : columns) {
      Json cell = At(object, column.path);
      if (column.type == "date" && cell.is_string()) cell = Age(AsString(cell));
      if (column.type == "string" && !cell.is_null() && !cell.is_string()) cell = DumpJson(cell);
      cells.push_back(std::move(cell));
    }
    out.cells.push_back(std::move(cells));
  }
  return out;
}

Content OfBuiltIn(const TypeInfo& type, const Json& objects) {
  Content out;
  const BuiltInColumns& columns = ColumnsOfKind(type.kind);
  if (columns.named) out.definitions.push_back(Definition("Name", "string", 0));
  for (const BuiltInColumn& column : columns.rest) {
    out.definitions.push_back(Definition(column.name, column.type, column.priority));
    if (!columns.named)
      out.definitions.back()["format"] = column.name == std::string("Name") ? "name" : "";
  }
  for (Json object : objects) {
    if (type.kept_as != type.resource) RenameEventFields(object, EventForm::kCore);
    Json cells = Json::array();
    if (columns.named) cells.push_back(columns.name ? columns.name(object) : Json(NameOf(object)));
    for (const BuiltInColumn& column : columns.rest) cells.push_back(column.cell(object));
    out.cells.push_back(std::move(cells));
  }
  return out;
}

// What a row carries of its object: by default its metadata.
Json Carried(const Json& object, const std::string& include) {
  if (include == "Object") return object;
  if (include == "None") return nullptr;
  return {{"kind", "PartialObjectMetadata"},
          {"apiVersion", "meta.k8s.io/v1"},
          {"metadata", GetObject(object, {"metadata"})}};
}

}  // namespace

bool WantsTable(const Request& request) {
  return request.accept.find("as=Table") != std::string::npos;
}

Json TableOf(const TableRequest& request, const Json& objects) {
  Content content = request.type.custom ? OfCustom(request.type, request.version, objects)
                                        : OfBuiltIn(request.type, objects);
  Json rows = Json::array();
  for (std::size_t i = 0; i < content.cells.size(); ++i) {
    Json row = {{"cells", std::move(content.cells[i])}};
    if (Json carried = Carried(objects[i], request.include); !carried.is_null())
      row["object"] = std::move(carried);
    rows.push_back(std::move(row));
  }
  Json metadata = Json::object();
  if (request.resource_version > 0)
    metadata["resourceVersion"] = std::to_string(request.resource_version);
  return {{"kind", "Table"},
          {"apiVersion", "meta.k8s.io/v1"},
          {"metadata", std::move(metadata)},
          {"columnDefinitions", std::move(content.definitions)},
          {"rows", std::move(rows)}};
}

}  // namespace pgo::local
