// The extended query protocol without Parse: statements under the client's names and under ours.
//
//   Bind      'B'  len  portal, 0  statement, 0  formats and values
//   Describe  'D'  len  'S' | 'P'  name, 0
//   Close     'C'  len  'S' | 'P'  name, 0
//   Execute   'E'  len  portal, 0  Int32 limit

#include "protocol/cursor.hpp"
#include "protocol/postgresql/conversation.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::postgresql {
ClientConversation::Step ClientConversation::extended(const Head& head, Exchange& out) {
  switch (head.type) {
    case frontend::kParse:
      return refuse_parse(head, out) ? std::nullopt : parse(head, out);
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

ClientConversation::Step ClientConversation::bind(const Head& head, Exchange& out) {
  Cursor cursor(head.body());
  std::string_view portal = cursor.cstring();
  std::string_view name = cursor.cstring();
  if (!cursor.ok() && !head.whole()) {
    return throw_out(fail(FailureKind::message_too_large, "the names are too long"), out);
  }
  StatementPtr statement;
  if (!cursor.ok() || name.empty()) {
    statement = unnamed_;
  } else if (const auto* known = statements_ ? statements_->find(name) : nullptr) {
    statement = known->statement;
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
    if (guarded_ && (effects->discard_all || effects->change == sql::Change::reset_all)) {
      reset_ = Reset::bound;
    }
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
  if (inspection_) {
    // Nobody looks at the text of what was waved through.
    const bool seen = cursor.ok() && !inspection_->waved_ahead;
    inspection_->bind(portal, seen ? std::move(statement) : nullptr);
  }
  if (!prepared && !name.starts_with(kServerPrefix)) {
    pass(head, out);
    return std::nullopt;
  }
  // A name of our own kind that this client has not prepared must stay unknown.
  Buffer names;
  Writer(names).cstring(portal).cstring(prepared ? std::string_view(prepared->name) : "sluice_?");
  std::size_t old_names = portal.size() + name.size() + 2;
  out.to_backend.own(rename_head(frontend::kBind, head.size, old_names, names));
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
  if (inspection_) {
    inspection_->close(name);
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
  if (reset_ == Reset::bound) {
    reset_ = Reset::done;
  }
  Expected& entry = push(Reply::execute);
  entry.asked = take_admission();
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

// Refuses the message in a way that fails the server's batch too: it looks for what is not there.
Expected& ClientConversation::fail_batch(const Failure& failure, Exchange& out) {
  Buffer body;
  Writer(body).u8('S').cstring("sluice_?");
  send(frontend::kDescribe, body, out);
  Expected& entry = push(Reply::describe_statement);
  entry.aftermath = std::make_unique<Aftermath>();
  put_error_response(entry.aftermath->local, failure, ErrorLevel::error);
  return entry;
}

}  // namespace sluice::protocol::postgresql
