// pool_mode: statement. A text that would leave a transaction open is refused before the backend
// sees it. What opens one all the same (a procedure, a long text) is rolled back, and the client is
// told so by an error, not by silence.

#include "protocol/cursor.hpp"
#include "protocol/postgresql/conversation.hpp"

namespace sluice::protocol::postgresql {

std::optional<Failure> ClientConversation::refused_transaction(const sql::Effects& effects) const {
  if (!defaults_->statement_mode || !effects.opens_transaction) {
    return std::nullopt;
  }
  return fail(FailureKind::unsupported_feature,
              "transactions of several statements are refused in pool_mode statement; send them as "
              "one text, or use a pool with pool_mode: transaction");
}

// True: the statement would open a transaction, and is answered.
bool ClientConversation::refuse_parse(const Head& head, Exchange& out) {
  if (!defaults_->statement_mode) {
    return false;
  }
  Cursor cursor(head.body());
  cursor.cstring();
  const std::string_view text = cursor.cstring();
  auto refusal = refused_transaction(sql::classify(text, scanner_options()));
  if (refusal) {
    fail_batch(*refusal, out);
  }
  return refusal.has_value();
}

// A ReadyForQuery says that a transaction is open. True: the message goes to the client.
bool ClientConversation::left_open(const Head& /*head*/, Exchange& out) {
  const bool failed = link_->status == 'E';
  if (!link_->expected.empty()) {
    // Requests that were sent behind it ran in a transaction that they knew nothing of.
    farewell(fail(FailureKind::unsupported_feature,
                  "a transaction was left open, which pool_mode statement does not allow; it and "
                  "what was sent after it are rolled back"),
             out.to_client);
    finished_ = true;
    return false;
  }
  Buffer bytes;
  if (!failed) {  // else the client has seen why it failed
    ++out.facts.errors;
    put_error_response(bytes,
                       fail(FailureKind::unsupported_feature,
                            "transactions of several statements are refused in pool_mode "
                            "statement; what this one did is rolled back"),
                       ErrorLevel::error);
  }
  put_ready_for_query(bytes, 'I');
  out.to_client.own(bytes);
  send_settings("ROLLBACK", nullptr, true, out);
  return false;
}

}  // namespace sluice::protocol::postgresql
