// The extended query protocol: statements under the client's names and under ours.
//
//   Parse     'P'  len  statement, 0  text, 0  Int16 count  Int32 type...
//   Bind      'B'  len  portal, 0  statement, 0  formats and values
//   Describe  'D'  len  'S' | 'P'  name, 0
//   Close     'C'  len  'S' | 'P'  name, 0
//   Execute   'E'  len  portal, 0  Int32 limit

#include "protocol/cursor.hpp"
#include "protocol/postgresql/conversation.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::postgresql {
namespace {

constexpr std::size_t kMaxStatements = 20000;  // named statements of one client

// The start of a message whose rest stays as it is: `old_size` is the whole message's.
Buffer new_head(char type, std::size_t old_size, std::size_t old_names, Bytes names) {
  Buffer bytes;
  Writer writer(bytes);
  writer.u8(static_cast<std::uint8_t>(type));
  writer.be32(static_cast<std::uint32_t>(old_size - 1 - old_names + names.size()));
  writer.bytes(names);
  return bytes;
}

}  // namespace

ClientConversation::Step ClientConversation::extended(const Head& head, Exchange& out) {
  switch (head.type) {
    case frontend::kParse:
      return parse(head, out);
    case frontend::kBind:
      return bind(head, out);
    case frontend::kDescribe:
      return describe(head, out);
    case frontend::kClose:
      return close(head, out);
    default:
      return execute(head, out);
  }
}

Expected& ClientConversation::push(Reply kind) {
  batch_open_ = true;
  return link_->expected.push(kind);
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
  } else if (!head.whole()) {
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
  if (head.whole()) {
    statement->effects = statement_effects(rest, scanner_options());
    if (statement->effects && statement->effects->deallocate) {
      replaced = virtual_deallocate(rest);
    }
    statement->body.assign(rest.begin(), rest.end());
  } else {
    Scratch& state = scratch();
    state.classifier = std::make_unique<sql::Classifier>(scanner_options());
    state.classifier->feed(rest);
    state.streamed = statement;
    pins_.add(Pin::prepared);  // it cannot be prepared again elsewhere
  }
  unnamed_ = replaced ? replaced : statement;
  link_->unnamed = unnamed_;
  link_->unnamed_known = true;
  if (replaced) {
    send_parse("", replaced->body, out);
  } else {
    pass(head, out);
  }
  return std::nullopt;
}

