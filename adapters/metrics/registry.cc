#include "adapters/metrics/registry.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace pgo::metrics {
namespace {

std::string NumberText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), end.ptr};
}

// Backslash and newline are escaped everywhere, the quote in label values.
std::string Escaped(const std::string& text, bool quote) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quote) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
  return out;
}

const char* TypeText(Type type) {
  switch (type) {
    case Type::kCounter:
      return "counter";
    case Type::kGauge:
      return "gauge";
    case Type::kHistogram:
      return "histogram";
  }
  return "untyped";
}

}  // namespace

Family::Family(Type type, std::string name, std::string help, std::vector<std::string> label_names,
               std::vector<double> bounds)
    : type_(type),
      name_(std::move(name)),
      help_(std::move(help)),
      label_names_(std::move(label_names)),
      bounds_(std::move(bounds)) {
  if (label_names_.empty()) series_[{}].buckets.resize(bounds_.size() + 1);
}

void Family::Add(const Labels& labels, double by) {
  const std::lock_guard lock(mu_);
  series_[labels].value += by;
}

void Family::Set(const Labels& labels, double value) {
  const std::lock_guard lock(mu_);
  series_[labels].value = value;
}

void Family::Observe(const Labels& labels, double value) {
  const std::lock_guard lock(mu_);
  Series& series = series_[labels];
  series.buckets.resize(bounds_.size() + 1);
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  ++series.buckets[static_cast<std::size_t>(bucket)];
  ++series.count;
  series.value += value;
}

void Family::Clear() {
  const std::lock_guard lock(mu_);
  series_.clear();
}

std::string Family::LabelText(const Labels& labels, const std::string& bound) const {
  std::string out;
  for (std::size_t i = 0; i < label_names_.size() && i < labels.size(); ++i) {
    out += (out.empty() ? "" : ",") + label_names_[i] + "=\"" + Escaped(labels[i], true) + "\"";
  }
  if (!bound.empty()) out += std::string(out.empty() ? "" : ",") + "le=\"" + bound + "\"";
  return out.empty() ? "" : "{" + out + "}";
}

void Family::WriteTo(std::string& out) const {
  const std::lock_guard lock(mu_);
  if (series_.empty()) return;
  out += "# HELP " + name_ + " " + Escaped(help_, false) + "\n";
  out += "# TYPE " + name_ + " " + TypeText(type_) + "\n";
  for (const auto& [labels, series] : series_) {
    if (type_ != Type::kHistogram) {
      out += name_ + LabelText(labels, "") + " " + NumberText(series.value) + "\n";
      continue;
    }
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < series.buckets.size(); ++i) {
      below += series.buckets[i];
      const std::string bound = i < bounds_.size() ? NumberText(bounds_[i]) : "+Inf";
      out += name_ + "_bucket" + LabelText(labels, bound) + " " + std::to_string(below) + "\n";
    }
    out += name_ + "_sum" + LabelText(labels, "") + " " + NumberText(series.value) + "\n";
    out += name_ + "_count" + LabelText(labels, "") + " " + std::to_string(series.count) + "\n";
  }
}

Family& Registry::Make(Type type, std::string name, std::string help,
                       std::vector<std::string> labels, std::vector<double> bounds) {
  const std::lock_guard lock(mu_);
  return families_.emplace_back(type, std::move(name), std::move(help), std::move(labels),
                                std::move(bounds));
}

Family& Registry::Counter(std::string name, std::string help, std::vector<std::string> labels) {
  return Make(Type::kCounter, std::move(name), std::move(help), std::move(labels), {});
}

Family& Registry::Gauge(std::string name, std::string help, std::vector<std::string> labels) {
  return Make(Type::kGauge, std::move(name), std::move(help), std::move(labels), {});
}

Family& Registry::Histogram(std::string name, std::string help, std::vector<double> bounds,
                            std::vector<std::string> labels) {
  return Make(Type::kHistogram, std::move(name), std::move(help), std::move(labels),
              std::move(bounds));
}

std::string Registry::Text() const {
  const std::lock_guard lock(mu_);
  std::string out;
  for (const Family& family : families_) family.WriteTo(out);
  return out;
}

std::vector<double> Exponential(double first, double factor, int count) {
  std::vector<double> bounds;
  for (double bound = first; static_cast<int>(bounds.size()) < count; bound *= factor) {
    bounds.push_back(bound);
  }
  return bounds;
}

}  // namespace pgo::metrics
