// A session whose conversation throws: it costs itself and its backend, and leaves nothing behind.

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "tests/proxy/session_house.hpp"

namespace sluice::proxy {
namespace {

using protocol::Bytes;
using protocol::Exchange;

enum class Fault : std::uint8_t { none, welcome, from_client, attach, from_backend };

class FaultyConversation final : public protocol::Conversation {
 public:
  explicit FaultyConversation(Fault fault) : fault_(fault) {}

  void welcome(const protocol::Parameters&, const protocol::CancelRequest&,
               protocol::Outbox& to_client) override {
    maybe(Fault::welcome);
    welcomed_ = true;
    to_client.own(protocol::Buffer{'w'});
  }
  protocol::Need from_client(Bytes& in, Exchange& out) override {
    maybe(Fault::from_client);
    if (!attached_) {
      return protocol::Need::backend;
    }
    out.to_backend.own(protocol::Buffer(in.begin(), in.end()));
    in = {};
    outstanding_ = true;
    return protocol::Need::input;
  }
  void from_backend(Bytes in, Exchange& out) override {
    maybe(Fault::from_backend);
    outstanding_ = false;
    out.to_client.own(protocol::Buffer(in.begin(), in.end()));
  }
  void inspect(protocol::Inspector*, std::size_t) override {}
  void attach(protocol::Link&, Exchange&) override {
    attached_ = true;
    if (welcomed_) {
      maybe(Fault::attach);
    }
  }
  bool may_release() const override { return attached_ && !outstanding_; }
  protocol::Cleanup detach() override {
    attached_ = false;
    return protocol::Cleanup::none;
  }
  bool outstanding() const override { return outstanding_; }
  bool in_transaction() const override { return false; }
  bool awaits_client() const override { return false; }
  bool at_rest() const override { return !outstanding_; }
  protocol::Ending refuse(const protocol::Failure&, Exchange&) override {
    return protocol::Ending::close;
  }
  protocol::Ending backend_lost(const protocol::Failure&, Exchange&) override {
    attached_ = outstanding_ = false;
    return protocol::Ending::close;
  }
  void farewell(const protocol::Failure&, protocol::Outbox&) override {}
  const protocol::SettingsPtr& settings() const override { return settings_; }
  std::uint64_t link_class() const override { return 0; }
  protocol::PinSet pins() const override { return {}; }
  std::size_t prepared_statements() const override { return 0; }

 private:
  void maybe(Fault here) const {
    if (fault_ == here) {
      throw std::runtime_error("a defect");
    }
  }
  Fault fault_;
  bool attached_ = false;
  bool outstanding_ = false;
  bool welcomed_ = false;
  protocol::SettingsPtr settings_;
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
