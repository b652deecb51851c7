#pragma once

// The conversation with one MySQL client: its commands go one at a time to the backend that the
// session holds, preceded by what that backend lacks of the session's state (conversation_*.cpp):
//
//   conversation.cpp             its life: welcome, attach, release, failures
//   conversation_requests.cpp    client bytes: packets, bodies, files
//   conversation_commands.cpp    the commands
//   conversation_ready.cpp       what each command needs before it may be sent
//   conversation_statements.cpp  the binary protocol's prepared statements
//   conversation_replies.cpp     backend bytes: what becomes of a reply
//   conversation_state.cpp       what the server says of its session state
//   conversation_inspect.cpp     what the Inspector is asked and told; locked settings

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/conversation.hpp"
#include "protocol/inspector.hpp"
#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/inspection.hpp"
#include "protocol/mysql/link.hpp"
#include "protocol/mysql/session_state.hpp"
#include "protocol/mysql/statements.hpp"
#include "protocol/sql/mysql_classifier.hpp"
#include "protocol/sql/mysql_locks.hpp"

namespace sluice::protocol::mysql {

// Connection ids that sluice gives to clients have this bit; ids of servers do not.
inline constexpr std::uint32_t kVirtualId = 1U << 31U;

class MysqlConversation final : public Conversation, private SyntaxSource {
 public:
  MysqlConversation(const ClientLogin& login, std::shared_ptr<const SessionDefaults> defaults);
  ~MysqlConversation() override;

  void inspect(Inspector* inspector, std::size_t keep) override;
  void welcome(const Parameters& reported, const CancelRequest& key, Outbox& to_client) override;

  Need from_client(Bytes& in, Exchange& out) override;
  void from_backend(Bytes in, Exchange& out) override;
  void attach(Link& link, Exchange& out) override;
  bool may_release() const override;
  Cleanup detach() override;

  bool outstanding() const override;
  bool in_transaction() const override;
  bool awaits_client() const override { return in_body() || file_; }
  bool finished() const override { return closing_; }
  bool at_rest() const override;

  Ending refuse(const Failure& failure, Exchange& out) override;
  Ending backend_lost(const Failure& failure, Exchange& out) override;
  void farewell(const Failure& failure, Outbox& to_client) override;

  const SettingsPtr& settings() const override { return wanted_; }
  std::uint64_t link_class() const override;
  PinSet pins() const override { return pins_; }
  std::size_t prepared_statements() const override { return statements_ ? statements_->size() : 0; }
  bool asked_for_uncommitted() const override { return uncommitted_; }

  std::optional<Special> take_special() override;
  void complete_special(const Status& outcome, Exchange& out) override;

  std::uint32_t capabilities() const { return capabilities_; }
  std::uint16_t collation() const { return collation_; }

 private:
  // The command at the head of the client's bytes: whole, or its first kHead bytes.
  struct Head {
    Bytes bytes;               // with the header
    std::uint32_t length = 0;  // of the first physical packet's payload
    std::uint8_t sequence = 0;
    bool owned = false;  // in partial_; else at the start of the input
    bool whole() const { return length < kMaxPayload && bytes.size() == kHeaderSize + length; }
    Bytes payload() const { return bytes.subspan(kHeaderSize); }
    Bytes body() const { return bytes.subspan(kHeaderSize + 1); }
    Command command() const { return static_cast<Command>(bytes[kHeaderSize]); }
  };
  using Stop = std::optional<Need>;  // null: go on with the next command
  enum class Ready : std::uint8_t {
    yes,
    answered,  // the client was told why not
    backend,
    wait,
    pause,
  };

  // requests
  std::optional<Head> read_head(Bytes& in);
  std::size_t head_limit(Command command) const;
  void consume(const Head& head, Bytes& in);
  void swallow(const Head& head, Bytes& in);
  void start_body(const Head& head, bool swallowed);
  bool in_body() const { return body_left_ > 0 || body_continues_; }
  bool body_packet(Bytes& in, Exchange& out);
  Stop stream_body(Bytes& in, Exchange& out);
  void end_of_body(Exchange& out);
  Stop stream_file(Bytes& in, Exchange& out);
  void forward(const Head& head, Bytes& in, Exchange& out);
  void forward_rewritten(const Head& head, Bytes replaced, std::size_t skip, Bytes& in,
                         Exchange& out);

  // commands
  Stop dispatch(const Head& head, Bytes& in, Exchange& out);
  Stop simple(const Head& head, ReplyKind kind, Bytes& in, Exchange& out);
  Stop query(const Head& head, Bytes& in, Exchange& out);
  Stop ping(const Head& head, Bytes& in, Exchange& out);
  Stop init_db(const Head& head, Bytes& in, Exchange& out);
  Stop field_list(const Head& head, Bytes& in, Exchange& out);
  Stop set_option(const Head& head, Bytes& in, Exchange& out);
  Stop reset_connection(const Head& head, Bytes& in, Exchange& out);
  Stop kill(const Head& head, std::uint64_t id, bool query_only, Bytes& in, Exchange& out);
  Stop change_user(const Head& head, Bytes& in, Exchange& out);
  Stop unsupported(const Head& head, Bytes& in, Exchange& out);
  Stop answer_error(const Head& head, Bytes& in, Exchange& out, const Failure& failure);
  Stop answer_error(const Head& head, Bytes& in, Exchange& out, Buffer error);
  Stop answer_ok(const Head& head, Bytes& in, Exchange& out);
  Ready ready(Exchange& out);
  Ready ready_for(const sql::MysqlStatement& effects, const Head& head, Bytes& in, Exchange& out);
  void begin(Command command, ReplyKind kind, const sql::MysqlStatement* effects);
  Stop stop(Ready is);
  bool asks_what_is_lost(const sql::MysqlStatement& effects) const;
  static Failure lost_state_error();
  bool synchronise(Exchange& out);
  sql::MysqlSyntax syntax() const;
  sql::ScannerOptions request_syntax() const override;
  void add_pins(const sql::MysqlStatement& effects);
  void release_pins(const sql::MysqlStatement& effects);

