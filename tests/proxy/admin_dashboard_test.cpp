#include "proxy/admin/dashboard.hpp"

#include <algorithm>
#include <regex>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "proxy/admin/embedded.hpp"

namespace sluice::proxy::admin {
namespace {

const Page* page_at(const std::vector<Page>& pages, const std::string& path) {
  const auto found =
      std::find_if(pages.begin(), pages.end(), [&](const Page& page) { return page.path == path; });
  return found == pages.end() ? nullptr : &*found;
}

// "./api.js" of "views/pools.js" and the like, as a path in the folder.
std::string resolved(std::string_view from, std::string target) {
  std::string folder(from.substr(0, from.find_last_of('/') + 1));
  if (target.starts_with("./")) {
    target.erase(0, 2);
  }
  while (target.starts_with("../")) {
    target.erase(0, 3);
    folder.clear();  // the folder is one level deep
  }
  return folder + target;
}

TEST(AdminDashboard, ServesTheStartPageAndItsParts) {
  const auto pages = dashboard_pages();
  const Page* start = page_at(pages, "/");
  ASSERT_NE(start, nullptr);
  const Answer answer = start->answer();
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.content_type, "text/html; charset=utf-8");
  EXPECT_NE(answer.body.find("<title>sluice</title>"), std::string::npos);
  const std::regex part("(?:href|src)=\"(dashboard/[^\"]+)\"");
  std::size_t parts = 0;
  for (std::sregex_iterator it(answer.body.begin(), answer.body.end(), part), end; it != end;
       ++it, ++parts) {
    EXPECT_NE(page_at(pages, "/" + (*it)[1].str()), nullptr) << (*it)[1];
  }
  EXPECT_GE(parts, 5U);
}

TEST(AdminDashboard, EveryModuleThatIsImportedIsThere) {
  const auto pages = dashboard_pages();
  const std::regex import("from \"(\\.[^\"]+)\"");
  for (const auto& file : embedded::dashboard_files()) {
    const std::string text(file.bytes);
    for (std::sregex_iterator it(text.begin(), text.end(), import), end; it != end; ++it) {
      const std::string path = resolved(file.path, (*it)[1].str());
      EXPECT_NE(page_at(pages, "/dashboard/" + path), nullptr) << file.path << " imports " << path;
    }
  }
}

// What the content security policy forbids, and what would let a client's name become markup.
TEST(AdminDashboard, NothingInlineAndNoMarkupFromText) {
  const std::regex forbidden(
      "innerHTML|outerHTML|insertAdjacentHTML|document\\.write|eval\\(|new Function|"
      " on[a-z]+=\"| style=\"|<style|https?://(?!www\\.w3\\.org/)");
  for (const auto& file : embedded::dashboard_files()) {
    const std::string text(file.bytes);
    std::smatch found;
    EXPECT_FALSE(std::regex_search(text, found, forbidden)) << file.path << ": " << found.str();
  }
}

TEST(AdminDashboard, PartsSayWhatTheyAreAndAreAskedForAgain) {
  std::set<std::string> types;
  for (const Page& page : dashboard_pages()) {
    const Answer answer = page.answer();
    types.insert(answer.content_type);
    EXPECT_FALSE(answer.etag.empty()) << page.path;
    EXPECT_EQ(answer.cache_control, "no-cache") << page.path;
    EXPECT_FALSE(answer.body.empty()) << page.path;
  }
  EXPECT_EQ(types,
            (std::set<std::string>{"image/svg+xml", "text/css; charset=utf-8",
                                   "text/html; charset=utf-8", "text/javascript; charset=utf-8"}));
}

TEST(AdminDashboard, HasPagesForErrorsThatAreNoPagesOfTheirOwn) {
  for (const unsigned status : {404U, 405U}) {
    const auto answer = dashboard_error_page(status);
    ASSERT_TRUE(answer) << status;
    EXPECT_EQ(answer->status, status);
    EXPECT_EQ(answer->cache_control, "no-store");
    EXPECT_NE(answer->body.find(std::to_string(status)), std::string::npos);
    EXPECT_EQ(page_at(dashboard_pages(), "/dashboard/" + std::to_string(status) + ".html"),
              nullptr);
  }
  EXPECT_FALSE(dashboard_error_page(500));
}

}  // namespace
}  // namespace sluice::proxy::admin
