// Requests before they go anywhere: the Inspector is asked, and it is looked whether they would
// change a fixed setting; conversation_refusals.cpp has what becomes of those that may not go on. A
// request that was allowed is remembered until its message is consumed, since a backend may have to
// be found for it in the meantime.

#include <algorithm>
#include <array>
#include <string>

#include "protocol/cursor.hpp"
#include "protocol/postgresql/conversation.hpp"
#include "protocol/postgresql/session_state.hpp"
#include "protocol/postgresql/settings_guard.hpp"
#include "protocol/writer.hpp"

namespace sluice::protocol::postgresql {
namespace {

constexpr std::uint32_t kSetConfigOid = 2078;  // pg_proc.dat: set_config(text, text, bool)

bool is_off(std::string_view value) {
  return value == "off" || value == "false" || value == "no" || value == "0";
}

// Encodings whose characters may end in the byte of a backslash, by their names and aliases.
bool is_double_byte(std::string_view encoding) {
  if (encoding == "UTF8" || encoding == "utf8") {
    return false;  // nearly everybody's
  }
  constexpr auto kNames = std::to_array<std::string_view>(
      {"big5", "gb18030", "gbk", "johab", "mskanji", "shiftjis", "shiftjis2004", "sjis", "uhc",
       "win932", "win936", "win949", "win950", "windows932", "windows936", "windows949",
       "windows950"});
  std::string name;
  for (const char c : encoding.substr(0, 32)) {
    const char low = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    if ((low >= 'a' && low <= 'z') || (low >= '0' && low <= '9')) {
      name += low;
    }
  }
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

struct ParseParts {
  std::string_view name;
  std::string_view text;
  Bytes types;
  bool complete = false;  // the end of the text was seen
};
ParseParts parts_of_parse(const FrameReader::Head& head) {
  ParseParts parts;
  Cursor cursor(head.body());
  parts.name = cursor.cstring();
  const Bytes rest = cursor.rest();
  parts.text = cursor.cstring();
  parts.complete = cursor.ok();
  parts.types = parts.complete ? cursor.rest() : Bytes{};
  if (!parts.complete) {
    parts.text = as_text(rest);
  }
  return parts;
}

std::string_view text_of_query(const FrameReader::Head& head) {
  const std::string_view text = as_text(head.body());
  return text.substr(0, text.find('\0'));
}

// None: nobody is asked about such a message.
std::optional<RequestKind> kind_of(char type) {
  switch (type) {
    case frontend::kQuery:
      return RequestKind::query;
    case frontend::kParse:
    case frontend::kBind:
      return RequestKind::prepare;
    case frontend::kExecute:
      return RequestKind::execute;
    case frontend::kFunctionCall:
      return RequestKind::other;
    default:
      return std::nullopt;
  }
}

}  // namespace

void ClientConversation::inspect(Inspector* inspector, std::size_t keep) {
  inspection_ = inspector != nullptr ? std::make_unique<Inspection>(*inspector, keep) : nullptr;
}

// False: the settings of the session are on their way to the backend, whose own are somebody
// else's.
bool ClientConversation::settings_applied() const {
  return link_ != nullptr &&
         (link_->expected.empty() || link_->expected.front().kind != Reply::settings);
}

sql::ScannerOptions ClientConversation::scanner_options() const {
  sql::ScannerOptions options{false, backslash_escapes_, false};
  if (settings_applied()) {
    options.backslash_escapes = link_->backslash_escapes();
  } else if (const std::string* own = find_setting(wanted_, "standard_conforming_strings")) {
    options.backslash_escapes = is_off(*own);
  }
  return options;
}

// Looked up once for each value of the settings, where every request asks.
bool ClientConversation::wants_double_byte() const {
  if (inspection_ && inspection_->encoding_of == wanted_) {
    return inspection_->double_byte;
  }
  const std::string* own = find_setting(wanted_, "client_encoding");
  const bool wants = own != nullptr && is_double_byte(*own);
  if (inspection_) {
    inspection_->encoding_of = wanted_;
    inspection_->double_byte = wants;
  }
  return wants;
}

// For those who must be sure of what they read.
sql::ScannerOptions ClientConversation::syntax() const {
  sql::ScannerOptions options = scanner_options();
  if (settings_applied()) {
    options.double_byte = is_double_byte(link_->parameter("client_encoding"));
  }
  options.double_byte = options.double_byte || wants_double_byte();
  return options;
}

// True: the message at the head, which was not asked about yet, may go on. False: `stop` says what
// becomes of it.
bool ClientConversation::admit(const Head& head, Exchange& out, Step& stop) {
  if ((inspection_ && !ask(head, out, stop)) || (guarded_ && changes_fixed(head, out))) {
    return false;
  }
  admitted_ = true;
  return true;
}

bool ClientConversation::ask(const Head& head, Exchange& out, Step& stop) {
  Inspection& state = *inspection_;
  state.forget_admission();
  const std::optional<RequestKind> kind = kind_of(head.type);
  if (!kind) {
    return true;
  }
  const StatementPtr* statement = nullptr;  // nothing moves it while the Inspector is asked
  if (head.type == frontend::kBind) {
    // Who holds a backend is asked at the Execute; who does not is asked before it takes one.
    if (link_ != nullptr || waves_ahead()) {
      return true;
    }
    statement = state.inspector.asks_at_bind() ? bound_by(head) : nullptr;
    if (statement == nullptr) {
      return true;
    }
  } else if (head.type == frontend::kExecute && std::exchange(state.waved_ahead, false)) {
    return true;
  } else if (state.inspector.waves_through(*kind)) {
    return true;
  }
  return ask(*kind, statement, head, out, stop);
}

// What is bound runs next: asked about now, it is asked about once.
bool ClientConversation::waves_ahead() {
  Inspection& state = *inspection_;
  state.waved_ahead = state.waved_ahead || state.inspector.waves_through(RequestKind::execute);
  return state.waved_ahead;
}

bool ClientConversation::ask(RequestKind kind, const StatementPtr* statement, const Head& head,
                             Exchange& out, Step& stop) {
  Inspection& state = *inspection_;
  Request request;
  request.kind = kind;
  request.in_transaction = link_ != nullptr && link_->status != 'I';
  request.may_move = link_ == nullptr && !defaults_->session_mode;
  request.read_by(*this);
  if (kind != RequestKind::query) {
    request.kept = &state.digest;
  }
  switch (head.type) {
    case frontend::kQuery:
      request.text = text_of_query(head);
      request.truncated = !head.whole();
      break;
    case frontend::kParse: {
      const ParseParts parts = parts_of_parse(head);
      request.text = parts.text;
      request.truncated = !parts.complete && !head.whole();
      break;
    }
    case frontend::kBind:
      request.bound = true;
      break;
    case frontend::kExecute: {
      Cursor cursor(head.body());
      statement = state.statement_of(cursor.cstring());
      state.admission.fetch = cursor.be32();
      request.truncated = statement == nullptr;
      break;
    }
    default:
      break;
  }
  if (statement != nullptr) {
    const Statement& prepared = **statement;
    request.text = prepared.text();
    request.truncated = prepared.body.empty();
    if (prepared.kept.get() != nullptr) {
      state.digest = {*statement, prepared.kept.get()};
    }
  }
  Verdict verdict = state.inspector.ask(request);
  if (statement != nullptr) {
    keep_digest(**statement);
  }
  return obey(verdict, head, out, stop);
}

// The statement that a Bind names; null: not known.
const StatementPtr* ClientConversation::bound_by(const Head& head) const {
  Cursor cursor(head.body());
  cursor.cstring();
  const std::string_view name = cursor.cstring();
  if (!cursor.ok() || name.empty()) {
    return cursor.ok() && unnamed_ ? &unnamed_ : nullptr;
  }
  const auto* known = statements_ ? statements_->find(name) : nullptr;
  return known != nullptr && known->statement ? &known->statement : nullptr;
}

// What the Inspector had made of a text stays with the statement, for the next time that it runs.
void ClientConversation::keep_digest(const Statement& statement) {
  if (inspection_->digest) {
    statement.kept.keep(*inspection_->digest);
    inspection_->digest.reset();
  }
}

bool ClientConversation::obey(Verdict& verdict, const Head& head, Exchange& out, Step& stop) {
  Inspection& state = *inspection_;
  switch (verdict.kind) {
    case Verdict::Kind::refuse:
      refuse_head(
          verdict.failure ? *verdict.failure : fail(FailureKind::statement_refused, "refused"),
          head, out);
      return false;
    case Verdict::Kind::delay:
      stop = Need::pause;
      return false;
    case Verdict::Kind::rewrite:
      rewrite(head, verdict.text);
      break;
    case Verdict::Kind::allow:
      break;
  }
  state.admission.limits = verdict.limits;
  state.admitted = head.type != frontend::kParse && head.type != frontend::kBind;
  return true;
}

// A message that was not seen whole goes on as it came.
void ClientConversation::rewrite(const Head& head, std::string_view text) {
  Buffer& message = inspection_->rewritten;
  if (!head.whole() || text.find('\0') != std::string_view::npos) {
    return;
  }
  Buffer body;
  if (head.type == frontend::kQuery) {
    Writer(body).cstring(text);
  } else if (head.type == frontend::kParse) {
    const ParseParts parts = parts_of_parse(head);
    if (!parts.complete) {
      return;  // the server says what is wrong with it
    }
    Writer(body).cstring(parts.name).cstring(text).bytes(parts.types);
    inspection_->digest.reset();  // of another text
  } else {
    return;
  }
  put_message(message, head.type, body);
}

// True: the message would change a fixed setting, and is refused.
bool ClientConversation::changes_fixed(const Head& head, Exchange& out) {
  const std::optional<Failure> refusal = fixed_setting(head);
  if (refusal) {
    refuse_head(*refusal, head, out);
  }
  return refusal.has_value();
}

std::optional<Failure> ClientConversation::fixed_setting(const Head& head) const {
  switch (head.type) {
    case frontend::kQuery:
      return head.whole() ? fixed_refusal(*defaults_, text_of_query(head), syntax()) : std::nullopt;
    case frontend::kParse:
      return head.whole() ? fixed_refusal(*defaults_, parts_of_parse(head).text, syntax())
                          : std::nullopt;
    case frontend::kFunctionCall: {
      Cursor cursor(head.body());
      if (cursor.be32() != kSetConfigOid) {
        return std::nullopt;
      }
      return fail(FailureKind::statement_refused,
                  "some settings of this session are fixed: call set_config() by a statement that "
                  "names the setting");
    }
    default:
      return std::nullopt;
  }
}

// A message that was allowed goes on, in the words of the Inspector.
ClientConversation::Step ClientConversation::send_rewritten(char type, Exchange& out) {
  Head changed;
  changed.type = type;
  changed.held = true;
  changed.size = inspection_->rewritten.size();
  changed.bytes = inspection_->rewritten;
  Step stop = send_request(changed, out);
  if (!stop) {
    Buffer().swap(inspection_->rewritten);
  }
  return stop;
}

}  // namespace sluice::protocol::postgresql
