// A session whose conversation throws: it costs itself and its backend, and leaves nothing behind.

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "tests/proxy/chunk_conversation.hpp"
#include "tests/proxy/session_house.hpp"

namespace sluice::proxy {
namespace {

using protocol::Bytes;
using protocol::Exchange;

enum class Fault : std::uint8_t { none, welcome, from_client, attach, from_backend };

class FaultyConversation final : public ChunkConversation {
 public:
  explicit FaultyConversation(Fault fault) : fault_(fault) {}

  void welcome(const protocol::Parameters& reported, const protocol::CancelRequest& key,
               protocol::Outbox& to_client) override {
    maybe(Fault::welcome);
    welcomed_ = true;
    ChunkConversation::welcome(reported, key, to_client);
  }
  protocol::Need from_client(Bytes& in, Exchange& out) override {
    maybe(Fault::from_client);
    return attached_ ? send(in, out) : protocol::Need::backend;
  }
  void from_backend(Bytes in, Exchange& out) override {
    maybe(Fault::from_backend);
    ChunkConversation::from_backend(in, out);
  }
  void attach(protocol::Link& link, Exchange& out) override {
    ChunkConversation::attach(link, out);
    if (welcomed_) {
      maybe(Fault::attach);
    }
  }
  protocol::Cleanup detach() override {
    attached_ = false;
    return protocol::Cleanup::none;
  }
  void farewell(const protocol::Failure&, protocol::Outbox&) override {}

 private:
  void maybe(Fault here) const {
    if (fault_ == here) {
      throw std::runtime_error("a defect");
    }
  }
  Fault fault_;
  bool welcomed_ = false;
};

struct SessionFault : testing::TestWithParam<Fault> {
  SessionHouse house{[] { return std::make_unique<FaultyConversation>(GetParam()); }};
};

TEST_P(SessionFault, CostsItselfAndItsBackendAlone) {
  house.open();
  int backend = house.port.let_in();
  bool harmless = GetParam() == Fault::none;
  EXPECT_EQ(received(house.client), GetParam() == Fault::welcome ? "" : "w");
  say(house.client, "ask");
  if (harmless || GetParam() == Fault::from_backend) {
    EXPECT_EQ(received(backend), "ask");
    say(backend, "answer");
  }
  EXPECT_EQ(received(house.client), harmless ? "answer" : "");
  house.leave();
  house.shut();
  house.expect_nothing_left();
  received(backend);  // PostgreSQL's Terminate where it was idle
  EXPECT_EQ(received(backend), "") << "closed";
  ::close(backend);
}

INSTANTIATE_TEST_SUITE_P(Each, SessionFault,
                         testing::Values(Fault::none, Fault::welcome, Fault::from_client,
                                         Fault::attach, Fault::from_backend));

}  // namespace
}  // namespace sluice::proxy
