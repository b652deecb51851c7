#include "metrics/text.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include <fmt/format.h>

namespace sluice::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// What has a meaning of its own within a help text, or within the quotes of a label.
void append_escaped(std::string& out, std::string_view text, bool quoted) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quoted) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

void append_number(std::string& out, double value) {
  constexpr double kExact = 1e15;  // whole numbers below it are written as such
  if (std::abs(value) < kExact && value == std::trunc(value)) {
    const fmt::format_int whole(static_cast<std::int64_t>(value));
    out.append(whole.data(), whole.size());
  } else if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value < 0 ? "-Inf" : "+Inf";
  } else {
    fmt::format_to(std::back_inserter(out), "{}", value);
  }
}

class FamilyText {
 public:
  FamilyText(const MetricFamily& family, std::string& out) : family_(family), out_(out) {}

  void write() {
    out_ += "# HELP " + family_.name + " ";
    append_escaped(out_, family_.help, false);
    out_ += "\n# TYPE " + family_.name + " ";
    out_ += family_.type == MetricType::Counter ? "counter\n"
            : family_.type == MetricType::Gauge ? "gauge\n"
                                                : "histogram\n";
    for (const ClientMetric& metric : family_.metric) {
      write(metric);
    }
  }

 private:
  void write(const ClientMetric& metric) {
    labels_.clear();
    for (const ClientMetric::Label& label : metric.label) {
      labels_ += (labels_.empty() ? "" : ",") + label.name + "=\"";
      append_escaped(labels_, label.value, true);
      labels_ += '"';
    }
    if (family_.type == MetricType::Histogram) {
      write(metric.histogram);
    } else {
      line("", {}, family_.type == MetricType::Counter ? metric.counter.value : metric.gauge.value);
    }
  }

  void write(const ClientMetric::Histogram& histogram) {
    line("_count", {}, static_cast<double>(histogram.sample_count));
    line("_sum", {}, histogram.sample_sum);
    for (std::size_t at = 0; at < histogram.bucket.size(); ++at) {
      const ClientMetric::Bucket& bucket = histogram.bucket[at];
      line("_bucket", bound(at, bucket.upper_bound), static_cast<double>(bucket.cumulative_count));
    }
    line("_bucket", "+Inf", static_cast<double>(histogram.sample_count));
  }

  // Histograms of one family have the same bounds: each is made a text once.
  std::string_view bound(std::size_t at, double value) {
    if (at == bounds_.size()) {
      bounds_.push_back({value, {}});
    }
    Bound& known = bounds_[at];
    if (known.text.empty() || known.value != value) {
      known.value = value;
      known.text.clear();
      append_number(known.text, value);
    }
    return known.text;
  }

  void line(std::string_view suffix, std::string_view bound, double value) {
    head(suffix, bound);
    append_number(out_, value);
    out_ += '\n';
  }

  void head(std::string_view suffix, std::string_view bound) {
    out_ += family_.name;
    out_ += suffix;
    if (!labels_.empty() || !bound.empty()) {
      out_ += '{';
      out_ += labels_;
      if (!bound.empty()) {
        out_ += labels_.empty() ? "le=\"" : ",le=\"";
        out_ += bound;
        out_ += '"';
      }
      out_ += '}';
    }
    out_ += ' ';
  }

  const MetricFamily& family_;
  std::string& out_;
  std::string labels_;  // of the metric that is being written
  struct Bound {
    double value;
    std::string text;
  };
  std::vector<Bound> bounds_;
};

}  // namespace

std::string text_of(const std::vector<MetricFamily>& families) {
  std::string out;
  out.reserve(std::size_t{1} << 20U);
  for (const MetricFamily& family : families) {
    FamilyText(family, out).write();
  }
  return out;
}

}  // namespace sluice::metrics
