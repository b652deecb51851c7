// The API without a socket: requests through the router to an operator that remembers what it was
// asked for.

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "proxy/admin/embedded.hpp"
#include "proxy/admin/endpoints.hpp"
#include "proxy/admin/router.hpp"
#include "tests/support/scripted_operator.hpp"

namespace sluice::proxy::admin {
namespace {

namespace json = boost::json;
using test::ScriptedOperator;
using Calls = std::vector<std::string>;

class AdminApi : public testing::Test {
 protected:
  AdminApi() {
    config::Pool pets;
    pets.name = "pets";
    house_.config_->pools.push_back(pets);
  }

  Router& router() {
    if (!router_) {
      Site site;
      site.pages.push_back({"/page", [] {
                              Answer answer;
                              answer.body = "page";
                              answer.etag = "\"1\"";
                              return answer;
                            }});
      site.error_page = [](unsigned status) {
        Answer answer;
        answer.content_type = "text/html";
        answer.body = "<p>" + std::to_string(status);
        return answer;
      };
      site.house = &house_;
      router_.emplace(std::move(site), Reach{true});
    }
    return *router_;
  }
  Request request(const std::string& method, const std::string& target,
                  const std::string& body = "") {
    Request made;
    made.method = method;
    made.path = target.substr(0, target.find('?'));
    made.query = made.path == target ? "" : target.substr(made.path.size() + 1);
    made.headers = {{"Host", "localhost:1"},
                    {"Authorization", "Basic b3BzOng="},  // ops:x
                    {"Content-Type", "application/json"}};
    if (method == "POST") {
      made.headers.emplace_back("X-Sluice-Request", "1");
    }
    made.body = body;
    made.caller.address = "127.0.0.1:5000";
    return made;
  }
  Answer get(const std::string& target) { return router().answer(request("GET", target)); }
  Answer post(const std::string& name, const std::string& body = "") {
    return router().answer(request("POST", "/api/v1/" + name, body));
  }
  static json::value data(const Answer& answer) {
    EXPECT_EQ(answer.content_type, "application/json");
    return json::parse(answer.body).at("data");
  }
  static std::string code(const Answer& answer) {
    return std::to_string(answer.status) + " " +
           std::string(json::parse(answer.body).at("error").at("code").as_string().c_str());
  }
  static std::string header(const Answer& answer, const std::string& name) {
    for (const auto& [key, value] : answer.headers) {
      if (key == name) {
        return value;
      }
    }
    return {};
  }

