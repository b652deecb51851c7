// Parse: under the client's name and under ours.
//
//   Parse  'P'  len  statement, 0  text, 0  Int16 count  Int32 type...

#include "protocol/cursor.hpp"
#include "protocol/postgresql/conversation.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::postgresql {
namespace {

constexpr std::size_t kMaxStatements = 20000;  // named statements of one client

}  // namespace

// The start of a message whose rest stays as it is: `old_size` is the whole message's.
Buffer rename_head(char type, std::size_t old_size, std::size_t old_names, Bytes names) {
  Buffer bytes;
  Writer writer(bytes);
  writer.u8(static_cast<std::uint8_t>(type));
  writer.be32(static_cast<std::uint32_t>(old_size - 1 - old_names + names.size()));
  writer.bytes(names);
  return bytes;
}

ClientConversation::Step ClientConversation::parse(const Head& head, Exchange& out) {
  Cursor cursor(head.body());
  std::string_view name = cursor.cstring();
  if (!cursor.ok()) {
    if (!head.whole()) {
      return throw_out(fail(FailureKind::message_too_large, "the statement name is too long"), out);
    }
    push(Reply::parse);
    pass(head, out);  // the server says what is wrong with it
    return std::nullopt;
  }
  if (name.empty()) {
    return parse_unnamed(head, cursor.rest(), out);
  }
  const auto* known = statements_ ? statements_->find(name) : nullptr;
  if (known != nullptr && link_->expected.ends_a_batch()) {
    return Need::reply;  // whether the name is taken is still to be seen
  }
  if (known != nullptr) {
    StatementPtr statement = known->statement;
    parse_duplicate(head, name, *statement, out);
  } else if (statements_ && statements_->size() >= kMaxStatements) {
    fail_batch(fail(FailureKind::message_too_large, "too many prepared statements in this session"),
               out);
  } else if (too_long_to_keep(head)) {
    parse_long(head, name, cursor.rest(), out);
  } else {
    parse_named(head, name, cursor.rest(), out);
  }
  return std::nullopt;
}

ClientConversation::Step ClientConversation::parse_unnamed(const Head& head, Bytes rest,
                                                           Exchange& out) {
  auto statement = std::make_shared<Statement>();
  Expected& entry = push(Reply::parse);
  entry.unnamed = true;
  entry.previous = std::move(unnamed_);
  StatementPtr replaced;
  const bool is_long = too_long_to_keep(head);
  if (!is_long) {
    statement->effects = statement_effects(rest, scanner_options());
    if (statement->effects && statement->effects->deallocate) {
      replaced = virtual_deallocate(rest);
    }
    statement->body.assign(rest.begin(), rest.end());
  } else {
    watch_body(rest, head.whole());
    scratch().streamed = statement;
    pins_.add(Pin::prepared);  // it cannot be prepared again elsewhere
  }
  if (inspection_) {
    keep_digest(*statement);
  }
  unnamed_ = replaced ? replaced : statement;
  link_->unnamed = unnamed_;
  link_->unnamed_known = true;
  if (replaced) {
    send_parse("", replaced->body, out);
  } else {
    pass(head, out);
    if (is_long && head.whole()) {
      end_of_body(out);
    }
  }
  return std::nullopt;
}

void ClientConversation::parse_named(const Head& head, std::string_view name, Bytes rest,
                                     Exchange& out) {
  if (!statements_) {
    statements_ = std::make_unique<ClientStatements>();
  }
  StatementPtr statement = share_statement(rest, settings_hash(), scanner_options());
  if (inspection_) {
    keep_digest(*statement);
  }
  if (statement->effects && statement->effects->deallocate) {
    if (StatementPtr replaced = virtual_deallocate(rest)) {
      statement = std::move(replaced);
    }
  }
  statements_->put(name, statement, serial_++);
  auto aftermath = std::make_unique<Aftermath>();
  aftermath->maps = true;
  aftermath->name = name;
  StatementKey key = server_key(statement->digest, statement->settings);
  if (link_->statements.find(key)) {
    ++out.facts.prepared_hits;
    batch_open_ = true;
    Buffer bytes;
    put_message(bytes, backend::kParseComplete);
    reply_locally(std::move(bytes), out, std::move(aftermath));
    return;
  }
  ++out.facts.prepared_misses;
  PreparedPtr prepared = link_->statements.add(key);
  evict(out);
  Expected& entry = push(Reply::parse);
  entry.prepared = prepared;
  entry.aftermath = std::move(aftermath);
  std::size_t names = name.size() + 1;
  if (statement->body.size() == rest.size()) {
    Buffer start;
    Writer(start).cstring(prepared->name);
    out.to_backend.own(rename_head(frontend::kParse, head.size, names, start));
    pass_tail(head, kHeaderSize + names, out);
  } else {
    send_parse(prepared->name, statement->body, out);
  }
}

