#pragma once

// A PostgreSQL client and the backend that it holds at the moment: requests are walked, rewritten
// where the backend's statement names differ, and counted in the backend's queue of expected
// replies; replies are matched with that queue. See protocol/conversation.hpp for the contract.
//
//   conversation.cpp           begin, attach, release, failures
//   conversation_requests.cpp  what the client sends
//   conversation_parse.cpp     Parse
//   conversation_extended.cpp  Bind, Describe, Close, Execute
//   conversation_replies.cpp   what the backend sends
//   conversation_errors.cpp    errors, and what they take back
//   conversation_effects.cpp   session state: settings, pins, refusals
//   conversation_inspect.cpp   what the Inspector says to requests; settings that are fixed
//   conversation_refusals.cpp  what becomes of a request that may not go on
//   conversation_answers.cpp   what the Inspector hears of answers; results that are cut
//   statement_mode.cpp         pool_mode: statement

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/conversation.hpp"
#include "protocol/postgresql/frame_reader.hpp"
#include "protocol/postgresql/inspection.hpp"
#include "protocol/postgresql/link.hpp"
#include "protocol/postgresql/messages.hpp"
#include "protocol/postgresql/settings_guard.hpp"
#include "protocol/postgresql/statements.hpp"

namespace sluice::protocol::postgresql {

class ClientConversation final : public Conversation, private SyntaxSource {
 public:
  ClientConversation(const ClientLogin& login, std::shared_ptr<const SessionDefaults> defaults);

  void inspect(Inspector* inspector, std::size_t keep) override;
  void welcome(const Parameters& reported, const CancelRequest& key, Outbox& to_client) override;
  Need from_client(Bytes& in, Exchange& out) override;
  void from_backend(Bytes in, Exchange& out) override;
  void attach(Link& link, Exchange& out) override;
  bool may_release() const override;
  Cleanup detach() override;
  bool outstanding() const override;
  bool in_transaction() const override;
  bool awaits_client() const override;
  bool at_rest() const override;
  Ending refuse(const Failure& failure, Exchange& out) override;
  Ending backend_lost(const Failure& failure, Exchange& out) override;
  void farewell(const Failure& failure, Outbox& to_client) override;
  const SettingsPtr& settings() const override { return wanted_; }
  std::uint64_t link_class() const override { return 0; }
  PinSet pins() const override { return pins_; }
  std::size_t prepared_statements() const override { return statements_ ? statements_->size() : 0; }
  std::optional<Failure> attach_failure() const override;
  bool finished() const override { return finished_; }

 private:
  using Head = FrameReader::Head;
  using Step = std::optional<Need>;  // nullopt: the message was dealt with

  // What most sessions never need, or only while a request runs.
  struct Scratch {
    std::vector<std::unique_ptr<Aftermath>> executed;  // of the batch: settled by its Sync
    Parameters changed;  // reported values that no statement explains, as they were before
    std::unique_ptr<sql::Classifier> classifier;  // of a text too long to be seen together
    std::shared_ptr<Statement> streamed;          // the Parse that it belongs to
    std::unique_ptr<SettingsGuard> guard;         // of the same text
    std::vector<std::string> held;  // cursors WITH HOLD; "" is one that only CLOSE ALL closes
  };
  Scratch& scratch();

  // ---- requests
  Step request(const Head& head, Exchange& out);
  Step needs_backend(const Head& head, Exchange& out);
  Step send_request(const Head& head, Exchange& out);
  void watch_body(Bytes begin, bool whole);
  Step query(const Head& head, Exchange& out);
  bool query_with_effects(std::string_view text, const Head& head, Exchange& out,
                          std::unique_ptr<Aftermath>& aftermath, Step& stop);
  void long_query(const Head& head, Exchange& out);
  void sync(const Head& head, Exchange& out);
  void flush(const Head& head, Exchange& out);
  void copy(const Head& head, Exchange& out);
  void take_body(Bytes& in, Exchange& out);
  void end_of_body(Exchange& out);
  Step throw_out(const Failure& failure, Exchange& out);
  void drop() { forwarding_ = false; }
  void pass(const Head& head, Exchange& out);
  // The message without its first `skipped` bytes.
  void pass_tail(const Head& head, std::size_t skipped, Exchange& out);
  void send(char type, Bytes body, Exchange& out);
  void reply_locally(Buffer bytes, Exchange& out, std::unique_ptr<Aftermath> aftermath = nullptr);