void ClientConversation::parse_named(const Head& head, std::string_view name, Bytes rest,
                                     Exchange& out) {
  if (!statements_) {
    statements_ = std::make_unique<ClientStatements>();
  }
  StatementPtr statement = share_statement(rest, settings_hash(), scanner_options());
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
    out.to_backend.own(new_head(frontend::kParse, head.size, names, start));
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
  out.to_backend.own(new_head(frontend::kParse, head.size, name.size() + 1, start));
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
  Scratch& state = scratch();
  state.classifier = std::make_unique<sql::Classifier>(scanner_options());
  state.classifier->feed(rest);
  state.streamed = statement;
  evict(out);
  Expected& entry = push(Reply::parse);
  entry.prepared = prepared;
  entry.aftermath = std::make_unique<Aftermath>();
  entry.aftermath->maps = true;
  entry.aftermath->name = name;
  Buffer start;
  Writer(start).cstring(prepared->name);
  out.to_backend.own(new_head(frontend::kParse, head.size, name.size() + 1, start));
  pass_tail(head, kHeaderSize + name.size() + 1, out);
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

ClientConversation::Step ClientConversation::bind(const Head& head, Exchange& out) {
  Cursor cursor(head.body());
  std::string_view portal = cursor.cstring();
  std::string_view name = cursor.cstring();
  if (!cursor.ok() && !head.whole()) {
    return throw_out(fail(FailureKind::message_too_large, "the names are too long"), out);
  }
  StatementPtr statement = unnamed_;
  if (cursor.ok() && !name.empty()) {
    const auto* known = statements_ ? statements_->find(name) : nullptr;
    statement = known != nullptr ? known->statement : nullptr;
  }
  const sql::Effects* effects = statement ? statement->effects.get() : nullptr;
  if (effects != nullptr) {
    std::optional<Failure> refusal;
    if (Step stop = consider(*effects, refusal)) {
      return stop;
    }
    if (refusal) {
      fail_batch(*refusal, out);
      return std::nullopt;
    }
    watch(*effects);
  }
  PreparedPtr prepared;
  if (cursor.ok() && !name.empty() && statement) {
    prepared = ensure(*statement, out);
  } else if (cursor.ok() && name.empty()) {
    ensure_unnamed(out);
  }
  Expected& entry = push(Reply::bind);
  entry.prepared = prepared;
  if (portal.empty()) {
    portal_ = effects != nullptr ? statement : nullptr;
  } else if (effects != nullptr) {
    entry.aftermath = std::make_unique<Aftermath>();
    entry.aftermath->statement = statement;
    entry.aftermath->serial = serial_;
  }
  if (!prepared && !name.starts_with(kServerPrefix)) {
    pass(head, out);
    return std::nullopt;
  }
  // A name of our own kind that this client has not prepared must stay unknown.
  Buffer names;
  Writer(names).cstring(portal).cstring(prepared ? std::string_view(prepared->name) : "sluice_?");
  std::size_t old_names = portal.size() + name.size() + 2;
  out.to_backend.own(new_head(frontend::kBind, head.size, old_names, names));
  pass_tail(head, kHeaderSize + old_names, out);
  return std::nullopt;
}

ClientConversation::Step ClientConversation::describe(const Head& head, Exchange& out) {
  Cursor cursor(head.body());
  char kind = static_cast<char>(cursor.u8());
  std::string_view name = cursor.cstring();
  if (!head.whole()) {
    return throw_out(fail(FailureKind::message_too_large, "the name is too long"), out);
  }
  PreparedPtr prepared;
  if (cursor.ok() && kind == 'S') {
    const auto* known = statements_ && !name.empty() ? statements_->find(name) : nullptr;
    if (known != nullptr) {
      StatementPtr statement = known->statement;
      prepared = ensure(*statement, out);
    } else if (name.empty()) {
      ensure_unnamed(out);
    }
  }
  Expected& entry = push(kind == 'S' ? Reply::describe_statement : Reply::describe_portal);
  entry.prepared = prepared;
  bool foreign = kind == 'S' && name.starts_with(kServerPrefix);
  if (!prepared && !foreign) {
    pass(head, out);
    return std::nullopt;
  }
  Buffer body;
  Writer(body).u8('S').cstring(prepared ? std::string_view(prepared->name) : "sluice_?");
  send(frontend::kDescribe, body, out);
  return std::nullopt;
}

ClientConversation::Step ClientConversation::close(const Head& head, Exchange& out) {
  Cursor cursor(head.body());
  char kind = static_cast<char>(cursor.u8());
  std::string_view name = cursor.cstring();
  if (!head.whole()) {
    return throw_out(fail(FailureKind::message_too_large, "the name is too long"), out);
  }
  if (cursor.finished() && kind == 'S') {
    close_statement(name, head, out);
    return std::nullopt;
  }
  push(Reply::close);
  if (name.empty()) {
    portal_.reset();
  }
  pass(head, out);
  return std::nullopt;
}

// What other clients may share stays on the server; only this client's name goes.
void ClientConversation::close_statement(std::string_view name, const Head& head, Exchange& out) {
  const auto* known = statements_ && !name.empty() ? statements_->find(name) : nullptr;
  if (known == nullptr) {
    Expected& entry = push(Reply::close);
    if (name.empty()) {
      entry.unnamed = true;
      entry.previous = std::move(unnamed_);
      unnamed_.reset();
      link_->unnamed.reset();
      link_->unnamed_known = true;
    }
    if (name.starts_with(kServerPrefix)) {
      Buffer body;
      Writer(body).u8('S').cstring("sluice_?");
      send(frontend::kClose, body, out);
    } else {
      pass(head, out);
    }
    return;
  }
  auto aftermath = std::make_unique<Aftermath>();
  aftermath->unmaps = true;
  aftermath->name = name;
  aftermath->removed = *known;
  statements_->erase(name);
  batch_open_ = true;
  Buffer bytes;
  put_message(bytes, backend::kCloseComplete);
  reply_locally(std::move(bytes), out, std::move(aftermath));
}

ClientConversation::Step ClientConversation::execute(const Head& head, Exchange& out) {
  Cursor cursor(head.body());
  std::string_view portal = cursor.cstring();
  if (!head.whole()) {
    return throw_out(fail(FailureKind::message_too_large, "the portal name is too long"), out);
  }
  Expected& entry = push(Reply::execute);
  if (portal_ && cursor.ok() && portal.empty()) {
    const sql::Effects& effects = *portal_->effects;
    entry.aftermath = std::make_unique<Aftermath>();
    entry.aftermath->statement = portal_;
    entry.aftermath->serial = serial_;
    bool known = effects.deallocate && statements_ && statements_->find(effects.name) != nullptr;
    if (known) {
      entry.aftermath->deallocates = true;
      entry.aftermath->unmaps = true;
      entry.aftermath->name = effects.name;
      entry.aftermath->removed = *statements_->find(effects.name);
      statements_->erase(effects.name);
    }
  }
  pass(head, out);
  return std::nullopt;
}

// The name under which the backend has the statement, prepared there first where it is not known.
PreparedPtr ClientConversation::ensure(const Statement& statement, Exchange& out) {
  if (statement.only) {
    return statement.only;
  }
  StatementKey key = server_key(statement.digest, statement.settings);
  PreparedPtr prepared = link_->statements.find(key);
  if (!prepared && statement.settings != settings_hash()) {
    key = server_key(statement.digest, settings_hash());
    prepared = link_->statements.find(key);
  }
  if (prepared) {
    ++out.facts.prepared_hits;
    return prepared;
  }
  ++out.facts.prepared_misses;
  prepared = link_->statements.add(key);
  evict(out);
  Expected& entry = push(Reply::parse);
  entry.visible = false;
  entry.prepared = prepared;
  send_parse(prepared->name, statement.body, out);
  return prepared;
}

// Makes the backend's unnamed statement this client's, or nobody's.
void ClientConversation::ensure_unnamed(Exchange& out) {
  BackendLink& link = *link_;
  if (link.unnamed_known && link.unnamed == unnamed_) {
    return;
  }
  if (unnamed_) {
    push(Reply::parse).visible = false;
    send_parse("", unnamed_->body, out);
  } else {
    push(Reply::close).visible = false;
    Buffer body;
    Writer(body).u8('S').cstring("");
    send(frontend::kClose, body, out);
  }
  link.unnamed = unnamed_;
  link.unnamed_known = true;
}

void ClientConversation::evict(Exchange& out) {
  while (PreparedPtr victim = link_->statements.evict(link_->max_statements)) {
    Buffer body;
    Writer(body).u8('S').cstring(victim->name);
    send(frontend::kClose, body, out);
    Expected& entry = push(Reply::close);
    entry.visible = false;
    entry.prepared = std::move(victim);
  }
}

void ClientConversation::send_parse(std::string_view name, Bytes rest, Exchange& out) {
  Buffer body;
  Writer(body).cstring(name).bytes(rest);
  send(frontend::kParse, body, out);
}

// Refuses the message in a way that fails the server's batch too: it looks for what is not there.
void ClientConversation::fail_batch(const Failure& failure, Exchange& out) {
  Buffer body;
  Writer(body).u8('S').cstring("sluice_?");
  send(frontend::kDescribe, body, out);
  Expected& entry = push(Reply::describe_statement);
  entry.aftermath = std::make_unique<Aftermath>();
  put_error_response(entry.aftermath->local, failure, ErrorLevel::error);
}

}  // namespace sluice::protocol::postgresql
