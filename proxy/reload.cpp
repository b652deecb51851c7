#include "proxy/reload.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "config/diff.hpp"
#include "config/secret.hpp"
#include "metrics/log.hpp"
#include "protocol/crypto.hpp"
#include "proxy/tls_files.hpp"

namespace sluice::proxy {
namespace {

using protocol::FailureKind;
using std::chrono::milliseconds;

constexpr std::size_t kMaxFile = std::size_t{16} << 20U;
// How often policies that sessions still have are looked after.
constexpr auto kForget = milliseconds(1000);

void add_keys(const std::vector<config::Middleware>& chain, std::vector<std::string>& files) {
  for (const config::Middleware& entry : chain) {
    const auto* token = std::get_if<config::RequireToken>(&entry.options);
    if (token != nullptr && !token->jwks_file.empty()) {
      files.push_back(token->jwks_file);
    }
  }
}

// Files whose content is in force and not in the configuration itself.
std::vector<std::string> files_beside(const config::Config& config) {
  std::vector<std::string> files;
  for (const config::Listener& one : config.listeners) {
    files.insert(files.end(), {one.tls.cert_file, one.tls.key_file, one.tls.client_ca_file});
  }
  for (const config::Pool& one : config.pools) {
    files.insert(files.end(), {one.tls.ca_file, one.tls.cert_file, one.tls.key_file});
  }
  files.insert(files.end(), {config.admin.tls.cert_file, config.admin.tls.key_file});
  add_keys(config.middleware, files);
  for (const config::Route& route : config.routes) {
    add_keys(route.middleware, files);
  }
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  std::erase(files, "");
  return files;
}

std::map<std::string, std::string> digests_of(const std::vector<std::string>& files) {
  std::map<std::string, std::string> digests;
  for (const std::string& file : files) {
    const auto digest =
        protocol::sha256(protocol::as_bytes(config::read_file(file, kMaxFile).text));
    digests.emplace(file, std::string(digest.begin(), digest.end()));
  }
  return digests;
}

std::string joined(const std::vector<std::string>& texts, std::string_view between) {
  std::string out;
  for (const std::string& text : texts) {
    out.append(out.empty() ? "" : between).append(text);
  }
  return out;
}

void log_problem(const config::Problem& problem) {
  const std::string text = config::to_string(problem);
  if (problem.warning) {
    metrics::log::warning("config_problem", {{"text", text}});
  } else {
    metrics::log::error("config_problem", {{"text", text}});
  }
}

// The log's own settings may have been changed by an operator meanwhile: they stay unless the file
// says otherwise than before.
void apply_log(const config::Log& before, const config::Log& after) {
  if (before.level != after.level) {
    metrics::log::set_level(
        metrics::log::parse_level(after.level).value_or(metrics::log::Level::info));
  }
  if (before.format != after.format) {
    metrics::log::set_format(after.format == config::LogFormat::json ? metrics::log::Format::json
                                                                     : metrics::log::Format::text);
  }
}

}  // namespace

Reloader::Reloader(std::string path, Server& server, metrics::Registry& registry)
    : path_(std::move(path)),
      server_(server),
      registry_(registry),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  const auto config = server_.config();
  digests_ = digests_of(files_beside(*config));
  registry_.note_start();
  tell_certificates(*config);
}

Reloader::~Reloader() {
  stop();
  if (wake_ >= 0) {
    ::close(wake_);
  }
}