// The server decides whether the text is wrong, the transaction has failed, or the name is taken.
void ClientConversation::parse_duplicate(const Head& head, std::string_view name,
                                         const Statement& known, Exchange& out) {
  PreparedPtr prepared = ensure(known, out);
  Expected& entry = push(Reply::parse);
  entry.prepared = prepared;
  entry.aftermath = std::make_unique<Aftermath>();
  entry.aftermath->only_if = "42P05";
  Failure taken = fail(FailureKind::unsupported_feature,
                       "prepared statement " + quoted(name) + " already exists");
  taken.sqlstate_override = "42P05";
  put_error_response(entry.aftermath->local, taken, ErrorLevel::error);
  Buffer start;
  Writer(start).cstring(prepared->name);
  out.to_backend.own(rename_head(frontend::kParse, head.size, name.size() + 1, start));
  pass_tail(head, kHeaderSize + name.size() + 1, out);
}

// Too long to be kept: prepared on this backend alone, which is then held.
void ClientConversation::parse_long(const Head& head, std::string_view name, Bytes rest,
                                    Exchange& out) {
  auto statement = std::make_shared<Statement>();
  PreparedPtr prepared = link_->statements.add(unique_key());
  statement->only = prepared;
  pins_.add(Pin::prepared);
  if (!statements_) {
    statements_ = std::make_unique<ClientStatements>();
  }
  statements_->put(name, statement, serial_++);
  watch_body(rest, head.whole());
  scratch().streamed = statement;
  if (inspection_) {
    keep_digest(*statement);
  }
  evict(out);
  Expected& entry = push(Reply::parse);
  entry.prepared = prepared;
  entry.aftermath = std::make_unique<Aftermath>();
  entry.aftermath->maps = true;
  entry.aftermath->name = name;
  Buffer start;
  Writer(start).cstring(prepared->name);
  out.to_backend.own(rename_head(frontend::kParse, head.size, name.size() + 1, start));
  pass_tail(head, kHeaderSize + name.size() + 1, out);
  if (head.whole()) {
    end_of_body(out);
  }
}

// DEALLOCATE of a name that only this client has: runs as a statement that does nothing.
StatementPtr ClientConversation::virtual_deallocate(Bytes rest) {
  auto effects = statement_effects(rest, scanner_options());
  if (!statements_ || statements_->find(effects->name) == nullptr) {
    return nullptr;
  }
  auto statement = std::make_shared<Statement>();
  Writer(statement->body).cstring("DISCARD PLANS").be16(0);
  statement->digest = unique_key();
  statement->effects = std::move(effects);
  return statement;
}

void ClientConversation::send_parse(std::string_view name, Bytes rest, Exchange& out) {
  Buffer body;
  Writer(body).cstring(name).bytes(rest);
  send(frontend::kParse, body, out);
}

void ClientConversation::evict(Exchange& out) {
  while (PreparedPtr victim = link_->statements.evict(link_->max_statements)) {
    Buffer body;
    Writer(body).u8('S').cstring(victim->name);
    send(frontend::kClose, body, out);
    ++out.facts.prepared_evicted;
    Expected& entry = push(Reply::close);
    entry.visible = false;
    entry.prepared = std::move(victim);
  }
}

}  // namespace sluice::protocol::postgresql
