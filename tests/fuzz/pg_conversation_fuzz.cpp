// Anything from the client and anything from the backend, in chunks of any size, with backends that
// come, go and fail. The input is a list of commands: the low bits of a byte choose what happens,
// the high bits and the next byte how many of the following bytes it concerns. With an Inspector
// the next byte of the input chooses its verdict as well.

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "protocol/postgresql/conversation.hpp"

using namespace sluice::protocol;
using namespace sluice::protocol::postgresql;

namespace {

void check(bool good) {
  if (!good) {
    std::abort();
  }
}

// Each request that it allowed has one answer in the end.
class Judge final : public Inspector {
 public:
  Verdict ask(const Request& request) override {
    static_cast<void>(request.digest());
    const unsigned choice = *next;
    Verdict verdict;
    switch (choice & 7U) {
      case 0:
        verdict.kind = Verdict::Kind::refuse;
        verdict.failure = fail(FailureKind::statement_refused, "no");
        return verdict;
      case 1:
        verdict.kind = Verdict::Kind::delay;
        return verdict;
      case 2:
        verdict.kind = Verdict::Kind::rewrite;
        verdict.text = "SELECT rewritten";
        break;
      default:
        verdict.limits = {choice >> 3U & 3U, (choice >> 5U) * 4U};
    }
    waiting += request.kind == RequestKind::prepare ? 0 : 1;
    return verdict;
  }
  void answered(const Answer& /*answer*/) override { check(waiting-- > 0); }

  const std::uint8_t* next = nullptr;
  int waiting = 0;
};

struct Table {
  std::shared_ptr<const SessionDefaults> defaults;
  std::unique_ptr<ClientConversation> conversation;
  std::unique_ptr<BackendLink> link;
  bool attached = false;
  bool judged = false;
  Judge judge{};
  Buffer pending{};

  void seat(bool settings) {
    ClientLogin login;
    if (settings) {
      login.parameters = {{"search_path", "a"}, {"timezone", "UTC"}};
    }
    conversation = std::make_unique<ClientConversation>(login, defaults);
    Outbox out;
    conversation->welcome({}, {}, out);
    attached = false;
    pending.clear();
    judge.waiting = 0;
    if (judged) {
      conversation->inspect(&judge, 128U << 10U);
    }
  }
  void release() {
    attached = false;
    if (conversation->detach() != Cleanup::none) {
      link = std::make_unique<BackendLink>(BackendLogin{}, defaults->max_prepared_statements);
    }
  }
  void from_client(Bytes chunk, bool refuse) {
    pending.insert(pending.end(), chunk.begin(), chunk.end());
    const Buffer all = std::exchange(pending, {});
    Bytes in = all;
    for (int turns = 0; turns < 100000; ++turns) {
      Exchange out;
      std::size_t before = in.size();
      Need need = conversation->from_client(in, out);
      check(in.size() <= before && (need != Need::input || in.empty()));
      if (need == Need::close) {
        if (attached) {
          release();
        }
        return seat(refuse);
      }
      if (need != Need::backend) {
        pending.assign(in.begin(), in.end());
        break;
      }
      check(!attached);
      if (refuse) {
        conversation->refuse(fail(FailureKind::pool_timeout, "none"), out);
      } else {
        attached = true;
        conversation->attach(*link, out);
      }
    }
    settle();
  }
  void settle() {
    if (attached && conversation->may_release()) {
      check(!conversation->outstanding() || conversation->finished());
      release();
    }
    // Nothing is outstanding, and no message waits.
    if (!attached && pending.empty() && conversation->at_rest()) {
      check(judge.waiting == 0);
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes rest(data, size);
  if (rest.empty()) {
    return 0;
  }
  SessionDefaults defaults;
  defaults.max_prepared_statements = 2;
  defaults.refuse_unsupported = (data[0] & 1U) != 0;
  defaults.session_mode = (data[0] & 2U) != 0;
  defaults.max_message = 1U << 20U;
  if ((data[0] & 16U) != 0) {
    defaults.settings = {{"app.user", "a"}};
    defaults.fixed = {"app.user"};
    defaults.read_only = defaults.read_only_fixed = true;
  }
  Table table{std::make_shared<const SessionDefaults>(defaults), nullptr,
              std::make_unique<BackendLink>(BackendLogin{}, 2), false, (data[0] & 8U) != 0};
  table.judge.next = data;
  table.seat((data[0] & 4U) != 0);
  rest = rest.subspan(1);
  while (rest.size() >= 2) {
    unsigned command = rest[0] & 7U;
    std::size_t count = (rest[0] >> 3U) * 8U + (rest[1] & 7U);
    table.judge.next = rest.data() + 1;
    rest = rest.subspan(2);
    // A chunk of its own, so that reading past its end is seen.
    Buffer chunk(rest.begin(),
                 rest.begin() + static_cast<std::ptrdiff_t>(std::min(count, rest.size())));
    Exchange out;
    switch (command) {
      case 0:
      case 1:
      case 2:
      case 3:
        rest = rest.subspan(chunk.size());
        table.from_client(chunk, command == 3);
        break;
      case 4:
      case 5:
        rest = rest.subspan(chunk.size());
        if (table.attached) {
          table.conversation->from_backend(chunk, out);
          table.settle();
        }
        break;
      case 6:
        if (table.attached && (count & 1U) != 0) {
          table.attached = false;
          if (table.conversation->backend_lost(fail(FailureKind::backend_lost, "gone"), out) ==
              Ending::close) {
            table.seat(false);
          }
          table.link = std::make_unique<BackendLink>(BackendLogin{}, 2);
        } else if (table.attached) {
          table.release();
        }
        break;
      default:
        if ((count & 1U) != 0 && !table.attached) {
          table.link->start_chore(static_cast<Chore>(count % 4), out.to_backend);
          table.link->chore_bytes(as_bytes(std::string_view("C\0\0\0\6x\0Z\0\0\0\5I", 13)));
        } else if (!table.attached) {
          table.seat((count & 2U) != 0);
        }
    }
  }
  return 0;
}