void Reloader::stop() {
  ending_ = true;
  ::eventfd_write(wake_, 1);
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Reloader::start(std::function<void()> reload) {
  reload_ = std::move(reload);
  watching_ = server_.config()->reload.watch;
  watch(config::load_file(path_, {}));
  thread_ = std::thread([this] { run(); });
}

protocol::Result<op::Reloaded> Reloader::reload(const op::Actor& by) {
  const std::lock_guard one_at_a_time(reload_mutex_);
  if (!server_.running() || server_.stopping()) {
    return protocol::fail(FailureKind::shutting_down,
                          "sluice is starting or stopping: nothing is reloaded now");
  }
  const config::Loaded loaded = config::load_file(path_, {});
  watch(loaded);
  auto reloaded = take(loaded);
  registry_.note_reload(reloaded ? metrics::Outcome::ok : metrics::Outcome::failed);
  if (reloaded) {
    metrics::log::info("config_reloaded",
                       {{"config", path_},
                        {"asked_by", by.where},
                        {"changed", joined(reloaded->changed, ", ")},
                        {"needs_restart", joined(reloaded->needs_restart, ", ")}});
  } else {
    metrics::log::error("config_not_reloaded",
                        {{"config", path_},
                         {"asked_by", by.where},
                         {"effect", "the configuration before it is still in use"}});
  }
  ::eventfd_write(wake_, 1);  // there may be a policy to look after
  return reloaded;
}

protocol::Result<op::Reloaded> Reloader::take(const config::Loaded& loaded) {
  op::Reloaded reloaded;
  std::vector<std::string> errors;
  for (const config::Problem& problem : loaded.problems) {
    log_problem(problem);
    (problem.warning ? reloaded.warnings : errors).push_back(config::to_string(problem));
  }
  if (loaded.config == nullptr) {
    return protocol::fail(FailureKind::internal, joined(errors, "\n"));
  }
  const auto before = server_.config();
  const auto after = std::make_shared<config::Config>(*loaded.config);
  reloaded.needs_restart = config::keep_until_restart(*before, *after);
  const Adapted adapted = adapt_ ? adapt_(*after) : Adapted([] {});
  Digests digests = digests_of(files_beside(*after));
  auto beside = prepare_ ? prepare_(*loaded.config) : Prepared([] {});
  if (!beside) {
    return refuse(beside.failure());
  }
  auto change = server_.prepare(after);
  if (!change) {
    return refuse(change.failure());
  }
  for (const config::Change& one : config::diff(*before, *after)) {
    reloaded.changed.push_back(config::to_string(one));
  }
  for (const auto& [file, digest] : digests) {
    const auto old = digests_.find(file);
    if (old != digests_.end() && old->second != digest) {
      reloaded.changed.push_back(file + " (file)");
    }
  }
  reloaded.changed.insert(reloaded.changed.end(), reloaded.needs_restart.begin(),
                          reloaded.needs_restart.end());
  server_.apply(*change);
  digests_ = std::move(digests);
  apply_log(before->log, after->log);
  watching_ = after->reload.watch;
  tell_certificates(*after);
  (*beside)();
  adapted();
  return reloaded;
}

protocol::Failure Reloader::refuse(const protocol::Failure& failure) const {
  log_problem({path_, 0, 0, failure.text, false});
  return protocol::fail(FailureKind::internal, path_ + ": " + failure.text);
}

// Also when it cannot be loaded: who mends a file that it names shall not have to ask again.
void Reloader::watch(const config::Loaded& loaded) {
  std::vector<std::string> files = loaded.files;
  for (const config::Config* config : {loaded.config.get(), server_.config().get()}) {
    if (config != nullptr) {
      const auto more = files_beside(*config);
      files.insert(files.end(), more.begin(), more.end());
    }
  }
  const std::lock_guard lock(watch_mutex_);
  if (auto status = files_.watch(files); !status && watching_) {
    metrics::log::failed("config_not_watched", status.failure(),
                         {{"advice", "changes are seen at SIGHUP; see fs.inotify limits"}});
  }
}

void Reloader::tell_certificates(const config::Config& config) {
  std::vector<std::string> files;
  for (const config::Listener& one : config.listeners) {
    files.push_back(one.tls.cert_file);
  }
  for (const config::Pool& one : config.pools) {
    files.push_back(one.tls.cert_file);
  }
  files.push_back(config.admin.tls.cert_file);
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  std::vector<metrics::Certificate> certificates;
  for (const std::string& file : files) {
    if (const auto end = file.empty() ? std::nullopt : not_after(file)) {
      certificates.push_back(
          {file, std::chrono::duration<double>(end->time_since_epoch()).count()});
    }
  }
  registry_.set_certificates(std::move(certificates));
}

void Reloader::run() {
  constexpr TimePoint kNever = TimePoint::max();
  TimePoint due = kNever;
  TimePoint at_latest = kNever;
  bool former = true;
  while (!ending_) {
    milliseconds limit{former ? kForget : milliseconds(-1)};
    if (due != kNever) {
      limit = std::max(milliseconds(0), std::chrono::ceil<milliseconds>(due - Clock::now()));
    }
    poll(limit);
    bool changed = false;
    {
      const std::lock_guard lock(watch_mutex_);
      changed = files_.fd() >= 0 && files_.take();
    }
    const TimePoint now = Clock::now();
    if (changed && watching_) {
      at_latest = std::min(at_latest, now + kPatience);
      due = std::min(now + kSettle, at_latest);
    }
    if (now >= due && !ending_) {
      due = at_latest = kNever;
      reload_();
    }
    former = server_.forget_former();
  }
}

void Reloader::poll(milliseconds limit) {
  pollfd both[2] = {{wake_, POLLIN, 0}, {files_.fd(), POLLIN, 0}};
  ::poll(both, 2, static_cast<int>(limit.count()));
  eventfd_t ignored = 0;
  ::eventfd_read(wake_, &ignored);
}

}  // namespace sluice::proxy