  // inspection
  Ready admit(Request& request, const Head& head, Bytes& in, Exchange& out);
  Ready admit_text(RequestKind kind, const Head& head, Bytes& in, Exchange& out);
  Ready admit_other(const Head& head, Bytes& in, Exchange& out);
  Bytes text_to_send(const Head& head) const;
  void forward_text(const Head& head, Bytes& in, Exchange& out);
  void conclude(const Answer& answer);
  void conclude_failed(Bytes error);
  void conclude_reply();
  void conclude_lost();
  void went_on_behind_cut();
  void cancel_cut(Exchange& out);
  std::optional<Failure> breach(Bytes text, bool whole) const;
  std::optional<Failure> breach_in_body(Bytes part);
  void spare_carried(sql::MysqlStatement& effects, Bytes text) const;
  bool restore_locked(const Settings& now);
  void doubt_carried();

  // prepared statements
  Stop stmt_prepare(const Head& head, Bytes& in, Exchange& out);
  Stop stmt_execute(const Head& head, Bytes& in, Exchange& out);
  Stop stmt_long_data(const Head& head, Bytes& in, Exchange& out);
  Stop stmt_fetch(const Head& head, Bytes& in, Exchange& out);
  Stop stmt_reset(const Head& head, Bytes& in, Exchange& out);
  Stop stmt_close(const Head& head, Bytes& in, Exchange& out);
  void drop_long_data(ClientStatement& statement, Exchange& out);
  ClientStatement* named_statement(const Head& head);
  Stop unknown_statement(const Head& head, Bytes& in, Exchange& out, std::string_view command);
  LinkStatements::Entry* on_link(const ClientStatement& statement);
  void prepare_on_link(const ClientStatement& statement, Exchange& out);
  void add_to_link(const StatementPtr& statement, std::uint32_t id, Exchange& out);
  void let_go(ClientStatement& statement);
  void statement_pins();

  // replies
  void on_client_event(ReplyEvent event, Exchange& out);
  void on_own_event(ReplyEvent event, Exchange& out);
  void on_ok(Exchange& out);
  void on_error(Exchange& out);
  void finish_command(Exchange& out);
  void follow_cursor();
  void apply_state(Bytes state);
  void break_link(Exchange& out, const Failure& failure);
  void session_was_reset();
  void adopt(std::shared_ptr<Settings> settings);
  bool track(const sql::MysqlStatement& effects, const TrackEntry& entry, Settings& settings);
  void take_back_pins();
  void after_command(Exchange& out);

  void write_error(Exchange& out, const Failure& failure, std::uint8_t sequence);
  std::uint16_t initial_status() const;
  std::uint16_t local_status() const;
  bool idle_state() const;
  ClientLogin login_facts() const;

  std::shared_ptr<const SessionDefaults> defaults_;
  std::unique_ptr<Inspection> inspection_;        // null: nobody is asked
  std::unique_ptr<const sql::MysqlLocks> locks_;  // null: no setting is locked or carried
  SettingsPtr wanted_;
  MysqlLink* link_ = nullptr;
  Running* running_ = nullptr;  // of the link
  std::unique_ptr<ClientStatements> statements_;
  std::unique_ptr<Special> special_;
  std::unique_ptr<Buffer> held_error_;  // answer of the command at the head, or after its body
  Buffer partial_;                      // of the command at the head
  std::uint64_t insert_id_ = 0;         // LAST_INSERT_ID() of this session
  std::uint64_t body_total_ = 0;
  std::uint32_t capabilities_;
  std::uint32_t body_left_ = 0;  // bytes of the physical packet that are still to come
  PinSet pins_;
  std::uint16_t collation_;
  std::uint16_t status_;  // flags of the last OK
  std::uint8_t login_sequence_;
  std::uint8_t sequence_ = 0;        // of the client's packet that came last
  bool body_continues_ : 1 = false;  // another physical packet follows
  bool body_swallowed_ : 1 = false;
  bool file_ : 1 = false;  // the body is a packet of a LOCAL INFILE
  bool closing_ : 1 = false;
  bool special_pending_ : 1 = false;
  bool waiting_ : 1 = false;          // the command at the head waits for replies to ours
  bool show_state_ : 1 = false;       // the client switched trackers itself
  bool characteristics_ : 1 = false;  // a one-shot SET TRANSACTION waits
  bool uncommitted_ : 1 = false;      // ... or has, once, for READ UNCOMMITTED
  bool xa_ : 1 = false;
  bool session_changed_ : 1 = false;  // by something that only Pin::session describes
  bool table_locks_ : 1 = false;
  bool named_locks_ : 1 = false;
  bool instance_lock_ : 1 = false;
  bool handler_ : 1 = false;
  bool insert_dirty_ : 1 = false;    // LAST_INSERT_ID() may have changed on this backend
  bool insert_on_link_ : 1 = false;  // this backend has our LAST_INSERT_ID()
  bool continuity_ : 1 = false;      // this backend's last statement was ours
  bool mariadb_ : 1 = false;         // what the last backend was
};

}  // namespace sluice::protocol::mysql
