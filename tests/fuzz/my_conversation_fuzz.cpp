// Anything from a client and anything from a server, in turns: each piece begins with one byte that
// says who speaks and how long. What is written must stay whole packets towards the backend. An
// Inspector takes its verdicts from the same bytes; it must be told of one end for each request.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "protocol/inspector.hpp"
#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/dialect.hpp"

using namespace sluice::protocol;

namespace {

class AnyInspector final : public Inspector {
 public:
  explicit AnyInspector(Bytes verdicts) : verdicts_(verdicts) {}

  Verdict ask(const Request& request) override {
    if (due_) {  // MySQL's commands come one after the other
      std::abort();
    }
    const std::uint8_t how = verdicts_[at_++ % verdicts_.size()];
    Verdict verdict;
    verdict.kind = static_cast<Verdict::Kind>(how & 3U);
    verdict.text = "SELECT 1";
    verdict.limits = {(how >> 2U) & 3U, (how >> 4U) & 15U};
    const bool goes_on =
        verdict.kind == Verdict::Kind::allow || verdict.kind == Verdict::Kind::rewrite;
    due_ = goes_on && request.kind != RequestKind::prepare;
    return verdict;
  }
  void answered(const Answer& /*answer*/) override {
    if (!due_) {
      std::abort();
    }
    due_ = false;
  }

 private:
  Bytes verdicts_;
  std::size_t at_ = 0;
  bool due_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  auto defaults = std::make_shared<SessionDefaults>();
  defaults->session_mode = (data[0] & 1U) != 0;
  defaults->refuse_unsupported = (data[0] & 2U) != 0;
  defaults->max_prepared_statements = 2;
  ClientLogin login;
  login.capabilities = mysql::capability::kOffered;
  BackendLogin backend;
  backend.capabilities = mysql::capability::kOffered;
  (data[0] & 4U) != 0 ? login.capabilities &= ~mysql::capability::kDeprecateEof : 0U;
  (data[0] & 8U) != 0 ? backend.capabilities &= ~mysql::capability::kDeprecateEof : 0U;
  (data[0] & 16U) != 0 ? backend.capabilities &= ~mysql::capability::kSessionTrack : 0U;
  backend.mariadb = (data[0] & 32U) != 0;
  if ((data[0] & 128U) != 0) {
    defaults->settings = {{"@a", "1"}, {"time_zone", "+01:00"}};
    defaults->fixed = {"@a", "time_zone"};
    defaults->read_only_fixed = true;
  }
  const Dialect& dialect = mysql::mysql_dialect();
  AnyInspector inspector(Bytes(data, size));
  auto conversation = dialect.make_conversation(login, defaults);
  if ((data[0] & 64U) != 0) {
    conversation->inspect(&inspector, size % 2 == 0 ? 1024 : 1U << 20U);
  }
  auto link = dialect.make_link(backend, defaults);
  bool attached = false;
  for (std::size_t at = 1; at < size;) {
    const bool client = (data[at] & 0x80U) != 0;
    const std::size_t length = std::min<std::size_t>(data[at] & 0x7FU, size - at - 1);
    Bytes piece(data + at + 1, length);
    at += 1 + length;
    Exchange exchange;
    if (!client && attached) {
      conversation->from_backend(piece, exchange);
    }
    for (int i = 0; client && i < 64; ++i) {
      const Need need = conversation->from_client(piece, exchange);
      if (need == Need::close) {
        return 0;
      }
      if (need == Need::backend && !attached) {
        attached = true;
        conversation->attach(*link, exchange);
      } else if (need == Need::reply && conversation->take_special()) {
        conversation->complete_special(Done{}, exchange);
      } else if (need != Need::input || piece.empty()) {
        break;
      }
    }
    if (attached && conversation->may_release()) {
      attached = false;
      if (conversation->detach() != Cleanup::none) {
        link = dialect.make_link(backend, defaults);
      }
    }
  }
  return 0;
}
