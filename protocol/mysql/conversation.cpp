// The life of a conversation: welcome, attach, release, failures.

#include "protocol/mysql/conversation.hpp"

#include <functional>
#include <utility>

#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/packet.hpp"

namespace sluice::protocol::mysql {
namespace {

constexpr std::uint16_t kMariadbAnsiQuotes = 0x8000;
// What stays true of a session without a backend.
constexpr std::uint16_t kLasting =
    status_flag::kAutocommit | status_flag::kNoBackslashEscapes | kMariadbAnsiQuotes;
constexpr std::uint16_t kOpen = status_flag::kInTransaction | status_flag::kInReadOnlyTransaction;
constexpr std::uint64_t kNoSchemaClass = 1ULL << 32U;

}  // namespace

MysqlConversation::MysqlConversation(const ClientLogin& login,
                                     std::shared_ptr<const SessionDefaults> defaults)
    : defaults_(std::move(defaults)),
      wanted_(initial_settings(login, *defaults_)),
      capabilities_(login.capabilities),
      collation_(login.collation),
      status_(initial_status()),
      login_sequence_(login.sequence) {
  if (!defaults_->settings.empty() || !defaults_->fixed.empty() || defaults_->read_only_fixed) {
    locks_ = std::make_unique<const sql::MysqlLocks>(locks_of(*defaults_));
  }
}

MysqlConversation::~MysqlConversation() = default;

void MysqlConversation::welcome(const Parameters& /*reported*/, const CancelRequest& /*key*/,
                                Outbox& to_client) {
  Ok ok;
  ok.status = local_status();
  to_client.own(packet(login_sequence_, encode_ok(ok, capabilities_)));
}

// Of a session that has run nothing yet.
std::uint16_t MysqlConversation::initial_status() const {
  const std::string_view autocommit = setting(wanted_, kAutocommit);
  return autocommit == "0" || sql::same_word(autocommit, "off") ? 0 : status_flag::kAutocommit;
}

std::uint16_t MysqlConversation::local_status() const {
  return static_cast<std::uint16_t>(status_ & (link_ != nullptr ? kLasting | kOpen : kLasting));
}

ClientLogin MysqlConversation::login_facts() const {
  ClientLogin login;
  login.capabilities = capabilities_;
  login.collation = collation_;
  return login;
}

sql::MysqlSyntax MysqlConversation::syntax() const {
  std::string_view mode = setting(wanted_, kSqlMode);
  if (link_ != nullptr && link_->baseline && (!wanted_ || wanted_->find(kSqlMode) == nullptr)) {
    const std::string* initial = link_->baseline->values.find(kSqlMode);
    mode = initial != nullptr ? std::string_view(*initial) : mode;
  }
  return {mode.find("ANSI_QUOTES") != std::string_view::npos,
          (status_ & status_flag::kNoBackslashEscapes) == 0};
}

std::uint64_t MysqlConversation::link_class() const {
  // A schema cannot be unset: sessions without one keep to backends that never had one.
  const bool none = !wanted_ || !names_schema(*wanted_);
  return (capabilities_ & capability::kMirrored) | (none ? kNoSchemaClass : 0);
}

void MysqlConversation::attach(Link& link, Exchange& out) {
  link_ = static_cast<MysqlLink*>(&link);
  running_ = &link_->running();
  mariadb_ = link_->login().mariadb;
  insert_on_link_ = false;
  insert_dirty_ = false;
  continuity_ = false;
  if (!link_->used) {
    link_->used = true;
    link_->schema_free = setting(wanted_, kSchema).empty();
  }
  synchronise(out);
}

// Queues what the backend lacks of this session's settings; false when there is nothing.
bool MysqlConversation::synchronise(Exchange& out) {
  link_->track(out.to_backend);
  Baseline* baseline = link_->baseline.get();
  const bool lost = baseline != nullptr && baseline->lost;
  const bool known = link_->charset_known && !lost;
  if (known && link_->settings() == wanted_) {
    return link_->busy();
  }
  const SettingsPtr have = link_->settings();
  if (known && same_settings(have, wanted_)) {
    // Equal values come to share their memory: the one at the lower address wins everywhere.
    if (have != nullptr && std::less<>()(have.get(), wanted_.get())) {
      wanted_ = have;
    } else {
      link_->share_settings(wanted_);
    }
    return link_->busy();
  }
  const std::string statement = settings_statement(
      have, wanted_, {mariadb_, link_->login().server_version, link_->charset_known, baseline});
  if (lost) {
    baseline->lost = false;
  }
  if (!statement.empty()) {
    link_->send(out.to_backend, Purpose::settings, Command::query, statement);
  }
  if (setting(have, kMultiStatements) != setting(wanted_, kMultiStatements)) {
    const bool on = !setting(wanted_, kMultiStatements).empty();
    link_->send(out.to_backend, Purpose::settings, Command::set_option,
                std::string_view(on ? "\0\0" : "\1\0", 2));
  }
  const std::string_view schema = setting(wanted_, kSchema);
  if (!schema.empty() && schema != setting(have, kSchema)) {
    link_->send(out.to_backend, Purpose::settings, Command::init_db, schema);
  }
  link_->set_settings(wanted_);
  link_->charset_known = true;
  return link_->busy();
}

bool MysqlConversation::outstanding() const {
  return (link_ != nullptr && link_->busy()) || in_body() || file_;
}

bool MysqlConversation::in_transaction() const {
  return link_ != nullptr && ((status_ & kOpen) != 0 || xa_);
}

bool MysqlConversation::at_rest() const {
  return !outstanding() && partial_.empty() && !waiting_ && !special_pending_;
}

// Nothing on the backend belongs to this session alone.
bool MysqlConversation::idle_state() const {
  return !in_transaction() && !characteristics_ && !pins_.any();
}

bool MysqlConversation::may_release() const {
  if (link_ == nullptr || !at_rest()) {
    return false;
  }
  return link_->unclean || (!defaults_->session_mode && idle_state());
}

Cleanup MysqlConversation::detach() {
  if (link_ == nullptr) {
    return Cleanup::none;
  }
  if (inspection_) {
    conclude_lost();
    inspection_->cancelled = false;
  }
  MysqlLink& link = *link_;
  Cleanup cleanup = Cleanup::none;
  const bool schema_taken = link.schema_free && !setting(link.settings(), kSchema).empty();
  if (outstanding() || link.unclean || schema_taken) {
    cleanup = Cleanup::close;
  } else if (pins_.any() || characteristics_ || xa_ || show_state_ ||
             (link.baseline && link.baseline->rerun)) {
    cleanup = Cleanup::reset;
  } else if (in_transaction()) {
    cleanup = Cleanup::rollback;
  }
  link_ = nullptr;
  std::exchange(running_, nullptr)->clear();
  pins_.clear();
  status_ &= kLasting;
  characteristics_ = xa_ = session_changed_ = false;
  table_locks_ = named_locks_ = instance_lock_ = handler_ = false;
  waiting_ = continuity_ = insert_on_link_ = insert_dirty_ = false;
  return cleanup;
}

void MysqlConversation::write_error(Exchange& out, const Failure& failure, std::uint8_t sequence) {
  out.to_client.own(packet(sequence, encode_err(failure)));
}

Ending MysqlConversation::refuse(const Failure& failure, Exchange& /*out*/) {
  // The command is still in the input: it is answered when it is read again.
  held_error_ = std::make_unique<Buffer>(encode_err(failure));
  waiting_ = false;
  return Ending::carry_on;
}

Ending MysqlConversation::backend_lost(const Failure& failure, Exchange& out) {
  if (link_ == nullptr) {
    return Ending::carry_on;
  }
  const bool asked = link_->busy() && link_->purpose() == Purpose::client;
  const bool uploading = in_body() || file_;
  const bool state_lost = !idle_state() || show_state_ || defaults_->session_mode;
  const ReplyStream& stream = link_->stream();
  const bool told = asked && stream.cut();  // the client has had its error
  const bool started = asked && stream.started();
  if (asked && !told && stream.at_boundary() && !uploading) {
    const auto next = static_cast<std::uint8_t>(sequence_ + 1);
    write_error(out, failure, started ? stream.next_sequence() : next);
  }
  if (asked) {
    out.facts.errors += told ? 0 : 1;
    ++out.facts.queries;
  }
  const bool cut_short = told ? !inspection_->reads_only : started;
  closing_ = cut_short || uploading || state_lost;
  detach();
  return closing_ ? Ending::close : Ending::carry_on;
}

void MysqlConversation::farewell(const Failure& failure, Outbox& to_client) {
  const bool asked = link_ != nullptr && link_->busy() && link_->purpose() == Purpose::client &&
                     !link_->stream().cut();
  if (asked && !link_->stream().at_boundary()) {
    return;
  }
  std::uint8_t sequence = 0;  // nobody asked: as a server that is shutting down
  if (asked) {
    sequence = link_->stream().started() ? link_->stream().next_sequence()
                                         : static_cast<std::uint8_t>(sequence_ + 1);
  }
  to_client.own(packet(sequence, encode_err(failure)));
}

std::optional<Conversation::Special> MysqlConversation::take_special() {
  if (!special_) {
    return std::nullopt;
  }
  Special special = std::move(*special_);
  special_.reset();
  return special;
}

void MysqlConversation::complete_special(const Status& outcome, Exchange& out) {
  special_pending_ = false;
  const auto next = static_cast<std::uint8_t>(sequence_ + 1);
  if (!outcome.ok()) {
    write_error(out, outcome.failure(), next);
    if (inspection_) {
      conclude_failed(encode_err(outcome.failure()));
    }
    return;
  }
  if (inspection_) {
    conclude({});
  }
  Ok ok;
  ok.status = local_status();
  out.to_client.own(packet(next, encode_ok(ok, capabilities_)));
}

}  // namespace sluice::protocol::mysql
