#include "proxy/admin/dashboard.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/admin/embedded.hpp"

namespace sluice::proxy::admin {
namespace {

using embedded::File;

constexpr std::string_view kStart = "index.html";
constexpr std::string_view kHtml = ".html";

std::string content_type(std::string_view path) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kTypes{
      {{kHtml, "text/html; charset=utf-8"},
       {".css", "text/css; charset=utf-8"},
       {".js", "text/javascript; charset=utf-8"},
       {".svg", "image/svg+xml"}}};
  const auto* type = std::find_if(kTypes.begin(), kTypes.end(),
                                  [&](const auto& row) { return path.ends_with(row.first); });
  return std::string(type == kTypes.end() ? "application/octet-stream" : type->second);
}

// A browser asks each time whether it has the same still: another version is seen at once.
Answer answer_with(const File& file) {
  Answer answer;
  answer.content_type = content_type(file.path);
  answer.body = std::string(file.bytes);
  answer.cache_control = "no-cache";
  answer.etag = '"' + std::to_string(std::hash<std::string_view>{}(file.bytes)) + '"';
  return answer;
}

}  // namespace

std::vector<Page> dashboard_pages() {
  std::vector<Page> pages;
  for (const File& file : embedded::dashboard_files()) {
    if (file.path == kStart) {
      pages.push_back({"/", [file] { return answer_with(file); }});
    } else if (!file.path.ends_with(kHtml)) {
      pages.push_back(
          {"/dashboard/" + std::string(file.path), [file] { return answer_with(file); }});
    }
  }
  return pages;
}

std::optional<Answer> dashboard_error_page(unsigned status) {
  const std::string path = std::to_string(status) + std::string(kHtml);
  for (const File& file : embedded::dashboard_files()) {
    if (file.path == path) {
      Answer answer = answer_with(file);
      answer.status = status;
      answer.cache_control = "no-store";
      answer.etag.clear();
      return answer;
    }
  }
  return std::nullopt;
}

}  // namespace sluice::proxy::admin