  // ---- extended query
  Step extended(const Head& head, Exchange& out);
  Step parse(const Head& head, Exchange& out);
  // An Inspector sees longer texts together than a session keeps.
  bool too_long_to_keep(const Head& head) const {
    return !head.whole() || (inspection_ && head.size > kHeadLimit);
  }
  Step parse_unnamed(const Head& head, Bytes rest, Exchange& out);
  void parse_named(const Head& head, std::string_view name, Bytes rest, Exchange& out);
  void parse_duplicate(const Head& head, std::string_view name, const Statement& known,
                       Exchange& out);
  void parse_long(const Head& head, std::string_view name, Bytes rest, Exchange& out);
  Step bind(const Head& head, Exchange& out);
  Step describe(const Head& head, Exchange& out);
  Step close(const Head& head, Exchange& out);
  Step execute(const Head& head, Exchange& out);
  Expected& push(Reply kind);
  PreparedPtr ensure(const Statement& statement, Exchange& out);
  void ensure_unnamed(Exchange& out);
  void evict(Exchange& out);
  void send_parse(std::string_view name, Bytes rest, Exchange& out);
  void close_statement(std::string_view name, const Head& head, Exchange& out);
  StatementPtr virtual_deallocate(Bytes rest);
  Expected& fail_batch(const Failure& failure, Exchange& out);

  // ---- effects
  sql::ScannerOptions scanner_options() const;
  sql::ScannerOptions syntax() const;
  sql::ScannerOptions request_syntax() const override { return syntax(); }
  bool wants_double_byte() const;
  bool settings_applied() const;
  Step consider(const sql::Effects& effects, std::optional<Failure>& refusal);
  std::optional<Failure> refusal_of(const sql::Effects& effects) const;
  Step refuse_query(const Failure& refusal, const Head& head, Exchange& out);
  Step deallocate(const sql::Effects& effects, const Head& head, Exchange& out);
  void watch(const sql::Effects& effects);
  Step settle(Exchange& out);
  void send_settings(std::string_view sql, SettingsPtr result, bool reapplies, Exchange& out);
  void bring_settings(Exchange& out);
  void tell_parameters(Exchange& out);
  void carry_out(const Aftermath& aftermath, const Expected* entry, bool outside);
  void note_cursors(const sql::Effects& effects, bool outside);
  void change_settings(const sql::Effects& effects, bool outside);
  const std::string* reported(std::string_view name) const;
  void note_change(std::string_view name, std::string before, std::string_view value);
  void explain_change(std::string_view name);

  // ---- the Inspector, and fixed settings
  bool watched() const { return inspection_ || guarded_; }
  std::size_t head_limit(char type) const;
  bool admit(const Head& head, Exchange& out, Step& stop);
  bool ask(const Head& head, Exchange& out, Step& stop);
  bool ask(RequestKind kind, const StatementPtr* statement, const Head& head, Exchange& out,
           Step& stop);
  bool obey(Verdict& verdict, const Head& head, Exchange& out, Step& stop);
  bool waves_ahead();
  void rewrite(const Head& head, std::string_view text);
  const StatementPtr* bound_by(const Head& head) const;
  void keep_digest(const Statement& statement);
  bool changes_fixed(const Head& head, Exchange& out);
  std::optional<Failure> fixed_setting(const Head& head) const;
  bool guard_body(Bytes piece, Exchange& out);
  bool runs_after_reset(const Head& head, Exchange& out);
  void refuse_head(const Failure& failure, const Head& head, Exchange& out);
  Expected& fail_transaction(Buffer error, Exchange& out);
  bool is_rewritten() const { return inspection_ && !inspection_->rewritten.empty(); }
  Step send_rewritten(char type, Exchange& out);
  Step skip_message();