  ScriptedOperator house_;
  std::optional<Router> router_;
};

TEST_F(AdminApi, ShowsWhatTheOperatorSees) {
  house_.status_view.version = "1.2.3";
  house_.pool_views.resize(2);
  house_.pool_views[1].name = "pets";
  house_.session_views.resize(1);
  house_.backend_views.resize(3);
  house_.route_views.resize(1);
  house_.schedule_views.resize(2);
  house_.pool_totals.resize(1);
  house_.fingerprint_views.resize(1);
  house_.config_text = "version: 1\n";
  EXPECT_EQ(data(get("/api/v1/status")).at("version"), "1.2.3");
  EXPECT_EQ(data(get("/api/v1/pools")).as_array().size(), 2U);
  EXPECT_EQ(data(get("/api/v1/pools")).as_array()[1].at("name"), "pets");
  EXPECT_EQ(data(get("/api/v1/sessions")).as_array().size(), 1U);
  EXPECT_EQ(data(get("/api/v1/backends")).as_array().size(), 3U);
  EXPECT_EQ(data(get("/api/v1/routes")).as_array().size(), 1U);
  EXPECT_EQ(data(get("/api/v1/schedules")).as_array().size(), 2U);
  EXPECT_EQ(data(get("/api/v1/totals")).as_array().size(), 1U);
  EXPECT_EQ(data(get("/api/v1/fingerprints")).as_array().size(), 1U);
  EXPECT_EQ(data(get("/api/v1/config")).at("yaml"), "version: 1\n");
  EXPECT_EQ(data(get("/api/v1/me")), json::parse(R"({"user":"ops","where":"http","right":"act"})"));
  EXPECT_TRUE(house_.calls.empty());
}

TEST_F(AdminApi, EventsAfterANumber) {
  house_.event_views.resize(3);
  for (std::uint64_t i = 0; i < 3; ++i) {
    house_.event_views[i].number = i + 1;
  }
  EXPECT_EQ(data(get("/api/v1/events")).as_array().size(), 3U);
  EXPECT_EQ(data(get("/api/v1/events?after=2")).as_array().size(), 1U);
  for (const char* query : {"after=", "after=-1", "after=x", "after=1x", "after=1&after=2",
                            "after=99999999999999999999", "before=1", "after", "%zz=1"}) {
    EXPECT_EQ(code(get(std::string("/api/v1/events?") + query)), "400 bad_request") << query;
  }
  EXPECT_EQ(code(get("/api/v1/pools?x=1")), "400 bad_request");
}

TEST_F(AdminApi, ActsOnAPoolOrOnAll) {
  for (const char* name : {"pause", "resume", "reconnect", "disable", "enable"}) {
    house_.calls.clear();
    EXPECT_EQ(post(name, R"({"pool": "pets"})").status, 200U) << name;
    EXPECT_EQ(post(name).status, 200U) << name;
    EXPECT_EQ(house_.calls,
              (Calls{std::string(name) + " pets by ops", std::string(name) + "  by ops"}));
  }
  house_.calls.clear();
  EXPECT_EQ(post("reconnect", R"({"pool": "pets", "clients": true})").status, 200U);
  EXPECT_EQ(post("kill", R"({"pool": "pets"})").status, 200U);
  EXPECT_EQ(post("kill", R"({"session": 12})").status, 200U);
  EXPECT_EQ(post("log_level", R"({"level": "debug"})").status, 200U);
  EXPECT_EQ(post("drain").status, 202U);
  EXPECT_EQ(post("drain", R"({"mode": "immediate"})").status, 202U);
  EXPECT_EQ(house_.calls,
            (Calls{"reconnect_clients pets by ops", "kill pets by ops", "kill_session 12 by ops",
                   "set_log_level debug by ops", "shutdown 0 by ops", "shutdown 2 by ops"}));
}

TEST_F(AdminApi, SaysWhetherAPauseIsOver) {
  EXPECT_EQ(data(post("pause")), json::parse(R"({"done": true})"));
  house_.pause_over = false;
  EXPECT_EQ(data(post("pause")), json::parse(R"({"done": false})"));
  house_.reconnect_over = false;
  EXPECT_EQ(data(post("reconnect")), json::parse(R"({"done": false})"));
}

TEST_F(AdminApi, ReloadTellsWhatChangedOrEveryProblem) {
  house_.reloaded.changed = {"pools.pets.pool_size"};
  EXPECT_EQ(data(post("reload")).at("changed"), json::parse(R"(["pools.pets.pool_size"])"));
  house_.fails = std::make_unique<protocol::Failure>(
      protocol::fail(protocol::FailureKind::internal, "f:1:2: error: one\nf:3:4: error: two"));
  const Answer failed = post("reload");
  EXPECT_EQ(code(failed), "422 reload_failed");
  EXPECT_NE(failed.body.find("one\\nf:3:4"), std::string::npos);
  EXPECT_EQ(code(post("pause")), "409 refused");
  EXPECT_EQ(code(post("kill", R"({"session": 1})")), "404 unknown_session");
}

TEST_F(AdminApi, CarriesOutCommandsOfTheConsole) {
  const auto console = [this](const std::string& command) {
    return post("console", json::serialize(json::object{{"command", command}}));
  };
  const Answer version = console("SHOW VERSION");
  ASSERT_EQ(version.status, 200U) << version.body;
  const json::value table = json::parse(version.body);
  EXPECT_EQ(table.at("columns").as_array().size(),
            table.at("rows").as_array()[0].as_array().size());
  EXPECT_EQ(table.at("tag"), "SHOW");
  EXPECT_EQ(json::parse(console("RESUME pets").body).at("tag"), "RESUME");
  house_.pause_over = false;
  EXPECT_EQ(json::parse(console("PAUSE pets").body).at("done"), false);
  EXPECT_EQ(house_.calls, (Calls{"resume pets by ops", "pause pets by ops"}));
  EXPECT_EQ(code(console("SELECT 1 FROM nowhere")), "400 bad_command");
  EXPECT_EQ(code(console("PAUSE nowhere")), "404 unknown_pool");
  EXPECT_EQ(code(post("console", "{}")), "400 bad_request");
  house_.right = op::Right::read_only;
  EXPECT_EQ(console("SHOW VERSION").status, 200U);
  EXPECT_EQ(code(console("PAUSE pets")), "403 forbidden");
  EXPECT_EQ(house_.calls.size(), 2U);
}

TEST_F(AdminApi, AWrongBodyChangesNothing) {
  struct Row {
    const char* name;
    const char* body;
  };
  for (const Row& row : std::vector<Row>{{"pause", "{"},
                                         {"pause", "[]"},
                                         {"pause", "\"pets\""},
                                         {"pause", "null"},
                                         {"pause", "{\"pool\": \"pets\"} {}"},
                                         {"pause", "{\"pool\": 1}"},
                                         {"pause", "{\"pool\": \"\"}"},
                                         {"pause", "{\"pool\": null}"},
                                         {"pause", "{\"pool\": \"pets\", \"pool\": \"x\"}"},
                                         {"pause", "{\"pol\": \"pets\"}"},
                                         {"pause", "\xff\xfe"},
                                         {"reload", "{\"x\": 1}"},
                                         {"reconnect", "{\"clients\": 1}"},
                                         {"kill", ""},
                                         {"kill", "{}"},
                                         {"kill", "{\"pool\": \"pets\", \"session\": 1}"},
                                         {"kill", "{\"session\": -1}"},
                                         {"kill", "{\"session\": 4294967296}"},
                                         {"kill", "{\"session\": 1.5}"},
                                         {"kill", "{\"session\": \"1\"}"},
                                         {"drain", "{\"mode\": \"now\"}"},
                                         {"log_level", "{}"},
                                         {"log_level", "{\"level\": \"loud\"}"}}) {
    EXPECT_EQ(code(post(row.name, row.body)), "400 bad_request") << row.name << " " << row.body;
  }
  EXPECT_EQ(code(post("pause", R"({"pool": "nobody"})")), "404 unknown_pool");
  EXPECT_EQ(code(post("kill", R"({"pool": "nobody"})")), "404 unknown_pool");
  Request text = request("POST", "/api/v1/pause", R"({"pool": "pets"})");
  text.headers[2].second = "text/plain";
  EXPECT_EQ(code(router().answer(text)), "415 unsupported_media_type");
  EXPECT_TRUE(house_.calls.empty());
}

TEST_F(AdminApi, RightsAreChecked) {
  house_.right = op::Right::read_only;
  EXPECT_EQ(get("/api/v1/pools").status, 200U);
  EXPECT_EQ(code(post("pause")), "403 forbidden");
  house_.right = op::Right::none;
  EXPECT_EQ(code(get("/api/v1/pools")), "403 forbidden");
  EXPECT_EQ(get("/api/v1/openapi.json").status, 200U);
  house_.password = "other";
  router_.reset();  // which remembers the password
  EXPECT_EQ(code(get("/api/v1/pools")), "401 login_failed");
  EXPECT_TRUE(house_.calls.empty());
}

TEST_F(AdminApi, AsksForAPasswordInAWayThatOnlyAPersonsBrowserUnderstands) {
  Request request = this->request("GET", "/api/v1/pools");
  request.headers.erase(request.headers.begin() + 1);
  EXPECT_EQ(code(router().answer(request)), "401 login_required");
  EXPECT_TRUE(header(router().answer(request), "WWW-Authenticate").starts_with("Basic "));
  request.headers.emplace_back("X-Sluice-Request", "1");
  EXPECT_TRUE(header(router().answer(request), "WWW-Authenticate").starts_with("X-Basic "));
}

TEST_F(AdminApi, NoStateChangesByGetAndNoPathIsGuessed) {
  for (const Endpoint& endpoint : endpoints()) {
    const std::string path(endpoint.path);
    const bool reads = endpoint.method == "GET";
    for (const char* method : {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
      const bool fits = reads ? method == std::string("GET") || method == std::string("HEAD")
                              : method == endpoint.method;
      if (!fits) {
        const Answer answer = router().answer(request(method, path));
        EXPECT_EQ(code(answer), "405 method_not_allowed") << method << " " << path;
        EXPECT_EQ(header(answer, "Allow"), reads ? "GET, HEAD" : "POST");
      }
    }
  }
  for (const char* path :
       {"/api", "/api/", "/api/v1/pools/", "/api/v1/Pools", "/api/v1/../page", "/api/v1/%70ools",
        "//api/v1/pools", "/page/../../etc/passwd", "/page%00", "", "*", "http://localhost/page"}) {
    EXPECT_EQ(code(get(path)), "404 not_found") << path;
  }
  EXPECT_TRUE(house_.calls.empty());
}

TEST_F(AdminApi, BrowsersGetPagesAndProgramsGetJson) {
  Request browser = request("GET", "/nowhere");
  browser.headers.emplace_back("Accept", "text/html,*/*;q=0.8");
  EXPECT_EQ(router().answer(browser).body, "<p>404");
  EXPECT_EQ(router().answer(browser).status, 404U);
  browser.path = "/page";
  browser.method = "POST";
  EXPECT_EQ(router().answer(browser).body, "<p>405");
  EXPECT_EQ(header(router().answer(browser), "Allow"), "GET, HEAD");
  browser.path = "/api/v1/nowhere";
  EXPECT_EQ(code(router().answer(browser)), "404 not_found");
}

TEST_F(AdminApi, APageThatIsKnownIsNotSentAgain) {
  EXPECT_EQ(get("/page").body, "page");
  Request again = request("GET", "/page");
  again.headers.emplace_back("If-None-Match", "\"1\"");
  EXPECT_EQ(router().answer(again).status, 304U);
  again.headers.back().second = "\"2\"";
  EXPECT_EQ(router().answer(again).status, 200U);
}

TEST_F(AdminApi, TheRouterAndTheDocumentHaveTheSameRows) {
  std::set<std::string> documented;
  const json::value document = json::parse(
      json::string_view(embedded::openapi_json().data(), embedded::openapi_json().size()));
  for (const auto& path : document.at("paths").as_object()) {
    for (const auto& operation : path.value().as_object()) {
      std::string method(operation.key());
      std::transform(method.begin(), method.end(), method.begin(), ::toupper);
      documented.insert(method + " " + std::string(path.key()));
      const bool open = operation.value().as_object().contains("security");
      EXPECT_EQ(open, path.key() == "/api/v1/openapi.json");
    }
  }
  std::set<std::string> served;
  for (const Endpoint& endpoint : endpoints()) {
    served.insert(std::string(endpoint.method) + " " + std::string(endpoint.path));
    const bool acts = endpoint.method == "POST" && endpoint.path != "/api/v1/console";
    EXPECT_EQ(endpoint.need == op::Right::act, acts) << endpoint.path;
  }
  EXPECT_EQ(served, documented);
}

TEST_F(AdminApi, WithoutAnOperatorThereIsNoApi) {
  Router bare({}, {});
  EXPECT_EQ(code(bare.answer(request("GET", "/api/v1/pools"))), "404 not_found");
  EXPECT_FALSE(bare.is_slow(request("GET", "/api/v1/pools")));
}

}  // namespace
}  // namespace sluice::proxy::admin
