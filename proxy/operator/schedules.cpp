#include "proxy/operator/schedules.hpp"

#include <algorithm>
#include <utility>

#include "config/schedule/fields.hpp"
#include "metrics/log.hpp"
#include "proxy/server.hpp"

namespace sluice::proxy::op {
namespace {

using config::Schedule;
using config::ScheduleAction;
using config::schedule::print_local;
using config::schedule::Sizes;
using std::chrono::milliseconds;

// Of a look for which there was no thread.
constexpr auto kRetry = std::chrono::seconds(1);

std::string action_word(const Schedule& schedule) {
  return config::schedule_actions().print(schedule.action);
}

metrics::log::About about(const Schedule& schedule) {
  metrics::log::About about;
  about.keep("pool", schedule.pool)
      .keep("schedule", schedule.cron.text)
      .keep("timezone", schedule.timezone.name())
      .keep("action", action_word(schedule));
  return about;
}

std::string shown(const Schedule& schedule, const std::optional<Moment>& at) {
  return at ? print_local(schedule.timezone, *at) : "never";
}

void log_in_force(const Timetable& table, Moment now) {
  for (const auto& [pool, one] : table.in_force(now)) {
    const Schedule& schedule = table.entries()[one.index].schedule;
    metrics::log::write(metrics::log::Level::info, "schedule_in_force", about(schedule),
                        {{"since", shown(schedule, one.since)},
                         {"pool_size", one.sizes.pool_size},
                         {"max_overflow", one.sizes.max_overflow},
                         {"min_idle", one.sizes.min_idle}});
  }
}

}  // namespace

Schedules::Schedules(Server& server, Operator& house, std::mutex& one_change,
                     metrics::Registry& registry, WallClock clock)
    : server_(server),
      house_(house),
      one_change_(one_change),
      registry_(registry),
      clock_(std::move(clock)) {}

void Schedules::begin() {
  const auto file = server_.config();
  const Moment at = now();
  Timetable table(*file, at, {});
  for (const auto& [pool, one] : table.in_force(at)) {
    server_.resize(pool, one.sizes);
  }
  log_in_force(table, at);
  take(std::move(table));
}

void Schedules::start() {
  running_ = true;
  Loop& loop = server_.worker(0).loop;
  loop.call([this, &loop] {
    timer_ = std::make_unique<Timer>(loop);
    arm();
  });
}

void Schedules::stop() {
  if (running_.exchange(false)) {
    server_.worker(0).loop.call([this] { timer_.reset(); });
  }
}

std::function<void()> Schedules::adapt(config::Config& next) {
  const Moment at = now();
  std::unique_lock lock(mutex_);
  Timetable table(next, at, table_);
  lock.unlock();
  for (const auto& [pool, one] : table.in_force(at)) {
    const auto entry = std::find_if(next.pools.begin(), next.pools.end(),
                                    [&pool = pool](const auto& p) { return p.name == pool; });
    config::schedule::set_sizes(*entry, one.sizes);
  }
  return [this, at, table = std::move(table)] {
    log_in_force(table, at);
    take(table);
    if (running_) {
      server_.worker(0).loop.call([this] { arm(); });
    }
  };
}

void Schedules::take(Timetable table) {
  {
    const std::lock_guard lock(mutex_);
    table_ = std::move(table);
  }
  tell_next();
}

void Schedules::tell_next() {
  std::vector<metrics::NextRun> all;
  {
    const std::lock_guard lock(mutex_);
    for (const Timetable::Entry& entry : table_.entries()) {
      metrics::NextRun& one = all.emplace_back();
      one.pool = entry.schedule.pool;
      one.action = action_word(entry.schedule);
      if (entry.next) {
        one.at = static_cast<double>(entry.next->time_since_epoch().count());
      }
    }
  }
  registry_.set_schedules(all);
}

// While a look is under way it is not armed: whoever ends the look does so.
void Schedules::arm() {
  if (timer_ == nullptr || looking_) {
    return;
  }
  const WallTime wall = clock_();
  std::unique_lock lock(mutex_);
  if (table_.empty()) {
    timer_->cancel();
    return;
  }
  const WallTime next = table_.next_look(std::chrono::floor<std::chrono::seconds>(wall));
  lock.unlock();
  const auto wait = std::max(milliseconds(1), std::chrono::ceil<milliseconds>(next - wall));
  timer_->arm(Clock::now() + wait, [this] { wake(); });
}

void Schedules::wake() {
  Loop& loop = server_.worker(0).loop;
  looking_ = server_.console_offload().submit([this] { look(); },
                                              [this, &loop] {
                                                loop.call([this] {
                                                  looking_ = false;
                                                  arm();
                                                });
                                              });
  if (!looking_) {
    timer_->arm(Clock::now() + kRetry, [this] { wake(); });
  }
}

void Schedules::look() {
  const std::lock_guard one_change(one_change_);
  std::vector<Timetable::Due> all;
  {
    const std::lock_guard lock(mutex_);
    all = table_.due(now());
  }
  for (const Timetable::Due& due : all) {
    // Who is ending, or has handed over, leaves the pools as they are.
    if (running_ && !server_.stopping()) {
      run(due);
    }
  }
  tell_next();
}

protocol::Status Schedules::act(const Schedule& schedule, const Sizes& sizes) {
  const Actor by{"", "schedule"};
  switch (schedule.action) {
    case ScheduleAction::resize:
      return house_.resize(schedule.pool, sizes, by);
    case ScheduleAction::pause:
      return house_.pause(schedule.pool, by);
    case ScheduleAction::resume:
      return house_.resume(schedule.pool, by);
    case ScheduleAction::reconnect:
      return house_.reconnect(schedule.pool, by);
    case ScheduleAction::disable:
      return house_.disable(schedule.pool, by);
    case ScheduleAction::enable:
      break;
  }
  return house_.enable(schedule.pool, by);
}

// The table is replaced with one_change_ held alone, which is held here.
void Schedules::run(const Timetable::Due& due) {
  std::unique_lock lock(mutex_);
  const Timetable::Entry entry = table_.entries().at(due.index);
  const Sizes sizes = table_.sizes_of(entry.schedule);
  lock.unlock();
  const protocol::Status status = act(entry.schedule, sizes);
  lock.lock();
  table_.ran(due, status.ok());
  lock.unlock();
  registry_.note_schedule(entry.schedule.pool, action_word(entry.schedule),
                          status ? metrics::Outcome::ok : metrics::Outcome::failed);
  const std::string at = shown(entry.schedule, due.at);
  const std::string next = shown(entry.schedule, entry.next);
  if (status) {
    metrics::log::write(metrics::log::Level::info, "schedule_ran", about(entry.schedule),
                        {{"due", at}, {"next_run", next}});
  } else {
    metrics::log::failed("schedule_failed", status.failure(), about(entry.schedule),
                         {{"due", at}, {"next_run", next}});
  }
}

std::vector<ScheduleView> Schedules::views() const {
  const Moment at = now();
  const std::lock_guard lock(mutex_);
  const auto in_force = table_.in_force(at);
  std::vector<ScheduleView> all;
  for (std::size_t i = 0; i < table_.entries().size(); ++i) {
    const Timetable::Entry& entry = table_.entries()[i];
    const auto decides = in_force.find(entry.schedule.pool);
    ScheduleView& view = all.emplace_back();
    view.cron = entry.schedule.cron.text;
    view.timezone = entry.schedule.timezone.name();
    view.action = action_word(entry.schedule);
    view.pool = entry.schedule.pool;
    view.pool_size = entry.schedule.pool_size;
    view.max_overflow = entry.schedule.max_overflow;
    view.min_idle = entry.schedule.min_idle;
    view.in_force = decides != in_force.end() && decides->second.index == i;
    view.last_run = entry.last_run.value_or(Moment{});
    if (entry.last_run) {
      view.last_ok = entry.last_ok;
    }
    view.next_run = entry.next.value_or(Moment{});
  }
  return all;
}

}  // namespace sluice::proxy::op