  // ---- answers
  // The request at the head goes to the backend. True: its entry in the queue is `asked`.
  bool take_admission() { return inspection_ && inspection_->take_admission(); }
  void answer_admitted(Answer::End end, std::string_view sqlstate = {});
  void answer(Answer::End end);
  void lose_answers() {
    if (inspection_ && !inspection_->due.empty()) {
      lose_due_answers();
    }
  }
  void lose_due_answers();
  void note_error(std::string_view sqlstate);
  void note_tag(const Head& head, Exchange& out);
  bool limited() const;
  bool count_row(std::size_t size);
  Bytes pass_rows(Bytes rows, Bytes in, Exchange& out);
  bool withhold_row(const Head& head, Exchange& out);
  void cut(Exchange& out);
  bool is_cut() const { return inspection_ && inspection_->cut; }
  bool request_ended(Exchange& out);
  bool cut_ready(Exchange& out);
  void end_unclean(Exchange& out);

  // ---- pool_mode: statement
  std::optional<Failure> refused_transaction(const sql::Effects& effects) const;
  bool refuse_parse(const Head& head, Exchange& out);
  bool left_open(const Head& head, Exchange& out);

  // ---- replies
  Bytes plain_rows(Bytes in) const;
  bool reply(const Head& head, Exchange& out);
  bool reply_to_front(const Head& head, Exchange& out);
  bool command_complete(const Head& head, Exchange& out);
  bool error(const Head& head, Exchange& out);
  bool settings_refused(const ErrorFields& fields);
  bool error_in_batch(const ErrorFields& fields, Exchange& out);
  bool show_error(const Aftermath* aftermath, std::string_view sqlstate, Exchange& out);
  bool ready(const Head& head, Exchange& out);
  void settings_ready(const Expected& entry);
  void copy_in_started();
  void undo(Expected entry, bool executed);
  void after_message(Exchange& out);
  bool break_link(std::string_view what, Exchange& out);
  Expected pop();
  std::uint64_t settings_hash() const { return wanted_ ? wanted_->hash() : 0; }
  bool mid_reply() const;

  std::shared_ptr<const SessionDefaults> defaults_;
  std::unique_ptr<Inspection> inspection_;
  BackendLink* link_ = nullptr;
  FrameReader reader_;
  SettingsPtr startup_;  // what RESET means for this client
  SettingsPtr wanted_;
  std::unique_ptr<ClientStatements> statements_;
  StatementPtr unnamed_;  // null: there is none
  StatementPtr portal_;   // of the unnamed portal, if it has effects
  SettingsPtr reapply_;   // startup values that a RESET inside a transaction has taken away
  std::unique_ptr<Scratch> scratch_;
  std::unique_ptr<Failure> attach_failure_;
  std::unique_ptr<Failure> login_refusal_;  // a startup parameter may not be set
  PinSet pins_;
  std::uint32_t serial_ = 0;  // of named statements
  char head_type_ = 0;        // the message that waits for a backend
  bool welcomed_ = false;
  bool finished_ = false;
  bool replication_ = false;
  bool forwarding_ = false;         // the rest of the client's message goes to the backend
  bool drop_head_ = false;          // the next message was refused
  bool skipping_ = false;           // to the client's next Sync, without a backend
  bool skip_to_sync_ = false;       // to the client's next Sync, on a backend that does so as well
  bool fail_at_sync_ = false;       // ... if it is made to
  bool guarded_ = false;            // there are settings that the client may not change
  bool admitted_ = false;           // the message at the head may go on
  bool backslash_escapes_ = false;  // of strings, when the session last held a backend
  bool batch_open_ = false;         // extended messages were sent, their Sync was not
  bool batch_failed_ = false;       // an error came in the batch whose Sync is awaited
  bool settle_ = false;             // settings are changing: wait for the outcome
  bool sequence_ok_ = false;        // currval() is good in this transaction
  bool replied_ = false;  // the client has seen part of the replies to what is outstanding
  bool used_ = false;     // the backend has run something in this lease
  bool tell_ = false;     // a RESET was reported with values that are not the session's
  bool stale_ = false;    // a statement on the backend is no longer what it was
  // A RESET ALL of this batch has taken fixed settings away, until its Sync.
  enum class Reset : std::uint8_t { none, bound, done } reset_ = Reset::none;
};

// The start of a message that begins with other names than it came with, and is otherwise the same.
Buffer rename_head(char type, std::size_t old_size, std::size_t old_names, Bytes names);

}  // namespace sluice::protocol::postgresql
